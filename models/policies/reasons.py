"""Reasons of a learned policy's decision, in words."""

from models.contract.decision_context import Context
from models.contract.explanations import DecisionExplanation
from models.decisions.decision import decide
from models.decisions.policy import Policy
from models.decisions.units import percent
from models.decisions.withholding import withheld


def explain(policy: Policy, context: Context, draw: int) -> DecisionExplanation:
    """The chosen action with its probability beside the preferred one's. Raises ValueError."""
    decision, names = decide(policy, context, draw), policy.actions.names
    masked = {names[at]: reason for at, reason in withheld(policy.actions, context).items()}
    preferred, chances = decision.preferred, decision.probabilities
    beside = f"; the policy prefers {preferred} ({percent(chances[preferred])})" if decision.explored else ""
    return DecisionExplanation(
        text=f"The policy {policy.name} chose {decision.action}, with a probability of "
        f"{percent(decision.propensity)}{beside}.",
        cause="exploration" if decision.explored else "policy",
        preferred=preferred,
        conditions=[],
        masked=list(masked),
        lost={},
        low=0.0,
        high=1.0,
        withheld=masked,
    )
