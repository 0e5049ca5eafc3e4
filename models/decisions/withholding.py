"""Why a decision's context did not allow actions: the constraints by name, and what the record says of them.

Consent, risk and caps follow from the mask. The others are on the record (`Context.withheld`), each with the
actions that it alone or first withheld, in the order of `RECORDED`; a budget only what nothing else did.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from models.contract.decision_context import HOLD_OUT, Context
from models.decisions.actions import ActionSet

CONSENT: Final = "consent"
RISK: Final = "risk"
CAP: Final = "cap"
HOLDOUT: Final = "holdout"
DO_NOT_TARGET: Final = "do_not_target"
FLIGHT: Final = "flight"
AUDIENCE: Final = "audience"
BUDGET: Final = "budget"
#: Constraints that are on the record, in the order in which they take precedence.
RECORDED: Final = (HOLDOUT, DO_NOT_TARGET, FLIGHT, AUDIENCE, BUDGET)
REASONS: Final = (CONSENT, *RECORDED, RISK, CAP)


def withheld(actions: ActionSet, context: Context) -> dict[int, str]:
    """The reason for each masked action, by position."""
    risk, held_out = context.session_risk, context.arm == HOLD_OUT
    bits = _bits(actions, context.mask, context.consent, risk, context.withheld, held_out)
    return {
        position: reason
        for position in range(len(actions.names))
        for reason, masked in bits.items()
        if masked >> position & 1
    }


def count_withheld(actions: ActionSet, contexts: Iterable[Context]) -> Counter[str]:
    """How many actions were withheld from these decisions, by reason."""
    alike = Counter(
        (
            one.mask,
            one.consent,
            one.session_risk,
            tuple(one.withheld.items()) if one.withheld else (),
            one.arm == HOLD_OUT,
        )
        for one in contexts
        if one.mask != actions.all_bits
    )
    counts: Counter[str] = Counter()
    for (mask, consent, risk, recorded, held_out), times in alike.items():
        for reason, masked in _bits(actions, mask, consent, risk, dict(recorded), held_out).items():
            counts[reason] += times * masked.bit_count()
    return counts


def _bits(
    actions: ActionSet,
    mask: int,
    consent: bool,
    risk: float | None,
    recorded: Mapping[str, int] | None,
    held_out: bool,
) -> dict[str, int]:
    """The masked actions by reason, each once."""
    missing = actions.all_bits & ~mask
    if not consent:
        return {CONSENT: missing}
    if held_out:
        return {HOLDOUT: missing}
    said = dict(recorded or {})
    missing &= ~sum(said.values())
    risky = actions.too_risky(risk)
    return {**said, RISK: missing & risky, CAP: missing & ~risky}
