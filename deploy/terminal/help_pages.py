"""Help pages: whole sentences for subcommands, and the settings that a command reads."""

from typing import Any

import click


def sentence(text: str) -> str:
    """The first sentence of a help text, on one line."""
    paragraph = " ".join(text.split("\n\n")[0].split())
    first, end, _ = paragraph.partition(". ")
    return first + end.strip()


class Group(click.Group):
    """A group that shows each subcommand with the whole first sentence of its help.

    `settings` are the environment variables that its page lists.
    """

    def __init__(self, *arguments: Any, settings: tuple[str, ...] = (), **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._settings = settings

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write names and sentences."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence(one.help or "")) for name, one in found if one])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the settings, where any are named."""
        write_settings(self._settings, formatter)


class Command(click.Command):
    """A command whose page lists `settings`, its most important environment variables."""

    def __init__(self, *arguments: Any, settings: tuple[str, ...] = (), **others: Any) -> None:
        super().__init__(*arguments, **others)
        self._settings = settings

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the settings."""
        write_settings(self._settings, formatter)


def write_settings(names: tuple[str, ...], formatter: click.HelpFormatter) -> None:
    """Write variables with their defaults and meanings, as in `docs/settings.md`."""
    if not names:
        return
    from deploy.reference.settings_doc import every

    known = every()
    rows = [(name, f"{sentence(known[name].meaning)}  [{known[name].default}]") for name in names]
    with formatter.section("Settings (environment variables)"):
        formatter.write_dl([(name, text.replace("`", "")) for name, text in rows])
    formatter.write_paragraph()
    formatter.write("All settings: docs/settings.md, which `pathcast settings` writes.\n")
