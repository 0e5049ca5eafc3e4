"""Published answers to real sessions do not contradict each other: as JSON, with all its rounding."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from models.contract.events import Limits
from models.contract.head_table import BRANDS, CATEGORIES, HEADS, LEAVE, OTHER
from models.contract.predictions import FallbackTier
from models.features import features
from models.network.network import Config, Network
from models.registry import registry
from models.registry.versions import Version
from tests.offline import Offline, records
from tests.purchase_path import STEPS, answers, table
from tests.scoring import SHIPPED, parts, real_clicks, vocabulary
from trainer.examples.split import split
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log
from trainer.loop.options import Options
from trainer.training.build import build

LEARNED, LEARNED_WALKS, ANSWERED = 5_000, 150, 3_000
INTENT, DECISIONS = "purchase-intent", "ad-decisions"
#: What the shipped log lacks: its visitors only look, fill carts and buy.
PATH = ("page_view", "search", "view_item", "add_to_cart", "begin_checkout", "purchase", "page_view")
SMALL = Options(epochs=2, seconds=1e9, embedding=16, hidden=16, candidates=64, refit=False, churn_days=3)


def trained() -> Any:
    """A model of the log's first clicks and of visitors who take the whole path, so it expects all of it."""
    frame = read_log([SHIPPED]).head(LEARNED).collect()
    walked = pl.DataFrame(walks(frame.iter_rows(named=True), LEARNED_WALKS, "learned"))
    log = pl.concat([frame, walked.cast({"ts": frame.schema["ts"]})], how="diagonal_relaxed").sort("ts")
    learned, held_out = split(replay_log(log.lazy()).examples(), (0.8, 0.2))
    return build(learned, held_out, SMALL, lambda progress: None)


def drawn() -> Any:
    """Every head there is, with weights that nobody trained: logits from one end to the other."""
    words = vocabulary(real_clicks(600))
    own = {CATEGORIES: ("shoes", OTHER), BRANDS: ("acme", OTHER)}
    tasks = tuple((h.name, own[h.classes] if isinstance(h.classes, str) else h.classes) for h in HEADS)
    whole, torch_seed = parts(words), 3
    torch.manual_seed(torch_seed)
    sizes = words.sizes
    config = Config(sizes.items, len(features.NAMES), sizes.item_buckets, tasks=tasks, churn_days=30)
    made = Network(config).eval()
    made.scale.fill_(0.3)
    for layer in (made.tasks.out, made.intent[-1]):
        layer.weight.data.mul_(12)
    return replace(whole, network=made)


@pytest.fixture(scope="module", params=[trained, drawn])
def version(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Version:
    folder = tmp_path_factory.mktemp("registry")
    torch.set_num_threads(1)
    return registry.load(folder / registry.save(folder, request.param(), 1_700_000_000_000))


def events() -> list[dict[str, Any]]:
    """Real sessions that were not learned from, and visitors who take the path that the log lacks."""
    frame = read_log([SHIPPED]).slice(LEARNED, ANSWERED).collect()
    real = [{k: v for k, v in row.items() if v is not None} for row in frame.iter_rows(named=True)]
    return sorted([*real, *walks(real, 20, "walker")], key=lambda row: row["ts"])


def walks(rows: Iterable[dict[str, Any]], most: int, name: str) -> list[dict[str, Any]]:
    """Visitors who take the path with items that were put into a cart, from that moment on."""
    known = [row for row in rows if row["event"] == "add_to_cart"][:most]
    return [
        {"event_id": f"{name}-{n}-{at}", "visitor_id": f"{name} {n}", "ts": row["ts"] + at * 20_000}
        | {"event": event}
        | (
            {"item_id": row["item_id"], "price": 9.5}
            if "item" in event or "cart" in event
            else {"page": "/p"}
        )
        for n, row in enumerate(known)
        for at, event in enumerate(PATH)
    ]


def answered(version: Version | None, given: list[dict[str, Any]]) -> Iterator[tuple[dict, dict]]:
    """Each click's published intent and decision."""
    offline = Offline(version, limits=Limits(check_skew=False))
    for chunk in offline.run(records(given), 700):
        yield from zip(chunk[INTENT], chunk[offline.names.ad_decisions], strict=True)


@pytest.fixture(scope="module")
def published(version: Version) -> list[tuple[dict, dict]]:
    found = list(answered(version, events()))
    assert len(found) == len(events())
    assert {intent["rung"] for intent, _ in found} == {FallbackTier.NEURAL}
    return found


def cut(chance: float) -> float:
    """A share of a distribution with two of its four decimals."""
    return round(chance * 10_000) // 100 / 100


def test_what_is_sooner_is_no_likelier_than_what_is_later(published) -> None:
    for intent, _ in published:
        names = ("purchase_probability", "purchase_24h_probability", "purchase_7d_probability")
        chain = [intent[name] for name in names if name in intent]
        assert len(chain) >= 2
        assert chain == sorted(chain)


def test_a_full_cart_is_completed_as_likely_as_the_session_buys(published) -> None:
    full = 0
    for intent, decision in published:
        if decision["context"]["cart_milli"] > 0:
            assert intent["cart_completion_probability"] == intent["purchase_probability"]
            full += 1
        else:
            assert "cart_completion_probability" not in intent
    assert 0 < full < len(published)


def test_states_agree_with_the_probability_that_the_session_buys(published) -> None:
    seen = set()
    for intent, decision in published:
        states, chance, context = intent["intent_states"], intent["purchase_probability"], decision["context"]
        seen |= states.keys()
        assert sum(states.values()) <= 1 + 1e-9
        if "ready_to_buy" in states:
            assert states["ready_to_buy"] == cut(chance)
        else:
            assert chance < max(states.values()) + 0.01
        if context["cart_milli"] > 0 or context["event"] == "begin_checkout":
            assert states.keys() <= {"ready_to_buy", "hesitating"}
        elif context["event"] == "purchase":
            assert states.keys() <= {"ready_to_buy", "done"}
        elif context["stage"] in ("browsing", "cart"):
            assert not states.keys() & {"done", "hesitating"}
    assert seen >= {"hesitating", "done"}
    assert "ready_to_buy" in seen or all(intent["purchase_probability"] < 0.1 for intent, _ in published)


def test_the_next_event_agrees(published) -> None:
    named = set()
    for intent, decision in published:
        shares = intent["next_events"]
        named |= shares.keys()
        # At a purchase the probability is that of another order; a line of this one may come next.
        if decision["context"]["event"] != "purchase":
            assert shares.get("purchase", 0) <= intent["purchase_probability"]
            assert shares.get(LEAVE, 0) <= 1 - intent["purchase_probability"] + 1e-9
        if "search" in shares and "search_probability" in intent:
            assert shares["search"] == cut(intent["search_probability"])
        elif "search_probability" in intent:
            assert cut(intent["search_probability"]) <= min(shares.values())
    assert len(named) >= 3


def test_who_comes_back_to_buy_has_not_left_for_good(published, version) -> None:
    days = version.network.config.churn_days
    for intent, _ in published:
        for name, within in (("purchase_24h_probability", 1), ("purchase_7d_probability", 7)):
            if name in intent and "churn_probability" in intent and within <= days:
                later = intent[name] - intent["purchase_probability"]
                assert intent["churn_probability"] <= 1 - later + 2e-4


def test_money_is_expected_where_a_purchase_is(published) -> None:
    values = np.array([intent["session_value"] for intent, _ in published])
    assert (values >= 0).all()
    assert values.max() > 0


def test_below_the_network_and_without_consent_there_is_one_number(version) -> None:
    fields = {head.field for head in HEADS}
    refused = [row | {"consent": False} for row in events()[:300]]
    for source, given in ((None, events()[:300]), (version, refused)):
        for intent, _ in answered(source, given):
            assert not fields & intent.keys()
            assert 0 <= intent["purchase_probability"] <= 1


def test_the_journey_of_the_docs_is_what_its_command_prints(version) -> None:
    journeys = (SHIPPED.parents[2] / "docs/models/journeys.md").read_text()
    made = table(answers(version)).splitlines()
    assert len(made) == 2 + len(STEPS)
    assert made[0] in journeys
    rows = [line for line in journeys.split(made[0])[1].splitlines() if line.startswith("| `")][: len(STEPS)]
    assert [row.split("|")[1].strip(" `") for row in rows] == list(STEPS)
    for row in rows:
        told = [float(cell) for cell in row.split("|")[2:5] if cell.strip()]
        assert len(told) >= 2
        assert told == sorted(told)
