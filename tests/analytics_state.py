"""Analytics of a stored state, as a restarted worker would publish them."""

import json
from collections.abc import Mapping
from typing import Any

from models.analytics.analytics_records import encode_analytics
from models.analytics.collecting import decode_added
from models.analytics.folding import fold
from models.state import state_keys

FOREVER = 1 << 62


def without_analytics(pairs: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The pairs of a state that are no analytics: those depend on when they were folded."""
    return {key: value for key, value in pairs.items() if not key.startswith(state_keys.ANALYTICS)}


def folded(pairs: Mapping[bytes, bytes], oldest: int = 0) -> list[dict[str, Any]]:
    """All records, with what was added since the last fold, of panes from number `oldest` on."""
    folds = int.from_bytes(pairs.get(state_keys.ANALYTICS_FOLDS, b""), "big")
    stored = [value for key, value in sorted(pairs.items()) if key.startswith(state_keys.ANALYTICS_ADDED)]
    pending = [added for before, added in map(decode_added, stored) if before == folds]
    records = {
        key: value
        for key, value in pairs.items()
        if key.startswith(state_keys.ANALYTICS_PANE) and state_keys.analytics_pane_parts(key)[0] >= oldest
    }
    made = fold(pending, lambda wanted: [records.get(key) for key in wanted], 0, 0, oldest)
    records |= {one.key: encode_analytics(one.record) for one in list(made)}
    return [json.loads(value) for _, value in sorted(records.items())]
