"""All heads through one suite: shapes, determinism, saving and loading, chunks, odd sessions, bad input."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch

from models.contract.head_table import BRANDS, CATEGORIES, HEADS, OTHER, Kind, Layout
from models.features import features
from models.network.heads import SPREADS, log_mean
from models.network.network import Config, Network, band
from models.network.risk import PRIOR, SHAPE, table
from models.registry import registry
from models.scoring.scorer import NeuralScorer
from models.scoring.scores import ScoringError
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.codes import CODE
from tests.scoring import network, parts, real_clicks, serve, vocabulary

CLICKS = real_clicks(600)
WORDS = vocabulary(CLICKS)
OWN = {CATEGORIES: ("shoes", "hats", OTHER), BRANDS: ("acme", 'b"q', OTHER)}
TASKS = tuple(
    (head.name, OWN[head.classes] if isinstance(head.classes, str) else head.classes) for head in HEADS
)


def with_heads(seed: int = 0) -> Network:
    """A random network with every head."""
    torch.manual_seed(seed)
    sizes, plain = WORDS.sizes, network(WORDS)
    made = Network(
        Config(sizes.items, len(features.NAMES), sizes.item_buckets, task_width=16, tasks=TASKS)
    ).eval()
    made.load_state_dict(plain.state_dict(), strict=False)
    made.scale.fill_(0.01)
    for expected in (made.ratings.items, made.ratings.categories):
        expected.copy_(torch.linspace(4, 6, len(expected)))
    random = np.random.default_rng(seed)
    made.tasks.ratios.copy_(torch.from_numpy(random.normal(0, 0.5, SHAPE).astype(np.float32)))
    return made


def told(made: Network, clicks, chunk: int = 200) -> np.ndarray:
    scores = list(serve(clicks, [NeuralScorer(made, WORDS, "heads", 7)], chunk, {}))
    return np.concatenate([one.tasks for one in scores])


LAYOUT = Layout.of(TASKS)


def test_columns_of_all_heads_are_apart_and_complete() -> None:
    raw = [place for part in LAYOUT.parts for place in range(part.raw.start, part.raw.stop)]
    answers = [place for part in LAYOUT.parts for place in range(part.answers.start, part.answers.stop)]
    assert raw == list(range(LAYOUT.raw))
    assert answers == list(range(LAYOUT.answers))
    assert {part.head.name for part in LAYOUT.parts} == {head.name for head in HEADS}
    with pytest.raises(ValueError, match=r"heads \['mood'\] are unknown, expected some of"):
        Layout.of([("mood", ())])


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_a_head_answers_within_its_bounds(head) -> None:
    found = told(with_heads(), CLICKS)
    part = LAYOUT[head.name]
    values = found[:, part.answers]
    assert values.shape == (len(CLICKS), len(part.classes) or 1)
    applies = ~np.isnan(values).any(1)
    assert applies.any()
    values = values[applies]
    if head.kind is Kind.CLASSES:
        np.testing.assert_allclose(values.sum(1), 1, atol=1e-5)
    if head.kind is not Kind.RATING:
        assert (values >= 0).all()
    if head.kind in (Kind.BINARY, Kind.SHARED, Kind.RISK, Kind.CLASSES):
        assert (values <= 1).all()
    assert np.ptp(values) > 0


def test_heads_say_the_same_again_and_whatever_the_chunks() -> None:
    made = with_heads()
    whole = told(made, CLICKS)
    np.testing.assert_array_equal(whole, told(with_heads(), CLICKS))
    for chunk in (1, 7):
        np.testing.assert_array_equal(told(made, CLICKS[:300], chunk), whole[:300])


def test_a_head_is_silent_where_it_does_not_apply() -> None:
    found = told(with_heads(), CLICKS)
    silent = np.isnan(found[:, LAYOUT["cart_completion"].answers]).ravel()
    empty = np.array([click.event != "add_to_cart" for click in CLICKS])
    assert silent.any()
    assert not silent[~empty].any()
    assert not np.isnan(found[:, LAYOUT["churn"].answers]).any()


def test_heads_are_saved_and_loaded(tmp_path) -> None:
    made = with_heads()
    whole = replace(parts(WORDS), network=made)
    loaded = registry.load(tmp_path / registry.save(tmp_path, whole, 1_700_000_000_000))
    assert loaded.neural.layout == LAYOUT
    scores = list(serve(CLICKS, [loaded.neural], 200, {}))
    np.testing.assert_array_equal(np.concatenate([one.tasks for one in scores]), told(made, CLICKS))


def test_a_version_without_heads_says_nothing() -> None:
    scores = next(serve(CLICKS[:50], [NeuralScorer(network(WORDS), WORDS, "none", 7)], 50, {}))
    assert scores.tasks is None
    assert scores.layout is None


def test_unseen_items_and_a_first_click_are_answered() -> None:
    odd = [
        msgspec.structs.replace(CLICKS[0], event_id=f"odd-{n}", item_id=item, visitor_id=f"odd-{n}")
        for n, item in enumerate(("never seen", None))
    ]
    found = told(with_heads(), odd)
    assert np.isfinite(found[:, LAYOUT["next_event"].answers]).all()
    assert np.isnan(found[1, LAYOUT["rating"].answers]).all()


def test_a_value_that_is_not_finite_is_refused() -> None:
    broken = with_heads()
    broken.tasks.out.bias.data[3] = torch.nan
    with pytest.raises(ScoringError, match="not finite"):
        told(broken, CLICKS[:5])


def test_a_long_session_is_answered() -> None:
    first = CLICKS[0]
    clicks = [
        msgspec.structs.replace(first, event_id=f"bot-{n}", ts=first.ts + n * 10) for n in range(10_000)
    ]
    found = told(with_heads(), clicks, 2000)
    assert np.isfinite(found[:, LAYOUT["session_risk"].answers]).all()


def test_the_mean_of_an_amount_is_that_of_its_distribution() -> None:
    generator = torch.Generator().manual_seed(0)
    low, high = SPREADS
    raw = torch.tensor([[2.0, float(torch.logit(torch.tensor((0.5 - low) / (high - low))))]])
    drawn = torch.exp(2 + 0.5 * torch.randn(400_000, generator=generator))
    assert log_mean(raw).exp().item() == pytest.approx(drawn.mean().item(), rel=0.02)


def test_bands_of_click_indices() -> None:
    assert band(torch.tensor([1, 2, 3, 5, 6, 10, 11, 20, 21, 9_000])).tolist() == [
        0,
        1,
        2,
        2,
        3,
        3,
        4,
        4,
        5,
        5,
    ]


def test_a_machine_is_told_from_the_logs_people() -> None:
    """Made-up machines among the clicks of a real log: there is no log here that knows real ones."""
    people = with_heads()
    codes = np.frombuffer(b"".join(_codes(CLICKS)), dtype=CODE)
    later = np.flatnonzero(codes["dwell"] > 0)
    event, dwell = codes["event"], codes["dwell"]
    ratios = table(event[later - 1], event[later], dwell[later], dwell[later - 1])
    people.tasks.ratios.copy_(torch.from_numpy(ratios))
    column = LAYOUT["session_risk"].answers
    real = told(people, CLICKS)[:, column]
    first = CLICKS[0]
    made = [
        msgspec.structs.replace(
            first, event_id=f"bot-{n}", visitor_id="bot", item_id=f"i{n}", ts=first.ts + n * 300
        )
        for n in range(40)
    ]
    machine = told(people, made)[:, column]
    assert machine[0] == pytest.approx(PRIOR)
    assert machine[27:].min() > 0.9
    assert machine[27:].min() > np.quantile(real, 0.99)
    assert np.median(real) < 0.02


def _codes(clicks) -> list[bytes]:
    visitors, made = {}, []
    for click in clicks:
        visitors[click.visitor_id], facts = step(
            visitors.get(click.visitor_id), click, click.ts, SessionConfig()
        )
        made.append(facts.code)
    return made
