"""A dashboard on which every page has something to show, of simulated records, and its pictures in docs.

`python -m tests.dashboard_scene` takes the pictures in `docs/pictures/dashboard`.
"""

import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from PIL import Image

from gateway.dashboard.feeds.topic_feed import TopicFeed
from gateway.dashboard.figures.registry_desk import RegistryDesk
from models.analytics.analytics_records import AnalyticsRecord, FlowCounts, Sketch
from models.constraints.budget_records import Balance, BudgetGrant, BudgetSpend
from models.contract.updates import ModelReport
from models.experiments.experiment import Arm, Experiment
from tests.dashboard_app import application
from tests.dashboard_browser import chromium, pictures
from tests.dashboard_records import NOW, clicks, filled, record

FOLDER = Path(__file__).parents[1] / "docs" / "pictures" / "dashboard"
PANE = 300_000
TITLES = ("Green tea", "Black tea", "Teapot", "Tea cosy", "Cups", "Kettle", "Honey", "Sieve", "Tray")
VERSIONS = ("20260914T020000-00000000000a", "20260921T020000-00000000000b")
PATHS = {
    "view_item": (410, 0),
    "view_item>add_to_cart": (96, 0),
    "view_item>add_to_cart>begin_checkout>purchase": (44, 44),
    "search>view_item": (120, 0),
    "search>view_item>add_to_cart>purchase": (21, 21),
    "view_item_list>view_item>add_to_cart": (37, 0),
    "page_view>view_item": (88, 0),
}


def scene(seed: int = 7) -> tuple[TopicFeed, dict[str, Any]]:
    """The feed, and the records of the visitor v1 by role."""
    made = clicks(seed, count=1_500, minutes=14)
    feed = filled(made)
    for role, records in broadcasts().items():
        feed.take(role, NOW, records)
    roles = ("clicks", "purchase_intent", "recommendations", "ad_decisions", "rewards")
    own = {role: [json.loads(one.value) for one in made[role]] for role in roles}
    return feed, {role: [one for one in found if one["visitor_id"] == "v1"] for role, found in own.items()}


def broadcasts() -> dict[str, list[Any]]:
    """Items, versions, budgets, an experiment, and two panes of analytics."""
    told = [{"title": one, "category": "tea", "price": 4.5 + n, "stock": 12} for n, one in enumerate(TITLES)]
    items = [record(NOW, one, f"i{number}".encode()) for number, one in enumerate(told)]
    reports = [
        ModelReport(worker=f"shop-{number}:6066", kind="in_use", version=VERSIONS[1], at=NOW - 600_000)
        for number in (1, 2)
    ]
    day = "2026-09-21"
    nothing = {"recalled": 0, "returned": 0, "spent": 0}
    grants = [
        BudgetGrant(account=f"autumn/{day}", partition=part, granted=granted, budget=90_000, **nothing)
        for part, granted in enumerate((31_000, 28_500))
    ]
    spend = [
        BudgetSpend(partition=part, at=NOW, balances={f"autumn/{day}": Balance(30_000, 0, spent)})
        for part, spent in enumerate((24_250, 22_750))
    ]
    arms = [Arm("rules", 0.5), Arm("softmax", 0.4), Arm("hold-out", 0.1)]
    trial = Experiment(name="ways", placement="home", salt="autumn", arms=arms, started_at=NOW - 86_400_000)
    return {
        "items": items,
        "model_reports": [record(NOW, one, one.key.encode()) for one in reports],
        "budget_grants": [record(NOW, one, f"a:{one.partition}".encode()) for one in grants],
        "budget_spend": [record(NOW, one, str(one.partition).encode()) for one in spend],
        "experiments": [record(NOW, trial, b"ways")],
        "analytics": analytics(),
    }


def analytics() -> list[Any]:
    """The last two hours in panes of five minutes."""
    rng, records = random.Random(1), []
    for back in range(24):
        start = NOW // PANE * PANE - back * PANE
        steps = {"view_item>add_to_cart": 90, "add_to_cart>purchase": 40, "view_item>view_item": 300}
        reached = {"view_item": 400, "add_to_cart": 120, "begin_checkout": 70, "purchase": 41}
        paths = {name: (w + rng.randrange(20), b) for name, (w, b) in PATHS.items()}
        total = sum(weight for weight, _ in paths.values()) + 31
        sketch = Sketch(paths, error=2, total=total, bought=65)
        trends = {f"i{n}": (rng.randrange(5, 90), 1) for n in range(9)}
        fields = {
            "flows": {"flows": {"all": FlowCounts(steps=steps, reached=reached)}},
            "paths": {"sketches": {"all": sketch, "device=mobile": sketch}},
            "trends": {
                "sketches": {"items": Sketch(trends, total=400), "categories": Sketch({"tea": (400, 9)})}
            },
        }
        for kind, given in fields.items():
            made = AnalyticsRecord(partition=0, kind=kind, start=start, end=start + PANE, at=start, **given)
            records.append(record(NOW, made, f"0:{start}:{kind}".encode()))
    return records


def forecast(folder: Path) -> Path:
    """A file as `pathcast demand --json` writes it."""
    days = [f"2026-09-{day}T00:00:00Z" for day in range(22, 29)]
    series = {"mean": [40, 42, 45, 44, 60, 72, 55], "q10": [25, 27, 28, 28, 40, 50, 36]}
    series |= {"q50": series["mean"], "q90": [57, 60, 63, 62, 83, 97, 76]}
    items = [
        {"id": f"i{n}", "mean": [2.5 - n / 5] * 7, "q10": [0] * 7, "q90": [5] * 7, "stock": 12}
        | {"days_of_cover": 4.8 + n, "order": max(0, 14 - 4 * n)}
        for n in range(9)
    ]
    told = {"demand": "purchase", "horizon": "daily", "from": days[0], "periods": days, "items": items}
    (folder / "demand.json").write_text(json.dumps({**told, "shop": {"id": "shop", **series}}))
    return folder / "demand.json"


def registry(folder: Path) -> RegistryDesk:
    """Two versions, one of them judged."""
    for name, verdict in zip(VERSIONS, ("promoted", "promoted"), strict=True):
        (folder / name / "gate").mkdir(parents=True)
        (folder / name / "manifest.json").write_text("{}")
        figures = {name: {"average_precision": 0.231, "ece": 0.012}}
        report = {"verdict": verdict, "reason": "ahead in average precision", "figures": figures}
        (folder / name / "gate" / "report.json").write_text(json.dumps(report))
    return RegistryDesk(folder, lambda by: None, lambda by, why: "r1")  # type: ignore[arg-type,return-value]


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an application that is served meanwhile."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def main() -> None:
    """Take the pictures, in few colours so that they are small."""
    feed, own = scene()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        app = application(feed, own, desk=registry(folder / "registry"), demand=forecast(folder))
        with served(app) as url, chromium() as browser:
            for path in pictures(browser, url, FOLDER, "v1"):
                Image.open(path).quantize(48).save(path, optimize=True)


if __name__ == "__main__":
    main()
