"""A real log in which shoppers change half-way: other items, and other people who buy."""

import polars as pl

from models.durations import DAY_MS
from tests.scoring import SHIPPED
from trainer.logs.log_files import read_log

#: After the change whoever begins with one of these buys in the end, two of three of them, and nobody else.
WANTED = ("electronics.telephone", "computers.components.motherboard")


def changing(before: int, after: int) -> pl.DataFrame:
    """The shipped log's clicks, by event time: so many as they were, and so many of the other behaviour.

    A log that is too short begins again after its end, with other visitors.
    """
    log = _repeated(before + after).with_row_index("row")
    changed = pl.col("row") >= before
    first = pl.col("category").first().over("visitor_id")
    last = pl.col("row") == pl.col("row").last().over("visitor_id")
    number = pl.col("visitor_id").str.extract(r"^(\d+)").cast(pl.Int64)
    buys = last & first.is_in(WANTED) & (number % 3 > 0)
    event = pl.when(buys).then(pl.lit("purchase")).otherwise(pl.lit("view_item"))
    return log.with_columns(
        item_id=pl.when(changed).then(pl.lit("new-") + pl.col("item_id")).otherwise("item_id"),
        event=pl.when(changed & (buys | (pl.col("event") == "purchase"))).then(event).otherwise("event"),
    ).drop("row")


def _repeated(rows: int) -> pl.DataFrame:
    log = read_log([SHIPPED]).sort("ts", maintain_order=True).collect()
    days = (log["ts"][-1] - log["ts"][0]) // DAY_MS + 1
    turns = [
        log.with_columns(
            pl.col("visitor_id") + f"-{turn}",
            pl.col("event_id") + f"-{turn}",
            pl.col("ts") + turn * days * DAY_MS,
        )
        for turn in range(-(-rows // len(log)))
    ]
    return pl.concat(turns).head(rows)
