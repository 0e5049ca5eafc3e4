"""The shipped log in two parts: models learn from January, the demo's visitors repeat February.

With a trainer, the first model learns from the beginning of January only, so that the rest is left to learn
from.

At a watchable speed, a month of a small shop is too quiet to show a visitor's path. So all days of February
are laid over each other, as one day of a shop twenty-eight times as large.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import polars as pl

from models.durations import DAY_MS
from trainer.logs.log_files import read_log

FEBRUARY_MS = int(datetime(2021, 2, 1, tzinfo=UTC).timestamp() * 1000)
#: End of the clicks for the first model of a demo with a trainer.
FIRST_UNTIL_MS = int(datetime(2021, 1, 8, tzinfo=UTC).timestamp() * 1000)
#: A path worth following: so many clicks (before its purchase, if it has one), and over within a while.
LEAST_CLICKS, MOST_CLICKS, LONGEST_MS = 5, 40, 5_400_000


@dataclass(frozen=True)
class DemoLog:
    """Files to learn from (`first` is the beginning of January) and to replay, and `names` by item id.

    The paths of `buyers` and `walkers` are worth following.
    """

    first: Path
    january: Path
    february: Path
    names: dict[str, str]
    buyers: frozenset[str]
    walkers: frozenset[str]


def shipped() -> Path:
    """The log of REES46 that is shipped with the program."""
    return Path(str(resources.files("deploy") / "data" / "rees46_electronics.csv.gz"))


def prepare(folder: Path) -> DemoLog:
    """Write the parts into `folder` (they are small) and describe them."""
    log = read_log([shipped()]).collect()
    first, january, february = (folder / f"{part}.parquet" for part in ("first", "january", "february"))
    log.filter(pl.col("ts") < FIRST_UNTIL_MS).write_parquet(first)
    log.filter(pl.col("ts") < FEBRUARY_MS).write_parquet(january)
    folded = fold(log.filter(pl.col("ts") >= FEBRUARY_MS))
    folded.write_parquet(february)
    return DemoLog(first, january, february, _names(log), *worth_following(folded))


def fold(log: pl.DataFrame) -> pl.DataFrame:
    """Each visitor moved by whole days, so that the first click is on the first day; sorted, one day long."""
    start = pl.col("ts").min().over("visitor_id")
    moved = log.with_columns(pl.col("ts") - (start - FEBRUARY_MS) // DAY_MS * DAY_MS)
    return moved.filter(pl.col("ts") < FEBRUARY_MS + DAY_MS).sort("ts", maintain_order=True)


def worth_following(log: pl.DataFrame) -> tuple[frozenset[str], frozenset[str]]:
    """Visitors with eventful paths: those who buy in the end, and those who only look around."""
    place = pl.int_range(pl.len())
    paths = log.group_by("visitor_id", maintain_order=True).agg(
        bought=place.filter(pl.col("event") == "purchase").min(),
        clicks=pl.len(),
        lasts=pl.col("ts").max() - pl.col("ts").min(),
    )
    fitting = paths.filter(pl.col("clicks") <= MOST_CLICKS, pl.col("lasts") <= LONGEST_MS)
    buyers = fitting.filter(pl.col("bought") >= LEAST_CLICKS)
    walkers = fitting.filter(pl.col("bought").is_null(), pl.col("clicks") >= 2 * LEAST_CLICKS)
    return frozenset(buyers["visitor_id"]), frozenset(walkers["visitor_id"])


def _names(log: pl.DataFrame) -> dict[str, str]:
    """The log has no titles: brand, the category's last word, and the id."""
    known = log.drop_nulls("item_id").group_by("item_id").agg(pl.col("category", "brand").drop_nulls().last())
    return {item: name(item, category, brand) for item, category, brand in known.iter_rows()}


def name(item: str, category: str | None, brand: str | None) -> str:
    """Such as "asus videocards #4101564"; a category that is only a number says nothing."""
    leaf = "" if category is None or category.isdigit() else category.rsplit(".", 1)[-1].replace("_", " ")
    return " ".join(filter(None, (brand, leaf, f"#{item}")))
