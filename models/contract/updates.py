"""Messages about model versions between the trainer and the workers."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

#: Key of a version on `model-updates` that is to be compared with the one in use, not to answer.
SHADOW: Final = "shadow"
#: Start of the keys of policies on `model-updates`; the placement follows.
POLICY_KEY: Final = "policy:"


def policy_key(placement: str) -> str:
    """The key under which a placement's policy is announced."""
    return POLICY_KEY + placement


class ModelUpdate(msgspec.Struct, kw_only=True, frozen=True):
    """A promoted model or policy: its version, its place, and the digest that verifies it.

    The record's key says what it is: `policy:PLACEMENT` a policy, `shadow` a model to compare, any other key
    without a colon a model that answers. Keys with another word before a colon are to be left alone.
    """

    version: Annotated[
        str, Meta(min_length=1, description="Its folder's name in the registry; sorts by time.")
    ]
    path: Annotated[
        str, Meta(description="Where the trainer wrote it; a worker looks in its own registry first.")
    ] = ""
    sha256: Annotated[str | None, Meta(description="SHA-256 of the version's manifest.json, hex.")] = None
    features_version: Annotated[str, Meta(description="Digest of the feature definitions it needs.")] = ""
    created_at: Annotated[int, Meta(description="When it was made, epoch milliseconds.")] = 0
    events: Annotated[
        int,
        Meta(
            ge=0,
            le=200_000,
            description="Under the key `shadow`: how many clicks each worker scores with it.",
        ),
    ] = 0


class Side(msgspec.Struct, kw_only=True, frozen=True):
    """One of two versions that scored the same clicks."""

    version: Annotated[str, Meta(description="Which one.")]
    mean: Annotated[float, Meta(description="Mean purchase probability of clicks whose outcome is known.")]
    average_precision: Annotated[float, Meta(description="Of those.")]
    brier: Annotated[float, Meta(description="Mean squared error of those.")]
    calibration_error: Annotated[float, Meta(description="Expected calibration error of those.")]
    ms_p50: Annotated[float, Meta(description="Median time to score a batch, milliseconds.")]
    ms_p99: Annotated[float, Meta(description="99th percentile of it.")]


class Comparison(msgspec.Struct, kw_only=True, frozen=True):
    """A challenger beside the version in use, on clicks of one worker's live stream."""

    wanted: Annotated[int, Meta(description="Clicks that were to be scored.")]
    scored: Annotated[int, Meta(description="Clicks scored so far.")]
    batches: Annotated[int, Meta(description="In so many batches.")]
    correlation: Annotated[float, Meta(description="Pearson's, of the two purchase probabilities.")]
    difference: Annotated[float, Meta(description="Mean absolute difference of the two.")]
    items_shared: Annotated[float, Meta(description="Mean share of recommended items that both name.")]
    first_shared: Annotated[float, Meta(description="Share of clicks with the same first item.")]
    outcomes: Annotated[int, Meta(description="Clicks scored whose session has ended, or bought.")]
    bought: Annotated[int, Meta(description="Of those: bought later in the session.")]
    challenger: Annotated[Side, Meta(description="The version on trial.")]
    incumbent: Annotated[Side, Meta(description="The version in use.")]


class ModelReport(msgspec.Struct, kw_only=True, frozen=True):
    """A worker's report on a model version; the last record of each key counts."""

    worker: Annotated[str, Meta(description="Host and port of its endpoints.")]
    kind: Annotated[
        Literal["in_use", "refused", "shadow"],
        Meta(description="Taken up, not used for a reason, or compared with the version in use."),
    ]
    version: Annotated[str, Meta(description="The version; empty where the announcement names none.")]
    at: Annotated[int, Meta(description="When, epoch milliseconds.")]
    incumbent: Annotated[str, Meta(description="The version in use; `none`: the fallback chain alone.")] = (
        "none"
    )
    refusal: Annotated[str, Meta(description="Why it is not used, in one word.")] = ""
    message: Annotated[str, Meta(description="Why, in words.")] = ""
    shadow: Annotated[Comparison | None, Meta(description="The comparison so far.")] = None
    placement: Annotated[
        str, Meta(description="The placement that a policy decides for; empty for a model.")
    ] = ""

    @property
    def key(self) -> str:
        """One record for each worker's version in use, and for each version that it refused or compared."""
        of = f"/{policy_key(self.placement)}" if self.placement else ""
        return f"{self.worker}{of}/{self.kind}" + (f"/{self.version}" if self.kind != "in_use" else "")


decode_report = msgspec.json.Decoder(ModelReport).decode
