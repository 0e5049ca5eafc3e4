"""Whether an input can be used at all, and whether it will do for training."""

from typing import NamedTuple

from trainer.input_check.findings import Findings, Measures


class Need(NamedTuple):
    """How much of something training needs: below `least` nothing is learned, below `good` little."""

    what: str
    least: float
    good: float
    cure: str

    def told(self, found: float) -> str:
        """The need beside what was found, as a sentence."""
        if found < self.least:
            return f"too few {self.what}: {found:,.0f}, expected {self.least:,.0f} at least; {self.cure}"
        if found < self.good:
            return f"few {self.what}: {found:,.0f} will do, {self.good:,.0f} and more are better"
        return f"enough {self.what}: {found:,.0f}"


_LONGER = "give a longer log"
NEEDS = (
    Need("clicks", 1_000, 100_000, _LONGER),
    Need("visitors", 100, 5_000, _LONGER),
    Need("days", 2, 14, _LONGER),
    Need("sessions with a purchase", 20, 500, "purchase intent is not learned from fewer, next items are"),
    Need("items", 10, 100, "name the column of the items: --map item_id=COLUMN"),
)
#: With fewer clicks a visitor, ids are probably new ones with each event.
FEW_CLICKS = 1.2


def needs(found: Measures) -> list[tuple[Need, float]]:
    """Each need with what was found of it."""
    values = (found.clicks, found.visitors, found.days, found.buying_sessions, found.items)
    return list(zip(NEEDS, values, strict=True))


def trains(found: Measures) -> bool:
    """Whether a model can be trained on it."""
    return all(value >= need.least for need, value in needs(found))


def objections(found: Findings, most: float) -> list[str]:
    """Why the input cannot be used; `most` is the largest share of rows that may be unusable."""
    measures = found.measures
    if not found.rows:
        return [f"{found.source} is empty: give one with events"]
    said = []
    if not found.active:
        return [f"no event of {found.source} says anything of shopping: send what visitors look at and buy"]
    if found.unusable > most * found.active:
        said.append(
            f"{found.unusable:,} of {found.active:,} rows cannot be used, expected at most {most:.0%}: mend "
            "what is listed above"
        )
    if measures.clicks and not measures.items:
        said.append("no event names an item: name its column (--map item_id=COLUMN), or send item_id")
    return said


def doubts(found: Findings) -> list[str]:
    """What can be used and is still odd."""
    measures, said = found.measures, []
    if measures.clicks < FEW_CLICKS * measures.visitors:
        said.append(
            f"{measures.visitors:,} visitors have only {measures.clicks:,} clicks: a visitor_id that is new "
            "with each event joins nothing; send the browser's or device's id"
        )
    elif measures.visitors and measures.sessions == measures.visitors > 1 and measures.days > 1:
        said.append(
            "no visitor ever came back: if visitor_id is the id of a session, name the visitor's column "
            "(--map visitor_id=COLUMN)"
        )
    if measures.repeated_ids:
        said.append(
            f"{measures.repeated_ids:,} rows have the event_id of another one: workers answer each id once"
        )
    if measures.repeated_rows:
        said.append(
            f"{measures.repeated_rows:,} rows repeat visitor, time, event and item of another one: if they "
            "were sent twice, they need the same event_id"
        )
    if measures.without_item:
        said.append(f"{measures.without_item:,} events are about an item and name none")
    if measures.ahead:
        said.append(f"{measures.ahead:,} clicks lie more than a day ahead: see the unit and zone of ts")
    return said
