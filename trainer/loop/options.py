"""How to train: every setting with its default, changed by name from the command line or a file."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from models.contract.event_map import TABLE as EVENT_MAP
from models.errors import PathcastError
from trainer.loop import ranges

Pretrain = Literal["none", "causal", "masked"]
Precision = Literal["auto", "fp32", "bf16"]


class OptionsError(PathcastError):
    """A training setting is unknown or has a value that does not fit."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to train. `seconds` bounds the epochs' time; a budget that ends early makes a run irreproducible.

    `candidates` are the items drawn per batch for the next-item loss, by popularity to the `power`; 0 takes
    all of them. `cosine` and the widths are the network's (`models.network.network.Config`). `precision` is
    that of the passes, `auto`: bf16 where the processor has it; weights stay fp32. `ignored` features do not
    reach the network: over a few weeks the hour tells one session from another rather than what comes again.
    `encoder` and its shape are the network's as well.
    `blend`: `learn` (on validation) what the session kNN has to say about the next item, or `none`; `trees`:
    what gradient-boosted trees have to say about a purchase.
    `smoothing` of the next item's probability is spread over all items; shares of sessions that are cut
    (`crop`), of clicks whose item is hidden (`mask`) and of clicks within a second that change places
    (`reorder`) are drawn anew for each epoch. `pretrain` (`causal` or `masked`) comes first, for
    `pretrain_epochs`. `freeze` names parts that a warm start leaves as they are. `compiled` passes go
    through torch.compile, which needs a C++ compiler. `ensemble` networks teach the one that is kept, each
    within the time of `seconds`; 1: none does, or one that has a width of its own. `teacher_width` is that
    of teachers' inputs and states; 0: as the taught one's. `table_rate` is that of Adagrad for the rows of
    the input table; 0: they learn as all else does, by AdamW at the `learning_rate`. `refit`: when all is
    chosen, learn once more from all clicks, those that chose it included, if `seconds` has as much left.
    `publish_heads`: those that are worth it by the verdict on the newest sessions (`worthy`), or `all`.
    """

    seed: int = 0
    epochs: int = 4
    seconds: float = 150.0
    patience: int = 3
    clicks_per_batch: int = 256
    longest: int = 50
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.1
    intent_weight: float = 5.0
    dropout: float = 0.25
    candidates: int = 2048
    power: float = 1.0
    embedding: int = 64
    hidden: int = 64
    cosine: float = 14.0
    precision: Precision = "auto"
    ignored: tuple[str, ...] = ("hour", "weekday")
    device: str = "cpu"
    encoder: str = "gru"
    layers: int = 0
    attention_heads: int = 2
    window: int = 0
    heads_weight: float = 1.0
    heads_gradient: float = 1.0
    loss_weights: Literal["fixed", "learned"] = "fixed"
    task_width: int = 64
    churn_days: float = 7.0
    blend: str = "learn"
    smoothing: float = 0.0
    crop: float = 0.0
    mask: float = 0.0
    reorder: float = 0.0
    pretrain: Pretrain = "none"
    pretrain_epochs: int = 3
    freeze: tuple[str, ...] = ()
    compiled: bool = False
    ensemble: int = 1
    teacher_width: int = 0
    trees: str = "learn"
    table_rate: float = 0.1
    refit: bool = True
    publish_heads: str = "worthy"

    @property
    def networks(self) -> int:
        """How many networks learn: the teachers, and the one that is kept."""
        return 1 + self.ensemble if self.ensemble > 1 or self.teacher_width else 1


_CHOICES = {
    "precision": get_args(Precision),
    "pretrain": get_args(Pretrain),
    "loss_weights": ("fixed", "learned"),
    "blend": ("learn", "none"),
    "trees": ("learn", "none"),
    "publish_heads": ("worthy", "all"),
}
_SHARES = ("smoothing", "crop", "mask", "reorder", "dropout")
_KINDS: dict[str, Any] = {name: type(value) for name, value in asdict(Options()).items()}


def changed(options: Options, settings: Iterable[str]) -> Options:
    """The options with `key=value` applied. Raises OptionsError."""
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise OptionsError(f"{setting!r} is no key=value; settings are {', '.join(_KINDS)}")
        pairs[key.strip()] = value.strip()
    return _replaced(options, pairs)


def stored(values: Mapping[str, Any]) -> Options:
    """The options that a version keeps in its metrics. Raises OptionsError.

    An older version may name a setting that there no longer is: nothing can follow it.
    """
    return _replaced(Options(), {name: value for name, value in values.items() if name in _KINDS})


def read(path: Path, options: Options) -> Options:
    """The options of a TOML file over the given ones; its [event_map] is not theirs. Raises OptionsError."""
    try:
        found = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OptionsError(
            f"{path} cannot be read ({error}); expected TOML lines such as epochs = 6"
        ) from error
    found.pop(EVENT_MAP, None)
    return _replaced(options, found)


def _replaced(options: Options, pairs: Mapping[str, Any]) -> Options:
    values = {key: _value(key, value) for key, value in pairs.items()}
    made = replace(options, **values)
    wrong = ranges.complaint(asdict(made))
    if wrong:
        raise OptionsError(wrong)
    for name, choices in _CHOICES.items():
        if getattr(made, name) not in choices:
            raise OptionsError(f"{name} is {getattr(made, name)!r}; choose {', '.join(choices)}")
    for name in _SHARES:
        if not 0 <= getattr(made, name) < 1:
            raise OptionsError(f"{name} is {getattr(made, name)}; expected a share from 0 to below 1")
    _check_shape(made)
    return made


def _check_shape(made: Options) -> None:
    """Raises EncoderError. Comes last: it brings torch, which takes seconds."""
    from models.network import encoders
    from models.network.encoder import Shape

    encoders.check(Shape.of(made))
    if made.teacher_width:
        encoders.check(Shape.of(replace(made, embedding=made.teacher_width, hidden=made.teacher_width)))


def _value(key: str, value: Any) -> Any:
    kind = _KINDS.get(key)
    if kind is None:
        raise OptionsError(f"{key!r} is no training setting; choose from {', '.join(_KINDS)}")
    if kind is tuple:
        return _names(key, value)
    if kind is bool:
        return _switch(key, value)
    try:
        made = kind(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise OptionsError(f"{key} is {value!r}; expected {kind.__name__}") from error
    if kind is not str and not 0 <= made < float("inf"):
        raise OptionsError(f"{key} is {value!r}; expected a number from 0 up")
    return made


def _names(key: str, value: Any) -> tuple[str, ...]:
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise OptionsError(f'{key} is {value!r}; expected names such as "hour,price"')
    return tuple(name for name in names if name)


def _switch(key: str, value: Any) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    try:
        return words[str(value).lower()]
    except KeyError as error:
        raise OptionsError(f"{key} is {value!r}; expected true or false") from error
