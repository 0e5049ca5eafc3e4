"""`python -m tests.bench.tree_columns`: what each group of columns brings to the trees of purchase intent.

The bags that serve, learned up to each of several origins without one group of columns, beside those with all
columns. Each origin is followed by a period that is judged; differences are paired over visitors.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import lightgbm
import numpy as np
from numpy.typing import NDArray

from models.durations import DAY_MS
from models.features.tree_columns import ColumnTable
from trainer.baselines.bagged_trees import ROUNDS, TREES
from trainer.evaluation.bootstrap import resampled
from trainer.examples.examples import Examples
from trainer.examples.session_weights import session_weights
from trainer.examples.split import ended
from trainer.logs.catalogue_file import catalogue
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log

#: Groups by the beginnings of their columns' names.
GROUPS = {
    "how often each step": ("steps of",),
    "how long ago each step": ("clicks since",),
    "basket of all visits": ("basket_", "since_basket"),
    "cart of this session": ("cart_", "since_cart", "since_checkout", "session_add_to_cart", "mark"),
    "earlier visits": ("earlier_", "sessions", "bought_", "orders", "total_spend", "since_", "left_"),
    "taste": ("lik", "price_above", "interest"),
    "previous clicks": ("event before", "dwell before", "previous_event"),
    "item, page, category": ("rank of item", "rank of page", "rank of category", "price", "brand"),
    "device, channel, country": ("device", "channel", "country", "rank of country"),
}
Scores = NDArray[np.float32]


class Period:
    """What comes before an origin, and the judged clicks of the days after it."""

    def __init__(self, examples: Examples, origin: int, days: int) -> None:
        began = examples.began
        self._before = examples.part(began < origin).grouped()
        self.after = examples.part((began >= origin) & (began < origin + days * DAY_MS)).grouped()
        self._table = ColumnTable.learn(self._before.codes, self._before.features)
        self._columns, self._judged = self._table(self._before.batch()), self._table(self.after.batch())
        self.names = self._table.names

    def scores(self, left_out: tuple[str, ...], seeds: int) -> Scores:
        """Logits [N] of trees without the columns whose names begin so, for the judged clicks."""
        used = [not (left_out and name.startswith(left_out)) for name in self.names]
        weights = session_weights(self._before.session, 0.5)
        found = np.zeros(int(self.after.judged.sum()))
        for seed in range(seeds):
            drawn = np.random.default_rng(seed).random(len(weights)) < weights / weights.max()
            rows = self._columns[drawn][:, used], self._before.buys[drawn].astype(np.float32)
            trees = lightgbm.train(TREES | {"seed": seed}, lightgbm.Dataset(*rows), ROUNDS)
            found += trees.predict(self._judged[self.after.judged][:, used], raw_score=True)
        return found.astype(np.float32)


def leads(period: Period, whole: Scores, part: Scores) -> NDArray[np.float64]:
    """AUC and average precision of `part` less those of `whole`, [resamples, 2]."""
    judged = period.after.judged
    labels, draws = period.after.buys[judged], resampled(period.after.visitor[judged])
    return draws.areas(part, labels) - draws.areas(whole, labels)


def rows(periods: list[Period], seeds: int) -> Iterator[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """Each group with the mean differences and their standard deviations."""
    whole = [period.scores((), seeds) for period in periods]
    for name, left_out in GROUPS.items():
        found = [
            leads(period, known, period.scores(left_out, seeds))
            for period, known in zip(periods, whole, strict=True)
        ]
        together = np.mean(found, 0)
        yield name, together.mean(0), together.std(0)


@click.command()
@click.option("--events", required=True, type=click.Path(exists=True, path_type=Path), help="A log.")
@click.option("--items", type=click.Path(exists=True, path_type=Path), help="Its catalogue.")
@click.option("--origins", default=2, show_default=True, help="Periods to judge, the last ones of the log.")
@click.option("--days", default=14, show_default=True, help="Days of a period.")
@click.option("--seeds", default=2, show_default=True, help="Trees of this many seeds are averaged.")
def main(events: Path, items: Path | None, origins: int, days: int, seeds: int) -> None:
    """Print the table."""
    examples = ended(replay_log(read_log([events]), catalogue(items)).examples())
    end = int(examples.ts.max())
    periods = [Period(examples, end - back * days * DAY_MS, days) for back in range(origins, 0, -1)]
    print("| without | AUC | average precision |\n|---|---|---|", flush=True)
    for name, mean, spread in rows(periods, seeds):
        figures = (f"{mean[at]:+.4f} ± {spread[at]:.4f}" for at in range(2))
        print(f"| {name} | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    main()
