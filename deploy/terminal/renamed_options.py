"""Options that have a new name: the old one stays for one version, hidden and with a warning."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from click.core import ParameterSource

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class RenamedOption(click.Option):
    """An option that also takes its value from the hidden option `old`.

    Use of `old` is reported on stderr. Both names in one call are a usage error.
    """

    def __init__(self, *arguments: Any, old: str, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.old = old

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """The value of the new name, or else of the old one."""
        old = old_parameter(self.old)
        if old not in opts:
            return super().consume_value(ctx, opts)
        new = self.opts[0]
        if self.name in opts:
            raise click.UsageError(f"{self.old} is the old name of {new}: give {new} only", ctx)
        if not ctx.resilient_parsing:
            click.echo(f"Warning: {self.old} is deprecated; use {new}", err=True)
        return super().consume_value(ctx, {**opts, str(self.name): opts[old]})


def old_parameter(name: str) -> str:
    """The parameter of an old name; it is never handed to a command."""
    return f"old_{name.lstrip('-').replace('-', '_')}"


def renamed_option(*names: str, old: str, **attributes: Any) -> Callable[[Decorated], Decorated]:
    """`click.option(*names, **attributes)` that still accepts the name `old` (one version long)."""
    hidden = click.option(
        old,
        old_parameter(old),
        hidden=True,
        expose_value=False,
        is_flag=bool(attributes.get("is_flag")),
        default=None,
    )
    shown = click.option(*names, cls=RenamedOption, old=old, **attributes)
    return lambda command: hidden(shown(command))
