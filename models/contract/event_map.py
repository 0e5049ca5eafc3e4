"""A domain's own event names as a file: TOML, each name with the event of the contract that it stands for."""

import tomllib

from models.contract.aliases import EventMapError, EventNames

#: Where the map stands in a file that holds other settings too.
TABLE = "event_map"


def parse(text: str, where: str, whole: bool = True) -> EventNames:
    """The map of a TOML text: its table `[event_map]`, else all of it if `whole`, else an empty one.

    Raises EventMapError, naming `where`.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EventMapError(
            f'{where} is no TOML ({error}); expected lines such as lesson_view = "view_item"'
        ) from error
    table = document.get(TABLE, document if whole else {})
    if not isinstance(table, dict) or not all(isinstance(event, str) for event in table.values()):
        raise EventMapError(
            f'{where} holds {table!r}; expected NAME = "EVENT" lines, or a table [{TABLE}] of them'
        )
    return EventNames(table)
