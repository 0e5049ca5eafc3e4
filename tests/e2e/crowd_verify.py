"""What the state of every partition must be after a crowd has passed, from the logs alone.

Clicks are walked by the oracle, partition by partition, each in a process of its own; what devices of a user
then know of each other is summed up here, from docs/state.md, on a single machine.
"""

from collections import defaultdict, deque
from multiprocessing import get_context

import msgspec
import xxhash

from models.erasure import FORGET, FORGET_USER
from tests.e2e.chaos_reading import latest, read_all
from tests.e2e.chaos_verify import ACTIONS, Published
from tests.e2e.oracle import Partition
from tests.e2e.oracle_basket import category_hash
from tests.e2e.oracle_offers import Actions
from tests.e2e.oracle_shopper import Rules
from tests.e2e.oracle_state import differences, expected, stored

NOTHING = [0, 0, 0, 0, 0, [0] * 17, {}, 0, 0, 0, None]
TOLD = 10
PURCHASE = 11


def compare(client, names, changelog, crowd):
    """What is wrong, as texts, and figures."""
    context, running = get_context("spawn"), []
    for number in range(crowd.partitions):
        ours, theirs = context.Pipe()
        given = {name: value for name, value in crowd.given.items() if crowd.where(name) == number}
        case = (client, names, changelog, number, given)
        process = context.Process(target=_partition, args=(theirs, case), daemon=True)
        process.start()
        running.append((process, ours))
    devices = defaultdict(dict)
    for number, (_, pipe) in enumerate(running):
        for name, (user, at, summary) in pipe.recv().items():
            devices[user][name] = [number, at, summary]
    users, others = joined(devices, crowd)
    wrong, figures = [], defaultdict(int)
    for number, (process, pipe) in enumerate(running):
        pipe.send((others, {user: one for user, one in users.items() if crowd.where(user) == number}))
        told, counted = pipe.recv()
        wrong += told
        for name, count in counted.items():
            figures[name] += count
        process.join(60)
    figures["users"] = len(users)
    return wrong, dict(figures)


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


def _partition(pipe, case):
    client, names, changelog, number, given = case
    log = read_all(client, names.clicks, number)
    decode = msgspec.json.Decoder(Published).decode
    decisions = [decode(record.value) for record in read_all(client, names.ad_decisions, number)]
    oracle, requests = walked(log, decisions)
    linked = linked_of(oracle, given)
    pipe.send({name: (one.user_id, one.last_ts, summary_of(one)) for name, one in linked.items()})
    others, users = pipe.recv()
    for name, one in linked.items():
        one.others = others[name]
    wrong = [f"{names.clicks}[{number}]: {one}" for one in _answers(oracle, decisions)]
    state = latest(read_all(client, changelog, number))
    wrong += [f"state[{number}]: {one}" for one in state_differences(state, oracle, users, given)]
    receipts = len(read_all(client, names.erasures, number))
    figures = {"clicks": len(log), "visitors": len(oracle.shoppers), "linked": len(linked)}
    figures |= {"receipts": receipts, "requests": requests, "dead_letters": len(oracle.letters)}
    pipe.send(([*wrong[:TOLD], f"{len(wrong)} in all"] if wrong else [], figures))


def linked_of(oracle, given):
    """The linked visitors by name, once all have what the shop says of them."""
    for name, value in given.items():
        if name.encode() in oracle.shoppers:
            oracle.shoppers[name.encode()].given = traits(value)
    return {key.decode(): one for key, one in oracle.shoppers.items() if one.user_id}


def walked(log, decisions):
    actions = defaultdict(deque)
    for one in decisions:
        actions[one.event_id].append(one.action)
    oracle, requests = Partition(Rules(), Actions(ACTIONS.read_text())), 0
    for record in log:
        asked = {name for name, _ in record.headers}
        if record.value is None:
            requests += 1
            gone = [record.key] if FORGET in asked else []
            if FORGET_USER in asked:
                user = record.key.decode()
                gone = [key for key, one in oracle.shoppers.items() if one.user_id == user]
            for key in gone:
                oracle.shoppers.pop(key, None)
        else:
            oracle.apply(record, lambda name: actions[name].popleft() if actions[name] else None)
    oracle.finish()
    return oracle, requests


def _answers(oracle, decisions):
    got = [(one.visitor_id, one.event_id) for one in decisions]
    right = [(one.visitor_id, one.event_id) for one in oracle.answers]
    return [] if got == right else [f"{len(got)} decisions, expected {len(right)}, or in another order"]


def _without_ends(wanted, state):
    """A session that ends while its visitor is forgotten is counted or not, as chunks are cut."""
    for key in wanted.keys() & state.keys():
        if key.startswith(b"pf"):
            found = stored(key, state[key])
            wanted[key] |= {name: found[name] for name in ("ended", "bought")}
    return wanted


def state_differences(state, oracle, users, given):
    """All keys of visitors, timers, links and panes as ever; users and profiles on top."""
    plain = {key: value for key, value in state.items() if key[:1] in (b"v", b"t", b"p", b"l")}
    yield from differences(_without_ends(expected(oracle), plain), plain)
    joined = {key: value for key, value in state.items() if key[:1] in (b"u", b"g")}
    wanted = {b"u" + user.encode(): one for user, one in users.items()}
    said = {name: traits(value) for name, value in given.items() if name.startswith("v")}
    wanted |= {b"g" + name.encode(): one for name, one in said.items() if one}
    found = {key: msgspec.msgpack.decode(value) for key, value in joined.items()}
    for key in wanted.keys() | found.keys():
        if wanted.get(key) != found.get(key):
            yield f"{key!r}: expected {wanted.get(key)}, found {found.get(key)}"
