"""Examples of everything on the topics, right and wrong, by schema."""

from typing import Any

COMMON = {
    "event_id": "e1",
    "visitor_id": "v1",
    "ts": 1_600_000_000_000,
    "model_version": "20201113T000000-0a1b2c3d4e5f",
    "catalogue_version": "00000000000000ff",
    "features_version": "0a1b2c3d",
    "rung": "neural",
    "scored_at": 1_600_000_000_021,
}
CLICK = {"event_id": "e1", "visitor_id": "v1", "ts": 1_600_000_000_000, "event": "view_item"}
INTENT = COMMON | {"purchase_probability": 0.07, "session_id": "v1:3", "session_clicks": 4}
DECISION = COMMON | {
    "decision_id": "e1:home",
    "placement": "home",
    "action": "nudge",
    "propensity": 0.75,
    "probabilities": {"nudge": 0.75, "none": 0.25},
    "policy_version": "p1",
    "explored": False,
    "draw": 0.125,
    "would_have": "nudge",
    "context": {
        "purchase_probability": 0.07,
        "stage": "browsing",
        "cart_milli": 0,
        "event": "view_item",
        "click": 4,
        "mask": 3,
    },
}
LAPSING = {
    "visitor_id": "v1",
    "lost_probability": 0.91,
    "within_days": 14.0,
    "last_ts": 1_600_000_000_000,
    "sessions": 4,
    "orders": 1,
    "value": 39.5,
    "model_version": "mbg-nbd-0a1b2c3d",
    "reason": "away for 12 days; came in 4 sessions over 9 days; 1 order worth 39.50 in the shop's currency",
    "as_of": 1_601_036_800_000,
}
REWARD = {
    **{name: DECISION[name] for name in ("decision_id", "visitor_id", "placement", "action", "propensity")},
    **{name: DECISION[name] for name in ("probabilities", "context", "policy_version", "model_version")},
    "decided_at": 1_600_000_000_000,
    "closed_at": 1_600_086_400_000,
    "ended": "window",
    "outcomes": [
        {"event": "shown", "at": 1_600_000_001_000},
        {"event": "bought", "at": 1_600_000_060_000, "value": 50.0},
    ],
    "parts": {"shown": 1.0, "bought": 1.0, "value": 50.0, "margin": 15.0},
    "reward": 15.0,
}
FOLLOWED = {
    "recommendation_id": "e1",
    "visitor_id": "v1",
    "model_version": "20201113T000000-0a1b2c3d4e5f",
    "rung": "neural",
    "items": 20,
    "recommended_at": 1_600_000_000_000,
    "closed_at": 1_600_086_400_000,
    "ended": "window",
    "outcomes": [{"event": "clicked", "at": 1_600_000_002_000, "position": 3}],
}
EXPERIMENT = {
    "name": "ways",
    "placement": "home",
    "salt": "autumn",
    "arms": [{"name": "own", "weight": 0.9}, {"name": "hold-out", "weight": 0.1}],
    "started_at": 1_600_000_000_000,
}
GRANT: dict[str, Any] = {
    "account": "autumn/2026-12-01",
    "partition": 3,
    "granted": 12_000,
    "recalled": 2_000,
    "returned": 1_500,
    "spent": 9_000,
    "budget": 100_000,
}
SPEND: dict[str, Any] = {
    "partition": 3,
    "at": 1_600_000_000_000,
    "balances": {"autumn/2026-12-01": [12_000, 1_500, 9_000, True], "spring": [0, 0, 0, False]},
}
ANALYTICS: dict[str, Any] = {
    "partition": 3,
    "kind": "flows",
    "start": 1_600_000_200_000,
    "end": 1_600_000_800_000,
    "at": 1_600_000_300_000,
    "flows": {
        "all": {
            "sessions": {"started": 2, "ended": 1, "bought": 1, "carted": 1},
            "events": {"view_item": 3, "search": 1},
            "reached": {"view_item": 2},
            "steps": {"view_item>view_item": 1},
            "searches": {"reported": 1, "empty": 1},
        },
        "device=mobile": {"events": {"view_item": 3}},
    },
}
PATHS: dict[str, Any] = {name: ANALYTICS[name] for name in ("partition", "start", "end", "at")} | {
    "kind": "paths",
    "sketches": {"all": {"counts": {"view_item>add_to_cart": [4, 1]}, "error": 1, "total": 5, "bought": 1}},
}
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "click": [
        CLICK,
        CLICK
        | {"item_id": "i1", "price": 9.5, "quantity": 2, "basket": ["i2"], "consent": True, "country": None},
        CLICK | {"basket": ["i2", "i3"], "basket_prices": [4.5, None], "basket_quantities": [None, 2]},
        CLICK | {"event": "view_promotion", "decision_id": "e0:home", "schema_version": 1},
    ],
    "item": [
        {"category": "shoes", "brand": "acme", "price": 9.5, "title": "Shoe", "stock": 0, "status": "active"}
    ],
    "profile-update": [
        {"visitor_id": "v1", "ts": 1_600_000_000_000, "age_band": "25-34", "interests": {"shoes": 0.5}},
        {"user_id": "u1", "ts": 1_600_000_000_000, "gender": "f", "region": "north", "consent": True},
    ],
    "purchase-intent": [
        INTENT,
        INTENT | {"input_flags": {"dropped": ["brand"], "filled": ["brand", "price"]}},
    ],
    "recommendations": [COMMON | {"items": [{"item_id": "i1", "score": 0.5}]}, COMMON | {"items": []}],
    "ad-decision": [DECISION],
    "reward": [REWARD, REWARD | {"outcomes": [], "parts": {}, "reward": 0.0, "ended": "evicted"}],
    "recommendation-outcome": [FOLLOWED],
    "experiment": [
        EXPERIMENT,
        EXPERIMENT | {"stopped_at": 1_600_000_100_000},
        EXPERIMENT | {"arms": [{"name": "a", "weight": 0.5, "policy": "guidance-rules", "actions": "text"}]},
    ],
    "lapsing-visitor": [LAPSING],
    "model-update": [
        {
            "version": "20201113T000000-0a1b2c3d4e5f",
            "path": "/var/lib/registry/20201113T000000-0a1b2c3d4e5f",
            "sha256": "0" * 64,
            "features_version": "0a1b2c3d",
            "created_at": 1_600_000_000_000,
        }
    ],
    "erasure": [{"request": "0a1b", "partition": 3, "found": True, "at": 1_600_000_000_000}],
    "state-copy": [
        {"worker": "0a1b", "place": "host:/data", "partition": 3, "rewritten": 0, "at": 1_600_000_000_000}
    ],
    "model-report": [
        {"worker": "shop-1:6066", "kind": "in_use", "version": "20201113T000000-0a1b2c3d4e5f", "at": 1},
        {
            "worker": "shop-1:6066",
            "kind": "refused",
            "version": "20201114T000000-0a1b2c3d4e5f",
            "at": 1_600_000_000_000,
            "incumbent": "20201113T000000-0a1b2c3d4e5f",
            "refusal": "truncated",
            "message": "too short",
        },
    ],
    "budget-grant": [GRANT],
    "budget-spend": [SPEND],
    "analytics-record": [ANALYTICS, PATHS],
}
WRONG: dict[str, list[dict[str, Any]]] = {
    "click": [
        CLICK | {"event": "sneeze"},
        CLICK | {"ts": 0},
        CLICK | {"price": -1},
        CLICK | {"visitor_id": ""},
        {"event": "view_item"},
    ],
    "item": [{"price": "9.5"}, {"stock": -1}],
    "purchase-intent": [
        INTENT | {"input_flags": {"clipped": "price"}},
        INTENT | {"purchase_probability": 1.5},
        INTENT | {"session_clicks": 0},
        COMMON,
    ],
    "recommendations": [COMMON | {"items": [{"item_id": "i1", "score": 0.5}] * 21}],
    "ad-decision": [DECISION | {"draw": 1.0}, DECISION | {"rung": "guess"}],
    "reward": [REWARD | {"propensity": 1.1}, REWARD | {"ended": "never"}, {"decision_id": "e1:home"}],
    "recommendation-outcome": [
        FOLLOWED | {"items": -1},
        FOLLOWED | {"outcomes": [{"event": "liked", "at": 1}]},
    ],
    "experiment": [EXPERIMENT | {"salt": ""}, EXPERIMENT | {"arms": [{"name": "a", "weight": 0}]}, {}],
    "lapsing-visitor": [LAPSING | {"lost_probability": 1.1}, LAPSING | {"sessions": 0}, {"visitor_id": "v1"}],
    "model-update": [{"version": ""}, {"version": "1", "events": -1}],
    "erasure": [{"request": "0a1b", "partition": -1, "found": True, "at": 1}, {"partition": 0}],
    "state-copy": [
        {"worker": "", "place": "host:/data", "partition": 3, "rewritten": 0, "at": 1},
        {"worker": "0a1b", "place": "host:/data", "partition": 3, "at": 1},
    ],
    "model-report": [{"worker": "w", "kind": "guessed", "version": "1", "at": 1}, {"worker": "w"}],
    "budget-grant": [GRANT | {"granted": -1}, GRANT | {"partition": "3"}, {"account": "autumn"}],
    "budget-spend": [SPEND | {"balances": {"autumn": [-1]}}, SPEND | {"partition": -1}],
    "analytics-record": [ANALYTICS | {"kind": "all"}, PATHS | {"sketches": {"all": {"counts": {"a": [1]}}}}],
}
