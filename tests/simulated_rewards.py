"""Rewards and idle decisions of simulated shoppers, as workers publish them, in an event log."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from models.contract.decision_context import Context, inputs_mark
from models.contract.rewards import Reward, RewardParts
from tests.eventlogs import START, Record
from trainer.eventlog.buffer import Buffer, TopicSource
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_tables import BY_NAME, REWARDS, LogTable
from trainer.eventlog.rows import Rows
from trainer.simulation.shop import Shop
from trainer.simulation.shop_policies import decision_contexts
from trainer.simulation.step_model import Floats
from trainer.simulation.true_values import OneDecision
from trainer.simulation.visits import roll


def fill(
    log: EventLog,
    shop: Shop,
    bandit: OneDecision,
    shares: Floats,
    count: int,
    seed: int,
    network: str = "m",
) -> None:
    """One decision of each of `count` visitors under a policy [STATES, k], with rewards of those served.

    The actions' `inputs` are recorded as numbers that say which state it was.
    """
    generator = np.random.default_rng(seed)
    start = generator.choice(len(bandit.weights), count, p=bandit.weights)
    nothing = np.zeros_like(shares)
    nothing[:, shop.actions.none] = 1.0
    steps = roll(shop, start, [shares, nothing], generator)
    earned = np.bincount(steps.session, steps.reward, count).tolist()
    contexts, names = _contexts(shop), shop.actions.names
    served, idle = list[Any](), list[Any]()
    for number, (state, action) in enumerate(zip(start.tolist(), steps.action[:count].tolist(), strict=True)):
        said = {
            "visitor_id": f"v{seed}-{number}",
            "decision_id": f"e{seed}-{number}:{shop.actions.placement}",
            "placement": shop.actions.placement,
            "action": names[action],
            "propensity": float(shares[state, action]),
            "probabilities": dict(zip(names, shares[state].tolist(), strict=True)),
            "context": contexts[state],
            "policy_version": f"p{inputs_mark(shop.actions.inputs)}",
            "model_version": network,
        }
        when = START + 1_000 * number
        if action == shop.actions.none:
            idle.append(_decision(said, number, when))
        else:
            served.append(_reward(said, when, earned[number]))
    append(log, REWARDS, served)
    append(log, BY_NAME["ad-decisions"], idle)


def _contexts(shop: Shop) -> list[Context]:
    """With a vector of as many numbers as the actions have inputs."""
    width = len(shop.actions.inputs)
    contexts = decision_contexts(shop)
    states = np.random.default_rng(0).normal(size=(len(contexts), width)).tolist()
    return [replace(one, vector=state or None) for one, state in zip(contexts, states, strict=True)]


def _reward(said: dict[str, Any], when: int, reward: float) -> Reward:
    known: dict[str, Any] = {"decided_at": when, "closed_at": when + 1, "ended": "window", "outcomes": []}
    return Reward(**said, **known, parts=RewardParts(), reward=reward)


def _decision(said: dict[str, Any], number: int, when: int) -> dict[str, Any]:
    own = {"event_id": f"e{number}", "ts": when, "catalogue_version": "", "features_version": ""}
    drawn = {"rung": "neural", "scored_at": 0, "explored": False, "draw": 0.5}
    return said | own | drawn


def append(log: EventLog, table: LogTable, records: Sequence[Any]) -> None:
    """Write records of a topic to the log."""
    source = TopicSource(table.name, "one", 0, 10**9)
    writer = Buffer.open(log, Rows(table), 0, source, lambda frame: frame, False)
    rows: list[Any] = [
        Record(0, number, START, b"v", msgspec.json.encode(record)) for number, record in enumerate(records)
    ]
    writer.add(rows)
    writer.commit(0, START)
