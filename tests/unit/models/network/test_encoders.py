"""What every encoder must do: step as it was trained, whatever the chunks, and refuse what it cannot."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from models.contract.events import Click
from models.features import features
from models.features.batch import Batcher
from models.network.cells import Recurrent
from models.network.encoder import EncoderError, Serving, Shape
from models.network.encoders import ENCODERS, build, check
from models.network.network import Config, Network
from models.network.recurrence import Recurrence
from models.registry import registry
from models.scoring.scorer import NeuralScorer
from models.scoring.scores import ScoringError
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.codes import CODE
from models.state.visitor import HIDDEN_BYTES, KEPT_CODES, Visitor, decode, encode
from tests.scoring import network, parts, real_clicks, scorer, serve, vocabulary

CLICKS = real_clicks(900)
WORDS = vocabulary(CLICKS, 300)
MODEL = 7
SHAPE = Shape("gru", embedding=16, hidden=24, layers=0, attention_heads=2, window=0, dropout=0.2)
EVERY = pytest.mark.parametrize("name", ENCODERS)
#: Shapes other than an encoder's own.
SHAPES = [
    *({"encoder": name} for name in ENCODERS),
    {"encoder": "gru", "layers": 2},
    {"encoder": "lstm", "layers": 2, "hidden": 32},
    {"encoder": "transformer", "layers": 1, "attention_heads": 4},
    {"encoder": "transformer", "layers": 3, "window": 6, "hidden": 32},
    {"encoder": "cnn", "layers": 2, "window": 4, "embedding": 32},
]


def one_session(clicks: Sequence[Click], count: int) -> list[Click]:
    """The clicks of a log as one visitor's, ten seconds apart: longer than any context."""
    ts = clicks[0].ts
    return [
        msgspec.structs.replace(click, visitor_id="long", event_id=f"long-{number}", ts=ts + 10_000 * number)
        for number, click in enumerate(islice(clicks, count))
    ]


#: Real sessions, among them one of LONG clicks: more than any context, and more than one piece in a chunk.
LONG = 110
STORY = sorted([*CLICKS[:120], *one_session(CLICKS, LONG)], key=lambda click: click.ts)


def made(config: dict[str, object], seed: int = 3) -> Network:
    torch.manual_seed(seed)
    found = Network(Config(WORDS.sizes.items, len(features.NAMES), WORDS.sizes.item_buckets, **config)).eval()
    for parameter in found.encoder.parameters():
        # Far from what a fresh network has: biases and windows must show.
        parameter.data.add_(torch.randn_like(parameter) * 0.1)
    torch.nn.init.normal_(found.table.weight, std=0.5)
    return found.requires_grad_(False)


def unrounded(found: Network) -> Serving:
    """The serving form before states are rounded to fp16."""
    if isinstance(found.encoder, Recurrent):
        return Recurrence(found.table.weight, found.encoder.cells(), WORDS.rows, "float32")
    return found.serving(WORDS.rows)


@torch.inference_mode()
def stepped(clicks: Sequence[Click], serving: Serving, chunk: int) -> dict[str, list[torch.Tensor]]:
    """States click by click, by session, of a log served in chunks over visitors' records."""
    records: dict[str, bytes] = {}
    found: dict[str, list[torch.Tensor]] = {}
    for at in range(0, len(clicks), chunk):
        batcher, slots, names = Batcher(), {}, []
        visitors: dict[str, Visitor | None] = {}
        for click in clicks[at : at + chunk]:
            name = click.visitor_id
            if name not in slots:
                visitors[name] = decode(records[name]) if name in records else None
                slots[name] = batcher.visitor(visitors[name])
            visitors[name], facts = step(visitors[name], click, click.ts, SessionConfig())
            row = features.row(visitors[name], click, facts)
            batcher.click(slots[name], facts.code, facts.position, row)
            names.append(f"{name} {visitors[name].sessions}")
        states, kept = serving.states(batcher.build(), MODEL)
        for name, state in zip(names, states, strict=True):
            found.setdefault(name, []).append(state)
        for name, visitor in visitors.items():
            visitor.remember(kept[slots[name]].tobytes(), MODEL)
            records[name] = encode(visitor)
    return found


def codes(clicks: Sequence[Click]) -> dict[str, np.ndarray]:
    """All codes of each session."""
    visitors: dict[str, Visitor | None] = {}
    found: dict[str, list[bytes]] = {}
    for click in clicks:
        visitor, facts = step(visitors.get(click.visitor_id), click, click.ts, SessionConfig())
        visitors[click.visitor_id] = visitor
        found.setdefault(f"{click.visitor_id} {visitor.sessions}", []).append(facts.code)
    return {name: np.frombuffer(b"".join(ones), dtype=CODE) for name, ones in found.items()}


CASES = [
    *((config, chunk) for config in SHAPES for chunk in (7, len(STORY))),
    *(({"encoder": name}, chunk) for name in ENCODERS for chunk in (1, 60)),
]


@pytest.mark.parametrize(
    ("config", "chunk"), CASES, ids=[f"{' '.join(map(str, c.values()))} by {n}" for c, n in CASES]
)
def test_steps_give_what_the_whole_sequence_gives(config: dict[str, object], chunk: int) -> None:
    """Full equals step to 1e-5 on real sessions, before the rounding of what is stored."""
    found = made(config)
    sessions = codes(STORY)
    serving = stepped(STORY, unrounded(found), chunk)
    assert max(map(len, sessions.values())) == LONG
    assert serving.keys() == sessions.keys()
    for name, ones in sessions.items():
        full = found.encode(torch.from_numpy(WORDS.rows(ones))[None])[0]
        np.testing.assert_allclose(torch.stack(serving[name]), full, atol=1e-5, err_msg=name)


@EVERY
@torch.inference_mode()
def test_shapes_and_padding(name: str) -> None:
    encoder = build(replace(SHAPE, encoder=name)).eval()
    inputs = torch.randn(3, 9, 16)
    states = encoder.full(inputs)
    assert states.shape == (3, 9, 24)
    padded = torch.cat([inputs, torch.zeros(3, 80, 16)], 1)
    torch.testing.assert_close(encoder.full(padded)[:, :9], states, atol=1e-6, rtol=0)


@EVERY
@torch.inference_mode()
def test_a_state_depends_on_its_context_and_on_nothing_else(name: str) -> None:
    encoder = build(replace(SHAPE, encoder=name)).eval()
    inputs = torch.randn(1, 80, 16)
    context, bounded = encoder.context or 20, encoder.context is not None
    assert context <= KEPT_CODES
    before = encoder.full(inputs)[0, 75]
    for place, matters in ((76, False), (75, True), (76 - context, True), (75 - context, not bounded)):
        other = inputs.clone()
        other[0, place] += 10 * torch.randn(16)
        assert torch.equal(encoder.full(other)[0, 75], before) != matters, place


@EVERY
def test_one_seed_makes_one_encoder(name: str) -> None:
    first, second = (network(WORDS, 5, name).state_dict() for _ in range(2))
    other = network(WORDS, 6, name).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    changed = {key for key in first if key.startswith("encoder.") and not torch.equal(first[key], other[key])}
    assert changed


@EVERY
def test_what_is_loaded_scores_as_what_was_saved(name: str, tmp_path: Path) -> None:
    whole = parts(WORDS, name)
    loaded = registry.load(tmp_path / registry.save(tmp_path, whole, 1_700_000_000_000))
    before = next(serve(CLICKS[:200], [NeuralScorer(whole.network, WORDS, "trial", 7)], 200, {}))
    after = next(serve(CLICKS[:200], [loaded.neural], 200, {}))
    np.testing.assert_array_equal(before.purchase, after.purchase)
    np.testing.assert_array_equal(before.items, after.items)
    assert before.hidden_bytes() == after.hidden_bytes()


@EVERY
def test_a_visitor_never_seen_and_an_item_never_seen(name: str) -> None:
    unseen = msgspec.structs.replace(CLICKS[0], item_id="never seen", category="nor this")
    scores = next(serve([unseen], [scorer(WORDS, encoder=name)], 1, {}))
    assert scores.purchase.shape == (1,)
    assert (scores.items >= 0).all()
    other = msgspec.structs.replace(unseen, item_id=None, category=None)
    assert next(serve([other], [scorer(WORDS, encoder=name)], 1, {})).purchase[0] != scores.purchase[0]


@EVERY
def test_chunks_change_no_stored_bit_and_no_answer(name: str) -> None:
    visitors: list[dict[str, bytes]] = [{}, {}]
    runs = [
        list(serve(STORY, [scorer(WORDS, encoder=name)], chunk, kept))
        for chunk, kept in zip((13, len(STORY)), visitors, strict=True)
    ]
    assert visitors[0] == visitors[1]
    purchase = [np.concatenate([scores.purchase for scores in run]) for run in runs]
    np.testing.assert_allclose(purchase[0], purchase[1], atol=1e-5)


@EVERY
def test_ten_thousand_clicks_of_one_session(name: str) -> None:
    clicks = [
        msgspec.structs.replace(CLICKS[n % 500], visitor_id="bot", event_id=f"b{n}", ts=CLICKS[0].ts + 10 * n)
        for n in range(10_000)
    ]
    visitors: dict[str, bytes] = {}
    scores = next(serve(clicks, [scorer(WORDS, encoder=name)], 10_000, visitors))
    assert np.isfinite(scores.purchase).all()
    assert scores.purchase.shape == (10_000,)
    assert len(visitors["bot"]) < 7_000


@EVERY
def test_what_is_kept_of_a_visitor_is_bounded(name: str) -> None:
    scores = next(serve(CLICKS[:100], [scorer(WORDS, encoder=name)], 100, {}))
    sizes = {len(packed) for packed in scores.hidden_bytes()}
    expected = {"gru": 128, "lstm": 256, "transformer": 0, "cnn": 0}
    assert sizes == {expected[name]}
    assert max(sizes) <= HIDDEN_BYTES
    assert len(scores.hidden_bytes()) == len({click.visitor_id for click in CLICKS[:100]})


@EVERY
@pytest.mark.parametrize("broken", ["feature", "weight"])
def test_what_is_not_a_number_is_refused(name: str, broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = network(WORDS, encoder=name)
    if broken == "weight":
        next(found.encoder.parameters()).data.fill_(torch.nan)
    else:
        rows = features.matrix
        monkeypatch.setattr(features, "matrix", lambda packed: rows(packed) * np.float32(np.nan))
    with pytest.raises(ScoringError, match="not finite; the next tier answers"):
        list(serve(CLICKS[:5], [NeuralScorer(found, WORDS, "broken", 9)], 5, {}))


@pytest.mark.parametrize("last", ENCODERS)
def test_a_swap_between_encoders_answers_as_if_the_new_one_had_seen_all(last: str) -> None:
    clicks = one_session(CLICKS, 45)
    scorers = [scorer(WORDS, number, number + 1, name) for number, name in enumerate(ENCODERS)]
    scorers.append(scorer(WORDS, 9, 99, last))
    swapped = [scores.purchase for scores in serve(clicks, scorers, 4, {})]
    always = [scores.purchase for scores in serve(clicks, [scorer(WORDS, 9, 99, last)], 9, {})]
    np.testing.assert_allclose(np.concatenate(swapped[-3:]), always[-1], atol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder": "rnn"}, "encoder is 'rnn'; choose from gru, lstm, transformer, cnn"),
        ({"encoder": "gru", "hidden": 1200}, "choose fewer hidden units or layers"),
        (
            {"encoder": "transformer", "layers": 2, "window": 30},
            "looks at 59 clicks, a visitor's record keeps 50",
        ),
        ({"encoder": "transformer", "attention_heads": 5}, "cannot be divided among 5 attention heads"),
        ({"encoder": "transformer", "attention_heads": 0}, "cannot be divided among 0 attention heads"),
        ({"encoder": "cnn", "layers": 6}, "looks at 127 clicks"),
    ],
)
def test_a_shape_that_cannot_be_served_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        check(replace(SHAPE, **change))
