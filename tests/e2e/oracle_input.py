"""The oracle's reading of a record: docs/contract/README.md, for canonical events and for refused ones.

Another spelling of an event (camelCase, ISO times) is not understood here: the chaos test does not send any.
"""

import json

EVENTS = (
    "page_view",
    "search",
    "view_item_list",
    "select_item",
    "view_item",
    "add_to_wishlist",
    "add_to_cart",
    "remove_from_cart",
    "begin_checkout",
    "add_payment_info",
    "purchase",
    "refund",
    "view_promotion",
    "select_promotion",
    "rate_item",
    "login",
)
MAX_BYTES = 256 * 1024
YEAR_2000, YEAR_2100 = 946_684_800_000, 4_102_444_800_000
LATEST_MS, OLDEST_MS = 10 * 60_000, 24 * 3_600_000
LIMITS = {"price": 1e10, "value": 1e12, "quantity": 1_000_000}
#: Clipped like an amount, but no mark of the click's code tells of it.
MOST_STARS = 10.0


def read(record):
    """The click as a dict, and None; or None and the reason of its dead letter."""
    refusal = _refused_unread(record)
    if refusal:
        return None, refusal
    click = _parsed(record.value)
    if click is None:
        return None, "malformed"
    if click.get("schema_version", 1) != 1:
        return None, "unknown_schema"
    if not _valid(click):
        return None, "invalid"
    if click["visitor_id"].encode() != record.key:
        return None, "key_mismatch"
    if _skewed(click["ts"], record):
        return None, "skewed"
    return _clipped(click), None


def _refused_unread(record):
    if len(record.value or b"") > MAX_BYTES:
        return "too_large"
    if not record.key:
        return "missing_key"
    return None if record.value else "malformed"


def _parsed(value):
    try:
        click = json.loads(value)
    except ValueError:
        return None
    return click if isinstance(click, dict) else None


def _valid(click):
    ids = (click.get("event_id"), click.get("visitor_id"))
    named = all(isinstance(text, str) and 0 < len(text) <= 256 for text in ids)
    ts = click.get("ts")
    timed = isinstance(ts, int) and YEAR_2000 <= ts < YEAR_2100
    return named and timed and click.get("event") in EVENTS


def _skewed(ts, record):
    ahead = ts - record.timestamp
    replayed = any(name == "original-time" for name, _ in record.headers)
    return ahead > LATEST_MS or (ahead < -OLDEST_MS and not replayed)


def arrival(record):
    """When it was received first, -1 if that is not known."""
    told = dict(record.headers).get("original-time")
    return record.timestamp if told is None else int(told) if told.isdigit() else -1


def _clipped(click):
    click["clipped"] = False
    for name, limit in LIMITS.items():
        if click.get(name) is not None and click[name] > limit:
            click[name], click["clipped"] = limit, True
    for name, limit in (("basket_prices", LIMITS["price"]), ("basket_quantities", LIMITS["quantity"])):
        if click.get(name) is not None and any(value is not None and value > limit for value in click[name]):
            click[name] = [None if value is None else min(value, limit) for value in click[name]]
            click["clipped"] = True
    if click.get("rating") is not None:
        click["rating"] = min(MOST_STARS, click["rating"])
    return click
