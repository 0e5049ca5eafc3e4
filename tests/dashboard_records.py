"""Records of all topics as the dashboard reads them, made by the contract's own structs, from a seed."""

import random
from types import SimpleNamespace
from typing import Any

import msgspec

from gateway.dashboard.feeds.topic_feed import TopicFeed
from models.contract import predictions, rewards
from models.contract.decision_context import Context
from models.contract.events import Reason
from streams.texts.dead_letter import HEADERS

NOW = 1_790_000_003_000
EVENTS = ("page_view", "view_item", "view_item", "view_item", "add_to_cart", "begin_checkout", "purchase")
ANSWER = {"catalogue_version": "c", "features_version": "f"}


def record(at: int, value: Any, key: bytes = b"k", partition: int = 0, headers: Any = ()) -> Any:
    """A consumer record; `value` is bytes, None, or anything that is JSON."""
    written = value if value is None or isinstance(value, bytes) else msgspec.json.encode(value)
    return SimpleNamespace(
        timestamp=at, value=written, key=key, partition=partition, offset=0, headers=list(headers)
    )


def clicks(seed: int, count: int = 2_000, minutes: float = 8) -> dict[str, list[Any]]:
    """Records by role: clicks of the last minutes, with their answers, rewards and dead letters."""
    rng, made = random.Random(seed), {role: [] for role in ROLES}
    positions: dict[str, int] = {}
    for number in range(count):
        at = NOW - int(minutes * 60_000) + int(number * minutes * 60_000 / count)
        visitor, event = f"v{rng.randrange(60)}", rng.choice(EVENTS)
        if rng.random() < 0.05:
            made["dead_letters"].append(letter(at, rng.choice(list(Reason)), rng))
            continue
        positions[visitor] = 1 if rng.random() < 0.1 else positions.get(visitor, 0) + 1
        _click(made, rng, at, number, visitor, event, positions[visitor])
    return made


def _click(made: Any, rng: Any, at: int, number: int, visitor: str, event: str, position: int) -> None:
    name, probability = f"e{number}", round(rng.random(), 4)
    who = {"event_id": name, "visitor_id": visitor, "ts": at}
    click = who | {"event": event, "item_id": f"i{rng.randrange(9)}"}
    made["clicks"].append(record(at, click, visitor.encode()))
    answered, shared = at + rng.randrange(5, 400), ANSWER | who
    shared["model_version"] = rng.choice(("m1", "m2", ""))
    shared["rung"] = rng.choice(list(predictions.FallbackTier))
    shared["scored_at"] = answered
    flags = {"dropped": ["brand"], "clipped": ["price"] * rng.randrange(2)} if rng.random() < 0.2 else None
    intent = predictions.PurchaseIntent(
        **shared,
        purchase_probability=probability,
        session_id=f"{visitor}:1",
        session_clicks=position,
        **({"input_flags": predictions.InputFlags(**flags)} if flags else {}),
    )
    made["purchase_intent"].append(record(answered, intent))
    items = [predictions.ScoredItem("i1", 0.5)]
    made["recommendations"].append(record(answered, predictions.Recommendations(**shared, items=items)))
    action = rng.choice(("none", "coupon", "nudge"))
    decision = predictions.AdDecision(
        **shared,
        decision_id=f"{name}:home",
        placement="home",
        action=action,
        propensity=0.5,
        probabilities={action: 1.0},
        policy_version="p",
        policy=rng.choice(("rules", "softmax")),
        explored=rng.random() < 0.3,
        draw=0.1,
        context=Context(probability, "browsing", 0, event, position, 7),
    )
    made["ad_decisions"].append(record(answered, decision))
    if action != "none":
        made["rewards"].append(record(answered, reward(rng, decision, answered)))


def reward(rng: Any, decision: Any, at: int) -> rewards.Reward:
    """The reward record of a decision."""
    had = [name for name in ("shown", "clicked", "bought") if rng.random() < 0.5]
    return rewards.Reward(
        **{name: getattr(decision, name) for name in ("decision_id", "visitor_id", "placement", "action")},
        propensity=0.5,
        probabilities={decision.action: 1.0},
        context=decision.context,
        policy=decision.policy,
        policy_version="p",
        model_version="m1",
        decided_at=at,
        closed_at=at,
        ended="window",
        outcomes=[rewards.JoinedOutcome(name, at) for name in had],
        parts=rewards.RewardParts(cost=0.25),
        reward=round(rng.gauss(1, 2), 3),
    )


def letter(at: int, reason: Reason, rng: Any) -> Any:
    """A dead letter with the headers of a worker."""
    message = f"event is 'sneeze{rng.randrange(2)}', expected another"
    said = (reason.value, message, "clicks", "0", "7", str(at), "no")
    headers = [(name, text.encode()) for name, text in zip(HEADERS, said, strict=True)]
    return record(at, b'{"visitor_id": "<b>Ada</b>"', headers=headers)


ROLES = ("clicks", "purchase_intent", "recommendations", "ad_decisions", "rewards", "dead_letters")


def filled(made: dict[str, list[Any]], size: int = 100) -> TopicFeed:
    """A feed that has taken the records in batches."""
    feed = TopicFeed()
    feed.trouble = ""
    for role, records in made.items():
        for start in range(0, len(records), size):
            feed.take(role, NOW, records[start : start + size])
    return feed
