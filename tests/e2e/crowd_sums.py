"""What devices of a user know of each other, summed up on a single machine, from docs/state.md."""

from collections import defaultdict

import xxhash

from tests.e2e.oracle_basket import category_hash

NOTHING = [0, 0, 0, 0, 0, [0] * 17, {}, 0, 0, 0, None]
PURCHASE = 11


def joined(devices, crowd):
    """Users' records, and by visitor the sum of the other devices."""
    given = {name: traits(value) for name, value in crowd.given.items() if name.startswith("u")}
    users, others = {}, {}
    for user in devices.keys() | {name for name, one in given.items() if one}:
        known, said = devices.get(user, {}), given.get(user)
        users[user] = [1, known, said]
        for name in known:
            summaries = [summary for other, (_, _, summary) in known.items() if other != name]
            said_too = [[*NOTHING[:-1], newest([said])]] if said else []
            others[name] = total(summaries + said_too)
    return users, others


def total(summaries):
    """The sum of summaries; None of none."""
    if not summaries:
        return None
    day = max(one[9] for one in summaries)
    factors = [_factor(day - one[9]) for one in summaries]
    weights = defaultdict(int)
    for one, factor in zip(summaries, factors, strict=True):
        for category, weight in one[6].items():
            weights[category] += weight * factor >> 16
    heaviest = sorted((-weight, category) for category, weight in weights.items() if weight)[:8]
    faded = [sum(one[at] * f >> 16 for one, f in zip(summaries, factors, strict=True)) for at in (7, 8)]
    sums = [sum(one[at] for one in summaries) for at in range(4)]
    totals = [sum(counts) for counts in zip(*(one[5] for one in summaries), strict=True)]
    said = newest([one[10] for one in summaries])
    bought = max(one[4] for one in summaries)
    return [*sums, bought, totals, {category: -weight for weight, category in heaviest}, *faded, day, said]


def _factor(days):
    return 65_536 if not days else 0 if days > 480 else int(65_536 * 0.5 ** (days / 30))


def traits(value):
    """What a profile says, as the state has it."""
    if value is None:
        return None
    words = [value.get(name) for name in ("age_band", "gender", "region")]
    hashed = [xxhash.xxh3_64_intdigest(word.lower().encode()) if word else 0 for word in words]
    likes = {category_hash(name): round(1000 * weight) for name, weight in value["interests"].items()}
    return [word for one in hashed for word in (one, value["ts"])] + [likes, value["ts"]]


def newest(sources):
    """By field the newest word; of equally new ones the greatest. None where nothing is said."""
    made = [0, 0, 0, 0, 0, 0, {}, 0]
    for at in range(0, 8, 2):
        said = [(one[at + 1], one[at]) for one in sources if one and one[at]]
        if said:
            made[at + 1], made[at] = max(said, key=lambda word: (word[0], _rank(word[1])))
    return made if any(made) else None


def _rank(word):
    return sorted(word.items()) if isinstance(word, dict) else word


def summary_of(shopper):
    """What a device says of itself."""
    bought = shopper.bought_sessions + (shopper.counts[PURCHASE] > 0)
    totals = [a + b for a, b in zip(shopper.totals, shopper.counts, strict=True)]
    orders, profile = shopper.orders, shopper.profile
    return [
        *(shopper.sessions, bought, orders.orders, orders.total, orders.purchase_ts, totals),
        *(dict(profile.categories), profile.price_weight, profile.price_sum, profile.day),
        newest([shopper.given]),
    ]
