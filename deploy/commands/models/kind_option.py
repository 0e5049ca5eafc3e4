"""Options that say which kind of version a command means, and the folder that has its versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from models.registry.refusals import RegistryError
from models.registry.version_files import VersionKind, placements, policies_folder
from trainer.promotion.resolve import LATEST, SERVING, is_version

if TYPE_CHECKING:
    from trainer.promotion.promotions import Promotions

kind_option = click.option(
    "--kind",
    type=click.Choice([kind.value for kind in VersionKind]),
    help="What is meant: a network or a learned policy  [default: what VERSION is, else network].",
)
placement_option = click.option(
    "--placement",
    help="Placement of a policy; needed only where the registry has policies of several.",
)


class VersionHome(NamedTuple):
    """The folder that has the versions of a kind; `placement` is empty for networks."""

    folder: Path
    placement: str = ""

    def moves(self, registry: Path, announce: bool) -> Promotions:
        """Moves of these versions."""
        from deploy.runs.promotion_moves import policy_promotions, promotions

        if self.placement:
            return policy_promotions(registry, self.placement, announce)
        return promotions(registry, announce)


def home(registry: Path, kind: str | None, placement: str | None, version: str | None = None) -> VersionHome:
    """The place that the options mean, or that has `version`. Raises RegistryError if it is not clear."""
    named = version if version not in (None, LATEST, SERVING) else None
    holding = [name for name in placements(registry) if named and _has(registry, name, named)]
    is_policy = bool(placement) or (bool(holding) and not (named and is_version(registry / named)))
    if kind == VersionKind.NETWORK or (kind is None and not is_policy):
        return VersionHome(registry)
    found = placement or _only(registry, holding or placements(registry))
    return VersionHome(policies_folder(registry, found), found)


def _has(registry: Path, placement: str, version: str) -> bool:
    return is_version(policies_folder(registry, placement) / version)


def _only(registry: Path, found: list[str]) -> str:
    if not found:
        raise RegistryError(f"{registry} has no policy; train one with `pathcast policy train`")
    if len(found) > 1:
        raise RegistryError(
            f"{registry} has policies of {', '.join(found)}; name one of them with --placement"
        )
    return found[0]
