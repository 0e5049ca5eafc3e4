"""Moments of time as people type them."""

import click

from models.readers import Unreadable, instant


def moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Epoch ms of an option that is ISO 8601 (UTC unless it says otherwise) or epoch seconds or ms."""
    try:
        return None if value is None else instant(value)
    except Unreadable as error:
        raise click.BadParameter(f"{value!r} is no time, such as 2016-09-15 or epoch milliseconds") from error
