"""What came after each click, by example; masks where the log ends too early; what heads learn from it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from models.contract.head_table import BY_NAME, HEADS, LEAVE, OTHER, STATES, HeadPart, Kind
from models.features import features
from models.network.heads import HeadModule
from models.network.network import Config, Network
from models.state.codes import category_hash
from trainer.examples.click_paths import Paths
from trainer.examples.examples import Examples
from trainer.examples.labels import LABELS, TAUGHT, class_numbers, price_bands
from trainer.fitting.head_losses import calibrate, task_losses
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options
from trainer.loop.targets import Targets, plan
from trainer.training.build import build

START, MINUTE, DAY = 1_600_000_000_000, 60_000, 1440


def log(*rows: tuple, end: int = 30 * DAY) -> Examples:
    """Rows are (visitor, minute, event, item or None, more fields); someone's last click is at `end`."""
    rows = (*rows, ("nobody", end, "page_view", None, {"page": "/end"}))
    frames = []
    for number, (visitor, minute, event, item, *more) in enumerate(sorted(rows, key=lambda row: row[1])):
        fields = {"event_id": f"e{number}", "visitor_id": visitor, "ts": START + minute * MINUTE}
        fields |= {"event": event, "item_id": item, **(more[0] if more else {})}
        frames.append(pl.LazyFrame({name: [value] for name, value in fields.items()}))
    return replay_log(pl.concat(frames, how="diagonal_relaxed")).examples().grouped()


def labels(name: str, examples: Examples, classes: tuple[str, ...] = (), churn_days: float = 7) -> list:
    head = BY_NAME[name]
    chosen = classes or (head.classes if isinstance(head.classes, tuple) else ())
    part = HeadPart(head, chosen, slice(0), slice(0))
    return LABELS[name](Paths(examples, churn_days), part).tolist()


NAN = pytest.approx(float("nan"), nan_ok=True)


def test_purchases_of_later_sessions_count_within_their_days() -> None:
    found = log(
        ("a", 0, "view_item", "x"),
        ("a", 2 * DAY, "view_item", "x"),
        ("a", 2 * DAY + 600, "purchase", "x"),
        ("b", 29 * DAY, "view_item", "x"),
        ("c", 29 * DAY + 60, "view_item", "x"),
        ("c", 29 * DAY + 61, "purchase", "x"),
    )
    assert labels("purchase_24h", found)[:3] == [0, 1, NAN]
    assert labels("purchase_7d", found)[:3] == [1, 1, NAN]
    # b could still buy within the day when the log ends, exactly; c bought, but its day is not over.
    assert labels("purchase_24h", found)[3:5] == [0, NAN]
    assert labels("purchase_7d", found)[3:5] == [NAN, NAN]


def test_churn_is_no_session_within_the_days_and_unknown_near_the_end() -> None:
    found = log(
        ("a", 0, "view_item", "x"),
        ("a", 1, "view_item", "x"),
        ("a", 6 * DAY, "view_item", "x"),
        ("b", 25 * DAY, "view_item", "x"),
    )
    assert labels("churn", found)[:4] == [0, 0, 1, NAN]
    assert labels("churn", found, churn_days=3)[:4] == [1, 1, 1, 1]


def test_next_events_and_searches() -> None:
    found = log(
        ("a", 0, "view_item", "x", {"category": "shoes"}),
        ("a", 1, "search", None, {"query": "hat"}),
        ("a", 2, "page_view", None, {"page": "/found"}),
        ("a", 3, "view_item", "y", {"category": "hats"}),
        ("b", 30 * DAY - 10, "view_item", "x", {"category": "shoes"}),
    )
    events = BY_NAME["next_event"].classes
    names = [events[row[0]] if row[0] >= 0 else None for row in labels("next_event", found)]
    assert names == ["search", "page_view", "view_item", LEAVE, None, None]
    assert labels("search_next", found)[:5] == [1, 0, 0, 0, NAN]
    assert labels("search_category", found, ("hats", "shoes", OTHER))[:4] == [[0], [-1], [-1], [-1]]


def test_interest_is_in_what_follows_and_differs() -> None:
    rows = [
        ("a", n, "view_item", f"i{n % 3}", {"category": f"c{n % 3}", "brand": "acme", "price": 15.0})
        for n in range(4)
    ]
    found = log(*rows, ("a", 4, "page_view", None))
    assert labels("interest_category", found, ("c1", "c2", OTHER))[:5] == [
        [0, 1, -1, -1, -1],
        [1, 2, -1, -1, -1],
        [2, -1, -1, -1, -1],
        [-1] * 5,
        [-1] * 5,
    ]
    assert labels("interest_price", found)[0] == [2, 2, -1, -1, -1]
    assert labels("interest_brand", found, ("acme", OTHER))[0] == [0, 0, -1, -1, -1]


def test_values_completion_and_ratings() -> None:
    found = log(
        ("a", 0, "add_to_cart", "x", {"price": 10.0}),
        ("a", 1, "purchase", "x", {"price": 10.0, "quantity": 2}),
        ("a", 2, "purchase", "y", {"price": 5.0}),
        ("a", 3, "view_item", "x"),
        ("a", 9 * DAY, "rate_item", "x", {"rating": 4.0}),
        ("b", 0, "view_item", "x"),
    )
    assert labels("session_value", found)[:4] == [25, NAN, NAN, 0]
    assert labels("cart_completion", found)[:4] == [1, NAN, NAN, NAN]
    by_visitor = {(v, t): r for v, t, r in zip(found.visitor, found.ts, labels("rating", found), strict=True)}
    assert by_visitor[0, START] == 4
    assert by_visitor[0, START + 3 * MINUTE] == 4
    assert by_visitor[0, START + 2 * MINUTE] == NAN
    assert by_visitor[0, START + 9 * DAY * MINUTE] == NAN
    assert by_visitor[1, START] == NAN


def test_the_value_of_a_session_is_what_is_paid_in_it_after_refunds() -> None:
    found = log(
        ("a", 0, "view_item", "x"),
        ("a", 1, "purchase", "x", {"price": 10.0, "quantity": 2, "transaction_id": "t1"}),
        ("a", 2, "view_item", "y"),
        ("a", 3, "refund", "x", {"price": 10.0, "transaction_id": "t1"}),
        ("a", 4, "view_item", "z"),
        ("a", 2 * DAY, "view_item", "x"),
        ("a", 2 * DAY + 1, "refund", None, {"transaction_id": "t1"}),
        ("b", 9 * DAY, "view_item", "x"),
    )
    assert found.observed["amount"][:8].tolist() == [0, 20, 0, -10, 0, 0, 0, 0]
    # Bought for 20 and half sent back; what is sent back of what was bought before is no less than nothing.
    assert labels("session_value", found)[:7] == [10, NAN, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("state", "rows"),
    [
        ("ready_to_buy", [("view_item", "x"), ("purchase", "x")]),
        ("hesitating", [("add_to_cart", "x"), ("view_item", "y"), ("view_item", "z")]),
        ("about_to_leave", [("view_item", "x"), ("view_item", "y")]),
        ("price_sensitive", [("view_item", "x"), ("view_item", "y"), ("select_promotion", None)]),
        ("comparing", [("view_item", item) for item in "xyzw"]),
        ("exploring", [("page_view", None)] * 4),
        ("done", [("purchase", "x"), ("view_item", "y"), ("view_item", "z")]),
    ],
)
def test_states_of_a_first_click(state: str, rows: list) -> None:
    fields = {"category": "shoes", "page": "/p"}
    found = log(*(("a", n, event, item, fields) for n, (event, item) in enumerate(rows)))
    assert STATES[labels("intent_state", found)[0][0]] == state


def test_an_order_is_done_until_another_begins() -> None:
    fields = {"category": "shoes", "page": "/p"}
    events = ["add_to_cart", "begin_checkout", "purchase", "page_view", "begin_checkout", "page_view"]
    found = log(*(("a", n, event, "x", fields) for n, event in enumerate(events)))
    names = [STATES[row[0]] for row in labels("intent_state", found)[:6]]
    assert names == ["ready_to_buy", "ready_to_buy", "done", "done", "hesitating", "hesitating"]
    kept = log(
        *(
            ("a", n, event, item, fields)
            for n, (event, item) in enumerate([("add_to_cart", "y"), ("purchase", "x")])
        )
    )
    assert STATES[labels("intent_state", kept)[1][0]] == "hesitating"


def test_what_is_sooner_is_part_of_what_is_later() -> None:
    """A session that lasts for a day and buys at its end buys within a day: the session counts as a whole."""
    clicks = [("a", 25 * n, "view_item", f"i{n}") for n in range(57)]
    found = log(*clicks, ("a", 25 * 57, "purchase", "x"), ("b", 0, "view_item", "x"), end=30 * DAY)
    moved = replace(found, lookahead=found.lookahead.copy())
    moved.lookahead["purchase"] += 0.5
    assert moved.lookahead["purchase"][0] > 1
    assert labels("purchase_24h", moved)[0] == labels("purchase_7d", moved)[0] == 1


def test_heads_are_taught_on_their_condition() -> None:
    found = log(
        ("a", 0, "view_item", "x"),
        ("a", 600, "view_item", "x", {"price": 5.0}),
        ("a", 601, "purchase", "x", {"price": 5.0}),
        ("b", 0, "view_item", "x"),
        ("b", 2 * DAY, "purchase", "x", {"price": 7.0}),
        ("c", 0, "view_item", "x"),
        ("c", 30 * DAY - 5, "view_item", "x"),
    )
    order = np.lexsort((found.ts, found.visitor))
    taught = {name: np.array(of(name, found))[order].tolist() for name in TAUGHT if name.startswith("pur")}
    assert taught["purchase_24h"][:7] == [1, NAN, NAN, 0, NAN, 0, NAN]
    assert taught["purchase_7d"][:7] == [NAN, NAN, NAN, 1, NAN, 0, NAN]
    assert np.array(of("session_value", found))[order].tolist()[:7] == [NAN, 5, NAN, NAN, NAN, NAN, NAN]
    # Whether c's last session buys is not known when the log ends, so nor on which condition its next is.
    assert np.array(of("next_event", found))[order][6].tolist() == [-1]


def of(name: str, examples: Examples) -> list:
    """What a head is taught."""
    head = BY_NAME[name]
    part = HeadPart(head, head.classes, slice(0), slice(0))
    return TAUGHT[name](Paths(examples, 7), part).tolist()


def test_cheaper_items_show_a_sense_of_prices() -> None:
    prices = (100.0, 80.0, 20.0, 30.0, 40.0)
    found = log(*(("a", n, "view_item", f"i{n}", {"price": price}) for n, price in enumerate(prices)))
    assert STATES[labels("intent_state", found)[1][0]] == "price_sensitive"


def test_names_and_prices_have_classes() -> None:
    hashes = np.array([category_hash(name) for name in ("b", "a", "zzz")] + [0], dtype=np.uint32)
    assert class_numbers(hashes, ("a", "b", OTHER)).tolist() == [1, 0, 2, -1]
    assert price_bands(np.array([0, 4.99, 5, 2000, 1e9, np.nan], np.float32)).tolist() == [0, 0, 1, 9, 9, -1]


def shop(count: int = 60, buys: bool = True) -> Examples:
    """Visitors who look at shoes of two brands; every third one buys; every fifth one rates."""
    rows = []
    for number in range(count):
        fields = {"category": f"c{number % 4}", "brand": f"b{number % 2}", "price": 5.0 + number}
        at = number * 300
        rows += [(f"v{number}", at + n, "view_item", f"i{(number + n) % 9}", fields) for n in range(3)]
        if buys and number % 3 == 0:
            rows.append((f"v{number}", at + 4, "purchase", "i1", fields))
        if number % 5 == 0:
            rows.append((f"v{number}", at + 5, "rate_item", f"i{number % 9}", {"rating": 1.0 + number % 5}))
    return log(*rows, end=40 * DAY)


def test_a_version_has_the_heads_that_its_log_can_teach() -> None:
    with_all = {name for name, _ in plan(shop(), 7).tasks}
    assert with_all == {head.name for head in HEADS} - {"search_next", "search_category", "cart_completion"}
    plain = log(*((f"v{n}", n, "view_item", f"i{n % 3}") for n in range(9)), end=20)
    names = {name for name, _ in plan(plain, 7).tasks}
    assert names == {"next_event", "intent_state", "session_value", "session_risk"} & names
    assert not names & {"purchase_7d", "churn", "rating", "interest_brand", "interest_category"}


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.RISK])
def test_masked_labels_cost_nothing(kind: Kind) -> None:
    tasks = tuple((h.name, h.classes if isinstance(h.classes, tuple) else ("a", OTHER)) for h in HEADS)
    made = Network(Config(5, len(features.NAMES), tasks=tasks))
    assert isinstance(made.tasks, HeadModule)
    layout = made.tasks.layout
    sizes = [len(layout.of_kind(one)) for one in (Kind.BINARY, Kind.CLASSES, Kind.AMOUNT, Kind.RATING)]
    masked = Targets(
        torch.full((4, sizes[0]), torch.nan),
        torch.full((4, sizes[1], 5), -1, dtype=torch.int16),
        torch.full((4, sizes[2]), torch.nan),
        torch.full((4, sizes[3]), torch.nan),
        torch.full((4,), torch.nan),
    )
    raw = torch.randn(4, layout.raw, requires_grad=True)
    found = task_losses(made.tasks, raw, masked)
    assert found.tolist() == [0] * len(layout.parts)
    found.sum().backward()
    assert raw.grad.abs().sum() == 0
    one = Targets(*(torch.nan_to_num(labels.float()).to(labels.dtype).clamp_min(0) for labels in masked))
    one = one._replace(amount=torch.ones_like(one.amount))
    losses = task_losses(made.tasks, raw, one)
    span = [number for number, _ in layout.of_kind(kind)]
    assert torch.isfinite(losses).all()
    assert all(losses[number] != 0 for number in span) == (kind is not Kind.SHARED)
    before = made.tasks.lines.clone()
    calibrate(made.tasks, raw.detach(), masked)
    assert torch.equal(made.tasks.lines, before)


@pytest.mark.parametrize("buys", [True, False], ids=["both classes", "one class"])
@pytest.mark.parametrize("weights", ["fixed", "learned"])
def test_heads_learn_and_stay_finite(buys: bool, weights: str) -> None:
    examples = shop(buys=buys)
    seen: list[float] = []
    options = Options(epochs=3, seconds=1e9, loss_weights=weights, clicks_per_batch=64, refit=False)
    made = build(examples, examples, options, lambda progress: seen.append(progress.loss))
    assert np.isfinite(seen).all()
    assert made.network.config.churn_days == 7
    tasks = made.network.tasks
    assert all(torch.isfinite(value).all() for value in made.network.state_dict().values())
    assert tasks.noise.any() == (weights == "learned")
    without = [
        2 + number for number, part in enumerate(tasks.layout.parts) if part.raw.start == part.raw.stop
    ]
    assert without
    assert not tasks.noise[without].any()
    again = build(examples, examples, options, lambda progress: None)
    for name, value in made.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name


def test_heads_that_pass_no_gradient_leave_the_encoder_alone() -> None:
    examples = shop()
    options = Options(epochs=2, seconds=1e9, dropout=0, heads_gradient=0, refit=False)
    with_heads, without = (
        build(examples, examples, one, lambda progress: None)
        for one in (options, replace(options, heads_gradient=1.0, heads_weight=0))
    )
    assert without.network.tasks is None
    kept = with_heads.network.state_dict()
    for name, value in without.network.state_dict().items():
        assert torch.equal(kept[name], value), name
