"""What a purchase is followed by: the lines of one order are not further orders."""

import numpy as np
import pytest

from models.contract.events import EVENT_CODES
from models.state.codes import CODE
from trainer.examples.examples import labelled

LETTERS = {"v": "view_item", "c": "add_to_cart", "b": "begin_checkout", "p": "purchase"}


def bought(*sessions: str) -> str:
    """By click whether the session buys after it, as digits; a letter stands for a click."""
    codes = np.zeros(sum(map(len, sessions)), dtype=CODE)
    codes["event"] = [EVENT_CODES[LETTERS[letter]] for letter in "".join(sessions)]
    numbers = np.repeat(np.arange(len(sessions)), [len(one) for one in sessions])
    return "".join(str(int(one)) for one in labelled(codes, numbers)[0])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("vcbp", "1110"),
        ("vcbppp", "111000"),
        ("vpv", "100"),
        ("vppvcp", "111110"),
        ("ppvppv", "111000"),
    ],
)
def test_at_a_purchase_another_order_counts(path, expected):
    assert bought(path) == expected


def test_the_next_session_is_another_story():
    assert bought("vp", "pvp", "v") == "10" + "110" + "0"
