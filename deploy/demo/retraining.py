"""What the trainer does, from its log lines, its event log and the registry's ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from deploy.demo.learning import EPOCHS, JANUARY
from trainer.promotion.status import LedgerEntry, What

#: The name under which the trainer promotes.
GATE = "gate"
#: What a run does after a log line, in words.
_DOING = {
    "run ordered": "a run starts, reads the newest clicks",
    "slice written": "training on {clicks:,} clicks",
    "epoch begins": "{stage}: epoch {epoch} of {epochs}, {done:.0%} done",
    "epochs over": "{stage}: epochs finished",
    "step begins": "{step}",
    "version made": "the gate judges the new version",
    "run died": "the run died, and goes on",
}
#: What a policy run does after a log line.
_TEACHING = {
    "policy run ordered": "a policy is due",
    "decisions written": "a policy learns from {decisions:,} decisions",
    "policy made": "the policy gate judges",
}


class RunEnded(NamedTuple):
    """A finished run: its version, if it made one, and why that serves or not."""

    version: str
    promoted: bool
    why: str


@dataclass
class Retraining:
    """State of the trainer.

    `clicks` are in the event log, `ordered` of them when the last run was ordered; the next one is due after
    `every` more. `doing` is the step of the current run, empty if there is none. `teaching` and `policies`
    are the same of policy runs.
    """

    every: int
    ordered: int
    clicks: int = 0
    doing: str = ""
    ended: list[RunEnded] = field(default_factory=list)
    teaching: str = ""
    policies: list[RunEnded] = field(default_factory=list)

    def hear(self, line: Mapping[str, Any]) -> None:
        """Take in a log line of the trainer or of a run."""
        event = line.get("event")
        if event == "run ordered":
            self.ordered = int(line["clicks"])
        if event in _DOING:
            self.doing = _DOING[event].format(**line, epochs=EPOCHS)
        elif event == "run ended" and line["order"] != JANUARY:
            self.doing = ""
            self._end(RunEnded(line["version"] or "", line["promoted"], line["why"]))
        elif event in _TEACHING:
            self.teaching = _TEACHING[event].format(**line)
        elif event == "policy run ended":
            self.teaching = ""
            self.policies.append(RunEnded(line["version"] or "", line["promoted"], line["why"]))

    def judged(self, entries: Sequence[LedgerEntry]) -> None:
        """Take in the ledger: it has the gate's verdict before workers are told."""
        for entry in entries:
            if entry.by == GATE and entry.what in (What.PROMOTED, What.REFUSED):
                self._end(RunEnded(entry.version, entry.what is What.PROMOTED, entry.reason))

    def _end(self, run: RunEnded) -> None:
        """Add a result once: the ledger and the log lines both report it."""
        if not run.version or all(run.version != known.version for known in self.ended):
            self.ended.append(run)

    @property
    def state(self) -> str:
        """What the trainer does now, in words."""
        if self.doing:
            return self.doing
        missing = self.every - (self.clicks - self.ordered)
        if self.clicks < self.ordered:
            return f"reads January: {self.ordered - self.clicks:,} clicks to go"
        return f"waits for {missing:,} more clicks" if missing > 0 else "a run is due"
