"""The grants of budgets, as the broadcast topic has them."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec
import structlog

from models.constraints.budget_records import BudgetGrant, grant_of
from streams.transport.broadcast import Pairs

log = structlog.get_logger("pathcast.worker")

_NONE: Final[Mapping[str, BudgetGrant]] = MappingProxyType({})


class Grants:
    """Latest grant by partition and account. `recalled` is called with a partition that is to return some.

    A partition's mapping is replaced, not changed, so that another thread can read it.
    """

    def __init__(self) -> None:
        self._grants: dict[int, Mapping[str, BudgetGrant]] = {}
        self.recalled: Callable[[int], Any] = lambda partition: None

    def of(self, partition: int) -> Mapping[str, BudgetGrant]:
        """The grants of a partition by account."""
        return self._grants.get(partition, _NONE)

    def apply(self, pairs: Pairs) -> None:
        """Take over records of the topic, in order."""
        touched = set()
        for key, value in pairs:
            if value is None:
                self._remove(key or b"")
                continue
            try:
                grant = grant_of(value)
            except msgspec.DecodeError as error:
                log.error("a grant cannot be read and is left out", key=str(key), reason=str(error))
                continue
            known = self.of(grant.partition)
            self._grants[grant.partition] = {**known, grant.account: grant}
            if grant.recalled > (known[grant.account].recalled if grant.account in known else 0):
                touched.add(grant.partition)
        for partition in touched:
            self.recalled(partition)

    def _remove(self, key: bytes) -> None:
        account, _, partition = key.decode(errors="replace").rpartition(":")
        if partition.isdigit() and account in (known := self.of(int(partition))):
            self._grants[int(partition)] = {name: one for name, one in known.items() if name != account}
