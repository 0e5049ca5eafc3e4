"""Wrong settings as one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_settings import BaseSettings


def wrong_settings(error: ValidationError) -> str:
    """One sentence for each wrong setting: its name, the value found, what was expected."""
    from pydantic_settings import BaseSettings

    prefixes = {
        kind.__name__: kind.model_config.get("env_prefix", "") for kind in _settings_classes(BaseSettings)
    }
    prefix = prefixes.get(error.title, f"{error.title}.")
    return "; ".join(
        f"{(prefix + '.'.join(map(str, found['loc']))).upper()} is {found['input']!r}, which does not fit. "
        f"{found['msg']}"
        for found in error.errors(include_url=False)
    )


def _settings_classes(base: type[BaseSettings]) -> Iterator[type[BaseSettings]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _settings_classes(kind)
