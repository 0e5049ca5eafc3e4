"""Steps of encoders that carry a state: what torch's own layers give, the same bits in any chunk."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.network.cells import Recurrent
from models.network.encoder import EncoderError, Shape
from models.network.encoders import build
from models.network.kernels import recurrence_kernels
from models.network.recurrence import Steps
from models.network.row_steps import RowSteps
from models.network.wave_steps import ROWS, WaveSteps

SHAPE = Shape("gru", embedding=16, hidden=24, layers=0, attention_heads=2, window=0, dropout=0.2)
STATES = {"gru": 24, "lstm": 48}
TABLE = 40
KINDS = pytest.mark.parametrize("kind", [RowSteps, WaveSteps])
RECURRENT = pytest.mark.parametrize(("name", "layers"), [("gru", 1), ("gru", 2), ("lstm", 1), ("lstm", 3)])


def serving(
    name: str, layers: int, kind: type[RowSteps | WaveSteps], kept: torch.dtype = torch.float16
) -> tuple[Steps, int, torch.nn.Module, torch.Tensor]:
    """Steps over a random table, whose rows stand for codes; units of the state; the encoder; the table."""
    torch.manual_seed(1)
    encoder = build(replace(SHAPE, encoder=name, layers=layers)).eval()
    assert isinstance(encoder, Recurrent)
    table, cells = torch.randn(TABLE, SHAPE.embedding), encoder.cells()
    gates = (table @ cells[0].into).detach().contiguous()
    return kind(gates, cells, kept), sum(cell.units for cell in cells), encoder, table


def clicks(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(count).integers(0, TABLE, (count, 7))


def none(count: int) -> NDArray[np.bool_]:
    return np.zeros(count, dtype=np.bool_)


@KINDS
@RECURRENT
@torch.inference_mode()
def test_steps_follow_torchs_layers(name: str, layers: int, kind: type[RowSteps | WaveSteps]) -> None:
    advance, units, encoder, table = serving(name, layers, kind, torch.float32)
    rows, slots = clicks(40), np.repeat(np.arange(8), 5)
    expected = encoder.full(table[torch.from_numpy(rows)].sum(-2).reshape(8, 5, -1))
    mixed = np.random.default_rng(0).permutation(8).repeat(5).argsort(kind="stable").reshape(8, 5).T.ravel()
    states = advance(torch.zeros(8, units), slots[mixed], none(40), rows[mixed])
    assert units == layers * STATES[name]
    np.testing.assert_allclose(states[np.argsort(mixed)].reshape(8, 5, -1), expected, atol=1e-5)


@RECURRENT
@torch.inference_mode()
def test_both_kinds_of_steps_agree_after_rounding(name: str, layers: int) -> None:
    slots, rows = np.arange(90) % 7, clicks(90)
    found = []
    for kind in (RowSteps, WaveSteps):
        advance, units, _, _ = serving(name, layers, kind)
        carried = torch.zeros(7, units)
        found.append((advance(carried, slots, none(90), rows), carried))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=4e-3)
        assert torch.equal(one, one.half().float())


@KINDS
@RECURRENT
@torch.inference_mode()
def test_a_row_has_the_same_bits_in_any_chunk(
    name: str, layers: int, kind: type[RowSteps | WaveSteps]
) -> None:
    """Chunk invariance: whatever the size of the chunk, a row has the bits that it has alone."""
    advance, units, _, _ = serving(name, layers, kind)
    size = 3 * ROWS + 5
    rows, before = clicks(size), torch.randn(size, units).half().float()
    after = before.clone()
    together = advance(after, np.arange(size), none(size), rows)
    for alone in (0, 1, ROWS - 1, ROWS, ROWS + 36, size - 1):
        one, kept = slice(alone, alone + 1), before[alone : alone + 1].clone()
        state = advance(kept, np.zeros(1, dtype=np.int64), none(1), rows[one])
        assert torch.equal(state[0], together[alone])
        assert torch.equal(kept[0], after[alone])


@KINDS
@RECURRENT
@torch.inference_mode()
def test_a_fresh_click_forgets_the_session_before(
    name: str, layers: int, kind: type[RowSteps | WaveSteps]
) -> None:
    advance, units, _, _ = serving(name, layers, kind)
    slot, rows = np.zeros(1, dtype=np.int64), clicks(1)
    fresh = advance(torch.ones(1, units), slot, ~none(1), rows)
    empty = advance(torch.zeros(1, units), slot, none(1), rows)
    assert torch.equal(fresh, empty)


@given(st.lists(st.floats(width=32), min_size=1, max_size=30))
@example([0.0, 1.0, 65504.0, 65519.99, 65520.0, 1e-8, 2.0**-25, 2.0**-14, -6.1e-5, 2049.0, float("nan")])
def test_rounding_is_that_of_16_bit_floats(values: list[float]) -> None:
    row = np.array(values, dtype=np.float32)
    with np.errstate(over="ignore"):
        expected = row.astype(np.float16).astype(np.float32)
    recurrence_kernels.round_to_half(row)
    np.testing.assert_array_equal(row, expected)


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=30))
def test_sigmoid(values: list[float]) -> None:
    row = np.array(values, dtype=np.float32)
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-row.astype(np.float64)))
    recurrence_kernels.sigmoid(row, np.zeros(len(row), dtype=np.int32))
    np.testing.assert_allclose(row, expected, atol=2e-7)


@RECURRENT
@torch.inference_mode()
def test_uncompiled_kernels_give_the_same_bits(
    name: str, layers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance, units, _, _ = serving(name, layers, RowSteps)
    slots, rows = np.arange(6) % 2, clicks(6)
    compiled = advance(torch.zeros(2, units), slots, none(6), rows)
    for function in ("advance", "gru_step", "lstm_step", "add_product", "sigmoid", "round_to_half"):
        monkeypatch.setattr(recurrence_kernels, function, getattr(recurrence_kernels, function).py_func)
    assert torch.equal(advance(torch.zeros(2, units), slots, none(6), rows), compiled)


@pytest.mark.parametrize(("name", "hidden", "layers"), [("gru", 1032, 1), ("gru", 344, 3), ("lstm", 520, 1)])
def test_a_state_beyond_the_record_is_refused(name: str, hidden: int, layers: int) -> None:
    with pytest.raises(EncoderError, match=r"record keeps 2048: choose fewer hidden units or layers"):
        build(replace(SHAPE, encoder=name, hidden=hidden, layers=layers))
