"""The topic of items as it is now, as a file."""

from pathlib import Path

import polars as pl
from msgspec.structs import asdict

from deploy.cluster.clients import connection, consumer, drain
from models.contract.items import Item, read_id, read_item
from models.contract.values import Unreadable
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from trainer.logs.log_columns import ITEM_FIELDS

_KINDS = {"price": pl.Float64, "stock": pl.Int64}


def write_items(to: Path) -> None:
    """Write the items that the topic has now to a Parquet file; no file if it has none.

    Raises KafkaUnreachable.
    """
    found: dict[str, Item] = {}
    wire = WorkerSettings().wire_format()
    with consumer(connection(), max_poll_records=5_000) as client:
        for record in drain(client, TopicNames().items):
            try:
                item_id, value = read_id(wire.bare_key(record.key)), wire.bare_value(record.value)
                if value is None:
                    found.pop(item_id, None)
                else:
                    found[item_id] = read_item(value)
            except Unreadable:
                continue
    if found:
        rows = [{"item_id": item_id, **asdict(item)} for item_id, item in found.items()]
        schema = {name: _KINDS.get(name, pl.String) for name in ITEM_FIELDS}
        pl.DataFrame(rows, schema=schema).write_parquet(to)
