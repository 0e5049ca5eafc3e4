"""A small scorer and the way of a chunk without Kafka, shared by the tests of scoring."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Click, Limits
from models.features import features
from models.features.batch import Batcher
from models.features.vocabulary import Vocabulary
from models.network.network import Config, Network
from models.registry.registry import Parts
from models.scoring import session_index
from models.scoring.rates import StageRates
from models.scoring.scorer import NeuralScorer
from models.scoring.scores import Scores
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step
from models.state.codes import category_hash
from models.state.facts import ClickStatus
from models.state.visitor import Visitor, decode, encode
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import records

SHIPPED = Path(__file__).parent.parent / "deploy" / "data" / "rees46_electronics.csv.gz"


def real_clicks(count: int) -> list[Click]:
    """The first clicks of the shipped log, by event time."""
    frame = read_log([SHIPPED]).sort("ts", maintain_order=True).head(count).collect()
    clicks = Decoder(Limits(check_skew=False), Catalogue()).decode(records(frame))
    assert all(isinstance(click, Click) for click in clicks)
    return clicks


def vocabulary(clicks: Sequence[Click], most: int = 500) -> Vocabulary:
    """The first distinct items of the clicks; the others stay unknown."""
    categories = {click.item_id: category_hash(click.category) for click in clicks if click.item_id}
    return Vocabulary.build(list(categories)[:most], list(categories.values())[:most])


def network(words: Vocabulary, seed: int = 0, encoder: str = "gru") -> Network:
    """Random weights, large enough that hidden states are far from zero."""
    torch.manual_seed(seed)
    config = Config(words.sizes.items, len(features.NAMES), words.sizes.item_buckets, encoder=encoder)
    made = Network(config).eval()
    # Anew, so that the items' vectors do not depend on how many features there are.
    torch.manual_seed(seed)
    torch.nn.init.normal_(made.table.weight, std=0.7)
    made.item_categories.copy_(
        torch.from_numpy(words.sizes.offsets[1] + words.category_rows(words.categories))
    )
    return made


def scorer(words: Vocabulary, seed: int = 0, model: int = 7, encoder: str = "gru") -> NeuralScorer:
    return NeuralScorer(network(words, seed, encoder), words, f"test-{seed}", model)


def parts(words: Vocabulary, encoder: str = "gru") -> Parts:
    """A version with a random network and a few sessions."""
    items = np.arange(12) % len(words.ids)
    index = session_index.build(
        np.arange(12) // 3, items, np.arange(12) / 10, len(words.ids), session_index.NeighbourSettings()
    )
    return Parts(
        network=network(words, encoder=encoder),
        vocabulary=words,
        index=index,
        settings=session_index.NeighbourSettings(),
        popularity=np.arange(len(words.ids), 0, -1),
        rates=StageRates((100, 10, 5, 1), (1, 2, 3, 0)),
        metrics={"made": "for a test"},
    )


def serve(
    clicks: Sequence[Click], scorers: Sequence[NeuralScorer], chunk: int, visitors: dict[str, bytes]
) -> Iterator[Scores]:
    """What the worker does with each chunk; `scorers` take turns in equal shares of the clicks."""
    share = -(-len(clicks) // len(scorers))
    for at, now in [(at, s) for at, s in enumerate(scorers)]:
        mine = clicks[at * share : (at + 1) * share]
        for start in range(0, len(mine), chunk):
            yield _chunk(mine[start : start + chunk], now, visitors)


def _chunk(clicks: Sequence[Click], now: NeuralScorer, visitors: dict[str, bytes]) -> Scores:
    batcher, slots, states = Batcher(), {}, {}
    for click in clicks:
        name = click.visitor_id
        if name not in slots:
            states[name] = decode(visitors[name]) if name in visitors else None
            slots[name] = batcher.visitor(states[name])
        states[name], facts = step(states[name], click, click.ts, SessionConfig())
        assert facts.status == ClickStatus.APPLIED
        batcher.click(slots[name], facts.code, facts.position, features.row(states[name], click, facts))
    scores = now.score(batcher.build())
    for hidden, (name, visitor) in zip(scores.hidden_bytes(), states.items(), strict=True):
        assert isinstance(visitor, Visitor)
        visitor.remember(hidden, now.model)
        visitors[name] = encode(visitor)
    return scores
