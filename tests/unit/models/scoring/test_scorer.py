"""The neural tier: what chunking may not change, and what it must refuse."""

import threading
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch

from models.scoring.scorer import NeuralScorer, pick_device
from models.scoring.scores import Scores, ScoringError
from models.state.codes import CODE
from models.state.visitor import decode
from tests.scoring import network, real_clicks, scorer, serve, vocabulary

CLICKS = real_clicks(3000)
WORDS = vocabulary(CLICKS)


def joined(scores: list[Scores]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    parts = [[s.purchase for s in scores], [s.items for s in scores], [s.item_scores for s in scores]]
    purchase, items, item_scores = map(np.concatenate, parts)
    return purchase, items, item_scores


@pytest.fixture(scope="module")
def whole() -> tuple[list[Scores], dict[str, bytes]]:
    visitors: dict[str, bytes] = {}
    return list(serve(CLICKS, [scorer(WORDS)], 2000, visitors)), visitors


@pytest.mark.parametrize("chunk", [1, 7, 333])
def test_chunking_changes_no_bit_of_a_state_or_an_answer(chunk: int, whole) -> None:
    clicks = CLICKS if chunk > 1 else CLICKS[:800]
    visitors: dict[str, bytes] = {}
    found = joined(list(serve(clicks, [scorer(WORDS)], chunk, visitors)))
    expected_visitors: dict[str, bytes] = {}
    expected = joined(list(serve(clicks, [scorer(WORDS)], 2000, expected_visitors)))
    assert visitors == expected_visitors
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("chunk", [7, 1000])
def test_a_swap_rebuilds_stale_states_to_the_same_bits(chunk: int) -> None:
    clicks = CLICKS[:1600]
    states = []
    for size in (chunk, 800):
        visitors: dict[str, bytes] = {}
        scorers = [scorer(WORDS, 0, 7), scorer(WORDS, 1, 8)]
        states.append((visitors, joined(list(serve(clicks, scorers, size, visitors)))))
    assert states[0][0] == states[1][0]
    np.testing.assert_allclose(states[0][1][0], states[1][1][0], atol=1e-5)


def test_states_are_what_the_trained_encoder_gives(whole) -> None:
    """The serving form (tables, blocks, fp16) follows torch's own GRU."""
    one = next(v for v in (c.visitor_id for c in CLICKS) if sum(c.visitor_id == v for c in CLICKS) > 8)
    clicks = [click for click in CLICKS if click.visitor_id == one][:8]
    visitors: dict[str, bytes] = {}
    scores = list(serve(clicks, [scorer(WORDS)], 1, visitors))
    codes = np.frombuffer(decode(visitors[one]).session_codes(), dtype=CODE)
    states = network(WORDS).encode(torch.from_numpy(WORDS.rows(codes))[None])[0]
    np.testing.assert_allclose(scores[-1].hidden[0], states[-1].detach().numpy(), atol=4e-3)


def test_the_item_on_view_is_never_recommended(whole) -> None:
    _, items, scores = joined(whole[0])
    ids = WORDS.names
    current = np.array([click.item_id for click in CLICKS], dtype=object)
    assert not (ids[items] == current[:, None]).any()
    assert (np.diff(scores, axis=1) <= 0).all()
    assert ((scores > 0) & (scores < 1)).all()


def test_a_value_that_is_not_finite_is_refused() -> None:
    broken = network(WORDS)
    broken.item_bias.data[3] = torch.nan
    with pytest.raises(ScoringError, match="not finite"):
        list(serve(CLICKS[:5], [NeuralScorer(broken, WORDS, "broken", 9)], 5, {}))


def test_threads_share_a_scorer() -> None:
    shared, expected, found = scorer(WORDS), {}, [{} for _ in range(4)]
    list(serve(CLICKS[:500], [shared], 50, expected))
    jobs = [threading.Thread(target=lambda v=v: list(serve(CLICKS[:500], [shared], 50, v))) for v in found]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert all(visitors == expected for visitors in found)


def test_a_long_session_in_one_chunk() -> None:
    """A bot's thousand clicks are a thousand steps of one row."""
    first = CLICKS[0]
    clicks = [
        msgspec.structs.replace(first, event_id=f"bot-{number}", ts=first.ts + number * 10)
        for number in range(1000)
    ]
    one, many = {}, {}
    list(serve(clicks, [scorer(WORDS)], 1000, one))
    list(serve(clicks, [scorer(WORDS)], 90, many))
    assert one == many


def test_devices() -> None:
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type in ("cpu", "cuda")
    with pytest.raises(ScoringError, match="choose cpu, cuda or auto"):
        pick_device("gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_cuda_without_a_gpu_says_what_to_do() -> None:
    with pytest.raises(ScoringError, match="choose cpu or auto"):
        pick_device("cuda")


def test_scores_name_items(whole) -> None:
    scores = whole[0][0]
    assert scores.item_ids()[0] == [WORDS.ids[item] for item in scores.items[0]]
    short = replace(scores, items=np.where(np.arange(20) < 3, scores.items, -1))
    assert [len(row) for row in short.item_ids()[:5]] == [3] * 5
