"""Waiting for workers: what they found decides, a kill loses nothing of it, and nobody waits for ever."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy.cli import main
from models.contract.updates import Comparison, ModelReport, Side
from models.durations import MINUTE_MS
from models.registry.versions import Version
from tests.tiny import version as tiny
from trainer.gate.admission import conclude, kept
from trainer.gate.gate import GateReport
from trainer.gate.gate_settings import GateSettings
from trainer.gate.live_trial import LiveTrial
from trainer.gate.shadow_rules import combined
from trainer.gate.verdict import Verdict
from trainer.promotion.announce import PromotionError
from trainer.promotion.ledger import Ledger
from trainer.promotion.promotions import Promotions

SETTINGS = GateSettings(shadow_events=100, shadow_minutes=10, shadow_outcomes=0.5)


def side(version: str, error: float = 0.02, p50: float = 4.0) -> Side:
    return Side(
        version=version,
        mean=0.1,
        average_precision=0.3,
        brier=0.05,
        calibration_error=error,
        ms_p50=p50,
        ms_p99=9.0,
    )


def comparison(scored: int, outcomes: int, candidate: Side, incumbent: Side) -> Comparison:
    return Comparison(
        wanted=100,
        scored=scored,
        batches=max(1, scored // 10),
        correlation=0.9,
        difference=0.01,
        items_shared=0.5,
        first_shared=0.25,
        outcomes=outcomes,
        bought=outcomes // 5,
        challenger=candidate,
        incumbent=incumbent,
    )


class Killed(BaseException):
    """The process is gone, at its next sleep."""


@dataclass
class World:
    """A registry whose first version serves, and workers whose every word is written by hand."""

    folder: Path
    said: list[tuple[str, Any]] = field(default_factory=list)
    words: dict[str, ModelReport] = field(default_factory=dict)
    plan: list[Any] = field(default_factory=list)
    now: int = 1_000_000

    def __post_init__(self) -> None:
        registry = self.folder / "registry"
        self.first, self.second, self.third = (tiny(registry, seed) for seed in (1, 2, 3))
        self.moves = Promotions(registry, lambda version: None, self.clock, "gate")
        self.moves.promote(self.first.id, "first")
        self.file = self.folder / "shadow.json"

    def clock(self) -> int:
        self.now += 1
        return self.now

    def trial(self) -> LiveTrial:
        tell = lambda news: self.said.append(("news", news))  # noqa: E731
        return LiveTrial(self, SETTINGS, self.clock, tell, self.file, self.sleep)

    def compare(self, version: Version, events: int) -> None:
        self.said.append(("compare", (version.id, events)))

    def stop(self) -> None:
        self.said.append(("stop", None))

    def reports(self) -> list[ModelReport]:
        return list(self.words.values())

    def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1000)
        step = self.plan.pop(0) if self.plan else (lambda: None)
        step()

    def die(self) -> None:
        raise Killed

    def speak(self, worker: str, scored: int, outcomes: int, **candidate: float) -> None:
        found = comparison(scored, outcomes, side(self.second.id, **candidate), side(self.first.id))
        self.hear(
            ModelReport(
                worker=worker,
                kind="shadow",
                version=self.second.id,
                at=self.now,
                incumbent=self.first.id,
                shadow=found,
            )
        )

    def hear(self, report: ModelReport) -> None:
        self.words[report.key] = report

    def passed(self) -> GateReport:
        figures = {
            "candidate": self.second.id,
            "incumbent": self.first.id,
            "verdict": "passed",
            "reason": "it is better than the other",
            "slice": {},
        }
        return GateReport(Verdict(True, "it is better than the other"), figures)

    def conclude(self) -> GateReport:
        return conclude(self.second.id, self.passed(), self.moves, self.trial())

    @property
    def status(self) -> Any:
        return Ledger(self.moves.folder).status()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_workers_figures_are_weighed_together() -> None:
    one = comparison(100, 50, side("c", 0.01, 2.0), side("i", 0.02, 1.0))
    other = comparison(300, 150, side("c", 0.05, 6.0), side("i", 0.02, 5.0))
    found = combined([one, other])
    assert (found["workers"], found["scored"], found["outcomes"], found["bought"]) == (2, 400, 200, 40)
    assert found["candidate"]["calibration_error"] == pytest.approx(0.04)
    assert found["candidate"]["ms_p50"] == pytest.approx(5.0)
    assert found["incumbent"]["ms_p50"] == pytest.approx(4.0)
    assert combined([])["candidate"]["brier"] == 0.0


def test_what_is_as_good_on_live_clicks_is_promoted_and_the_table_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.plan = [lambda: world.speak("a", 60, 10), lambda: world.speak("b", 60, 45)]
    report = world.conclude()
    assert report.verdict.passed
    assert report.verdict.reason.startswith("it is better than the other; on 120 live clicks it is as fast")
    assert world.status.serving == world.second.id
    assert [what for what, _ in world.said if what != "news"] == ["compare", "stop"]
    assert world.said[0] == ("compare", (world.second.id, 100))
    assert not world.file.exists()
    folder = world.moves.folder / world.second.id / "gate"
    found = json.loads((folder / "report.json").read_bytes())
    assert (found["shadow"]["scored"], found["shadow"]["workers"], found["verdict"]) == (120, 2, "passed")
    text = (folder / "report.md").read_text()
    assert "2 workers compared both on 120 live clicks (asked for: 100)" in text
    assert f"| {world.first.id} | 0.1000 | 0.3000 | 0.0500 | 0.0200 | 4.0000 | 9.0000 |" in text
    assert "| calibration error | 0.0200 | 0.0400 | yes |" in text
    monkeypatch.setenv("PATHCAST_REGISTRY", str(world.moves.folder))
    shown = CliRunner().invoke(main, ["models", "show", world.second.id]).output
    assert "shadow:" in shown
    assert "scored: 120" in shown
    assert "items_shared: 0.5" in shown


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        ({"error": 0.05}, "on 100 live clicks its calibration error is 0.05, above 0.04"),
        ({"p50": 6.1}, "on 100 live clicks its time, of the incumbent's is 1.525, above 1.5"),
    ],
)
def test_what_is_worse_on_live_clicks_is_refused(world: World, candidate: dict[str, float], why: str) -> None:
    world.plan = [lambda: world.speak("a", 100, 50, **candidate)]
    assert world.conclude().verdict == Verdict(False, why)
    assert (world.status.serving, world.status.refused) == (world.first.id, {world.second.id: why})
    report = (world.moves.folder / world.second.id / "gate" / "report.md").read_text()
    assert report.startswith(f"# {world.second.id}: refused\n\nOn 100 live clicks")


@pytest.mark.parametrize(
    ("scored", "outcomes", "why"),
    [
        (99, 99, "workers scored 99 of 100 clicks in 10 minutes"),
        (100, 49, "the outcome of 49 clicks is known, expected 50 in 10 minutes"),
        (0, 0, "workers scored 0 of 100 clicks in 10 minutes"),
    ],
)
def test_too_little_traffic_is_refused_when_the_time_is_over(
    world: World, scored: int, outcomes: int, why: str
) -> None:
    world.plan = [lambda: world.speak("a", scored, outcomes)] if scored else []
    began = world.now
    assert world.conclude().verdict.reason == f"there is too little traffic to compare: {why}"
    assert 10 * MINUTE_MS <= world.now - began < 11 * MINUTE_MS


def test_who_is_killed_while_waiting_goes_on_with_what_was_scored_meanwhile(world: World) -> None:
    world.plan = [lambda: world.speak("a", 60, 30), world.die]
    with pytest.raises(Killed):
        world.conclude()
    assert world.trial().is_pending(world.second.id)
    assert not world.trial().is_pending(world.third.id)
    assert kept(world.moves.folder / world.second.id).verdict.passed
    world.speak("b", 40, 20)
    report = conclude(world.second.id, kept(world.moves.folder / world.second.id), world.moves, world.trial())
    assert report.figures["shadow"]["scored"] == 100
    assert [what for what, _ in world.said if what != "news"] == ["compare", "stop"]
    assert world.status.serving == world.second.id


def test_the_time_goes_on_while_nobody_waits(world: World) -> None:
    world.plan = [world.die]
    with pytest.raises(Killed):
        world.conclude()
    world.now += 10 * MINUTE_MS
    assert "too little traffic" in world.conclude().verdict.reason


def test_what_was_said_of_an_earlier_comparison_does_not_count(world: World) -> None:
    world.speak("a", 100, 100, error=0.5)
    world.now += 1
    world.plan = [lambda: world.speak("b", 100, 60)]
    report = world.conclude()
    assert (report.verdict.passed, report.figures["shadow"]["workers"]) == (True, 1)


def refusal(world: World, word: str) -> ModelReport:
    return ModelReport(
        worker="a", kind="refused", version=world.second.id, at=world.now, refusal=word, message="no room"
    )


def test_a_worker_that_cannot_use_it_decides_at_once_unless_that_may_pass(world: World) -> None:
    world.plan = [
        lambda: world.hear(refusal(world, "disk_full")),
        lambda: world.hear(refusal(world, "warm_up")),
    ]
    assert world.conclude().verdict.reason == "a could not use it: no room"
    assert world.plan == []


def test_another_version_that_is_promoted_meanwhile_ends_it(world: World) -> None:
    world.plan = [lambda: world.moves.promote(world.third.id, "by hand")]
    assert world.conclude().verdict.reason.startswith(f"{world.third.id} serves now")
    assert world.status.serving == world.third.id


def test_a_broker_that_is_away_for_a_moment_is_waited_for(world: World) -> None:
    def away() -> list[ModelReport]:
        raise PromotionError("no broker")

    world.plan = [
        lambda: setattr(world, "reports", away),
        lambda: delattr(world, "reports"),
        lambda: world.speak("a", 100, 50),
    ]
    assert world.conclude().verdict.passed
    assert ("news", "in the shadow: no broker") in world.said


def test_the_first_version_has_nothing_to_be_compared_with(world: World) -> None:
    report = GateReport(Verdict(True, "first"), world.passed().figures | {"incumbent": None})
    assert conclude(world.second.id, report, world.moves, world.trial()).verdict.passed
    assert world.said == []
