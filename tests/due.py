"""When time next changes a visitor: what timers are checked against."""

from models.sessions.lifecycle import SessionConfig, _session_due
from models.state import exposure
from models.state.visitor import Visitor


def next_due(visitor: Visitor, config: SessionConfig) -> int:
    """Epoch ms of event time at which `lifecycle.advance` next has work (done at the minute after)."""
    return min(_session_due(visitor, config), exposure.next_due(visitor.exposure, config.exposure))
