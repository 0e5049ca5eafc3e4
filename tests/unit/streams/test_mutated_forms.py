"""Mutated inputs of every form through contract and pipeline: each is answered, refused with its field, or a
counted duplicate, and no amount is ever negative or above what was sent.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice
from math import ceil
from typing import Any

import msgspec
import pytest

from models.contract.events import Click, Limits, Reason, Rejected
from models.state import state_keys, visitor
from models.state.visitor import MAX_AMOUNT, Visitor
from streams.effects import Effects
from tests import mutating
from tests.fuzzing import check_sizes
from tests.mutated_forms import FORMS, Mutated, mutated
from tests.offline import Offline

CHUNK, REPEATS = 1000, 10
ANSWERS = ("purchase-intent", "recommendations", "ad-decisions")
#: Reasons that are of a field.
OF_A_FIELD = (Reason.INVALID, Reason.UNKNOWN_SCHEMA)
AMOUNTS = (
    *("spend", "cart_value", "left_value", "total_spend", "price_sum", "price_weight", "order_left"),
    *("orders", "rating_sum", "rating_count", "left_items", "dwell_ms"),
)
parse = msgspec.json.Decoder().decode


class Watched(Offline):
    """A worker that remembers what its decoder made of the last chunk."""

    def __init__(self) -> None:
        super().__init__(limits=Limits(trust_original_time=False))
        self.decoded: list[Click | Rejected] = []
        decode = self.pipeline.decoder.decode

        def watched(*given: Any) -> list[Click | Rejected]:
            self.decoded = decode(*given)
            return self.decoded

        self.pipeline.decoder.decode = watched


def thousandths(amount: float) -> int:
    """An amount as the state keeps it, at most, whichever way it is rounded."""
    return ceil(min(MAX_AMOUNT, amount * 1000))


def told(click: Click) -> int:
    """At most what a purchase can add to a visitor's spend, in thousandths."""
    if click.value is not None:
        return thousandths(click.value)
    prices, pieces = click.basket_prices or (), click.basket_quantities or ()
    further = [(price, pieces[at] if pieces else None) for at, price in enumerate(prices)]
    lines = [(click.price, click.quantity), *further]
    return sum(thousandths((price or 0) * (count or 1)) for price, count in lines)


def refused(
    letters: Sequence[Any], sent: Sequence[Mutated], decoded: Sequence[Click | Rejected]
) -> Counter[str]:
    """Reasons of dead letters, whose bytes are those sent.

    Each is the decoder's refusal with its field, or the step's of a late click.
    """
    reasons = Counter[str]()
    for key, value, headers in letters:
        said = dict(headers)
        at = int(said["source-offset"]) % CHUNK
        reason, found, record = said["reason"].decode(), decoded[at], sent[at].record
        reasons[reason] += 1
        assert (key, value or b"") == (record.key, record.value or b"")
        if isinstance(found, Click):
            assert reason == Reason.LATE
            continue
        assert (found.reason, found.message.encode("utf-8", "replace")) == (reason, said["message"])
        assert found.field or found.reason not in OF_A_FIELD, found
        assert found.field.split(".")[0] in found.message
    return reasons


def check_amounts(record: Visitor) -> None:
    """No amount of a record is negative, or too large to be one."""
    for name in AMOUNTS:
        assert 0 <= getattr(record, name) <= MAX_AMOUNT, (name, record)
    assert min((*record.counts, *record.totals, *record.categories.values())) >= 0


def check_state(offline: Offline, effects: Effects, most: dict[str, int]) -> None:
    """The visitors of a chunk, and the weights of its items."""
    for key, value in effects.state:
        if key.startswith(state_keys.VISITOR) and value is not None:
            record = visitor.decode(value)
            check_amounts(record)
            assert record.total_spend <= most[state_keys.visitor_id(key)]
    check_sizes(offline.state)


def check_answers(outputs: Any) -> int:
    """How many clicks were answered, each by three answers of valid JSON, which knows no NaN."""
    answered = {len(outputs.get(topic, ())) for topic in ANSWERS}
    assert len(answered) == 1
    for topic in ANSWERS:
        for _, value, _ in outputs.get(topic, ()):
            assert isinstance(parse(value), dict)
    return answered.pop()


def check_meaning(inputs: Sequence[Mutated], decoded: Sequence[Click | Rejected]) -> None:
    """What is sent with negative amounts only is no sale; what is sent as it should be is not refused."""
    for one, click in zip(inputs, decoded, strict=True):
        if isinstance(click, Click):
            sale = click.event == "purchase" and told(click)
            assert not (sale and one.mutation is mutating.negate), (one, click)
        elif one.mutation is mutating.whole and one.right:
            raise AssertionError((one, click))


def chunks(size: int) -> Iterator[list[Mutated]]:
    """Inputs as a topic holds them; each chunk has some of the one before again."""
    inputs, before = mutated(20), list[Mutated]()
    for first in range(0, size, CHUNK):
        repeated = before[: REPEATS // 2] + before[-REPEATS // 2 :]
        before = list(islice(inputs, CHUNK - len(repeated)))
        numbered = enumerate(repeated + before, start=first)
        yield [one._replace(record=one.record._replace(offset=at)) for at, one in numbered]


@pytest.mark.parametrize("size", [10_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_every_mutated_input_has_a_fate(size: int) -> None:
    offline, fates, forms = Watched(), Counter[str](), Counter[str]()
    most: dict[str, int] = defaultdict(int)
    for chunk in chunks(size):
        counted = offline.metrics.duplicates._value.get()
        effects = offline.process([one.record for one in chunk])
        letters = effects.outputs.get("clicks-dead-letter", [])
        duplicates = int(offline.metrics.duplicates._value.get() - counted)
        answered = check_answers(effects.outputs)
        assert answered + len(letters) + duplicates == CHUNK
        fates.update(answered=answered, duplicate=duplicates)
        fates.update(refused(letters, chunk, offline.decoded))
        for one, click in zip(chunk, offline.decoded, strict=True):
            if isinstance(click, Click):
                forms[one.form] += 1
                most[click.visitor_id] += told(click) if click.event == "purchase" else 0
        check_state(offline, effects, most)
        check_meaning(chunk, offline.decoded)
    print(f"\n{size} mutated inputs: {dict(fates.most_common())}; decoded by form: {dict(forms)}")
    assert sum(fates.values()) == size
    assert fates["answered"] > size // 2
    assert fates["duplicate"] > size // 500
    assert set(forms) == set(FORMS)
    assert {"malformed", "invalid", "missing_key", "key_mismatch", "skewed"} <= set(fates)
