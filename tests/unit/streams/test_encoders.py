"""The worker's pipeline with each encoder: its answers are the offline scores, over chunks and a swap."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from deploy.cluster.records import encode
from models.features.batch import Batch
from models.network.encoders import ENCODERS
from models.registry.versions import Version
from models.scoring.scores import Scores
from tests.offline import Offline, Record
from tests.scoring import SHIPPED
from tests.tiny import version as tiny
from trainer.examples.examples import Examples
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log

CLICKS = 600
INTENT = "purchase-intent"


@pytest.fixture(scope="module")
def log() -> tuple[list[Record], Examples, list[str]]:
    """The shipped log's first clicks as a worker's records and as offline examples, and their items."""
    frame = read_log([SHIPPED]).sort("ts", maintain_order=True).head(CLICKS).collect()
    columns = frame["visitor_id"].to_list(), encode(frame), frame["ts"].to_list()
    records = [
        Record(number, ts, visitor.encode(), value)
        for number, (visitor, value, ts) in enumerate(zip(*columns, strict=True))
    ]
    items = [item for item, _ in Counter(frame["item_id"].drop_nulls().to_list()).most_common(200)]
    return records, replay_log(frame.lazy()).examples(), items


def served(offline: Offline, records: list[Record], size: int) -> list[dict[str, object]]:
    """What was published of purchase intent."""
    return [intent for answers in offline.run(records, size) for intent in answers[INTENT]]


def recorded(version: Version, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The version's purchase probabilities, in the order in which it was asked, before they are rounded."""
    found: list[float] = []
    asked = version.neural.score

    def score(batch: Batch) -> Scores:
        scores = asked(batch)
        found.extend(scores.purchase.tolist())
        return scores

    monkeypatch.setattr(version.neural, "score", score)
    return found


@pytest.mark.parametrize("size", [13, 200])
@pytest.mark.parametrize("name", ENCODERS)
def test_the_workers_answers_are_the_offline_scores(
    name: str, size: int, log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, examples, items = log
    version = tiny(tmp_path, 1, items, 32, name)
    expected = version.neural.score(examples.batch()).purchase
    found = recorded(version, monkeypatch)
    intents = served(Offline(version), records, size)
    assert {(intent["rung"], intent["model_version"]) for intent in intents} == {("neural", version.id)}
    np.testing.assert_allclose(found, expected, atol=1e-5)
    published = [intent["purchase_probability"] for intent in intents]
    assert published == [round(probability, 4) for probability in found]
    assert expected.std() > 1e-4


def test_a_worker_goes_from_encoder_to_encoder(log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each version answers as if it had seen all clicks from the first: states are rebuilt, or not needed."""
    records, examples, items = log
    versions = [tiny(tmp_path, seed, items, 32, name) for seed, name in enumerate([*ENCODERS, "gru"])]
    offline = Offline(versions[0])
    share = len(records) // len(versions)
    for number, version in enumerate(versions):
        expected = version.neural.score(examples.batch()).purchase
        found = recorded(version, monkeypatch)
        offline.models.current = version
        part = slice(number * share, (number + 1) * share)
        offline.run(records[part], 20)
        np.testing.assert_allclose(found, expected[part], atol=1e-5)
