"""Session risk: people stay below .1 whatever they do, machines end above .9, whatever log was counted."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from models.contract.events import EVENT_CODES, EVENTS
from models.features import features
from models.features.batch import Batcher
from models.network.risk import BURST, PRIOR, SHAPE, WINDOW, risk, table, uncounted
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.codes import DWELL_BUCKETS
from models.state.event_counts import COUNTERS
from trainer.experiments.risk_journeys import SHIPPED, clicks, risks, rows
from trainer.experiments.risk_visits import BURSTS, MACHINES, MISTAKEN, PATIENT, PEOPLE
from trainer.fitting.head_losses import risk_ratios
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log

ROOT = Path(__file__).parents[4]
GSTORE = ROOT.parent / "shared" / "data" / "gstore" / "gstore_2016-08_09.parquet"
VIEW = EVENT_CODES["view_item"]


@lru_cache
def counted(path: Path, most: int) -> np.ndarray:
    if path == GSTORE and not path.exists():
        pytest.skip(f"{path} is not here: no waits to count")
    return risk_ratios(replay_log(read_log([path]).head(most)).examples().grouped())


@pytest.fixture(scope="module", params=["empty", "shipped", "gstore"])
def ratios(request) -> np.ndarray:
    if request.param == "empty":
        return uncounted()
    return counted(SHIPPED, 103_193) if request.param == "shipped" else counted(GSTORE, 60_000)


@pytest.mark.parametrize("name", [*PEOPLE, *BURSTS])
def test_people_stay_below_a_tenth_at_every_click(name, ratios) -> None:
    visit = {**PEOPLE, **BURSTS}[name]
    found = risks(visit, ratios)
    assert found.max() < 0.1, list(zip(visit.split()[::2], found.round(3).tolist(), strict=True))


@pytest.mark.parametrize("name", MACHINES)
def test_machines_end_above_nine_tenths(name, ratios) -> None:
    assert risks(MACHINES[name], ratios)[-1] > 0.9


def test_the_visits_are_many_and_have_every_event() -> None:
    assert len(PEOPLE) >= 30
    assert len(MACHINES) >= 10
    assert {event for text in PEOPLE.values() for event in text.split()[::2]} == set(EVENTS)


@pytest.mark.parametrize("event", ["view_promotion", "search", "add_to_cart", "page_view"])
@pytest.mark.parametrize("wait", [0.05, 0.2, 0.6, 1.0])
def test_a_burst_is_no_evidence_up_to_its_sixteenth_event(event, wait, ratios) -> None:
    found = risks(f"{event} {wait} " * (WINDOW + BURST) + event, ratios)
    np.testing.assert_allclose(found[:BURST], PRIOR, rtol=1e-4)
    assert (np.diff(found[BURST - 1 : BURST + 10]) > 0).all()
    assert found[-1] > 0.9


def test_a_pause_begins_another_burst() -> None:
    found = risks(f"{'view_item 0.3 ' * (BURST - 1)}view_item 4.1 " * 3 + "view_item", uncounted())
    assert found.max() < 0.01


def test_tags_at_once_never_count_while_pages_wait() -> None:
    """Four tags at once, page after page, a page in two seconds: the pages' waits count, the tags' do not."""
    tagged = risks("page_view 0.01 view_item 0.01 view_promotion 0.01 view_promotion 2 " * 6, uncounted())
    plain = risks("page_view 2 " * 6, uncounted())
    assert tagged[-1] <= plain[-1]


def test_a_list_scrolled_every_two_seconds_is_taken_for_a_machine(ratios) -> None:
    """What the documentation admits."""
    assert risks(MISTAKEN["20 pages of a list, scrolled"], ratios).max() > 0.9


@pytest.mark.parametrize("name", PATIENT)
def test_a_machine_as_slow_as_people_is_not_told(name, ratios) -> None:
    """What the documentation admits."""
    assert risks(PATIENT[name], ratios)[-1] < 0.1


def test_the_documented_table_is_what_the_command_prints() -> None:
    told = (ROOT / "docs" / "models" / "journeys.md").read_text()
    assert "\n".join(rows(counted(SHIPPED, 103_193))) in told


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_that_the_log_never_had_is_no_evidence(event) -> None:
    """After a log of views alone, any other event counts as little as a view at the same pace."""
    views = np.full(50_000, VIEW, dtype=np.uint8)
    waits = np.random.default_rng(0).choice(np.arange(5, 15, dtype=np.uint8), 50_000)
    ratios = table(views, views, waits, np.roll(waits, 1))
    plain = risks("view_item 20 view_item 20 view_item 20 view_item", ratios)
    other = risks(f"view_item 20 {event} 20 {event} 20 view_item", ratios)
    np.testing.assert_allclose(other, plain, atol=2e-3)


def test_no_wait_of_people_counts_for_a_machine_by_being_long() -> None:
    for made in (uncounted(), counted(SHIPPED, 20_000)):
        assert made.shape == SHAPE
        assert np.isfinite(made).all()
        assert (made[:, 8:] < 0).all()
        assert not made[:, :2].any()


def test_what_the_log_knows_of_a_pair_counts_for_that_pair_alone() -> None:
    """Where people are quick from a list to an item, being quick there is less suspicious."""
    count = 20_000
    lists, items = (np.full(count, EVENT_CODES[name], np.uint8) for name in ("view_item_list", "view_item"))
    slow = np.full(count, 10, np.uint8)
    quick = np.full(count, 5, np.uint8)
    events = np.concatenate([lists, items]), np.concatenate([items, items])
    made = table(*events, np.concatenate([quick, slow]), np.zeros(2 * count, np.uint8))
    pair = made[lists[0] * COUNTERS + VIEW], made[VIEW * COUNTERS + VIEW]
    assert pair[0][5] < pair[1][5] - 1


def test_whole_seconds_do_not_make_shorter_waits_impossible() -> None:
    """A log that tells whole seconds has no wait of a quarter second; that is no evidence by itself."""
    views = np.full(100_000, VIEW, np.uint8)
    seconds = np.random.default_rng(0).choice(np.array([4, 4, 4, 5, 6, 9], np.uint8), 100_000)
    made = table(views, views, seconds, np.roll(seconds, 1))[VIEW * COUNTERS + VIEW]
    assert made[2] < 1
    assert made[3] < 1


def random_visits(count: int) -> str:
    random = np.random.default_rng(7)
    waits = random.choice([0.01, 0.4, 1, 3, 20, 400], count)
    return " ".join(f"{random.choice(EVENTS)} {wait}" for wait in waits)


def random_bursts(count: int) -> str:
    """Bursts of about 25 events, so that many a chunk begins within one."""
    random = np.random.default_rng(8)
    waits = random.choice([0.01, 0.4, 1, 3, 20], count, p=[0.4, 0.3, 0.2, 0.06, 0.04])
    return " ".join(f"{random.choice(EVENTS)} {wait}" for wait in waits)


@pytest.mark.parametrize("text", [random_visits(400), "view_item 0.3 " * 17 + random_bursts(400)])
@pytest.mark.parametrize("chunk", [1, 3, 17, 50])
def test_chunks_change_nothing(chunk, text) -> None:
    """A chunk begins with the last 50 codes of the visitor's record, which must be enough."""
    ratios = np.random.default_rng(0).normal(0, 1, SHAPE).astype(np.float32)
    visitor, found, given = None, [], list(clicks(text))
    for first in range(0, len(given), chunk):
        batcher = Batcher()
        slot = batcher.visitor(visitor)
        for click in given[first : first + chunk]:
            visitor, facts = step(visitor, click, click.ts, SessionConfig())
            batcher.click(slot, facts.code, facts.position, features.row(visitor, click, facts))
        found.append(risk(batcher.build(), ratios))
    np.testing.assert_allclose(np.concatenate(found), risks(text, ratios), atol=1e-6)


def test_nothing_to_score() -> None:
    assert risk(Batcher().build(), uncounted()).shape == (0,)
    assert risks("page_view", uncounted()).tolist() == pytest.approx([PRIOR])


def test_only_the_latest_clicks_count() -> None:
    slow = "view_item 30 " * 5
    after = risks(slow + "view_item 0.3 " * (WINDOW + 1) + "view_item", uncounted())
    alone = risks("view_item 0.3 " * (WINDOW + 1) + "view_item", uncounted())
    assert after[-1] == pytest.approx(alone[-1], abs=1e-3)
    assert SHAPE[1] == DWELL_BUCKETS
