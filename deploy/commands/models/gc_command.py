"""`pathcast models gc`: remove versions that are no longer needed."""

from pathlib import Path

import click

from deploy.commands.learning.registry_option import registry_option
from deploy.terminal.renamed_options import renamed_option
from models.registry.version_files import VersionKind, placements, policies_folder, policies_place
from trainer.defaults import VersionRetention


@click.command()
@registry_option
@click.option(
    "--kind", type=click.Choice([kind.value for kind in VersionKind]), help="Only this kind  [default: both]."
)
@renamed_option(
    "--keep-last",
    old="--served",
    type=click.IntRange(0),
    default=VersionRetention().served,
    show_default=True,
    help="Keep this many versions that served last, for rollbacks.",
)
@renamed_option(
    "--keep-days",
    old="--days",
    type=click.FloatRange(0),
    default=VersionRetention().days,
    show_default=True,
    help="Keep versions that are younger.",
)
@click.option("--dry-run", is_flag=True, help="Only print what would be removed.")
def gc(registry: Path, kind: str | None, keep_last: int, keep_days: float, dry_run: bool) -> None:
    """Remove versions that neither serve nor are pinned, did not serve lately and are not young.

    Policies are counted by placement. Copies at PATHCAST_REGISTRY_PUBLISH are removed as well.
    """
    from trainer.promotion.publish_settings import PublishSettings

    keep, url = VersionRetention(keep_last, keep_days), PublishSettings().publish
    folders = [(registry, url), *_policies(registry, url)] if kind is None else _of_kind(kind, registry, url)
    gone = [name for folder, _ in folders for name in _collected(folder, keep, dry_run)]
    for name in gone:
        click.echo(name)
    click.echo(f"{len(gone)} versions {'would be ' if dry_run else ''}removed", err=True)
    if url and not dry_run:
        removed = sum(_removed_copies(folder, place) for folder, place in folders if place)
        click.echo(f"{removed} versions removed from {url}", err=True)


def _of_kind(kind: str, registry: Path, url: str | None) -> list[tuple[Path, str | None]]:
    return [(registry, url)] if kind == VersionKind.NETWORK else _policies(registry, url)


def _policies(registry: Path, url: str | None) -> list[tuple[Path, str | None]]:
    """Folders of policies, and where their copies are."""
    return [
        (policies_folder(registry, one), policies_place(url, one) if url else None)
        for one in placements(registry)
    ]


def _collected(folder: Path, keep: VersionRetention, dry_run: bool) -> list[str]:
    from deploy.cluster.records import now_ms
    from trainer.promotion.garbage_collection import collect_garbage, removable

    return removable(folder, keep, now_ms()) if dry_run else collect_garbage(folder, keep, now_ms())


def _removed_copies(folder: Path, url: str) -> int:
    from trainer.promotion.garbage_collection import remove_published

    return len(remove_published(folder, url))
