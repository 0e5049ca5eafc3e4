"""Answers are counted by the band of their session risk."""

import itertools
from dataclasses import replace

import msgspec
import pytest
import torch

from models.network.risk import uncounted
from models.registry import registry
from tests.offline import Offline, records
from tests.scoring import parts
from tests.unit.models.contract.test_head_table import WORDS, with_heads
from trainer.experiments.risk_journeys import clicks

VISIT = "view_item 1 " * 40 + "view_item"


@pytest.fixture(scope="module")
def version(tmp_path_factory) -> registry.Version:
    """Has every head; its risk is that of an empty log."""
    folder, network = tmp_path_factory.mktemp("registry"), with_heads()
    network.tasks.ratios.copy_(torch.from_numpy(uncounted()))
    made = replace(parts(WORDS), network=network)
    return registry.load(folder / registry.save(folder, made, 1_700_000_000_000))


def sent(consent: bool = True) -> list:
    events = [msgspec.to_builtins(click) | {"consent": consent} for click in clicks(VISIT)]
    return [
        record._replace(headers=[("original-time", b"1")])
        for record in records(
            [{k: v for k, v in event.items() if v is not None and k != "flags"} for event in events]
        )
    ]


def counted(offline: Offline) -> dict[str, float]:
    bands = ("0", "0.1", "0.5", "0.9")
    return {band: offline.metrics.risks.labels(band)._value.get() for band in bands}


@pytest.mark.parametrize("size", [7, 41])
def test_answers_are_counted_by_band_whatever_the_chunks(version, size) -> None:
    offline = Offline(version)
    answers = itertools.chain.from_iterable(
        part[offline.names.purchase_intent] for part in offline.run(sent(), size)
    )
    told = [answer["session_risk"] for answer in answers]
    assert len(told) == 41
    edges = (0, 0.1, 0.5, 0.9, 1.1)
    expected = [sum(low <= risk < high for risk in told) for low, high in itertools.pairwise(edges)]
    assert list(counted(offline).values()) == expected
    assert expected[0] > 0
    assert expected[3] > 0


def test_an_answer_without_a_risk_is_not_counted(version) -> None:
    for offline in (Offline(None), Offline(version)):
        offline.run(sent(consent=False), 41)
        assert sum(counted(offline).values()) == 0
