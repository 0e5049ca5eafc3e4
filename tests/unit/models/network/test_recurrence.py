"""Steps of encoders that carry a state: what torch's own layers give, bit for bit the same in every wave."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.network.encoder import EncoderError, Shape
from models.network.encoders import build
from models.network.recurrence import ROWS, Recurrence

SHAPE = Shape("gru", embedding=16, hidden=24, layers=0, attention_heads=2, window=0, dropout=0.2)
STATES = {"gru": 24, "lstm": 48}
TABLE = 40
RECURRENT = pytest.mark.parametrize(("name", "layers"), [("gru", 1), ("gru", 2), ("lstm", 1), ("lstm", 3)])


def serving(name: str, layers: int, seed: int = 1) -> tuple[Recurrence, torch.nn.Module, torch.Tensor]:
    """The serving form over a random table, whose rows stand for codes; the encoder; the table."""
    torch.manual_seed(seed)
    encoder = build(replace(SHAPE, encoder=name, layers=layers)).eval()
    table = torch.randn(TABLE, SHAPE.embedding)
    made = encoder.serving(table, lambda rows: rows)
    assert isinstance(made, Recurrence)
    return made, encoder, table


def clicks(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(count).integers(0, TABLE, (count, 7))


def none(count: int) -> torch.Tensor:
    return torch.zeros(count, dtype=torch.bool)


@RECURRENT
@torch.inference_mode()
def test_steps_follow_torchs_layers(name: str, layers: int) -> None:
    made, encoder, table = serving(name, layers)
    rows = clicks(40)
    expected = encoder.full(table[torch.from_numpy(rows)].sum(-2).reshape(8, 5, -1))
    waves = rows.reshape(8, 5, -1).transpose(1, 0, 2).reshape(40, -1)
    state, slots = torch.zeros(8, made.units), torch.arange(8).repeat(5)
    states = made.advance(state, slots, none(40), made.inputs(waves), [8, 16, 24, 32, 40])
    assert made.units == layers * STATES[name]
    np.testing.assert_allclose(states.view(5, 8, -1).transpose(0, 1), expected, atol=3e-3)


@RECURRENT
@torch.inference_mode()
def test_a_row_is_the_same_wherever_it_stands_in_a_wave(name: str, layers: int) -> None:
    """The ground for chunk invariance: whatever the wave's size, a row's bits are those it has alone."""
    made, _, _ = serving(name, layers)
    size = 3 * ROWS + 5
    rows, before = clicks(size), torch.randn(size, made.units).half().float()
    after = before.clone()
    together = made.advance(after, torch.arange(size), none(size), made.inputs(rows), [size])
    for alone in (0, 1, ROWS - 1, ROWS, ROWS + 36, size - 1):
        one, kept = slice(alone, alone + 1), before[alone : alone + 1].clone()
        state = made.advance(kept, torch.zeros(1).long(), none(1), made.inputs(rows[one]), [1])
        assert torch.equal(state[0], together[alone])
        assert torch.equal(kept[0], after[alone])


@RECURRENT
@torch.inference_mode()
def test_a_fresh_click_forgets_the_session_before(name: str, layers: int) -> None:
    made, _, _ = serving(name, layers)
    slot, inputs = torch.zeros(1).long(), made.inputs(clicks(1))
    fresh = made.advance(torch.ones(1, made.units), slot, ~none(1), inputs, [1])
    empty = made.advance(torch.zeros(1, made.units), slot, none(1), inputs, [1])
    assert torch.equal(fresh, empty)


@pytest.mark.parametrize(("name", "hidden", "layers"), [("gru", 1032, 1), ("gru", 344, 3), ("lstm", 520, 1)])
def test_a_state_beyond_the_record_is_refused(name: str, hidden: int, layers: int) -> None:
    with pytest.raises(EncoderError, match=r"record keeps 2048: choose fewer hidden units or layers"):
        build(replace(SHAPE, encoder=name, hidden=hidden, layers=layers))
