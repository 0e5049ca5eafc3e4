"""Why a decision's context did not allow actions: consent, session risk or frequency caps."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from models.contract.decision_context import Context
from models.decisions.actions import ActionSet

CONSENT: Final = "consent"
RISK: Final = "risk"
CAP: Final = "cap"
REASONS: Final = (CONSENT, RISK, CAP)


def withheld(actions: ActionSet, context: Context) -> dict[int, str]:
    """The reason for each masked action, by position; risk takes precedence over a cap."""
    bits = _bits(actions, context.mask, context.consent, actions.too_risky(context.session_risk))
    return {
        position: reason
        for position in range(len(actions.names))
        for reason, masked in bits.items()
        if masked >> position & 1
    }


def count_withheld(actions: ActionSet, contexts: Iterable[Context]) -> Counter[str]:
    """How many actions were withheld from these decisions, by reason."""
    alike = Counter(
        (one.mask, one.consent, one.session_risk) for one in contexts if one.mask != actions.all_bits
    )
    counts: Counter[str] = Counter()
    for (mask, consent, risk), times in alike.items():
        for reason, masked in _bits(actions, mask, consent, actions.too_risky(risk)).items():
            counts[reason] += times * masked.bit_count()
    return counts


def _bits(actions: ActionSet, mask: int, consent: bool, risky: int) -> dict[str, int]:
    missing = actions.all_bits & ~mask
    if not consent:
        return {CONSENT: missing}
    return {RISK: missing & risky, CAP: missing & ~risky}
