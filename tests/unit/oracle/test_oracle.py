"""The oracle and the pipeline agree on random logs: each was written without the other."""

import json
from collections import defaultdict, deque

from hypothesis import given, settings
from hypothesis import strategies as st

from models.sessions.lifecycle import SessionConfig
from models.state.exposure import ExposureConfig
from models.state.panes import PaneConfig
from tests.e2e.oracle import Partition
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
AMOUNTS = st.sampled_from((0.0, 0.0004, 0.3, 9.99, 49.5, 120.0, 70_000.0, 200_000.0))
OPTIONAL = {
    "item_id": ITEMS,
    "category": st.sampled_from([f"c{number}" for number in range(12)]),
    "price": AMOUNTS,
    "quantity": st.sampled_from((0, 1, 2, 3, 5000)),
    "value": AMOUNTS,
    "basket": st.lists(ITEMS, max_size=4),
    "page": st.sampled_from([f"/p{number}" for number in range(80)]),
    "transaction_id": st.sampled_from(("t1", "t2")),
    "rating": st.sampled_from((0.0, 1.0, 3.5, 5.0, 99.0)),
    "consent": st.sampled_from((True, True, False)),
    "user_id": st.sampled_from(("u1", "u2")),
    "age_band": st.sampled_from(("18-24", "25-34")),
    "gender": st.sampled_from(("f", "F", "m")),
    "region": st.sampled_from(("north", "south")),
}
STEPS = st.sampled_from(
    (0, 1, 500, 20_000, 20_000, 61_000, 12 * MINUTE, 31 * MINUTE, 100 * MINUTE, 26 * 60 * MINUTE)
)
BACK = st.sampled_from((0, 0, 0, 0, 0, 1, 5_000, 4 * MINUTE, 6 * MINUTE, 40 * MINUTE))
FATES = st.sampled_from(["ok"] * 20 + ["again", "unreadable", "nameless", "keyless", "old", "ahead"])


def rules_of(rules):
    session = SessionConfig(
        gap_ms=rules.gap,
        max_session_ms=rules.session,
        max_session_clicks=rules.clicks,
        lateness_ms=rules.lateness,
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
    return {**click, "visitor_id": draw(st.sampled_from(visitors))}


@st.composite
def logs(draw):
    """Records of one partition: what a shop sends on a bad day."""
    now, made = START, []
    for number, click in enumerate(draw(st.lists(clicks(), min_size=1, max_size=60))):
        now += draw(STEPS)
        click |= {"event_id": f"e{number}", "ts": now - draw(BACK)}
        if (back := click.pop("decision", None)) is not None:
            click["decision_id"] = f"e{number - back}:{ACTIONS_FILE.placement}"
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
    stamp = click["ts"] - 11 * MINUTE if fate == "ahead" else 1_800_000_000_000
    return Record(0, stamp, key, value, headers)


ACTIONS_FILE = Actions(ACTIONS)


def run_pipeline(rules, log, sizes):
    """The pipeline's state, decisions, dead letters; chunks of `sizes` in turn."""
    offline = Offline(rules=rules_of(rules))
    decisions, letters, at = [], [], 0
    while at < len(log):
        size = sizes[at % len(sizes)]
        effects = offline.process(log[at : at + size])
        decisions += [
            json.loads(value) for _, value, _ in effects.outputs.get(offline.names.ad_decisions, ())
        ]
        for _, _, headers in effects.outputs.get(offline.names.dead_letters, ()):
            told = dict(headers[:6])
            letters.append((int(told["source-offset"]), told["reason"].decode()))
        at += size
    return offline, decisions, letters


def run_oracle(rules, log, decisions):
    actions = defaultdict(deque)
    for decision in decisions:
        actions[decision["event_id"]].append(decision["action"])
    oracle = Partition(rules, ACTIONS_FILE)
    for one in log:
        oracle.apply(one, lambda event_id: actions[event_id].popleft() if actions[event_id] else None)
    oracle.finish()
    return oracle


def agree(rules, log, sizes):
    offline, decisions, letters = run_pipeline(rules, log, sizes)
    oracle = run_oracle(rules, log, decisions)
    assert letters == oracle.letters
    assert [decision["event_id"] for decision in decisions] == [answer.event_id for answer in oracle.answers]
    for decision, answer in zip(decisions, oracle.answers, strict=True):
        decision["context"].pop("purchase_probability")
        assert decision["context"] == answer.context, answer
    assert offline.watermark == oracle.watermark
    assert differences(expected(oracle), offline.state) == []
    assert offline.metrics.duplicates._value.get() == oracle.duplicates


SIZES = st.lists(st.sampled_from((1, 2, 3, 7, 60)), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(logs(), SIZES)
def test_the_oracle_agrees_with_the_pipeline(log, sizes):
    agree(QUICK, log, sizes)


@settings(max_examples=50, deadline=None)
@given(logs(), SIZES)
def test_the_oracle_agrees_under_the_default_times(log, sizes):
    agree(Rules(), log, sizes)


TRADED = ("item_id", "price", "quantity", "value", "basket", "transaction_id", "rating")


@st.composite
def trades(draw):
    """Records of one visitor who buys, sends back and rates, whatever is named."""
    made = []
    for number, back in enumerate(draw(st.lists(STEPS, min_size=1, max_size=40))):
        names = draw(st.sets(st.sampled_from(TRADED)))
        click = {name: draw(OPTIONAL[name]) for name in sorted(names)}
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
        click.pop("consent", None)
        click["ts"] = START + number * spacing * 40 - number % 5 * back * 1000
        log.append(record(click, "ok", [])._replace(offset=number))
    agree(QUICK._replace(clicks=150), log, [50])
