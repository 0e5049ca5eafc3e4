"""The sentences of explanations, one for each event and each reason, as `docs/models/journeys.md` has them.

`python -m tests.explanations_table` writes them into the page, and `tests/contract/test_explanation_docs.py`
fails where the page differs from the program.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from models.contract.decision_context import Context
from models.contract.events import EVENTS
from models.contract.predictions import FallbackTier
from models.decisions.actions import ActionSet
from models.decisions.actions_file import ONE
from models.decisions.decision import decide
from models.decisions.rules_policy import RulesPolicy
from models.explanation import phrases
from models.explanation.counterfactuals import Session
from streams.pipeline.explaining import answered

PAGE = Path(__file__).parents[1] / "docs/models/journeys.md"
BEGIN, END = "<!-- explanations: begin -->", "<!-- explanations: end -->"
ACTIONS = """
placement = "shop"
epsilon = 0.1
currency = "EUR"
[[actions]]
name = "nothing"
kind = "none"
[[actions]]
name = "ad"
kind = "ad"
when.stages = ["cart"]
[[actions]]
name = "coupon"
kind = "coupon"
weight = 2.0
"""
#: A context in which every rule below holds.
SHOPPER = Context(0.2, "cart", 60_000, "add_to_cart", 3, 0b111)
#: Reason -> what the coupon's entry says more, what differs in the context, and the action that is drawn.
DECISIONS: dict[str, tuple[str, dict[str, object], str]] = {
    "rule: event": ('when.events = ["add_to_cart"]', {}, "coupon"),
    "rule: stage": ('when.stages = ["cart"]', {}, "coupon"),
    "rule: least probability": ("when.min_probability = 0.05", {}, "coupon"),
    "rule: greatest probability": ("when.max_probability = 0.4", {}, "coupon"),
    "rule: least cart value": ("when.min_cart_value = 50.0", {}, "coupon"),
    "rule: without conditions": ("", {}, "coupon"),
    "rule fails: event": ('when.events = ["search", "login"]', {}, "ad"),
    "rule fails: stage": ('when.stages = ["checkout"]', {}, "ad"),
    "rule fails: least probability": ("when.min_probability = 0.3", {}, "ad"),
    "rule fails: greatest probability": ("when.max_probability = 0.125", {}, "ad"),
    "rule fails: least cart value": ("when.min_cart_value = 75.5", {}, "ad"),
    "no rule holds": ("when.min_probability = 0.3", {"stage": "browsing"}, "nothing"),
    "exploration": ("", {}, "ad"),
    "exploration, own epsilon": ("epsilon = 0.02\nwhen.min_probability = 0.1\nweight = 0.5", {}, "coupon"),
    "consent": ("", {"mask": 0b001, "consent": False}, "nothing"),
    "risk": ("max_risk = 0.5", {"mask": 0b011, "session_risk": 0.97}, "ad"),
    "cap: session": ("caps.per_session = 1", {"mask": 0b011}, "ad"),
    "cap: day": ("caps.per_day = 3", {"mask": 0b011}, "ad"),
    "cap: cooldown": ("caps.cooldown_minutes = 90", {"mask": 0b011}, "ad"),
    "cap, not recorded which": ("", {"mask": 0b011}, "ad"),
    "holdout": ("", {"mask": 0b001, "withheld": {"holdout": 0b110}}, "nothing"),
    "do_not_target": ("", {"mask": 0b011, "withheld": {"do_not_target": 0b100}}, "ad"),
    "flight": ("", {"mask": 0b011, "withheld": {"flight": 0b100}}, "ad"),
    "audience": ("", {"mask": 0b011, "withheld": {"audience": 0b100}}, "ad"),
    "budget": ("", {"mask": 0b011, "withheld": {"budget": 0b100}}, "ad"),
}


def decision(reason: str) -> str:
    """The sentence of a decision."""
    extra, changed, drawn = DECISIONS[reason]
    text = ACTIONS.replace("weight = 2.0\n", "") if "weight" in extra else ACTIONS
    policy = RulesPolicy(ActionSet.load(text + extra))
    context = msgspec.structs.replace(SHOPPER, **changed)
    chances = decide(policy, context, 0).probabilities
    before = sum(chances[name] for name in policy.actions.names[: policy.actions.names.index(drawn)])
    return policy.explain(context, int((before + chances[drawn] / 2) * ONE)).text


def answers() -> Iterator[tuple[str, str]]:
    """Reasons of intent and recommendations where no effect of a click is given, and their limits."""
    session = Session(b"", b"", 1)
    for tier in FallbackTier:
        told = answered(tier, None, session, [], 0.1, True)
        yield f"{tier}, purchase intent", told.intent.text
        yield f"{tier}, recommendations", told.items.text
    refused = answered(FallbackTier.POPULAR, None, session, [], 0.1, False)
    yield "popular, without consent", refused.items.text
    yield "a session's only click", phrases.coverage(0, 1).strip()
    yield "more than 50 clicks", phrases.coverage(50, 60).strip()


def section() -> str:
    """The tables in Markdown."""
    lines = ["| event | first time | again | reason for an item |", "|---|---|---|---|"]
    for event in EVENTS:
        words = (phrases.click_words(event, 1, True), phrases.click_words(event, 3, True))
        lines.append(f"| `{event}` | {words[0]} | {words[1]} | {phrases.because(event, 'A')} |")
    lines += ["", "| event without an item | first time | again on its page | reason for an item |"]
    lines.append("|---|---|---|---|")
    for event in EVENTS:
        words = (phrases.click_words(event, 1, False), phrases.click_words(event, 2, False))
        lines.append(f"| `{event}` | {words[0]} | {words[1]} | {phrases.because(event, None, False)} |")
    lines += ["", "| reason of a decision | sentence |", "|---|---|"]
    lines += [f"| {reason} | {decision(reason)} |" for reason in DECISIONS]
    lines += ["", "| other answers | sentence |", "|---|---|"]
    lines += [f"| {reason} | {text} |" for reason, text in answers()]
    return "\n".join(lines)


def placed(page: str) -> str:
    """The page with the tables as they are now."""
    made = f"{BEGIN}\n\n{section()}\n\n{END}"
    return re.sub(f"{BEGIN}.*{END}", lambda _: made, page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(placed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
