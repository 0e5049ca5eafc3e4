"""The clicks that the gate judges on: the newest sessions that are over and that no contestant was trained
on.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.sessions.lifecycle import SessionConfig
from trainer.evaluation.bootstrap import Resamples, resampled
from trainer.examples.examples import Examples


@dataclass(frozen=True)
class Holdout:
    """Held-out clicks, grouped by session."""

    clicks: Examples

    @classmethod
    def newest(cls, examples: Examples, after: int, gap_ms: int = SessionConfig().gap_ms) -> "Holdout":
        """Sessions that began after `after` (epoch ms) and had their last click at least `gap_ms` before the
        end of the log.

        An unfinished session may still buy, so it has no label yet.
        """
        session, first, inverse = np.unique(examples.session, return_index=True, return_inverse=True)
        last = np.full(len(session), np.iinfo(np.int64).min)
        np.maximum.at(last, inverse, examples.ts)
        chosen = (examples.ts[first] > after) & (last <= examples.ts.max(initial=0) - gap_ms)
        return cls(examples.part(chosen[inverse]).grouped())

    @cached_property
    def draws(self) -> Resamples:
        """Bootstrap draws of visitors, the same for all contestants."""
        return resampled(self.clicks.visitor)

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Clicks whose purchase intent counts."""
        return self.clicks.judged

    @property
    def wanted(self) -> NDArray[np.bool_]:
        """Clicks that a different item follows."""
        return np.asarray(self.clicks.target != 0)

    @property
    def visitors(self) -> int:
        """Number of visitors."""
        return len(np.unique(self.clicks.visitor))

    @property
    def buyers(self) -> int:
        """Number of visitors with at least one click that a purchase followed."""
        return len(np.unique(self.clicks.visitor[self.judged & self.clicks.buys]))

    def described(self) -> dict[str, int]:
        """Size and time range of the slice for the report; times are epoch ms."""
        times = self.clicks.ts
        return {
            "since": int(times.min(initial=times.max(initial=0))),
            "until": int(times.max(initial=0)),
            "clicks": len(self.clicks),
            "visitors": self.visitors,
            "buyers": self.buyers,
        }
