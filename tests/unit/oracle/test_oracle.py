"""The oracle and the pipeline agree on random logs: each was written without the other."""

import json
from collections import defaultdict, deque
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from models.analytics.analytics_config import AnalyticsConfig
from models.sessions.lifecycle import SessionConfig
from models.state.exposure import ExposureConfig
from models.state.panes import PaneConfig
from tests.e2e.oracle import Partition
from tests.e2e.oracle_feedback import KINDS
from tests.e2e.oracle_input import EVENTS
from tests.e2e.oracle_offers import Actions
from tests.e2e.oracle_shopper import Rules
from tests.e2e.oracle_state import differences, expected
from tests.offline import ACTIONS, Offline, Record, processing_config

START = 1_700_000_000_000
MINUTE = 60_000
#: Times so short that visitors churn, expire and lose their offers within a log.
QUICK = Rules(
    churn=90 * MINUTE, ttl=150 * MINUTE, window=60 * MINUTE, retention=2 * 60 * MINUTE, session=40 * MINUTE
)
ITEMS = st.integers(0, 9).map(lambda number: f"i{number}")
AMOUNTS = st.sampled_from((0.0, 0.0004, 0.3, 9.99, 49.5, 120.0, 70_000.0, 2e10, 5e12))
OPTIONAL = {
    "item_id": ITEMS,
    "category": st.sampled_from([f"c{number}" for number in range(12)]),
    "price": AMOUNTS,
    "quantity": st.sampled_from((0, 1, 2, 3, 5_000_000)),
    "value": AMOUNTS,
    "basket": st.lists(ITEMS, min_size=2, max_size=2),
    "basket_prices": st.lists(AMOUNTS | st.none(), min_size=2, max_size=2),
    "basket_quantities": st.lists(st.sampled_from((None, 0, 1, 3)), min_size=2, max_size=2),
    "page": st.sampled_from([f"/p{number}" for number in range(80)]),
    "transaction_id": st.sampled_from(("t1", "t1", "t2", "t2", *(f"t{number}" for number in range(3, 25)))),
    "rating": st.sampled_from((0.0, 1.0, 3.5, 5.0, 99.0)),
    "consent": st.sampled_from((True, True, False)),
    "user_id": st.sampled_from(("u1", "u2")),
    "age_band": st.sampled_from(("18-24", "25-34")),
    "gender": st.sampled_from(("f", "F", "m")),
    "region": st.sampled_from(("north", "south")),
    "device": st.sampled_from(("mobile", "desktop", "m" * 40)),
    "country": st.sampled_from(("DE", "SE")),
    "result_count": st.sampled_from((0, 0, 3)),
}
STEPS = st.sampled_from(
    (0, 1, 500, 20_000, 20_000, 61_000, 12 * MINUTE, 31 * MINUTE, 100 * MINUTE, 26 * 60 * MINUTE)
)
BACK = st.sampled_from((0, 0, 0, 0, 0, 1, 5_000, 4 * MINUTE, 6 * MINUTE, 40 * MINUTE))
FATES = st.sampled_from(
    ["ok"] * 12 + ["prompt"] * 8 + ["again", "unreadable", "nameless", "keyless", "old", "ahead"]
)


def rules_of(rules):
    session = SessionConfig(
        gap_ms=rules.gap,
        max_session_ms=rules.session,
        max_session_clicks=rules.clicks,
        lateness_ms=rules.lateness,
        clock_ms=rules.clocks,
        max_clicks_per_minute=rules.per_minute,
        churn_ms=rules.churn,
        ttl_ms=rules.ttl,
        exposure=ExposureConfig(rules.window),
    )
    panes = PaneConfig(width_ms=rules.pane, retention_ms=rules.retention)
    config = processing_config()
    # The oracle's times are shorter than those that a setting can have.
    object.__setattr__(config, "session", session)
    object.__setattr__(config, "panes", panes)
    # Fold after every chunk here, and after the first one alone there.
    folds = AnalyticsConfig(fold_seconds=0.0 if rules.session == QUICK.session else 1e9)
    object.__setattr__(config, "analytics", folds)
    return config


@st.composite
def clicks(draw, visitors="abc"):
    """One click without its time and id; outcomes name a decision made up to six clicks before."""
    names = draw(st.sets(st.sampled_from(sorted(OPTIONAL)), max_size=6))
    if not draw(st.integers(0, 5)):
        names.add("consent")
    click = {name: draw(OPTIONAL[name]) for name in sorted(names)}
    click["event"] = draw(st.sampled_from(EVENTS))
    if click["event"] in ("view_promotion", "select_promotion", "purchase", "rate_item"):
        click["decision"] = draw(st.integers(-1, 12))
    if click["event"] in ("view_item_list", "select_item", "view_item", "purchase", "rate_item"):
        click["list"] = draw(st.integers(-1, 9))
    if not draw(st.integers(0, 7)):
        click["outcome"] = draw(st.sampled_from(KINDS))
    return {**whole(click), "visitor_id": draw(st.sampled_from(visitors))}


def whole(click):
    """Prices and quantities are those of a basket."""
    further = () if "basket" in click else ("basket_prices", "basket_quantities")
    return {name: value for name, value in click.items() if name not in further}


@st.composite
def logs(draw):
    """Records of one partition: what a shop sends on a bad day."""
    now, made = START, []
    for number, click in enumerate(draw(st.lists(clicks(), min_size=1, max_size=60))):
        now += draw(STEPS)
        click |= {"event_id": f"e{number}", "ts": now - draw(BACK)}
        if (back := click.pop("decision", None)) is not None:
            click["decision_id"] = f"e{number - back}:{ACTIONS_FILE.placement}"
        if (back := click.pop("list", None)) is not None:
            click["recommendation_id"] = f"e{number - back}"
        made.append(record(click, draw(FATES), made))
    return [one._replace(offset=offset) for offset, one in enumerate(made)]


def record(click, fate, before):
    key, value, headers = click["visitor_id"].encode(), json.dumps(click).encode(), [("original-time", b"1")]
    if fate == "again" and before:
        return before[-1 - len(before) % 7 % len(before)]
    if fate == "unreadable":
        value = value[:-1]
    elif fate == "nameless":
        value = json.dumps({**click, "event": "dance"}).encode()
    elif fate == "keyless":
        key = None
    elif fate == "old":
        headers = []
    stamp = {"ahead": click["ts"] - 11 * MINUTE, "prompt": click["ts"] + 3_000}.get(fate, 1_800_000_000_000)
    if fate == "prompt":
        headers = []
    return Record(0, stamp, key, value, headers)


ACTIONS_FILE = Actions(ACTIONS)


def latest(found, event_id):
    return found[event_id].popleft() if found[event_id] else None


def said(record, wanted):
    names = wanted[0] if wanted else record
    return json.dumps({name: record[name] for name in sorted(names)})


def run_pipeline(rules, log, sizes):
    """The pipeline's state, decisions, dead letters; chunks of `sizes` in turn."""
    offline = Offline(rules=rules_of(rules))
    decisions, letters, at = [], [], 0
    published = defaultdict(list)
    while at < len(log):
        size = sizes[at % len(sizes)]
        effects = offline.process(log[at : at + size])
        decisions += [
            json.loads(value) for _, value, _ in effects.outputs.get(offline.names.ad_decisions, ())
        ]
        names = offline.names
        for topic in (names.recommendations, names.rewards, names.recommendation_outcomes):
            published[topic] += [json.loads(value) for _, value, _ in effects.outputs.get(topic, ())]
        for _, _, headers in effects.outputs.get(offline.names.dead_letters, ()):
            told = dict(headers[:6])
            letters.append((int(told["source-offset"]), told["reason"].decode()))
        at += size
    return offline, decisions, letters, published


def run_oracle(rules, log, decisions, listed):
    actions, lists = defaultdict(deque), defaultdict(deque)
    for one in listed:
        items = [item["item_id"] for item in one["items"]]
        lists[one["event_id"]].append((one["rung"], one["model_version"], items))
    for decision in decisions:
        actions[decision["event_id"]].append(decision["action"])
    oracle = Partition(rules, ACTIONS_FILE)
    for one in log:
        oracle.apply(one, *(partial(latest, found) for found in (actions, lists)))
    oracle.finish()
    return oracle


def agree(rules, log, sizes):
    offline, decisions, letters, published = run_pipeline(rules, log, sizes)
    oracle = run_oracle(rules, log, decisions, published[offline.names.recommendations])
    assert letters == oracle.letters
    assert [decision["event_id"] for decision in decisions] == [answer.event_id for answer in oracle.answers]
    for decision, answer in zip(decisions, oracle.answers, strict=True):
        decision["context"].pop("purchase_probability")
        assert decision["context"] == answer.context, answer
    assert offline.watermark == oracle.watermark
    assert differences(expected(oracle), offline.state) == []
    assert offline.metrics.duplicates._value.get() == oracle.duplicates
    for topic, wanted in (
        (offline.names.rewards, oracle.rewards),
        (offline.names.recommendation_outcomes, oracle.followed),
    ):
        assert sorted(said(one, wanted) for one in published[topic]) == sorted(
            said(one, wanted) for one in wanted
        )


SIZES = st.lists(st.sampled_from((1, 2, 3, 7, 60)), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(logs(), SIZES)
def test_the_oracle_agrees_with_the_pipeline(log, sizes):
    agree(QUICK, log, sizes)


@settings(max_examples=50, deadline=None)
@given(logs(), SIZES)
def test_the_oracle_agrees_under_the_default_times(log, sizes):
    agree(Rules(), log, sizes)


TRADED = (
    *("item_id", "price", "quantity", "value", "transaction_id", "rating"),
    *("basket", "basket_prices", "basket_quantities"),
)


@st.composite
def trades(draw):
    """Records of one visitor who buys, sends back and rates, whatever is named."""
    made = []
    for number, back in enumerate(draw(st.lists(STEPS, min_size=1, max_size=40))):
        names = draw(st.sets(st.sampled_from(TRADED)))
        click = whole({name: draw(OPTIONAL[name]) for name in sorted(names)})
        event = draw(st.sampled_from(("purchase", "refund", "refund", "rate_item")))
        ts = (made[-1].timestamp if made else START) + back
        click |= {"event": event, "event_id": f"e{number}", "ts": ts, "visitor_id": "a"}
        made.append(record(click, "ok", made)._replace(offset=number, timestamp=ts))
    return made


@settings(max_examples=150, deadline=None)
@given(trades(), SIZES)
def test_the_oracle_agrees_on_what_is_bought_and_sent_back(log, sizes):
    agree(Rules(), log, sizes)


@settings(max_examples=25, deadline=None)
@given(st.lists(clicks("a"), min_size=30, max_size=50), st.integers(1, 9), st.integers(0, 3))
def test_the_oracle_agrees_on_a_bot(some, spacing, back):
    """Hundreds of clicks of one visitor: more than a minute, a session and every bounded history hold."""
    log = []
    for number in range(400):
        click = {
            **some[number % len(some)],
            "event_id": f"e{number}",
            "item_id": f"i{number % 70}",
            "page": f"/{number % 90}",
        }
        click.pop("decision", None)
        if (ago := click.pop("list", None)) is not None:
            click["recommendation_id"] = f"e{number - ago}"
        click.pop("consent", None)
        click["ts"] = START + number * spacing * 40 - number % 5 * back * 1000
        log.append(record(click, "ok", [])._replace(offset=number))
    agree(QUICK._replace(clicks=150), log, [50])
