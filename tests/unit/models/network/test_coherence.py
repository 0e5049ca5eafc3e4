"""Answers that speak of the same future agree, whatever the heads say by themselves."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.contract.events import EVENT_CODES
from models.contract.head_table import BY_NAME, HEADS, LEAVE, OTHER, STATES, Layout
from models.features.features import NAMES
from models.network.coherence import combine, has_purchase, order_under_way, without_impossible_classes
from models.network.heads import HeadModule
from models.network.network import Config, Network

TASKS = tuple((h.name, h.classes if isinstance(h.classes, tuple) else ("a", OTHER)) for h in HEADS)
LAYOUT = Layout.of(TASKS)
AT = {part.head.name: part for part in LAYOUT.parts}
_LOGITS = st.floats(-60, 60, width=32)
_SHARE = st.one_of(st.floats(0, 1, width=32), st.sampled_from([0.0, 1.0, 0.5, 0.43715, 1e-7]))


def tasks(days: float = 7.0) -> HeadModule:
    made = Network(Config(5, len(NAMES), tasks=TASKS, churn_days=days)).tasks
    assert made is not None
    return made


def rows(cart: float = 0, checkout: float = 0, order: float = 0, orders: float = 0) -> np.ndarray:
    """One feature row; times are 0 for never, else the larger the more recent."""
    made = np.zeros((1, len(NAMES)), np.float32)
    given_ = {"cart_items": cart, "since_checkout": checkout, "since_purchase": order}
    for name, value in (given_ | {"session_purchase": orders}).items():
        made[0, NAMES.index(name)] = value
    return made


def answer(name: str, found: np.ndarray, cls: str = "") -> np.ndarray:
    part = AT[name]
    return found[:, part.answers.start + (part.classes.index(cls) if cls else 0)]


@settings(max_examples=150, deadline=None)
@given(
    raw=hnp.arrays(np.float32, (3, LAYOUT.raw), elements=_LOGITS),
    chance=hnp.arrays(np.float32, 3, elements=_SHARE),
    cart=st.booleans(),
    times=st.tuples(_SHARE, _SHARE),
    orders=st.integers(0, 3),
    days=st.sampled_from([0.5, 1.0, 7.0, 30.0]),
    decimals=st.sampled_from([1, 2, 4, 7]),
)
def test_answers_agree_whatever_the_heads_say(raw, chance, cart, times, orders, days, decimals) -> None:
    given_ = np.repeat(rows(cart, *times, orders), 3, 0)
    made = tasks(days)
    found = made.answers(torch.from_numpy(raw), torch.from_numpy(chance), given_).detach().numpy()
    assert np.isfinite(found).all()
    chain = [
        np.round(one, decimals)
        for one in (chance, answer("purchase_24h", found), answer("purchase_7d", found))
    ]
    assert (chain[0] <= chain[1]).all()
    assert (chain[1] <= chain[2]).all()
    assert (chain[2] <= 1).all()
    np.testing.assert_array_equal(answer("cart_completion", found), chance)
    np.testing.assert_array_equal(answer("intent_state", found, "ready_to_buy"), chance)
    np.testing.assert_array_equal(answer("search_next", found), answer("next_event", found, "search"))
    assert (answer("next_event", found, "purchase") <= chance).all()
    assert (answer("next_event", found, LEAVE) <= 1 - chance + 1e-6).all()
    for name in ("intent_state", "next_event"):
        np.testing.assert_allclose(found[:, AT[name].answers].sum(1), 1, atol=1e-5)
    assert (found[:, AT["session_value"].answers][chance == 0] == 0).all()
    later = {1.0: answer("purchase_24h", found), 7.0: answer("purchase_7d", found)}
    for within, buys in later.items():
        if within <= days:
            assert (answer("churn", found) <= 1 - (buys - chance) + 1e-6).all()
    single = np.isin([part.head.name for part in LAYOUT.parts], ["session_value", "rating"])
    bounded = [part.answers for part, free in zip(LAYOUT.parts, single, strict=True) if not free]
    for columns in bounded:
        assert (found[:, columns] >= 0).all()
        assert (found[:, columns] <= 1 + 1e-6).all()


@pytest.mark.parametrize(
    ("state", "row"),
    [
        ("hesitating", rows(cart=1)),
        ("hesitating", rows(checkout=0.5)),
        ("hesitating", rows(checkout=0.5, order=0.4, orders=1)),
        ("hesitating", rows(cart=1, checkout=0.4, order=0.5, orders=1)),
        ("done", rows(checkout=0.4, order=0.5, orders=1)),
        ("done", rows(checkout=0.5, order=0.5, orders=1)),
        ("done", rows(order=1, orders=2)),
        ("", rows(order=0.3)),
        ("", rows()),
    ],
)
def test_what_a_session_did_says_in_which_state_it_is_if_it_does_not_buy(state, row) -> None:
    raw = torch.randn(1, LAYOUT.raw)
    found = tasks().answers(raw, torch.tensor([0.25]), row).detach().numpy()
    assert answer("intent_state", found, "ready_to_buy") == 0.25
    for name in ("hesitating", "done"):
        assert answer("intent_state", found, name) == (0.75 if name == state else 0)
    assert bool(order_under_way(row)) == (state == "hesitating")
    assert bool(has_purchase(row) & ~order_under_way(row)) == (state == "done")


def test_who_comes_back_to_buy_has_not_left_for_good() -> None:
    said = torch.zeros(1, LAYOUT.answers)
    said[0, AT["purchase_24h"].answers] = 0.1
    said[0, AT["purchase_7d"].answers] = 0.5
    said[0, AT["churn"].answers] = 0.9
    said[0, AT["next_event"].answers] = 1 / 17
    said[0, AT["intent_state"].answers] = 1 / 7
    found = {
        days: answer("churn", combine(LAYOUT, said, torch.tensor([0.2]), rows(), days).numpy()).item()
        for days in (0.5, 1.0, 6.0, 7.0)
    }
    assert found[0.5] == pytest.approx(0.9)
    # .08 buy in another session within a day, .36 more within the week: all of them come back.
    assert found[1.0] == found[6.0] == pytest.approx(0.9)
    assert found[7.0] == pytest.approx(1 - 0.08 - 0.36)


def test_what_is_out_of_the_question_is_not_learned() -> None:
    raw = torch.randn(3, LAYOUT.raw, requires_grad=True)
    found = without_impossible_classes(LAYOUT, raw, torch.tensor([1.0, 0.0, torch.nan]))
    shares = found[:, AT["next_event"].raw].softmax(1)
    classes = BY_NAME["next_event"].classes
    leave, purchase = classes.index(LEAVE), classes.index("purchase")
    assert shares[:, leave].tolist() == [
        0,
        pytest.approx(shares[1, leave].item()),
        pytest.approx(shares[2, leave].item()),
    ]
    assert (shares[[1, 2], leave] > 0).all()
    assert shares[1, purchase] == 0
    assert (shares[[0, 2], purchase] > 0).all()
    states = found[:, AT["intent_state"].raw].softmax(1)
    assert (states.sum(0) > 0).tolist() == [
        name not in ("ready_to_buy", "hesitating", "done") for name in STATES
    ]
    found.clamp_min(-100).sum().backward()
    assert torch.isfinite(raw.grad).all()


def test_a_search_needs_the_next_event_that_it_is_a_part_of() -> None:
    with pytest.raises(ValueError, match="search_next is without next_event"):
        Network(Config(5, len(NAMES), tasks=(("search_next", ()),)))


def test_lines_of_an_order_may_follow_a_purchase() -> None:
    """The chance of another order says nothing of them."""
    raw, row = torch.randn(2, LAYOUT.raw), np.repeat(rows(), 2, 0)
    row[1, NAMES.index(f"event={EVENT_CODES['purchase']}")] = 1
    found = tasks().answers(raw[[0, 0]], torch.tensor([0.01, 0.01]), row).detach().numpy()
    part = AT["next_event"]
    np.testing.assert_allclose(found[1, part.answers], raw[0, part.raw].softmax(0), rtol=1e-5)
    assert answer("next_event", found, "purchase")[0] <= 0.01 < answer("next_event", found, "purchase")[1]
    assert answer("search_next", found)[1] == answer("next_event", found, "search")[1]
