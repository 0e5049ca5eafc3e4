"""The demo without its processes: the folded log, the board, the figures, the picture."""

import json
import sys
from types import SimpleNamespace

import polars as pl
import pytest
from rich.console import Console

from deploy.demo import children, demo_figures, teaching
from deploy.demo.board import SIMULATED, Board
from deploy.demo.learning import EASED, EPOCHS, Learning
from deploy.demo.retraining import Retraining, RunEnded
from deploy.demo.setup import PREFIX, new_run, topic_names, versions_of
from deploy.demo.shipped_log import FEBRUARY_MS, FIRST_UNTIL_MS, DemoLog, fold, name, prepare, worth_following
from deploy.demo.simulated_outcomes import SimulatedOutcomes, shipped_actions
from deploy.demo.tally import AnswerTally
from deploy.demo.view import View
from deploy.demo.watch import heard
from models.decisions.actions import ActionSet
from models.decisions.policy_kinds import LEARNED
from models.durations import DAY_MS
from streams.config.connection import Connection
from tests.contract.examples import COMMON, DECISION, INTENT
from trainer.gate.gate_settings import GateSettings
from trainer.loop.options import Options, read
from trainer.promotion.status import LedgerEntry, What
from trainer.service.schedule import RunSchedule, due
from trainer.service.workdir import Workdir
from trainer.settings import TrainerSettings
from trainer.simulation.standard_shop import standard_actions

NOW = 1_700_000_000.0


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> DemoLog:
    return prepare(tmp_path_factory.mktemp("demo"))


def test_what_is_learned_from_ends_before_what_is_shown_begins(log):
    january, february = pl.read_parquet(log.january), pl.read_parquet(log.february)
    assert january["ts"].max() < FEBRUARY_MS
    assert not set(january["event_id"]) & set(february["event_id"])
    assert len(january) > 50_000
    assert 8_000 < len(pl.read_parquet(log.first)) < 12_000
    assert pl.read_parquet(log.first)["ts"].max() < FIRST_UNTIL_MS
    assert len(february) > 40_000


def test_february_is_one_day_in_order(log):
    times = pl.read_parquet(log.february)["ts"]
    assert times.is_sorted()
    assert (times.min() >= FEBRUARY_MS, times.max() < FEBRUARY_MS + DAY_MS) == (True, True)


def test_folding_moves_visitors_by_whole_days_and_keeps_their_paths():
    day, hour = DAY_MS, 3_600_000
    rows = [
        ("a", FEBRUARY_MS + 3 * day + 2 * hour),
        ("b", FEBRUARY_MS + 1 * hour),
        ("a", FEBRUARY_MS + 3 * day + 5 * hour),
        ("a", FEBRUARY_MS + 4 * day + 3 * hour),  # a day later: after the day that is shown
    ]
    folded = fold(pl.DataFrame(rows, schema=["visitor_id", "ts"], orient="row"))
    hours = [(visitor, (ts - FEBRUARY_MS) // hour) for visitor, ts in folded.iter_rows()]
    assert hours == [("b", 1), ("a", 2), ("a", 5)]


def test_paths_worth_following(log):
    buyers, walkers = worth_following(pl.read_parquet(log.february))
    assert (len(buyers) > 50, len(walkers) > 200, buyers & walkers) == (True, True, frozenset())
    path = pl.read_parquet(log.february).filter(pl.col("visitor_id") == min(buyers))["event"].to_list()
    assert path.index("purchase") >= 5


def test_items_are_named_without_titles(log):
    assert name("7", "computers.components.video_cards", "asus") == "asus video cards #7"
    assert name("7", "2144415922427789416", None) == "#7"
    assert log.names["4101564"] == "gigabyte videocards #4101564"


def test_a_run_has_names_of_its_own():
    first, second = new_run(), new_run()
    assert first != second
    names = topic_names(first)
    assert all(topic.startswith(f"{PREFIX}{first.removeprefix(PREFIX)}-") for topic in names.by_visitor)


def record(value, timestamp_ms=0):
    return SimpleNamespace(value=json.dumps(value).encode(), timestamp=timestamp_ms, headers=[])


def click(number, visitor, event="view_item", item="4101564"):
    own = {"event_id": f"e{number}", "visitor_id": visitor, "ts": FEBRUARY_MS + 1000 * number, "event": event}
    return own | {"item_id": item}


def answers(number, visitor, probability=0.2, items=()):
    common = COMMON | {"event_id": f"e{number}", "visitor_id": visitor}
    listed = [{"item_id": item, "score": 0.5} for item in items]
    return {
        "purchase_intent": INTENT | common | {"purchase_probability": probability},
        "recommendations": common | {"items": listed},
        "ad_decisions": DECISION | common | {"decision_id": f"e{number}:shop", "action": "coupon"},
    }


def feed(board, number, visitor, probability=0.2, items=(), took_ms=20.0, version="", **fields):
    sent = int(NOW * 1000) + 1000 * number
    board.feed("clicks", record(click(number, visitor, **fields), sent), NOW + number + 0.001)
    made = answers(number, visitor, probability, items)
    for role, value in made.items():
        value |= {"model_version": version} if version else {}
        board.feed(role, record(value), NOW + number + took_ms / 1000)


@pytest.fixture
def board(log):
    return Board(log, NOW)


def test_latency_is_from_the_clicks_timestamp_to_the_answer_in_either_order(board):
    feed(board, 1, "x", took_ms=30)
    early = answers(2, "x")["purchase_intent"]
    board.feed("purchase_intent", record(early), NOW + 2.05)
    board.feed("clicks", record(click(2, "x"), int(NOW * 1000) + 2000), NOW + 2.06)
    assert [round(value) for value in board.latencies] == [30, 50]
    assert demo_figures.latency(board.latencies).p50 == pytest.approx(40, abs=1)


def test_hits_are_items_recommended_after_the_click_before(board):
    feed(board, 1, "x", items=["7", "8"])
    feed(board, 2, "x", item="8", items=["9"])
    feed(board, 3, "x", item="7")
    assert (board.hits, board.tries) == (1, 2)


def test_a_buyer_is_preferred_and_followed_to_the_end(board, log):
    buyer, other = sorted(log.buyers)[:2]
    walker = min(log.walkers)
    feed(board, 1, walker)
    assert board.path.visitor == walker
    feed(board, 2, buyer, probability=0.1)
    feed(board, 3, other)
    feed(board, 4, buyer, probability=0.6, event="purchase")
    assert board.path.visitor == buyer
    assert [step.probability for step in board.path.steps.values()] == [0.1, 0.6]
    assert board.path.bought
    feed(board, 40, other)
    assert board.path.visitor == other


def test_made_up_outcomes_are_counted_apart(board):
    feed(board, 1, "x")
    outcome = click(2, "x", event="view_promotion") | {"event_id": f"e1:shop{SIMULATED}view_promotion"}
    board.feed("clicks", record(outcome), NOW)
    assert (board.events.total(), board.simulated["view_promotion"]) == (1, 1)
    assert board.outcomes == {"e1:shop": "view_promotion"}
    assert "1 of them made-up" in dict(demo_figures.summary(board))["clicks"]


def test_outcomes_are_planned_for_actions_only_and_never_for_outcomes(board):
    outcomes = SimulatedOutcomes(Connection(), "clicks", lambda: FEBRUARY_MS + DAY_MS, standard_actions())
    feed(board, 1, "x")
    decision = board.decisions[0]
    for event_id in [*(f"e{n}" for n in range(200)), f"e1{SIMULATED}view_promotion"]:
        decision.event_id = event_id
        outcomes.plan(decision)
    planned = [one.said(FEBRUARY_MS + DAY_MS) for one in outcomes._planned]
    shown = sum(one["event"] == "view_promotion" for one in planned)
    assert 60 < shown < 140
    assert 0 < len(planned) - shown < shown
    assert all(one["ts"] > FEBRUARY_MS + DAY_MS - 120_000 for one in planned)
    decision.action = "nothing"
    count = len(planned)
    outcomes.plan(decision)
    assert len(outcomes._planned) == count


def picture(board, width, height):
    console = Console(width=width, height=height, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(View(board, "here").render(height), height=height)
    text = console.export_text()
    lines = text.splitlines()
    assert (len(lines), max(map(len, lines))) == (height, width)
    return text


SIZES = [(100, 30), (140, 45), (90, 28)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_picture_fits_and_says_what_matters(board, log, width, height):
    buyer = min(log.buyers)
    for number in range(1, 30):
        feed(board, number, buyer, probability=number / 40, items=["4101564", "3829445"])
    text = picture(board, width, height)
    for said in (
        f"visitor {buyer}",
        "72.5 %",
        "gigabyte videocards #4101564",
        "coupon",
        "0.750",
        "Ctrl-C",
        "neural",
    ):
        assert said in text, said
    assert f"{time(29)} view" in text, "the latest click is not to be cut off"
    assert "trainer" not in text


def time(number):
    return f"00:00:{number:02}"


def line(event, **fields):
    return {"event": event, "logger": "pathcast.trainer", **fields}


def end(order="2", version="20261126T010203-bbbbbbbbbbbb", promoted=True, why="it is better"):
    return line("run ended", order=order, version=version, promoted=promoted, why=why)


def test_the_trainers_lines_say_what_it_does():
    found = Retraining(every=100, ordered=1_000, clicks=400)
    assert found.state == "reads January: 600 clicks to go"
    found.clicks = 1_040
    found.hear(end(order="january", version="a"))
    assert (found.state, found.ended) == ("waits for 60 more clicks", [])
    found.clicks = 1_100
    assert found.state == "a run is due"
    said = []
    for event in (
        line("run ordered", reason="100 new clicks", clicks=1_100, order="2"),
        line("slice written", clicks=900),
        line("epoch begins", stage="training", epoch=3, auc=0.7, done=0.34),
        line("epochs over", stage="training"),
        line("version made", version="b"),
        line("log tended", merged=3),
    ):
        found.hear(event)
        said.append(found.state)
    assert "900" in said[1]
    assert "epoch 3 of" in said[2]
    assert "34%" in said[2]
    assert "gate" in said[4]
    assert said[5] == said[4]
    found.clicks = 1_130
    found.hear(end(version=None, promoted=False, why="no click to learn from"))
    assert found.state == "waits for 70 more clicks"
    assert found.ended == [RunEnded("", False, "no click to learn from")]


def entry(what, by="gate", version="20261126T010203-bbbbbbbbbbbb", reason="it is better"):
    return LedgerEntry(at=1, what=what, version=version, by=by, reason=reason)


def test_verdicts_are_those_of_the_ledger_each_once():
    found = Retraining(every=100, ordered=1_000)
    entries = [entry(What.PROMOTED, by="demo"), entry(What.REFUSED, reason="there is too little to judge")]
    found.judged(entries)
    found.judged(entries)
    found.judged([*entries, entry(What.PROMOTED, version="20261126T010204-cccccccccccc")])
    found.hear(end(version="20261126T010204-cccccccccccc"))
    assert [(one.promoted, one.why) for one in found.ended] == [
        (False, "there is too little to judge"),
        (True, "it is better"),
    ]


def test_what_the_trainer_is_told_makes_a_run_due_after_so_many_new_clicks(tmp_path, monkeypatch):
    learning = Learning(tmp_path, every=4_000, most=30_000)
    learning.begin(26_000)
    for variable, value in learning.environment("pathcast-demo-x").items():
        monkeypatch.setenv(variable, value)
    settings = TrainerSettings()
    schedule = RunSchedule(settings.every_minutes, settings.every_clicks, settings.drift_minutes)
    mark = Workdir(settings.workdir).mark()
    assert due(schedule, mark, mark.at + 60_000, 29_999, {}) is None
    assert due(schedule, mark, mark.at + 60_000, 30_000, {}) == "4,000 new clicks"
    assert settings.most_clicks >= 30_000
    assert 30_000 * settings.holdout < 4_000, "it has to learn from some of February"
    assert GateSettings() == EASED
    assert read(settings.config, Options()).epochs == EPOCHS


def test_only_whole_lines_are_heard(tmp_path):
    path = tmp_path / "trainer.log"
    path.write_text('{"event": "a"}\nno version: something\n{"event": ')
    with path.open() as lines:
        assert [one["event"] for one in heard(lines)] == ["a"]
        with path.open("a") as more:
            more.write('"b"}\n')
        assert [one["event"] for one in heard(lines)] == ["b"]
        assert not list(heard(lines))


def test_a_click_is_answered_once_it_has_all_three_answers_and_twice_is_told():
    tally = AnswerTally()
    for role in ("purchase_intent", "clicks", "recommendations"):
        tally.saw(role, "x")
    assert (tally.clicks, tally.answered, tally.unanswered) == (1, 0, 1)
    tally.saw("ad_decisions", "x")
    tally.saw("clicks", "x")
    assert (tally.clicks, tally.answered, tally.unanswered, tally.twice) == (1, 1, 0, 0)
    tally.saw("ad_decisions", "x")
    assert (tally.answered, tally.twice) == (1, 1)
    tally.saw("clicks", "late")
    assert tally.unanswered == 1
    tally.saw("dead_letters", "late")
    assert (tally.unanswered, tally.refused) == (0, 1)


@pytest.fixture
def swapped(log):
    """A board that saw three clicks answered by one version, then two by the next."""
    board = Board(log, NOW, Retraining(every=100, ordered=1_000, clicks=1_030))
    for number in range(1, 6):
        feed(
            board,
            number,
            "x",
            items=["4101564"] if number > 2 else ["7"],
            version=f"20261126T01020{number // 4}-{'ab'[number // 4] * 12}",
        )
    better = "it is better than 20261126T010200-aaaaaaaaaaaa"
    board.retraining.judged([entry(What.PROMOTED, reason=better)])
    return board


def test_the_summary_tells_of_runs_the_swap_and_each_versions_answers(swapped):
    told = dict(demo_figures.summary(swapped))
    assert told["retrained"] == "bbbbbbbbbbbb promoted: it is better than aaaaaaaaaaaa"
    assert told["swapped"] == "to bbbbbbbbbbbb after 4 s and 3 clicks"
    assert told["answered by version"] == "aaaaaaaaaaaa 3, bbbbbbbbbbbb 2"
    assert told["top 20 by version"] == "aaaaaaaaaaaa 33 %, bbbbbbbbbbbb 100 %"
    assert told["without an answer"] == "0; answered twice 0"


def test_a_policy_run_is_followed_and_its_value_told_beside_the_rules(swapped):
    trainer = swapped.retraining
    trainer.hear(line("policy run ordered", sort="run", reason="new", rewards=4_000))
    trainer.hear(line("decisions written", decisions=5_200))
    assert trainer.teaching == "a policy learns from 5,200 decisions"
    assert "a policy learns from 5,200 decisions (simulated)" in picture(swapped, 140, 45)
    trainer.hear(line("policy made", version="v", decisions=3_000))
    assert trainer.teaching == "the policy gate judges"
    why = "its value is 0.2100 a decision, the incumbent's 0.1700: +0.0400, 80% from +0.0100 to +0.0700"
    ended = {"sort": "run", "version": "20261126T010205-dddddddddddd", "promoted": True, "why": why}
    trainer.hear(line("policy run ended", **ended))
    assert trainer.teaching == ""
    told = dict(demo_figures.summary(swapped))
    assert told["policy"] == f"dddddddddddd promoted: {why} (simulated)"
    assert told["decided by"] == "rules 5"
    assert "policy dddddddddddd promoted" in picture(swapped, 140, 45)


def test_the_demos_actions_are_the_shipped_ones_with_a_reward(tmp_path):
    teaching.close_shop(tmp_path)
    assert ActionSet.load((tmp_path / teaching.FILE).read_bytes()).names == ("nothing",)
    teaching.open_shop(tmp_path)
    actions = ActionSet.load((tmp_path / teaching.FILE).read_bytes())
    assert actions.names == shipped_actions().names
    assert actions.placement == shipped_actions().placement
    assert (actions.epsilon, actions.policy) == (teaching.EPSILON, LEARNED)


def test_the_summary_says_why_there_was_no_swap(log):
    board = Board(log, NOW, Retraining(every=100, ordered=1_000, clicks=1_030))
    assert "the run had not ended" in dict(demo_figures.summary(board))["swapped"]
    board.retraining.judged([entry(What.REFUSED, reason="it is worse")])
    assert "none was promoted" in dict(demo_figures.summary(board))["swapped"]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_picture_with_a_trainer_fits_too(swapped, width, height):
    text = picture(swapped, width, height)
    for said in (
        "waits for 70 more clicks",
        "bbbbbbbbbbbb promoted",
        "swapped in",
        "aaaaaaaaaaaa",
        "Ctrl-C",
    ):
        assert said in text, said


def test_another_log_has_another_registry(log, tmp_path):
    assert versions_of(log.first, tmp_path) != versions_of(log.january, tmp_path)
    assert versions_of(log.first, tmp_path) == versions_of(log.first, tmp_path)


def test_the_picture_of_nothing_yet_is_one_too(board):
    console = Console(width=100, height=30, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(View(board, "here").render(30), height=30)
    assert "waiting for a visitor" in console.export_text()
    assert "0 clicks" in demo_figures.line(board)


def test_bars_and_sparklines():
    assert demo_figures.sparkline([0, 0.5, 1.0], 1.0) == "▁▅█"
    assert demo_figures.sparkline([]) == ""
    assert (demo_figures.bar(0.5, 4), demo_figures.bar(1.0, 4), demo_figures.bar(0.0, 4)) == (
        "██",
        "████",
        "",
    )
    assert demo_figures.bar(0.03125, 4) == "▏"


def test_the_demo_s_answers_are_not_sealed_whatever_is_set_outside(monkeypatch, tmp_path):
    monkeypatch.setenv("PATHCAST_ENVELOPE_KEY_FILE", "/etc/pathcast.master")
    monkeypatch.setenv("PATHCAST_PSEUDONYM_KEY_FILE", "/etc/pathcast.secret")
    monkeypatch.setattr(children, "command", lambda name: [sys.executable, "-c", PRINT_ENVIRONMENT])
    child = children.DemoProcess("worker", tmp_path / "log", {"PATHCAST_REGISTRY": "here"})
    assert child.process.wait(60) == 0
    assert (tmp_path / "log").read_text().split() == ["None", "None", "here"]


PRINT_ENVIRONMENT = """
import os
print(*map(os.environ.get, ("PATHCAST_ENVELOPE_KEY_FILE", "PATHCAST_PSEUDONYM_KEY_FILE")))
print(os.environ["PATHCAST_REGISTRY"])
"""
