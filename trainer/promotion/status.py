"""The status of a registry, computed from the entries of its ledger: which version serves, and why others do
not.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta


class What(StrEnum):
    """What happened to a version."""

    PROMOTED = "promoted"
    REFUSED = "refused"
    TAKEN_BACK = "taken back"
    PINNED = "pinned"
    RELEASED = "released"
    REMOVED = "removed"


class LedgerEntry(msgspec.Struct, kw_only=True, frozen=True):
    """`at` is epoch ms; `by` names who decided (`gate`, `operator`, ...); `reason` is one sentence."""

    at: int
    what: What
    version: Annotated[str, Meta(min_length=1)]
    by: str
    reason: str = ""


@dataclass
class RegistryStatus:
    """Status after some entries: `stack` has the promoted versions, the last one serves; `refused` and
    `taken_back` have the reason by version.
    """

    stack: list[str] = field(default_factory=list)
    pinned: str | None = None
    refused: dict[str, str] = field(default_factory=dict)
    taken_back: dict[str, str] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)

    @property
    def serving(self) -> str | None:
        """The version that was announced last."""
        return self.stack[-1] if self.stack else None

    def state(self, version: str) -> str:
        """A version's state in a few words."""
        if version == self.serving:
            return "serving, pinned" if version == self.pinned else "serving"
        known = {"taken back": self.taken_back, "refused": self.refused, "served": self.stack}
        return next((state for state, versions in known.items() if version in versions), "new")

    def after(self, entry: LedgerEntry) -> "RegistryStatus":
        """The status after one more entry; changes this object."""
        version, what = entry.version, entry.what
        if what == What.PROMOTED:
            self.stack = [*(other for other in self.stack if other != version), version]
            self.refused.pop(version, None)
            self.taken_back.pop(version, None)
        elif what == What.TAKEN_BACK:
            self.stack = [other for other in self.stack if other != version]
            self.taken_back[version] = entry.reason
        elif what == What.REFUSED:
            self.refused[version] = entry.reason
        elif what == What.REMOVED:
            self.stack = [other for other in self.stack if other != version]
            self.removed.add(version)
        else:
            self.pinned = version if what == What.PINNED else None
        return self


def status_after(entries: Iterable[LedgerEntry]) -> RegistryStatus:
    """The status after all entries."""
    status = RegistryStatus()
    for entry in entries:
        status = status.after(entry)
    return status
