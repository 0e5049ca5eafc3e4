"""The feature `cart_share`: computed when training and when serving, and a reason to train again."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.contract.events import Click
from models.features import features
from models.features.batch import Batcher
from models.registry import registry
from models.registry.refusals import Refusal, RegistryError
from models.registry.versions import MANIFEST
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from tests.scoring import parts, real_clicks, vocabulary
from tests.training import SMALL, small
from trainer.fitting.fit import fit

EVENTS = ("page_view", "add_to_cart", "view_item", "add_to_cart")
SHARES = [0, 1 / 2, 1 / 3, 1 / 2]


def test_it_is_the_share_of_clicks_that_put_an_item_into_the_cart():
    batcher, visitor = Batcher(), None
    slot = batcher.visitor(None)
    for number, event in enumerate(EVENTS):
        click = Click(event_id=f"e{number}", visitor_id="v", ts=1_700_000_000_000 + number, event=event)
        visitor, facts = step(visitor, click, click.ts, SessionConfig())
        batcher.click(slot, facts.code, facts.position, features.row(visitor, click, facts))
    column = batcher.build().features[:, features.NAMES.index("cart_share")]
    assert column.tolist() == pytest.approx(SHARES)


def columns(rows: np.ndarray, *names: str) -> np.ndarray:
    return rows[:, [features.NAMES.index(name) for name in names]].T


def test_what_it_reads_follows_from_its_definition():
    feature = next(one for one in features.FEATURES if one.name == "cart_share")
    assert features.reads(feature) == {"visitor.counts", "facts.position"}


def test_training_reads_it_from_a_log_and_the_network_has_an_input_for_it():
    made = small(400)
    carts, clicks = np.expm1(columns(made.examples.features, "session_add_to_cart", "clicks"))
    (shares,) = columns(made.examples.features, "cart_share")
    np.testing.assert_allclose(shares, carts / clicks, atol=1e-5)
    assert 0 < shares.mean() < 1
    options = replace(SMALL, epochs=1)
    trained = fit(made.network(options), made.train, made.valid, options, lambda progress: None)
    weights = trained.state_dict()
    assert trained.config.features == len(features.NAMES)
    assert any(len(features.NAMES) in tensor.shape for tensor in weights.values())


def test_a_version_that_was_trained_without_it_is_refused(tmp_path: Path):
    words = vocabulary(real_clicks(100), 20)
    version = tmp_path / registry.save(tmp_path, parts(words), 1_700_000_000_000)
    registry.load(version)
    manifest = json.loads((version / MANIFEST).read_bytes())
    (version / MANIFEST).write_text(json.dumps(manifest | {"features_version": "31ee09b6fed0"}))
    with pytest.raises(RegistryError, match="train it again") as refused:
        registry.load(version)
    assert refused.value.refusal is Refusal.FEATURES
