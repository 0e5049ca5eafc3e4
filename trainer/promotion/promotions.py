"""Promotion and rollback of versions: published for workers, entered in the ledger, then announced.

The ledger is authoritative. If announcing fails or the process dies before it, workers keep their version;
promoting the same version again repeats the announcement.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from models.registry import registry
from models.registry.refusals import RegistryError
from models.registry.version_files import Registered
from trainer.promotion.ledger import Ledger, LedgerError
from trainer.promotion.resolve import resolve_registered
from trainer.promotion.status import LedgerEntry, RegistryStatus, What

#: Announces a version to the workers; raises PromotionError if that fails.
Tell = Callable[[Registered], None]
#: Publishes a version where workers find it; raises RegistryError if that fails.
Publish = Callable[[Registered], None]
#: Verifies and loads a version from its folder; raises RegistryError.
Load = Callable[[Path], Registered]
#: Takes back what workers were told, where nothing served before; returns the name of what decides now.
Withdraw = Callable[[], str]


def nowhere(version: Registered) -> None:
    """Publish nothing: workers read the folder that the version is in."""


@dataclass(frozen=True)
class Promotions:
    """Changes of the registry in `folder`, entered as made by `by`; `now` is the clock (epoch ms).

    A placement's policies are a registry of their own: `load` reads them, and `withdraw` lets a rollback of
    the first one end with none.
    """

    folder: Path
    tell: Tell
    now: Callable[[], int]
    by: str
    publish: Publish = nowhere
    load: Load = registry.load
    withdraw: Withdraw | None = None

    @property
    def ledger(self) -> Ledger:
        """The ledger of this registry."""
        return Ledger(self.folder)

    def promote(self, name: str, reason: str, force: bool = False) -> str:
        """Verify a version, enter it as serving, and announce it; returns its name as in the ledger. A
        version that already serves is announced again.

        `force` overrides the gate. Raises LedgerError, RegistryError or PromotionError.
        """
        version = self._published(name)
        self.ledger.enter(lambda status: self._promoted(status, version.id, reason, force))
        self._told(version)
        return version.id

    def refuse(self, name: str, reason: str) -> None:
        """Enter why a version does not serve. Raises LedgerError."""
        self.ledger.enter(lambda _: [self._entry(What.REFUSED, name, reason)])

    def rollback(self, reason: str) -> str:
        """Let the previous version serve again; returns its name. Raises as `promote` does.

        The version that is taken back is not promoted again without `force`; a pin on it is released.
        """
        stack = self.ledger.status().stack
        if self.withdraw is not None and len(stack) == 1:
            self.ledger.enter(lambda status: self._emptied(status, stack[0], reason))
            return self.withdraw()
        before = self._published(_before(self.ledger.status()))
        self.ledger.enter(lambda status: self._rolled_back(status, before.id, reason))
        self._told(before)
        return before.id

    def pin(self, name: str, reason: str) -> str:
        """Let a version serve, and no other until it is released; returns its name. Raises as
        `promote` does.
        """
        version = self._published(name)

        def decide(status: RegistryStatus) -> Iterable[LedgerEntry]:
            if status.pinned != version.id:
                yield from self._promoted(status, version.id, reason, force=True, released=True)
                yield self._entry(What.PINNED, version.id, reason)

        self.ledger.enter(decide)
        self._told(version)
        return version.id

    def release(self, reason: str) -> str:
        """Undo the pin; returns the pinned version, which continues to serve. Raises LedgerError."""
        pinned: list[str] = []

        def decide(status: RegistryStatus) -> Iterable[LedgerEntry]:
            if status.pinned is None:
                raise LedgerError("no version is pinned; there is nothing to release")
            pinned.append(status.pinned)
            yield self._entry(What.RELEASED, status.pinned, reason)

        self.ledger.enter(decide)
        return pinned[0]

    def _told(self, version: Registered) -> None:
        """Announce what is in the ledger already; an error says so."""
        try:
            self.tell(version)
        except Exception as error:
            error.add_note(
                f"The ledger has {version.id} as serving, but workers do not know it yet: "
                f"`pathcast models promote {version.id}` announces it again"
            )
            raise

    def _published(self, name: str) -> Registered:
        """The version, loaded as a worker loads it and published before anything is entered."""
        known = resolve_registered(self.folder, name)
        version = self.load(self.folder / known)
        if version.id != known:
            raise RegistryError(
                f"the folder {known} holds version {version.id}, expected {known}: workers would report "
                f"another name than the ledger; rename the folder to {version.id}"
            )
        self.publish(version)
        return version

    def _promoted(
        self, status: RegistryStatus, name: str, reason: str, force: bool, released: bool = False
    ) -> Iterable[LedgerEntry]:
        if status.pinned not in (None, name) and not released:
            raise LedgerError(
                f"{status.pinned} is pinned, so {name} cannot serve; `pathcast models pin --release` first"
            )
        objection = status.refused.get(name, status.taken_back.get(name))
        if objection is not None and not force:
            raise LedgerError(
                f"{name} is {status.state(name)} ({objection}); give --force to promote it anyway"
            )
        return [] if status.serving == name else [self._entry(What.PROMOTED, name, reason)]

    def _rolled_back(self, status: RegistryStatus, before: str, reason: str) -> Iterable[LedgerEntry]:
        if _before(status) != before:
            raise LedgerError(
                f"{status.serving} was promoted in the meantime; check it, then roll back again"
            )
        return self._taken_back(status, reason)

    def _emptied(self, status: RegistryStatus, only: str, reason: str) -> Iterable[LedgerEntry]:
        if status.stack != [only]:
            raise LedgerError(
                f"{status.serving} was promoted in the meantime; check it, then roll back again"
            )
        return self._taken_back(status, reason)

    def _taken_back(self, status: RegistryStatus, reason: str) -> Iterable[LedgerEntry]:
        serving = status.stack[-1]
        if status.pinned == serving:
            yield self._entry(What.RELEASED, serving, reason)
        yield self._entry(What.TAKEN_BACK, serving, reason)

    def _entry(self, what: What, version: str, reason: str) -> LedgerEntry:
        return LedgerEntry(at=self.now(), what=what, version=version, by=self.by, reason=reason)


def _before(status: RegistryStatus) -> str:
    if len(status.stack) < 2:
        raise LedgerError(
            f"no version served before {status.serving or 'now'}; name one with `pathcast models promote`"
        )
    return status.stack[-2]
