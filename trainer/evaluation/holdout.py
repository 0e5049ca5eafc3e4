"""The clicks on which a gate judges: the newest, of sessions that are over and that nobody learned from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.sessions.lifecycle import SessionConfig
from trainer.evaluation.bootstrap import Resamples, resampled
from trainer.examples.examples import Examples


@dataclass(frozen=True)
class Holdout:
    """Clicks grouped by session."""

    clicks: Examples

    @classmethod
    def newest(cls, examples: Examples, after: int, gap_ms: int = SessionConfig().gap_ms) -> "Holdout":
        """Sessions that began after `after` (epoch ms) and ended `gap_ms` before the log did.

        What an unfinished session still buys is not known.
        """
        session, first, inverse = np.unique(examples.session, return_index=True, return_inverse=True)
        last = np.full(len(session), np.iinfo(np.int64).min)
        np.maximum.at(last, inverse, examples.ts)
        chosen = (examples.ts[first] > after) & (last <= examples.ts.max(initial=0) - gap_ms)
        return cls(examples.part(chosen[inverse]).grouped())

    @cached_property
    def draws(self) -> Resamples:
        """How visitors are drawn: the same draws for all who are compared."""
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
        """How many there are."""
        return len(np.unique(self.clicks.visitor))

    @property
    def buyers(self) -> int:
        """Visitors of whom a click was followed by a purchase."""
        return len(np.unique(self.clicks.visitor[self.judged & self.clicks.buys]))

    def described(self) -> dict[str, int]:
        """For the report; times are epoch ms."""
        times = self.clicks.ts
        return {
            "since": int(times.min(initial=times.max(initial=0))),
            "until": int(times.max(initial=0)),
            "clicks": len(self.clicks),
            "visitors": self.visitors,
            "buyers": self.buyers,
        }
