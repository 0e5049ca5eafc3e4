"""The heads' fields written from parts are those of the contract's struct."""

import msgspec
import numpy as np
import pytest

from models.contract.head_table import BRANDS, CATEGORIES, HEADS, Kind, Layout
from models.contract.predictions import FallbackTier, PurchaseIntent
from models.scoring.scores import TIERS, Scores
from streams.texts.heads_json import HeadsEncoder

OWN = {CATEGORIES: ("shoes", 'ha"ts', "é", "other"), BRANDS: ("acme", "other")}
TASKS = [(head.name, OWN[head.classes] if isinstance(head.classes, str) else head.classes) for head in HEADS]
COMMON = {
    "event_id": "e",
    "visitor_id": "v",
    "ts": 1,
    "model_version": "m",
    "catalogue_version": "c",
    "features_version": "f",
    "rung": FallbackTier.NEURAL,
    "scored_at": 2,
    "purchase_probability": 0.5,
    "session_id": "v:1",
    "session_clicks": 1,
}


def scores_of(answers, layout):
    count = len(answers)
    tier = np.full(count, TIERS.index(FallbackTier.NEURAL), dtype=np.uint8)
    items = np.zeros((count, 20), dtype=np.int32), np.zeros((count, 20), dtype=np.float32)
    return Scores(np.zeros(count, np.float32), *items, np.empty(0, object), tier, None, answers, layout)


def answers_of(layout, count, seed=0):
    random = np.random.default_rng(seed)
    made = random.random((count, layout.answers)).astype(np.float32)
    for _, part in layout.of_kind(Kind.CLASSES):
        shares = random.dirichlet(np.full(len(part.classes), 0.4), count)
        made[:, part.answers] = shares
    return made


def cut(share):
    """Two decimals of the published four."""
    return round(share * 10_000) // 100 / 100


def expected(layout, row):
    """The fields by the plainest code."""
    fields = {}
    for part in layout.parts:
        values = row[part.answers].astype(np.float64)
        if part.head.kind is Kind.CLASSES:
            order = np.argsort(-values, kind="stable")[:3]
            named = [
                place for rank, place in enumerate(order) if not rank or values[place] >= np.float32(0.1)
            ]
            fields[part.head.field] = {part.classes[place]: cut(float(values[place])) for place in named}
        elif not np.isnan(values[0]):
            decimals = 4 if part.head.kind in (Kind.BINARY, Kind.SHARED, Kind.RISK) else 2
            fields[part.head.field] = round(float(values[0]), decimals)
    return fields


@pytest.mark.parametrize("heads", ["all", "binary only", "classes only", "amounts only"])
def test_fields_are_those_of_the_struct(heads) -> None:
    kinds = {"binary only": Kind.BINARY, "classes only": Kind.CLASSES, "amounts only": Kind.AMOUNT}
    chosen = [t for t, head in zip(TASKS, HEADS, strict=True) if head.kind is kinds.get(heads, head.kind)]
    layout = Layout.of(chosen)
    answers = answers_of(layout, 200)
    single = [p.answers.start for p in layout.parts if p.head.kind is not Kind.CLASSES]
    answers[::3, single] = np.nan
    for row, text in zip(answers, HeadsEncoder().texts(scores_of(answers, layout)), strict=True):
        told = msgspec.json.decode(b'{"a":0%b}' % text)
        del told["a"]
        wanted = expected(layout, row)
        assert told == wanted
        struct = PurchaseIntent(**COMMON, **wanted)
        wire = msgspec.json.decode(msgspec.json.encode(struct))
        assert wire == msgspec.to_builtins(COMMON) | told
        msgspec.json.decode(msgspec.json.encode(COMMON | told), type=PurchaseIntent)


def test_nothing_is_said_below_the_neural_rung() -> None:
    assert HeadsEncoder().texts(scores_of(np.zeros((3, 0), np.float32), None)) == [b""] * 3


def test_another_layout_has_texts_of_its_own() -> None:
    forecasts, told = HeadsEncoder(), []
    for classes in (("hats", "other"), ("socks", "other")):
        layout = Layout.of([("interest_category", classes)])
        told.append(forecasts.texts(scores_of(np.array([[0.75, 0.25]], np.float32), layout))[0])
    assert told == [
        b',"interest_categories":{"hats":0.75,"other":0.25}',
        b',"interest_categories":{"socks":0.75,"other":0.25}',
    ]


def test_a_head_that_its_version_keeps_silent_is_not_written():
    layout = Layout.of(TASKS)
    judged = {
        name: {"published": name not in ("churn", "intent_state", "session_value")} for name, _ in TASKS
    }
    silenced, answers = layout.silenced(judged), answers_of(layout, 5)
    written = HeadsEncoder().texts(scores_of(answers, silenced))
    gone = {"churn_probability", "intent_states", "session_value"}
    for row, text in zip(answers, written, strict=True):
        fields = msgspec.json.decode(b"{" + text[1:] + b"}")
        assert fields == {name: said for name, said in expected(layout, row).items() if name not in gone}
    assert layout.silenced({}).silent == frozenset()
