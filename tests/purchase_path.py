"""What a version answers along the path to a purchase, as the table of `docs/models/journeys.md`.

    python -m tests.purchase_path --model registry/VERSION

One visitor with consent takes six steps, 20 seconds apart, through the worker's pipeline without Kafka.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from models.contract.events import Limits
from models.registry import registry
from models.registry.versions import Version
from tests.offline import Offline, records

#: A best-seller of the shipped log.
ITEM: Final = {"item_id": "4099645", "category": "computers.components.videocards", "brand": "gigabyte"}
PRICE: Final = 292.83
STEPS: Final = ("page_view", "search", "view_item", "add_to_cart", "begin_checkout", "purchase", "page_view")
START, APART = 1_614_600_000_000, 20_000
COLUMNS: Final = {
    "this session": "purchase_probability",
    "24 h": "purchase_24h_probability",
    "7 d": "purchase_7d_probability",
    "cart completion": "cart_completion_probability",
    "states": "intent_states",
    "next events": "next_events",
    "churn": "churn_probability",
    "value": "session_value",
}


def clicks() -> list[dict[str, Any]]:
    """The visitor's clicks as a shop sends them."""
    of_item = ITEM | {"price": PRICE}
    said = {"page_view": {"page": "/"}, "search": {"query": "graphics card"}, "begin_checkout": {}}
    return [
        {"event_id": f"step-{number}", "visitor_id": "anna", "ts": START + number * APART, "consent": True}
        | {"event": event}
        | said.get(event, of_item | ({"quantity": 1} if event == "purchase" else {}))
        for number, event in enumerate(STEPS)
    ]


def answers(version: Version) -> list[dict[str, Any]]:
    """The published intents."""
    offline = Offline(version, limits=Limits(check_skew=False))
    return [intent for chunk in offline.run(records(clicks()), 1) for intent in chunk["purchase-intent"]]


def table(intents: list[dict[str, Any]]) -> str:
    """Markdown, a row for each click."""
    lines = [["click", *COLUMNS], ["---"] * (1 + len(COLUMNS))]
    for event, intent in zip(STEPS, intents, strict=True):
        lines.append([f"`{event}`", *(_cell(intent.get(field)) for field in COLUMNS.values())])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(said: float | Mapping[str, float] | None) -> str:
    if said is None:
        return ""
    if isinstance(said, Mapping):
        return ", ".join(f"{name} {_cell(share)}" for name, share in said.items())
    return f"{said:g}".removeprefix("0") or "0"


def main() -> None:
    """Print the table of one version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="Folder of a version: registry/VERSION.")
    print(table(answers(registry.load(parser.parse_args().model))))


if __name__ == "__main__":
    main()
