"""What workers publish on the topic `analytics`: exact counts and sketches of one partition and one pane."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

#: `flows`: sessions, events and steps by segment; `paths`: sketches of paths by segment; `trends`: of items
#: and categories.
Kind = Literal["flows", "paths", "trends"]
KINDS: Final[tuple[Kind, ...]] = ("flows", "paths", "trends")

Count = Annotated[int, Meta(ge=0)]
Counts = dict[str, Count]
#: Sessions or interest, and of it what led to a purchase.
Pair = tuple[Count, Count]


class FlowCounts(msgspec.Struct, gc=False, omit_defaults=True):
    """Exact counts of one segment in one pane. They only add up, so sums over panes and partitions are exact.

    Each field maps a counter's name to its value; a counter that is absent is 0.
    """

    sessions: Annotated[
        Counts,
        Meta(
            description="`started`, in the pane of the first click; `ended`, `bought`, `carted`, `abandoned` "
            "(carted without a purchase), `abandoned_milli` (value of their carts, thousandths), "
            "`checkouts`, `abandoned_checkouts`, in the pane of the last click."
        ),
    ] = {}
    events: Annotated[Counts, Meta(description="Clicks by event.")] = {}
    reached: Annotated[
        Counts, Meta(description="Sessions by event, each in the pane of its first click of that event.")
    ] = {}
    steps: Annotated[
        Counts, Meta(description="Clicks by the event before and their own: `view_item>add_to_cart`.")
    ] = {}
    searches: Annotated[
        Counts,
        Meta(description="`reported`: searches that say how many results they had; `empty`: of them, none."),
    ] = {}


class Sketch(msgspec.Struct, gc=False, omit_defaults=True):
    """The frequent keys of a stream in bounded memory (Misra-Gries; `models.analytics.heavy_hitters`).

    A key's true weight is at least its count (0 if it is absent) and at most its count + `error`.
    """

    counts: Annotated[
        dict[str, Pair], Meta(description="By key: weight, and how much of it led to a purchase.")
    ] = {}
    error: Annotated[Count, Meta(description="Most that any key's weight may be higher.")] = 0
    total: Annotated[Count, Meta(description="Weight of all keys, exact; what no key has is `other`.")] = 0
    bought: Annotated[Count, Meta(description="Of it, what led to a purchase, exact.")] = 0


class AnalyticsRecord(msgspec.Struct, kw_only=True, gc=False, omit_defaults=True):
    """One kind of counts of one partition in one pane; the latest record of a key replaces the others.

    Segments are `all` and `DIMENSION=VALUE`. The value `(not set)` stands for none, `(other)` for all values
    beyond the bound.
    """

    partition: Annotated[Count, Meta(description="Partition of `clicks`.")]
    kind: Annotated[Kind, Meta(description="Which of the following fields the record has.")]
    start: Annotated[int, Meta(description="Start of the pane, event time in epoch milliseconds.")]
    end: Annotated[int, Meta(description="End of the pane, exclusive.")]
    at: Annotated[int, Meta(description="Event time that the partition had reached, epoch milliseconds.")]
    flows: Annotated[dict[str, FlowCounts], Meta(description="By segment, of kind `flows`.")] = {}
    sketches: Annotated[
        dict[str, Sketch],
        Meta(
            description="Of kind `paths` by segment: sessions by path (`view_item>add_to_cart`). Of kind "
            "`trends`: `items` and `categories` by weight of interest."
        ),
    ] = {}


encode_analytics: Final = msgspec.json.Encoder(order="deterministic").encode
decode_analytics: Final = msgspec.json.Decoder(AnalyticsRecord).decode


def analytics_key(partition: int, start: int, kind: Kind) -> bytes:
    """The key of a record on the topic."""
    return f"{partition}:{start}:{kind}".encode()
