"""`pathcast models warm-up`: compile a version's kernels before a worker needs them."""

from pathlib import Path

import click

from deploy.commands.learning.registry_option import registry_option
from trainer.promotion.resolve import LATEST, resolve_folder


@click.command("warm-up")
@click.argument("version", required=False)
@registry_option
def warm_up(version: str | None, registry: Path) -> None:
    """Compile the kernels with which VERSION answers: a name, serving, or latest, the default.

    Those of learned policies of every kind are compiled as well.

    They are kept in NUMBA_CACHE_DIR, else beside the code, for the kind of processor that this runs on. A
    worker that finds them there starts without compiling. The image is built with this command.
    """
    from models.compiled import compilations
    from models.registry import registry as store
    from models.serving.policy_warm_up import warm_up_policies
    from streams.rollout import warming

    path = resolve_folder(registry, version or LATEST)
    compiled: list[str] = []
    with compilations(compiled.append):
        warming.warm_up(store.load(path))
        warm_up_policies()
    click.echo(f"{path.name}: {len(compiled)} kernels compiled, the others were there")
