"""Makes an ordered policy run: decisions, training, judgement. After a kill at any point, repeating the call
continues the run and makes the same version.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import structlog

from models.errors import PathcastError
from trainer.off_policy.logged_decisions import LoggedDecisions
from trainer.policy_runs.policy_schedule import POSTERIOR
from trainer.policy_runs.policy_workdir import PolicyOrder, PolicyResult, PolicyWorkdir

log = structlog.get_logger("pathcast.trainer")


class PolicyJudgement(NamedTuple):
    """Whether a version was promoted, and the reason in a sentence."""

    promoted: bool
    why: str


@dataclass(frozen=True)
class PolicyRecipe:
    """The parts of a run.

    write: writes the logged decisions to a file, the same for the same log. Raises PathcastError.
    read: reads such a file.
    holdout: share of the visitors that a run does not learn from.
    train: trains on decisions for an order, and saves the version; returns its name. It must depend on
        nothing else, so that a repeated run makes the same version.
    judge: judges a version on decisions, and promotes or refuses it.
    erased: time of the last erasure of a visitor (epoch ms); a run that read before it begins again.
    """

    write: Callable[[Path], None]
    read: Callable[[Path], LoggedDecisions]
    holdout: float
    train: Callable[[PolicyOrder, LoggedDecisions], str]
    judge: Callable[[PolicyOrder, str, LoggedDecisions], PolicyJudgement]
    erased: Callable[[], int] = lambda: 0


@dataclass(frozen=True)
class PolicyRunMaker:
    """Makes the runs of a working folder; `now` is the clock (epoch ms)."""

    at: PolicyWorkdir
    recipe: PolicyRecipe
    now: Callable[[], int]

    def make(self, order: PolicyOrder) -> PolicyResult:
        """Make the run and record how it ended; a known failure is also recorded.

        Raises PolicyRunError if the working folder cannot be used.
        """
        version = None
        try:
            version, judged = self._version(order)
            judgement = self.recipe.judge(order, version, judged)
        except PathcastError as error:
            judgement = PolicyJudgement(False, str(error))
        done = PolicyResult(
            order=order, at=self.now(), version=version, promoted=judgement.promoted, why=judgement.why
        )
        self.at.end(done)
        return done

    def _version(self, order: PolicyOrder) -> tuple[str, LoggedDecisions]:
        """The version, and the decisions that it is judged on."""
        while True:
            logged = self._decisions()
            learned, judged = parts(logged, self.recipe.holdout)
            if self.at.trained.exists():
                return self.at.trained.read_text(), judged
            version = self.recipe.train(order, logged if order.sort == POSTERIOR else learned)
            if not self._outdated():
                self.at.made(version)
                log.info("policy made", version=version, decisions=len(learned))
                return version, judged
            log.info("policy run begins again", reason="a visitor was erased during the run")

    def _decisions(self) -> LoggedDecisions:
        if self._outdated():
            self.at.anew()
        if not self.at.decisions.exists():
            self.at.folder.mkdir(parents=True, exist_ok=True)
            self.recipe.write(self.at.decisions)
        return self.recipe.read(self.at.decisions)

    def _outdated(self) -> bool:
        """Whether a visitor was erased after the decisions were read."""
        read = self.at.decisions
        return read.exists() and self.recipe.erased() >= int(read.stat().st_mtime * 1000)


def parts(logged: LoggedDecisions, holdout: float) -> tuple[LoggedDecisions, LoggedDecisions]:
    """What is learned from and what is judged on: a visitor's decisions are in one of them.

    Visitors are divided by a hash of their number, so that the newest are in both.
    """
    codes = np.arange(len(logged)) if logged.visitor is None else logged.visitor
    mixed = codes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    judged = (mixed >> np.uint64(11)).astype(np.float64) / 2**53 < holdout
    return logged.rows(~judged), logged.rows(judged)
