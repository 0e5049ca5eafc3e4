"""Labels, splits and batches against a plain reading of their definitions."""

import numpy as np
import polars as pl
import pytest
import torch

from models.contract.events import EVENT_CODES
from models.network.network import Config, Network
from models.state.codes import CODE, item_hash
from trainer.examples.examples import Examples, ExamplesError, labelled, segments
from trainer.examples.split import ended, split
from trainer.fitting.calibrate import platt
from trainer.fitting.sampled_softmax import next_item_loss
from trainer.logs.log_replay import replay_log
from trainer.loop.data import batches, prepare

MINUTE = 60_000
START = 1_600_000_000_000


def log(*rows: tuple[str, int, str, str | None]) -> pl.LazyFrame:
    """(visitor, minute, event, item)."""
    columns = {
        "event_id": [f"e{number}" for number in range(len(rows))],
        "visitor_id": [row[0] for row in rows],
        "ts": [START + row[1] * MINUTE for row in rows],
        "event": [row[2] for row in rows],
        "item_id": [row[3] for row in rows],
    }
    return pl.LazyFrame(columns)


def test_labels_by_example() -> None:
    found = replay_log(
        log(
            ("a", 0, "view_item", "x"),
            ("b", 1, "view_item", "x"),
            ("a", 2, "view_item", "x"),
            ("a", 3, "add_to_cart", "y"),
            ("a", 4, "purchase", "y"),
            ("a", 5, "page_view", None),
            ("a", 50, "view_item", "x"),
        )
    ).examples()
    assert found.session.tolist() == [0, 1, 0, 0, 0, 0, 2]
    assert found.position.tolist() == [1, 1, 2, 3, 4, 5, 1]
    assert found.buys.tolist() == [True, False, True, True, False, False, False]
    assert found.target.tolist() == [0, 0, item_hash("y"), 0, 0, 0, 0]
    assert found.judged.tolist() == [True, True, True, True, False, True, True]
    assert found.items == {item_hash("x"): "x", item_hash("y"): "y"}


def buys_yet(event: int, rest: list[int]) -> bool:
    """Whether a purchase follows that is not a line of the order that the click itself is one of."""
    purchase = EVENT_CODES["purchase"]
    while event == purchase and rest and rest[0] == purchase:
        rest = rest[1:]
    return purchase in rest


def test_labels_of_many_sessions() -> None:
    random = np.random.default_rng(4)
    codes, session = np.zeros(400, dtype=CODE), random.integers(0, 60, 400)
    codes["item"] = random.integers(0, 1 << 62, 5)[random.integers(0, 5, 400)] << 1
    codes["event"] = random.choice([1, 5, EVENT_CODES["purchase"]], 400)
    buys, target = labelled(codes, session)
    for click in range(400):
        rest = [other for other in range(click + 1, 400) if session[other] == session[click]]
        assert buys[click] == buys_yet(codes["event"][click], [codes["event"][other] for other in rest])
        following = int(codes["item"][rest[0]]) if rest else 0
        assert target[click] == (0 if following == codes["item"][click] else following)


def test_clicks_that_cannot_be_used_are_counted() -> None:
    frame = log(("a", 0, "view_item", "x"), ("a", 1, "dance", "x"), ("a", 2, "view_item", "y"))
    doubled = pl.concat([frame, frame.tail(1)])
    replayed = replay_log(doubled)
    assert len(replayed.examples()) == 2
    assert replayed.rejected == {"invalid": 1, "duplicate": 1}


def test_a_log_of_nothing_says_so() -> None:
    with pytest.raises(ExamplesError, match="no click of the log can be used"):
        replay_log(log(("a", 0, "dance", "x"))).examples()


def test_parts_follow_in_time_and_keep_sessions_whole() -> None:
    rows = [(f"v{n % 40}", 3 * n, "view_item", f"i{n % 9}") for n in range(400)]
    whole = replay_log(log(*rows)).examples()
    parts = split(whole, (0.6, 0.2, 0.2))
    assert sum(map(len, parts)) == len(whole)
    sessions = [set(part.session.tolist()) for part in parts]
    assert not sessions[0] & sessions[1]
    assert not sessions[1] & sessions[2]
    begun = [part.ts[part.position == 1] for part in parts]
    assert begun[0].max() <= begun[1].min()
    assert begun[1].max() <= begun[2].min()
    with pytest.raises(ExamplesError, match="too few"):
        split(replay_log(log(("a", 0, "view_item", "x"))).examples(), (0.5, 0.5))


def test_sessions_that_may_go_on_have_no_label() -> None:
    """A session with a click in the last half hour may still buy; one that has bought is left out alike."""
    rows = [("a", 0, "view_item", "x"), ("b", 20, "view_item", "x"), ("b", 31, "purchase", "x")]
    found = replay_log(log(*rows, ("c", 60, "view_item", "x"))).examples()
    assert found.over.tolist() == [True, False, False, False]
    assert len(ended(found)) == 1
    with pytest.raises(ExamplesError, match="give a longer log"):
        ended(found.part(np.flatnonzero(found.ts > START)))


def test_batches_hold_every_segment_once() -> None:
    from trainer.training.log_counts import vocabulary

    rows = [(f"v{n % 7}", n % 20, "view_item", f"i{n % 9}") for n in range(300)]
    found: Examples = replay_log(log(*sorted(rows, key=lambda row: row[1]))).examples()
    words, weights = vocabulary(found)
    assert weights.tolist() == sorted(weights.tolist(), reverse=True)
    data = prepare(found, words, 8)
    assert np.diff(data.bounds).max() <= 8
    assert np.diff(data.bounds).sum() == len(found)
    for shuffle in (None, np.random.default_rng(0)):
        chosen = np.concatenate(batches(data, 50, shuffle))
        assert sorted(chosen.tolist()) == list(range(len(data.bounds) - 1))
    assert segments(np.array([3, 3, 3, 4, 4]), 2).tolist() == [0, 0, 1, 2, 2]


def test_sampled_loss_estimates_the_full_one() -> None:
    torch.manual_seed(0)
    network = Network(Config(400, 3)).eval()
    torch.nn.init.normal_(network.item_bias, std=0.5)
    share = torch.rand(400) ** 2
    network.share.copy_(share / share.sum())
    hidden = torch.randn(300, 64)
    # Targets anew each time: the correction holds on average, but for the log of a mean (Jensen).
    draws = [torch.multinomial(network.share, 300, replacement=True) for _ in range(60)]
    full = np.mean([next_item_loss(network, hidden, target, 0).item() for target in draws])
    sampled = np.mean([next_item_loss(network, hidden, target, 150).item() for target in draws])
    assert sampled == pytest.approx(full, rel=0.06)
    target = draws[0]
    assert next_item_loss(network, hidden[:0], target[:0], 0).item() == 0


def test_platt_scaling_recovers_the_line() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(size=40_000).astype(np.float32)
    labels = (random.random(40_000) < 1 / (1 + np.exp(-(2 * logits - 1)))).astype(np.float32)
    scale, shift = platt(logits, labels)
    assert scale == pytest.approx(2, abs=0.1)
    assert shift == pytest.approx(-1, abs=0.1)
    assert platt(logits, np.zeros_like(labels)) == (1, 0)
    assert platt(-logits, labels) == (1, 0)


def test_days_do_not_say_when_a_session_ended() -> None:
    minutes = 24 * 60
    rows = [(f"v{number}", number // 2 * minutes, "view_item", "x") for number in range(4)]
    assert replay_log(log(*rows)).examples().over.all()
