"""The oracle's state and a store's, brought to one form to be compared value by value.

Left out is the encoder's hidden state with the version and the click count that it belongs to: it is derived
from the codes, which are compared, may be rebuilt at any time, and its floats depend on where chunks ended.
"""

import struct

import msgspec

from models.state.pane_counts import Funnel
from models.state.visitor import Visitor
from tests.analytics_state import folded, without_analytics
from tests.e2e import oracle_analytics
from tests.e2e.oracle_basket import sums

NAMES = Visitor.__struct_fields__
#: In place of all keys of analytics, which depend on when they were folded: their sums.
ANALYTICS = b"analytics"
DERIVED = {"hidden", "hidden_model", "hidden_at"}


def expected(partition):
    """Every key that the store must have, but its checkpoint, with its value in comparable form."""
    state = {}
    for key, shopper in partition.shoppers.items():
        state[b"v" + key] = visitor_of(shopper)
        state[b"t" + shopper.timer.to_bytes(4, "big") + b"v" + key] = b""
        for entry in shopper.offers.open:
            kept = {"decision_id": shopper.offers.made[entry.decision][0], "decided_at": entry.ts}
            state[b"d" + key + entry.decision.to_bytes(8, "big")] = kept
        if user := shopper.user_id.encode():
            state[b"l" + len(user).to_bytes(4, "big") + user + key] = b""
    oldest = (partition.watermark - partition.rules.retention) // partition.rules.pane
    for number, funnel in partition.funnels.items():
        if number >= oldest:
            state[b"pf" + number.to_bytes(4, "big")] = funnel_of(funnel)
    for (number, item), interest in partition.interests.items():
        if number >= oldest:
            state[b"pi" + number.to_bytes(4, "big") + item.encode()] = tuple(vars(interest).values())
    oldest = max(0, (partition.watermark - 48 * 3_600_000) // oracle_analytics.PANE)
    state[ANALYTICS] = oldest, partition.analytics.expected(oldest)
    return state


def funnel_of(funnel):
    found = {**vars(funnel), "edges": dict(sorted(funnel.edges.items()))}
    return {name: found[name] for name in Funnel.__struct_fields__}


def visitor_of(shopper):
    """By field name, in the form of `stored`."""
    found = {name: getattr(shopper, name) for name in NAMES if hasattr(shopper, name)}
    cart, orders, profile = shopper.cart, shopper.orders, shopper.profile
    found |= {
        "version": 2,
        "cart": packed(cart.lines),
        "kept": packed(shopper.kept),
        "basket": sums([*shopper.kept, *cart.lines]),
        "cart_value": cart.value,
        "seen": b"".join(struct.pack("<Q", item) for item in shopper.seen),
        "pages": b"".join(shopper.pages),
        "orders": orders.orders,
        "last_order": orders.latest.order,
        "purchase_ts": orders.purchase_ts,
        "total_spend": orders.total,
        "order_left": orders.latest.left,
        "order_undone": orders.latest.undone,
        "last_refund": 0,
        "recent_orders": b"".join(struct.pack("<QQ?H", *vars(one).values()) for one in orders.earlier),
        "statements": b"".join(orders.statements),
        "bought": b"".join(struct.pack("<Q", item) for item in orders.bought),
        "categories": list(profile.categories.items()),
        "price_weight": profile.price_weight,
        "price_sum": profile.price_sum,
        "profile_day": profile.day,
        "ids": b"".join(shopper.ids),
        "codes": b"".join(struct.pack("<QIBBBB", *code) for code in shopper.codes),
        "exposure": exposure_of(shopper.offers),
        "declared": declared_of(shopper.told),
        "recommended": shopper.offers.lists.packed(),
        "segment": "\x1f".join(shopper.segment),
    }
    return found


def packed(lines):
    numbers = ((line.item, line.pieces, line.price >> 32, line.price % (1 << 32)) for line in lines)
    return b"".join(struct.pack("<QHHI", *line) for line in numbers)


def declared_of(told):
    """Hash and time of age band, gender and region; interests are not said by clicks."""
    words = [told.get(name, (0, 0)) for name in ("age_band", "gender", "region")]
    return [number for word in words for number in word] + [{}, 0] if told else None


def exposure_of(offers):
    counts = [
        struct.pack("<IHHHqHH", action, *vars(count).values()) for action, count in offers.counts.items()
    ]
    waiting = [
        b"".join(struct.pack("<QIqB", *vars(entry).values()) for entry in entries)
        for entries in (offers.open, offers.parked)
    ]
    return [b"".join(counts), *waiting, offers.outcomes.packed()]


def stored(key, value):
    """A stored value in comparable form."""
    if key.startswith(b"v"):
        return _visitor(value)
    if key.startswith(b"d"):
        kept = msgspec.json.decode(msgspec.msgpack.decode(value)[0] + b"}")
        return {name: kept[name] for name in ("decision_id", "decided_at")}
    if key.startswith(b"pf"):
        names, values = Funnel.__struct_fields__, msgspec.msgpack.decode(value)
        found = dict(zip(names, values, strict=False))
        return {name: found[name] for name in names}
    return struct.unpack("<5I", value) if key.startswith(b"pi") else value


def _visitor(value):
    fields = msgspec.msgpack.decode(value)
    found = {name: fields[at] for at, name in enumerate(NAMES) if name not in DERIVED}
    found["categories"] = list(found["categories"].items())
    return found


def differences(wanted, pairs):
    """What differs, each as text; `pairs` are the store's, without the checkpoint."""
    found = {key: stored(key, value) for key, value in without_analytics(pairs).items()}
    wanted = dict(wanted)
    counted = wanted.pop(ANALYTICS, None)
    told = [f"{key!r}: the store lacks it" for key in wanted.keys() - found.keys()]
    told += [f"{key!r}: only the store has it" for key in found.keys() - wanted.keys()]
    for key in wanted.keys() & found.keys():
        if wanted[key] != found[key]:
            told.append(f"{key!r}: {_difference(wanted[key], found[key])}")
    if counted is not None:
        told += oracle_analytics.differences(counted[1], folded(pairs, counted[0]))
    return told


def _difference(wanted, found):
    if not isinstance(wanted, dict):
        return f"expected {wanted}, found {found}"
    differing = [name for name in wanted if wanted[name] != found.get(name)]
    return "; ".join(f"{name}: expected {wanted[name]!r}, found {found.get(name)!r}" for name in differing)
