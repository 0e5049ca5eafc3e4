"""What the trainer does, as its own log lines and its event log say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from deploy.demo.learning import EPOCHS, JANUARY


class Ended(NamedTuple):
    """A run that ended: its version, and the gate's verdict with its sentence."""

    version: str
    promoted: bool
    why: str


@dataclass
class Retraining:
    """`clicks` are those in the event log, of which there were `ordered` when the last run was ordered;
    the next one is due after `every` more. `doing` is what the run under way does, empty for none."""

    every: int
    ordered: int
    clicks: int = 0
    doing: str = ""
    ended: list[Ended] = field(default_factory=list)

    def hear(self, line: Mapping[str, Any]) -> None:
        """Take in a line of the trainer's, or of a run's."""
        match line.get("event"):
            case "run ordered":
                self.ordered, self.doing = int(line["clicks"]), "a run starts, reads the newest clicks"
            case "slice written":
                self.doing = f"training on {line['clicks']:,} clicks"
            case "epoch begins":
                self.doing = f"training: epoch {line['epoch']} of {EPOCHS}, {line['done']:.0%} done"
            case "epochs over":
                self.doing = "training: trees and calibration"
            case "version made":
                self.doing = "the gate judges the new version"
            case "run died":
                self.doing = "the run died, and goes on"
            case "run ended" if line["order"] != JANUARY:
                self.doing = ""
                self.ended.append(Ended(line["version"] or "", line["promoted"], line["why"]))

    @property
    def state(self) -> str:
        """What the trainer does now, in words."""
        if self.doing:
            return self.doing
        missing = self.every - (self.clicks - self.ordered)
        if self.clicks < self.ordered:
            return f"reads January: {self.ordered - self.clicks:,} clicks to go"
        return f"waits for {missing:,} more clicks" if missing > 0 else "a run is due"
