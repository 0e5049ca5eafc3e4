"""Training settings: every one with its type, bounds and default; changed by name or by a TOML file."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from models.contract.aliases import EVENT_MAP
from models.errors import PathcastError

Pretrain = Literal["none", "causal", "masked"]
Precision = Literal["auto", "fp32", "bf16"]
Learned = Literal["learn", "none"]
Count = Annotated[int, Meta(ge=1, le=2**31)]
CountOrNone = Annotated[int, Meta(ge=0, le=2**31)]
Width = Annotated[int, Meta(ge=1, le=8192)]
Share = Annotated[float, Meta(ge=0, le=1)]
#: A share of sessions or clicks that are changed: never all of them.
PartShare = Annotated[float, Meta(ge=0, lt=1)]
Weight = Annotated[float, Meta(ge=0, le=1e6)]


class OptionsError(PathcastError):
    """A training setting is unknown or has a value that does not fit."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to train. Values are checked where they are given by name (`changed`, `read`, `stored`).

    Time: `seconds` bounds the epochs; a run that this ends early is not reproducible. `patience` is how many
    epochs may pass without a gain on validation.

    Loss: `candidates` items are drawn per batch for the next-item loss, by popularity to the `power`; 0 takes
    all items. `cosine` is the scale of the item scores. `smoothing` of the next item's probability is spread
    over all items. In all other losses, and in the trees, a click weighs 1 / (clicks of its session) to the
    power `session_exponent`: with 1, sessions count alike.

    Network: `embedding`, `hidden` and `task_width` are widths; `encoder`, `layers`, `attention_heads` and
    `window` are its shape (`models.network.network.Config`). Features whose names begin with an entry of
    `ignored` do not reach the network: over a few weeks, the hour identifies sessions instead of habits.

    Passes: `precision` `auto` is bf16 where the processor computes in it; weights stay fp32. `compiled`
    passes use torch.compile, which needs a C++ compiler.

    Augmentation, drawn anew for each epoch: the share of sessions that are cut (`crop`), of clicks whose item
    is hidden (`mask`), and of clicks within a second that change places (`reorder`).

    Optimiser: rows of the input table learn by Adagrad at `table_rate`; 0: by AdamW at `learning_rate`, as
    all other weights do.

    Stages: `pretrain` comes first, for `pretrain_epochs`. `freeze` names parts that a warm start does not
    change. `ensemble` networks teach the one that is kept, each within `seconds`; with 1 there is no teacher,
    unless `teacher_width` gives one a width of its own (0: the width of the kept network). With `refit` the
    network learns once more from all clicks, validation included, if enough of `seconds` is left.

    Beside the network: `blend` learns on validation how to mix in the session kNN, `trees` how to mix in
    gradient-boosted trees; `none` leaves them out. `publish_heads` are the heads that the verdict on the
    newest sessions recommends (`worthy`), or `all`.
    """

    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    epochs: Count = 4
    seconds: Annotated[float, Meta(ge=1e-3, le=1e12)] = 150.0
    patience: Count = 3
    clicks_per_batch: Count = 256
    longest: Annotated[int, Meta(ge=2, le=10_000)] = 50
    learning_rate: Share = 2e-3
    weight_decay: Annotated[float, Meta(ge=0, le=10)] = 0.05
    warm_up: Share = 0.1
    intent_weight: Weight = 5.0
    dropout: PartShare = 0.25
    candidates: CountOrNone = 2048
    power: Annotated[float, Meta(ge=0, le=4)] = 1.0
    embedding: Width = 64
    hidden: Width = 64
    cosine: Annotated[float, Meta(ge=0, le=1e3)] = 14.0
    precision: Precision = "auto"
    ignored: tuple[str, ...] = ("hour", "weekday")
    device: str = "cpu"
    encoder: str = "gru"
    layers: CountOrNone = 0
    attention_heads: Annotated[int, Meta(ge=1, le=1024)] = 2
    window: CountOrNone = 0
    heads_weight: Weight = 1.0
    heads_gradient: Annotated[float, Meta(ge=0, le=1e3)] = 1.0
    loss_weights: Literal["fixed", "learned"] = "fixed"
    task_width: Width = 64
    churn_days: Annotated[float, Meta(ge=0.01, le=3650)] = 7.0
    blend: Learned = "learn"
    smoothing: PartShare = 0.0
    crop: PartShare = 0.0
    mask: PartShare = 0.0
    reorder: PartShare = 0.0
    pretrain: Pretrain = "none"
    pretrain_epochs: Count = 3
    freeze: tuple[str, ...] = ()
    compiled: bool = False
    ensemble: Annotated[int, Meta(ge=1, le=100)] = 1
    teacher_width: Annotated[int, Meta(ge=0, le=8192)] = 0
    trees: Learned = "learn"
    table_rate: Annotated[float, Meta(ge=0, le=10)] = 0.1
    refit: bool = True
    publish_heads: Literal["worthy", "all"] = "worthy"
    session_exponent: Share = 0.5

    @property
    def networks(self) -> int:
        """How many networks learn: the teachers, and the one that is kept."""
        return 1 + self.ensemble if self.ensemble > 1 or self.teacher_width else 1


_KINDS: Mapping[str, Any] = get_type_hints(Options, include_extras=True)


def changed(options: Options, settings: Iterable[str]) -> Options:
    """The options with each `NAME=VALUE` applied. Raises OptionsError."""
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise OptionsError(f"{setting!r} is no NAME=VALUE; settings are {', '.join(_KINDS)}")
        pairs[key.strip()] = value.strip()
    return _checked(options, pairs)


def stored(values: Mapping[str, Any]) -> Options:
    """The options that a version keeps in its metrics; settings that no longer exist are left out.

    Raises OptionsError.
    """
    return _checked(Options(), {name: value for name, value in values.items() if name in _KINDS})


def read(path: Path, options: Options) -> Options:
    """The options with those of a TOML file applied, which may also hold [event_map]. Raises OptionsError."""
    try:
        found = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionsError(
            f"{path} cannot be read ({error}); expected TOML lines such as epochs = 6"
        ) from error
    found.pop(EVENT_MAP, None)
    return _checked(options, found)


def _checked(options: Options, pairs: Mapping[str, Any]) -> Options:
    """The options with values by name applied; those that were there before are checked as well."""
    unknown = next((name for name in pairs if name not in _KINDS), None)
    if unknown is not None:
        raise OptionsError(f"{unknown!r} is no training setting; choose from {', '.join(_KINDS)}")
    values = {**asdict(options), **pairs}
    made = Options(**{name: _value(name, value) for name, value in values.items()})
    _check_ignored(made.ignored)
    _check_shape(made)
    return made


def _value(name: str, value: Any) -> Any:
    kind, given = _KINDS[name], value
    if get_origin(kind) is tuple and isinstance(value, str | list):
        given = [name for name in (value.split(",") if isinstance(value, str) else value) if name != ""]
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise OptionsError(f"{name} is {value!r}; expected {_expected(kind)}") from error


def _expected(kind: Any) -> str:
    """What a value of a setting may be."""
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if get_origin(kind) is tuple:
        return 'names such as "hour,price"'
    if get_origin(kind) is not Annotated:
        return "true or false" if kind is bool else "text"
    base, bounds = get_args(kind)
    most = _number(bounds.le) if bounds.le is not None else f"below {_number(bounds.lt)}"
    return f"{'a whole number' if base is int else 'a number'} from {_number(bounds.ge)} to {most}"


def _number(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def _check_ignored(ignored: tuple[str, ...]) -> None:
    from models.features.features import NAMES  # brings numpy, which help pages do without

    for name in ignored:
        if not any(feature.startswith(name) for feature in NAMES):
            raise OptionsError(
                f"ignored has {name!r}; expected the beginning of a feature name; `pathcast audit` lists them"
            )


def _check_shape(made: Options) -> None:
    """Raises EncoderError. It comes last because it imports torch, which takes seconds."""
    from models.network import encoders
    from models.network.encoder import Shape

    encoders.check(Shape.of(made))
    if made.teacher_width:
        encoders.check(Shape.of(replace(made, embedding=made.teacher_width, hidden=made.teacher_width)))
