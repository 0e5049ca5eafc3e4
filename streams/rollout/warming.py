"""Warm up a version before a chunk depends on it."""

from models.contract.events import Click
from models.features import features
from models.features.batch import Batcher
from models.registry.versions import Version
from models.sessions.lifecycle import SessionConfig
from models.sessions.session import step


def warm_up(version: Version) -> None:
    """Score a synthetic click with every tier of a version."""
    batcher = Batcher()
    slot = batcher.visitor(None)
    click = Click(event_id="warm-up", visitor_id="warm-up", ts=1_700_000_000_000, event="view_item")
    visitor, facts = step(None, click, click.ts, SessionConfig())
    batcher.click(slot, facts.code, facts.position, features.row(visitor, click, facts))
    batch = batcher.build()
    version.neural.score(batch)
    version.neighbours.score(batch)
