"""Model versions small enough to make in a test: untrained, but whole, through the registry."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch

from deploy.cluster.clients import producer
from models.contract.head_table import HEADS, OTHER
from models.contract.updates import ModelUpdate
from models.features import features
from models.features.vocabulary import Vocabulary
from models.network.network import Config, Network
from models.registry import registry
from models.registry.registry import Parts
from models.registry.versions import MANIFEST, Version
from models.scoring import session_index
from models.scoring.rates import StageRates
from models.state.codes import item_hash
from streams.config.connection import Connection

SESSIONS, LENGTH = 40, 4
Tasks = tuple[tuple[str, tuple[str, ...]], ...]


#: Every head, with the names of its classes.
ALL_HEADS = tuple(
    (head.name, head.classes if isinstance(head.classes, tuple) else (f"{head.classes} 'a'", "é", OTHER))
    for head in HEADS
)


def parts(
    seed: int, items: tuple[str, ...], width: int = 16, encoder: str = "gru", tasks: Tasks = ()
) -> Parts:
    """An untrained network over `items` with heads `tasks`, and an index of random sessions of the items,
    both from `seed`."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sizes = {"embedding": width, "hidden": width, "intent": 8}
    config = Config(len(items), len(features.NAMES), **sizes, encoder=encoder, tasks=tasks, churn_days=7.0)
    categories = [item_hash(f"c{number % 3}") & 0xFFFF_FFFF for number in range(len(items))]
    sessions = np.repeat(np.arange(SESSIONS), LENGTH)
    seen = rng.integers(0, len(items), SESSIONS * LENGTH)
    settings = session_index.NeighbourSettings()
    network = Network(config)
    network.table.weight.data.mul_(10)
    network.scale.fill_(0.01)
    return Parts(
        network=network,
        vocabulary=Vocabulary.build(items, categories),
        index=session_index.build(sessions, seen, sessions / 10, len(items), settings),
        settings=settings,
        popularity=rng.integers(1, 100, len(items)),
        rates=StageRates((100.0, 20.0, 10.0, 5.0), (2.0, 4.0, 4.0, 1.0)),
        metrics={"made_up": True},
    )


def version(
    folder: Path,
    seed: int = 1,
    items: int | Sequence[str] = 30,
    width: int = 16,
    encoder: str = "gru",
    tasks: Tasks = (),
) -> Version:
    """A version under `folder`, saved and loaded again; it knows `items`, or so many called i0, i1, ..."""
    known = tuple(f"i{number}" for number in range(items)) if isinstance(items, int) else tuple(items)
    name = registry.save(folder, parts(seed, known, width, encoder, tasks), 1_700_000_000_000 + seed * 1000)
    return registry.load(folder / name)


def announcement(folder: Path, name: str) -> bytes:
    """What the trainer says on `model-updates` of a version under `folder`."""
    digest = hashlib.sha256((folder / name / MANIFEST).read_bytes()).hexdigest()
    return msgspec.json.encode(ModelUpdate(version=name, path=str(folder / name), sha256=digest))


def announce(broker: Connection, topic: str, folder: Path, name: str) -> None:
    """Announce a version to running workers."""
    with producer(broker) as client:
        client.send(topic, announcement(folder, name), b"onsite").get(10)
