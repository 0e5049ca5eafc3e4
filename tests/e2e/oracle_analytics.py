"""The oracle's analytics, from docs/analytics.md: what each click and each session's end counts."""

from collections import Counter, defaultdict

from tests.e2e.oracle_input import EVENTS

PANE = 600_000
DIMENSIONS = ("device", "channel", "country")


class Analytics:
    """Exact counts by pane: (segment, group, name) -> count; and of paths [sessions, bought]."""

    def __init__(self):
        self.counts = defaultdict(Counter)
        self.interest = defaultdict(Counter)

    def click(self, shopper, click, previous, fresh):
        event, pane = click["event"], click["ts"] // PANE
        for segment in segments_of(shopper):
            count = self.counts[pane]
            count[segment, "events", event] += 1
            count[segment, "sessions", "started"] += fresh
            count[segment, "reached", event] += shopper.counts[1 + EVENTS.index(event)] == 1
            if previous and not fresh:
                count[segment, "steps", f"{EVENTS[previous - 1]}>{event}"] += 1
            if event == "search" and click.get("result_count") is not None:
                count[segment, "searches", "reported"] += 1
                count[segment, "searches", "empty"] += click["result_count"] == 0

    def look(self, click):
        """A sign of interest in items: an item's weight by pane."""
        weight = {"add_to_cart": 3, "purchase": 5}.get(click["event"], 1)
        for item in (click.get("item_id"), *(click.get("basket") or ())):
            if item is not None:
                self.interest[click["ts"] // PANE]["items", item] += weight
        if click.get("category") is not None:
            self.interest[click["ts"] // PANE]["categories", click["category"]] += weight

    def end(self, shopper, sign):
        places = (1 + EVENTS.index(event) for event in ("add_to_cart", "begin_checkout"))
        carted, checkout = (shopper.counts[place] > 0 for place in places)
        bought, path = shopper.purchases > 0, path_of(shopper)
        sold, left = sign * bought, sign * (not bought)
        for segment in segments_of(shopper):
            count = self.counts[shopper.last_ts // PANE]
            count[segment, "sessions", "ended"] += sign
            count[segment, "sessions", "bought"] += sold
            count[segment, "sessions", "carted"] += sign * carted
            count[segment, "sessions", "checkouts"] += sign * checkout
            count[segment, "sessions", "abandoned"] += left * carted
            count[segment, "sessions", "abandoned_checkouts"] += left * checkout
            count[segment, "sessions", "abandoned_milli"] += left * carted * shopper.cart.value
            if path is not None:
                count[segment, "paths", path] += sign
                count[segment, "paths bought", path] += sold

    def expected(self, oldest):
        """Of panes from number `oldest` on what must be there: exact counts, and weights for sketches."""
        kept = ((pane, counts) for pane, counts in self.counts.items() if pane >= oldest)
        weights = {pane: dict(counts) for pane, counts in self.interest.items() if pane >= oldest}
        exact = {}
        for pane, counts in kept:
            exact[pane] = {name: count for name, count in counts.items() if count and "path" not in name[1]}
            paths = {name: count for name, count in counts.items() if "path" in name[1]}
            weights[pane] = weights.get(pane, {}) | paths
        return {pane: counts for pane, counts in exact.items() if counts}, weights


def segments_of(shopper):
    pairs = zip(DIMENSIONS, shopper.segment or ("", "", ""), strict=True)
    values = [f"{dimension}={value or '(not set)'}" for dimension, value in pairs]
    return ["all", *values, "visitor=returning" if shopper.sessions > 1 else "visitor=new"]


def path_of(shopper):
    """The session's steps before its first purchase; None where nothing is kept of its clicks."""
    kept = shopper.codes[-shopper.in_session :]
    if not kept:
        return None
    steps = []
    for code in kept:
        event = EVENTS[code.event - 1]
        if event == "purchase":
            break
        if not steps or steps[-1] != event:
            steps.append(event)
    cut = shopper.in_session > 50 or len(steps) > 8
    return ">".join(["…"] * cut + steps[-8:])


def differences(wanted, records):
    """What differs between `Analytics.expected` and records (JSON objects), each as text."""
    exact, weights = wanted
    found = {}
    for record in records:
        pane = record["start"] // PANE
        for segment, flow in record.get("flows", {}).items():
            for group, names in flow.items():
                counts = {(segment, group, name): count for name, count in names.items()}
                found[pane] = found.get(pane, {}) | counts
        for key, sketch in record.get("sketches", {}).items():
            yield from beyond(weights.get(pane, {}), record["kind"], key, sketch)
    for pane in exact.keys() | found.keys():
        one, other = exact.get(pane, {}), found.get(pane, {})
        for name in one.keys() | other.keys():
            if one.get(name) != other.get(name):
                yield f"analytics pane {pane}, {name}: expected {one.get(name)}, found {other.get(name)}"


def beyond(weights, kind, key, sketch):
    """Keys of a sketch whose true weight is not within its error; and a wrong total."""
    group = ("paths", "paths bought") if kind == "paths" else (None, None)
    counts, error = sketch.get("counts", {}), sketch.get("error", 0)
    true = {name[-1]: count for name, count in weights.items() if name[:-1] == place_of(key, group[0])}
    for name in true.keys() | counts.keys():
        count = counts.get(name, (0, 0))[0]
        if not count <= true.get(name, 0) <= count + error:
            yield f"{kind} of {key}, {name!r}: {true.get(name, 0)} is not within {count} and {error} more"
    if sum(true.values()) != sketch.get("total", 0):
        yield f"{kind} of {key}: {sketch.get('total', 0)} in all, expected {sum(true.values())}"
    sold = {name[-1]: count for name, count in weights.items() if name[:-1] == place_of(key, group[1])}
    for name, count in sold.items() if kind == "paths" else ():
        known = counts.get(name, (0, 0))[1]
        if not known <= count <= known + error:
            yield f"{kind} of {key}, {name!r}: {count} bought, not within {known} and {error} more"


def place_of(key, group):
    return (key,) if group is None else (key, group)
