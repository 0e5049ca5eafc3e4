"""The result of a session step, for scoring, decisions and panes."""

from enum import IntEnum
from typing import NamedTuple

import msgspec

from models.feedback.recommended import ClosedList
from models.state.exposure import Closed, Withdrawn
from models.state.summary import Summary


class ClickStatus(IntEnum):
    """Whether a click is applied; only an applied one is scored and answered."""

    APPLIED = 0
    DUPLICATE = 1
    LATE = 2


class Visit(NamedTuple):
    """A session as analytics count it. `segment` is that of `visit_segment`.

    `path` has the event codes of its clicks, oldest first: at most the last 50, and then it is `cut`; none
    of a visitor who refuses. `cart_milli` is the value left in the cart, in thousandths.
    """

    segment: str = ""
    path: bytes = b""
    cut: bool = False
    returning: bool = False
    carts: int = 0
    checkouts: int = 0
    purchases: int = 0
    cart_milli: int = 0


class Ended(NamedTuple):
    """A session is over. `ts` is its last event's time; `spend` in thousandths."""

    ts: int
    clicks: int
    carts: int
    checkouts: int
    purchases: int
    spend: int
    visit: Visit = Visit()


class Reopened(NamedTuple):
    """A session that the watermark had ended goes on: takes back the `Ended` of the same `ts`."""

    ts: int
    purchases: int
    visit: Visit = Visit()


class Churned(NamedTuple):
    """The visitor has stayed away for the churn time; `ts` is the last event's."""

    ts: int


class Expired(NamedTuple):
    """The visitor's record is deleted after its time to live; `ts` is the last event's."""

    ts: int


class Shared(NamedTuple):
    """A linked visitor's own profile as of `at`, for the owner of their user; None: they are unlinked."""

    user_id: str
    at: int
    summary: Summary | None


Transition = Ended | Reopened | Churned | Expired | Closed | ClosedList | Withdrawn | Shared


class Facts(msgspec.Struct, gc=False):
    """The outcome of one step. `born`: the visitor was unknown or had expired; `fresh`: a session starts.

    `code` is the click's 16 bytes, `flags` its flag bits, `position` its 1-based index in the session,
    `event` and `previous` the event codes of this click and of the session's click before (0: none).
    `repeated`: an order's page loaded again; who reads the click's event sees a `page_view` from here on.
    `late_ms` says by how much a `LATE` click is older than the visitor's last one. Where `status` is not
    APPLIED the rest is at its default.
    """

    status: ClickStatus
    transitions: list[Transition]
    code: bytes = b""
    fresh: bool = False
    born: bool = False
    position: int = 0
    event: int = 0
    previous: int = 0
    flags: int = 0
    dwell_ms: int = 0
    consent: bool = True
    late_ms: int = 0
    repeated: bool = False
