"""The encoder `recent_mean`: trained by name, saved, loaded, and served as it was trained."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import PathcastError
from models.network.encoders import ENCODERS
from models.registry import registry
from models.scoring.scorer import NeuralScorer
from models.state.visitor import KEPT_CODES
from tests.scoring import parts, real_clicks, serve, vocabulary
from tests.training import SMALL, small
from tests.unit.models.network.test_encoders import STORY, WORDS, codes, made, stepped
from trainer.fitting.fit import fit
from trainer.loop.options import Options, changed


@pytest.mark.parametrize("chunk", [1, 7, len(STORY)])
def test_clicks_in_chunks_have_the_states_of_the_whole_session(chunk: int):
    network = made({"encoder": "recent_mean"})
    serving = stepped(STORY, network.serving(WORDS.rows), chunk)
    for name, session in codes(STORY).items():
        full = network.encode(torch.from_numpy(WORDS.rows(session))[None])[0]
        np.testing.assert_allclose(torch.stack(serving[name]), full, atol=1e-5, err_msg=name)


def test_it_is_trained_by_its_name():
    data, options = small(400), replace(SMALL, epochs=1, encoder="recent_mean")
    network = data.network(options)
    before = network.encoder.outlet[1].weight.clone()
    trained = fit(network, data.train, data.valid, options, lambda progress: None)
    assert type(trained.encoder) is ENCODERS["recent_mean"]
    assert not torch.equal(trained.encoder.outlet[1].weight, before)


def test_a_loaded_version_scores_as_the_saved_one(tmp_path: Path):
    clicks = real_clicks(100)
    words = vocabulary(clicks, 50)
    whole = parts(words, "recent_mean")
    loaded = registry.load(tmp_path / registry.save(tmp_path, whole, 1_700_000_000_000))
    scorers = [NeuralScorer(whole.network, words, "saved", 7)], [loaded.neural]
    before, after = (next(serve(clicks, each, 100, {})) for each in scorers)
    assert loaded.neural.width == 0, "a visitor's record keeps nothing for it"
    np.testing.assert_array_equal(before.purchase, after.purchase)
    assert len(set(before.purchase.tolist())) > 10


def test_a_mean_of_more_clicks_than_a_record_keeps_is_refused():
    with pytest.raises(PathcastError, match=f"a visitor's record keeps {KEPT_CODES}"):
        changed(Options(), ["encoder=recent_mean", f"window={KEPT_CODES + 1}"])
