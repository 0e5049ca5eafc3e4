"""Warnings about a log: training goes on, but not with everything that was expected."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from models.contract.catalogue import Catalogue
from models.registry.versions import Version
from trainer.examples.examples import Examples
from trainer.logs.lineage import learned_until
from trainer.logs.log_replay import LogReplay
from trainer.logs.row_checks import PASSIVE, advice, told

#: With this share of refused rows, the columns are probably mapped wrongly.
MANY = 0.05
#: A Brier score further above the base rate's shows that the network has not learned.
WORSE = 0.05
_NO_OTHER = "every event is a purchase"


def notes(replayed: LogReplay, learned: Examples) -> list[str]:
    """Sentences about the log: what was found, how it was handled, what can be done."""
    return [*_order(replayed), *_refused(replayed), *_repeated(replayed), *_classes(learned)]


def fitted(brier: float, held_out: Examples) -> list[str]:
    """A warning if the network predicts purchases worse than the base rate."""
    labels = held_out.buys[held_out.judged]
    share = float(labels.mean()) if len(labels) else 0.0
    if share in (0, 1) or brier <= share * (1 - share) + WORSE:
        return []
    return [
        f"the Brier score of purchase intent on the newest clicks is {brier:.3f}, that of always saying "
        f"{share:.3f} is {share * (1 - share):.3f}: the training diverged or had no time; lower "
        "learning_rate and table_rate, or give it more --time-budget"
    ]


def refitted(asked: bool, wanted: int, made: int) -> list[str]:
    """A warning if the refit made fewer epochs than planned."""
    if not asked or made >= wanted:
        return []
    if made:
        return [
            f"learning once more from all clicks took longer than foreseen, and was cut after {made} of "
            f"{wanted} epochs: give more --time-budget, or --set refit=false"
        ]
    return [
        "the newest clicks chose when to stop, but were not learned from: too little of the time was left "
        "to learn once more from all; give more --time-budget, or --set refit=false"
    ]


def begun(start: Version | None, held_out: Examples) -> list[str]:
    """A warning if the start version has learned from the clicks that stop and calibrate the run."""
    if start is None:
        return []
    count = int((held_out.began <= learned_until(start.metrics)).sum())
    if not count:
        return []
    return [
        f"version {start.id} has learned from {count:,} of the {len(held_out):,} newest clicks, which stop "
        "and calibrate this training: it is flattered; begin with one that was made with --set refit=false"
    ]


def _order(replayed: LogReplay) -> list[str]:
    if not replayed.disordered:
        return []
    return [
        f"{replayed.disordered:,} rows are earlier than the row above them: the log was sorted by ts; if "
        "that is not the time of the event, name its column: --map ts=COLUMN"
    ]


def _refused(replayed: LogReplay) -> list[str]:
    refused = sum(replayed.rejected.values()) - replayed.rejected.get(PASSIVE, 0)
    if refused < MANY * (refused + len(replayed)):
        return []
    return [
        f"{refused:,} of {refused + len(replayed):,} rows cannot be used "
        f"({told(replayed.rejected, replayed.unknown)}): check the log; {advice(replayed.unknown)}"
    ]


def _repeated(replayed: LogReplay) -> list[str]:
    rows = sum(replayed.rejected.values()) + len(replayed)
    if replayed.repeated <= MANY * rows:
        return []
    return [
        f"{replayed.repeated:,} of {rows:,} rows repeat visitor, time, event and item of another row "
        "and count like it: if they were written twice, leave one out; where events have ids, "
        "--map event_id=COLUMN"
    ]


def prices(rows: int, odd: Mapping[str, int]) -> list[str]:
    """A warning about `odd` prices by kind, of `rows` rows with a price."""
    count = sum(odd.values())
    if count <= MANY * rows:
        return []
    kinds = ", ".join(f"{kind}: {each:,}" for kind, each in odd.items())
    return [
        f"{count:,} of {rows:,} prices are no amounts ({kinds}): negative ones were read as 0, others as "
        "missing; mend them, or name another column: --map price=COLUMN"
    ]


def strangers(items: Iterable[str], shop: Catalogue, file: Path | None) -> list[str]:
    """A warning if the catalogue lacks many items of the log."""
    if file is None:
        return []
    known = [item in shop for item in items]
    if 2 * sum(known) >= len(known):
        return []
    return [
        f"{sum(known):,} of {len(known):,} items of the log are in --items {file.name}: see that it is the "
        "catalogue of this shop, with the ids that events have"
    ]


def _classes(learned: Examples) -> list[str]:
    labels = learned.buys[learned.judged]
    if labels.any() and not labels.all():
        return []
    which = "every" if labels.all() else "no"
    found = f"{which} click is followed by a purchase in its session" if len(labels) else _NO_OTHER
    return [
        f"{found}: purchase intent cannot be learned from one class, next items can; if the shop sells, name "
        "the column of its events: --map event=COLUMN"
    ]
