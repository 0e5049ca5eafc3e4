"""Frequent keys of a stream in bounded memory: the Misra-Gries summary, mergeable.

J. Misra, D. Gries: Finding repeated elements (1982); P. Agarwal et al.: Mergeable summaries (2012). Of
`MOST` kept keys each has count <= true weight <= count + error, and error <= added weight / (MOST + 1).
It is exact as long as there were no more keys than that.
"""

from collections.abc import Iterable, Mapping
from heapq import nlargest

from models.analytics.analytics_records import Pair, Sketch


def updated(sketch: Sketch, added: Mapping[str, Pair], most: int) -> Sketch:
    """The sketch after more weights by key, of which `most` keys are kept.

    Weights below 0 take back what was added before. The bounds of each key still hold: a key that is kept
    falls by it, at most to 0, and of one that is not kept the error covers what is left. They also hold for
    what led to a purchase, which is never more than the key's weight.
    """
    counts = dict(sketch.counts)
    for key, (weight, bought) in added.items():
        before, bought_before = counts.get(key, (0, 0))
        counts[key] = max(0, before + weight), max(0, bought_before + bought)
    cut = _cut(counts, most)
    kept = {
        key: (weight - cut, min(bought, weight - cut))
        for key, (weight, bought) in counts.items()
        if weight > cut
    }
    return Sketch(
        dict(sorted(kept.items())),
        sketch.error + cut,
        sketch.total + sum(weight for weight, _ in added.values()),
        sketch.bought + sum(bought for _, bought in added.values()),
    )


def _cut(counts: Mapping[str, Pair], most: int) -> int:
    """What every key loses so that `most` are left: the weight of the largest key beyond them."""
    weights = [weight for weight, _ in counts.values()]
    return nlargest(most + 1, weights)[-1] if len(weights) > most else 0


def merged_sketches(sketches: Iterable[Sketch]) -> Sketch:
    """The sum of sketches, with all of their keys; errors add up."""
    counts: dict[str, Pair] = {}
    error = total = bought = 0
    for sketch in sketches:
        for key, (weight, of_it) in sketch.counts.items():
            before = counts.get(key, (0, 0))
            counts[key] = before[0] + weight, before[1] + of_it
        error, total, bought = error + sketch.error, total + sketch.total, bought + sketch.bought
    return Sketch(counts, error, total, bought)


def rest(sketch: Sketch) -> Pair:
    """Weight, and what of it led to a purchase, that no key of the sketch has."""
    return (
        sketch.total - sum(weight for weight, _ in sketch.counts.values()),
        sketch.bought - sum(bought for _, bought in sketch.counts.values()),
    )
