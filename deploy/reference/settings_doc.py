"""Write docs/settings.md from the settings classes."""

from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from deploy.reference.written_files import SETTINGS_FILE
from gateway.dashboard.dashboard_settings import DashboardSettings
from gateway.gateway_settings import GatewaySettings
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from trainer.calibration.calibration_settings import CalibrationSettings
from trainer.drift.drift_settings import DriftSettings
from trainer.gate.gate_settings import GateSettings
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings
from trainer.policy_runs.policy_run_settings import PolicyRunSettings
from trainer.promotion.publish_settings import PublishSettings
from trainer.settings import TrainerSettings

FILE = SETTINGS_FILE
_INTRODUCTION = """\
# Settings

Every setting is an environment variable. A wrong value ends the command with one line that says what was \
found and what fits. `pathcast settings` writes this page.

Data that is kept between runs lies below `$XDG_DATA_HOME/pathcast`, or `~/.local/share/pathcast` where \
XDG_DATA_HOME is not set: the bundled broker's data in `broker`, the worker's state in `worker`, the event \
log in `eventlog`, the trainer's working folder in `trainer`. Model versions are in `registry`, in the \
folder where a command runs.
"""
_SECTIONS: tuple[tuple[str, str, type[BaseSettings]], ...] = (
    ("Worker", "Read once, when `pathcast worker` starts.", WorkerSettings),
    ("Gateway", "Read once, when `pathcast gateway` starts.", GatewaySettings),
    ("Dashboard", "What `pathcast gateway` shows to people.", DashboardSettings),
    ("Trainer", "The event log, and the processes that write it or learn from it.", TrainerSettings),
    ("Gate", "What `pathcast models gate` and the trainer demand of a new version.", GateSettings),
    ("Policy runs", "When `pathcast trainer` trains policies, and on what.", PolicyRunSettings),
    ("Policy gate", "What the trainer demands of a new policy.", PolicyGateSettings),
    ("Publishing", "Where versions are published for workers on other machines.", PublishSettings),
    ("Drift", "When `pathcast drift` and the trainer raise an alarm.", DriftSettings),
    ("Calibration", "When the trainer shifts purchase probabilities that are off.", CalibrationSettings),
    ("Kafka", "How every command reaches the cluster.", Connection),
    ("Topics", "Names of the topics, for the worker and for every command.", TopicNames),
)
#: Settings without a settings class: they are read where only the standard library may be imported.
BUNDLED: dict[str, tuple[str, str]] = {
    "PATHCAST_BROKER_DIR": (
        "$XDG_DATA_HOME/pathcast/broker",
        "Its configuration, data and logs; kept between runs.",
    ),
    "PATHCAST_BROKER_PORT": ("9092", "Its port on the loopback interface."),
    "PATHCAST_BROKER_HEAP": ("512m", "Java heap."),
    "PATHCAST_CACHE_DIR": (
        "$XDG_CACHE_HOME/pathcast",
        "Downloaded jars, and the demo's log and models. XDG_CACHE_HOME is ~/.cache where unset.",
    ),
    "PATHCAST_MAVEN_REPOSITORY": ("Maven Central", "Where the jars are downloaded from."),
    "KAFKA_HOME": ("not set", "An unpacked Kafka release to run instead of the downloaded one."),
    "JAVA_HOME": ("not set", "The Java to run KAFKA_HOME with; else the one on the PATH, else the bundled."),
}


#: Settings of the command itself.
COMMAND: dict[str, tuple[str, str]] = {
    "PATHCAST_TRACE": (
        "0",
        "1 prints the trace of a command's error. Without it an unexpected error's trace goes to a file, "
        "which the error names.",
    ),
}


def text() -> str:
    """The whole page."""
    sections = [_section(title, about, _rows(kind)) for title, about, kind in _SECTIONS]
    own = _section("Errors", "For every command.", _without_class(COMMAND))
    about = "Only for `pathcast broker` and `pathcast demo`, where KAFKA_BOOTSTRAP_SERVERS is not set."
    return "\n".join(
        [_INTRODUCTION, *sections, _section("Bundled broker", about, _without_class(BUNDLED)), own]
    )


def _without_class(settings: dict[str, tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    return [(name, default, "", meaning) for name, (default, meaning) in settings.items()]


class Setting(NamedTuple):
    """A row of the page: variable, default, allowed values, meaning."""

    name: str
    default: str
    values: str
    meaning: str


def every() -> dict[str, Setting]:
    """The rows of all settings classes, by variable."""
    return {row[0]: Setting(*row) for _, _, kind in _SECTIONS for row in _rows(kind)}


def _section(title: str, about: str, rows: list[tuple[str, str, str, str]]) -> str:
    lines = [f"## {title}", "", about, "", "| variable | default | values | meaning |", "|---|---|---|---|"]
    cells = [
        f"| `{name}` | {default} | {values} | {meaning} |".replace("|  |", "| |")
        for name, default, values, meaning in rows
    ]
    return "\n".join([*lines, *cells, ""])


def _rows(kind: type[BaseSettings]) -> list[tuple[str, str, str, str]]:
    prefix = kind.model_config.get("env_prefix", "")
    return [
        (f"{prefix}{name}".upper(), _default(field), _values(field), field.description or "")
        for name, field in kind.model_fields.items()
    ]


def _default(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "documented" in extra:
        return f"`{extra['documented']}`"
    return "not set" if field.default is None else f"`{_plain(field.default)}`"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _values(field: FieldInfo) -> str:
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(annotation))
    if annotation is bool:
        return "`true`, `false`"
    if SecretStr in get_args(annotation):
        return "secret"
    return ", ".join(filter(None, (_bound(constraint) for constraint in field.metadata)))


def _bound(constraint: Any) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    bounds = [
        f"{sign} {getattr(constraint, name):g}" for name, sign in signs.items() if hasattr(constraint, name)
    ]
    pattern = getattr(constraint, "pattern", None)
    return bounds[0] if bounds else f"`{pattern}`" if pattern else ""
