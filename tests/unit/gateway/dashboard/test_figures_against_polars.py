"""Each figure of the dashboard equals the one that polars computes from the same records."""

import math

import msgspec
import polars as pl
import pytest

from gateway.dashboard.feeds.answer_counts import BANDS
from gateway.dashboard.feeds.time_buckets import BUCKET_MS
from gateway.dashboard.figures.decisions_page import decisions_page
from gateway.dashboard.figures.live_page import events_of, live_page
from gateway.dashboard.figures.models_page import drift, models_page
from gateway.dashboard.figures.panels import WindowChoice
from gateway.dashboard.figures.quality_page import quality_page
from tests.dashboard_records import NOW, clicks, filled
from trainer.policy_reports.feedback_report import share


@pytest.fixture(scope="module")
def made():
    return clicks(seed=5)


@pytest.fixture(scope="module")
def feed(made):
    return filled(made)


@pytest.fixture(params=[60, 300, 900])
def chosen(feed, request):
    return WindowChoice(feed.window(NOW, request.param), request.param)


def table(records, chosen=None):
    """The records as a frame, their values decoded; those of a window."""
    rows = [msgspec.json.decode(one.value) | {"at": one.timestamp} for one in records]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    if chosen is None:
        return frame
    # An answer may be written after the clock's present: it counts as now.
    at = pl.min_horizontal("at", pl.lit(NOW))
    return frame.filter((at >= chosen.window.start) & (at < chosen.window.end))


def panel(panels, name):
    return next(one for one in panels if one.id == name)


def figure(found, name):
    return next(one.value for one in found.figures if one.name == name)


def test_traffic(made, feed, chosen):
    found = panel(live_page(feed, chosen, False), "now")
    sent, answered = table(made["clicks"], chosen), table(made["purchase_intent"], chosen)
    assert figure(found, "clicks") == len(sent) > 100
    assert figure(found, "answered clicks") == len(answered)
    seconds = (chosen.window.end - chosen.window.start) / 1000
    assert figure(found, "clicks a second") == pytest.approx(len(sent) / seconds)


@pytest.mark.parametrize(("name", "quantile"), [("latency p50", 0.5), ("latency p99", 0.99)])
def test_latency(made, feed, chosen, name, quantile):
    answers = table(made["purchase_intent"], chosen).select("event_id", "at")
    sent = table(made["clicks"]).select("event_id", sent="at")
    took = answers.join(sent, "event_id").select(pl.col("at") - pl.col("sent"))["at"].sort()
    expected = took[math.ceil(quantile * len(took)) - 1]
    assert figure(panel(live_page(feed, chosen, False), "now"), name) == expected


def test_funnel_and_intent(made, feed, chosen):
    decided = table(made["ad_decisions"], chosen)
    expected = decided["context"].struct.field("event").value_counts()
    assert events_of(feed, chosen) == dict(expected.iter_rows())
    answered = table(made["purchase_intent"], chosen)
    bands = (answered["purchase_probability"] * BANDS).floor().cast(int).clip(0, BANDS - 1)
    counts = dict(bands.value_counts().iter_rows())
    shown = panel(live_page(feed, chosen, False), "intent").traces[0]["y"]
    assert shown == [counts.get(band, 0) for band in range(BANDS)]


def test_dead_letters(made, feed, chosen):
    letters = [one for one in made["dead_letters"] if one.timestamp in chosen.window]
    reasons = pl.Series([dict(one.headers)["reason"].decode() for one in letters])
    expected = {name: f"{count:,}" for name, count in reasons.value_counts().iter_rows()}
    shown = {row[0]: row[1] for row in panel(live_page(feed, chosen, False), "reasons").rows}
    assert shown == expected
    messages = panel(quality_page(feed, chosen), "events").rows
    assert sum(int(row[1]) for row in messages) == len(letters)


def test_changed_fields(made, feed, chosen):
    flags = table(made["purchase_intent"], chosen)["input_flags"].drop_nulls()
    changes = panel(quality_page(feed, chosen), "changes").rows
    counted = {row[0]: (row[1], row[2]) for row in changes}
    dropped = flags.struct.field("dropped").explode().drop_nulls()
    clipped = flags.struct.field("clipped").explode().drop_nulls()
    assert counted["brand"] == (f"{len(dropped):,}", "0")
    assert counted["price"] == ("0", f"{len(clipped):,}")


def test_decisions(made, feed, chosen):
    decided = table(made["ad_decisions"], chosen)
    keys = ["placement", "policy", "action"]
    expected = decided.group_by(keys).agg(pl.len(), pl.col("explored").sum().alias("x")).sort(keys)
    rows = panel(decisions_page(feed, chosen, NOW), "made").rows
    assert [row[:4] + row[5:] for row in rows] == [
        [*one[:3], f"{one[3]:,}", f"{one[4]:,}"] for one in expected.iter_rows()
    ]


def test_outcomes_and_rewards(made, feed, chosen):
    ended = table(made["rewards"], chosen).with_columns(pl.col("policy").fill_null("rules"))
    found = feed.outcomes.decisions(chosen.window)
    keys = ["placement", "policy", "action"]
    had = [
        pl.col("outcomes")
        .list.eval(pl.element().struct.field("event") == name)
        .list.any()
        .fill_null(False)
        .sum()
        .alias(name)
        for name in ("shown", "clicked", "bought")
    ]
    reward = pl.col("reward")
    sums = [pl.len(), *had, reward.mean().alias("mean"), reward.std().alias("std")]
    expected = ended.group_by(keys).agg(*sums).sort(keys).to_dicts()
    assert [tuple(place) for place in found] == [tuple(one[key] for key in keys) for one in expected]
    for one, row in zip(found.values(), expected, strict=True):
        assert one.records == row["len"]
        assert one.rate("clicked") == share(row["clicked"], row["len"])
        assert one.rate("bought") == share(row["bought"], row["len"])
        assert one.cost == pytest.approx(0.25 * row["len"])
        half = 1.959963984540054 * row["std"] / row["len"] ** 0.5
        assert one.reward == pytest.approx((row["mean"], row["mean"] - half, row["mean"] + half))


def matured(made):
    """Brute force: (time it became known, probability, position, bought) of each click whose outcome is."""
    known = []
    decided = table(made["ad_decisions"]).select("visitor_id", "at", "context").to_dicts()
    sessions = {}
    for one in decided:
        session = sessions.setdefault(one["visitor_id"], [])
        click, event = one["context"]["click"], one["context"]["event"]
        if session and click <= session[-1][1]:
            known += [(one["at"], *click_, False) for click_ in session if len(click_) == 2]
            session.clear()
        if event == "purchase":
            known += [(one["at"], *click_[:2], True) for click_ in session if len(click_) == 2]
            session[:] = [(*click_, "known")[:3] for click_ in session]
        session.append((one["context"]["purchase_probability"], click))
    return known


def test_calibration(made, feed, chosen):
    rows = [one for one in matured(made) if chosen.window.start <= min(one[0], NOW) < chosen.window.end]
    frame = pl.DataFrame(rows, schema=["at", "p", "position", "bought"], orient="row")
    band = (pl.col("p") * 10).floor().clip(0, 9).cast(int).alias("band")
    expected = frame.group_by(band).agg(pl.len(), pl.col("p").sum(), pl.col("bought").sum()).sort("band")
    found = feed.answers.sessions.by(chosen.window, "band")
    assert list(found) == expected["band"].to_list()
    assert [one.clicks for one in found.values()] == expected["len"].to_list()
    assert [one.bought for one in found.values()] == expected["bought"].to_list()
    assert [one.expected for one in found.values()] == pytest.approx(expected["p"].to_list())
    brier = ((frame["p"] - frame["bought"].cast(float)) ** 2).mean()
    assert figure(panel(models_page(feed, chosen), "quality"), "Brier score") == pytest.approx(brier)


def test_drift(made, feed, chosen):
    answered = table(made["purchase_intent"], chosen)
    middle = -(-((chosen.window.start + chosen.window.end) // 2) // BUCKET_MS) * BUCKET_MS
    halves = answered.filter(pl.col("at") < middle), answered.filter(pl.col("at") >= middle)
    shares = []
    for half in halves:
        bands = (half["purchase_probability"] * BANDS).floor().cast(int).clip(0, BANDS - 1)
        counts = dict(bands.value_counts().iter_rows())
        shares.append([max(5e-4, counts.get(band, 0) / len(half)) for band in range(BANDS)])
    expected = sum((q - p) * math.log(q / p) for p, q in zip(*shares, strict=True))
    assert drift(feed, chosen.window) == pytest.approx(expected)
