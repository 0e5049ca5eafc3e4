"""The table of all data stores: what each holds of a visitor, and how and when that is deleted.

A test compares the table with the code and fails for a topic, a kind of state, or a module that writes files
and is not named here. So no new store can be forgotten.
"""

from typing import NamedTuple

from streams.config.topic import VisitorData
from streams.config.topics import TOPICS as TABLE


class DataStore(NamedTuple):
    """A store; `modules` write its files, `topics` are roles in TopicNames, `keys` kinds of state by name.

    `marked` are topics on which `visitor forget` itself deletes the record of the visitor by a deletion mark.
    `holds` is the data of a visitor, empty for none; `leaves` says how and when it is deleted.
    """

    name: str
    holds: str = ""
    leaves: str = ""
    modules: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()


def roles(*data: VisitorData) -> tuple[str, ...]:
    """Roles of the topics with these kinds of visitor data."""
    return tuple(role for role, topic in TABLE.items() if topic.visitor_data in data)


STATE = DataStore(
    "state (RocksDB)",
    "the visitor's record, timer, open decisions and wrapped key, their user and what the shop says of them; "
    "users' devices",
    "erased by the owner in a transaction, files rewritten; answers kept in memory go as well",
    ("streams/storage/store.py", "streams/storage/partition_store.py"),
    keys=("VISITOR", "TIMER", "ENVELOPE", "GIVEN", "USER", "LINK", "DECISION"),
)
COPIES = DataStore(
    "files of present and former owners",
    "what the partition held, also where it was before it moved",
    "the owner rewrites its files, a former owner deletes its own; each confirms it on the topic of copies",
)
CHANGELOG = DataStore(
    "changelog",
    "former values of the record, of open decisions and of the key",
    "deletion marks in the same transaction; former values go when the topic is compacted",
)
TOPICS = DataStore(
    "topics",
    "clicks, answers, decisions with their outcomes, refused inputs, messages between workers",
    "by retention: Kafka cannot drop one key of them",
    topics=roles(VisitorData.EXPIRES, VisitorData.EXPIRES_OR_MARKED),
    marked=roles(VisitorData.EXPIRES_OR_MARKED),
)
PROFILES = DataStore(
    "what the shop knows of people",
    "age band, gender, region and interests of a visitor or user, as the shop sent them",
    "a deletion mark where there is a record; former values go when the topic is compacted",
    topics=("profiles",),
)
KEYS = DataStore(
    "visitors' keys",
    "the wrapped key by which the visitor's answers are sealed, where they are",
    "deleted by the owner in the transaction of the state; former values go when the topic is compacted",
    topics=("visitor_keys",),
)
EVENT_LOG = DataStore(
    "event log",
    "clicks and answers; of who was forgotten a keyed hash, for 90 days",
    "files rewritten at once",
    (
        "trainer/eventlog/place.py",
        "trainer/eventlog/log.py",
        "trainer/eventlog/log_erasure.py",
        "trainer/eventlog/manifest.py",
    ),
)
_BENCHMARKS = (
    *("heads_benchmark", "inputs", "lapsing_benchmark", "next_item_command", "origins"),
    *("prequential_command", "transfer_command"),
)
_LEARNING = ("audit", "demand", "drift", "evaluate", "input")
EXPORTS = DataStore(
    "files that commands were asked to write",
    "clicks, where they are exports of the event log or logs of your own",
    "yours to delete and to make again: `log export`, `--events` of a file, reports",
    (
        "trainer/eventlog/slices.py",
        "trainer/loop/learning_curve.py",
        "trainer/examples/vectors.py",
        *(f"deploy/commands/benchmark/{name}.py" for name in _BENCHMARKS),
        *(f"deploy/commands/learning/{name}_command.py" for name in _LEARNING),
        "deploy/commands/policies/feedback_command.py",
        "deploy/commands/policies/evaluate_policy_command.py",
        "deploy/commands/policies/compare_policies_command.py",
        "trainer/drift/drift_report.py",
        "deploy/commands/policies/experiment_command.py",
        "deploy/commands/policies/intent_values_command.py",
        "trainer/ab_tests/experiment_picture.py",
    ),
)
UNPACKED = DataStore(
    "unpacked logs",
    "the clicks of a packed or re-encoded file, while a command reads it",
    "deleted when the command ends; what a killed one left as `pathcast-files-*` in the temporary folder is "
    "yours to delete",
    ("trainer/tables/delimited.py", "trainer/tables/plain_file.py", "trainer/tables/unpacking.py"),
)
TRACES = DataStore(
    "traces of unexpected errors",
    "what the error's message quotes, which may be a value of a click",
    "yours to delete: the error names the file, in the temporary folder",
    ("deploy/terminal/failures.py",),
)
TRAINER = DataStore(
    "the trainer's working folder",
    "the clicks and decisions that the run in progress learns from",
    "the run begins anew from the event log when somebody was forgotten meanwhile",
    (
        "trainer/run_folder.py",
        "trainer/service/workdir.py",
        "trainer/gate/live_trial.py",
        "trainer/calibration/calibration_figures.py",
        "deploy/runs/items_snapshot.py",
        "trainer/policy_runs/policy_workdir.py",
        "trainer/policy_runs/decision_slice.py",
    ),
)
MODELS = DataStore(
    "model versions",
    "no id: weights and counts of items to which the visitor's clicks contributed",
    "the versions that had seen the visitor are named; what is trained later has not; copies at "
    "PATHCAST_REGISTRY_PUBLISH go with `models gc`",
    (
        "models/registry/version_writing.py",
        "models/registry/remote.py",
        "trainer/loop/checkpoint.py",
        "trainer/promotion/ledger.py",
        "trainer/gate/picture.py",
        "trainer/gate/gate_report.py",
        "trainer/policy_gate/policy_gate_report.py",
    ),
)
NOTHING = (
    DataStore("panes of the state", keys=("PANE", "ITEM_PANE", "FUNNEL_PANE")),
    DataStore(
        "counts of analytics", keys=("ANALYTICS", "ANALYTICS_ADDED", "ANALYTICS_PANE", "ANALYTICS_FOLDS")
    ),
    DataStore("balances of budgets", keys=("BUDGETS",)),
    DataStore("topics that name no visitor", topics=roles(VisitorData.NONE)),
    DataStore(
        "the worker's lock and name",
        modules=("streams/service/preflight.py", "streams/storage/datadir_identity.py"),
    ),
    DataStore(
        "logs while they are read, in memory",
        modules=("trainer/logs/log_replay.py", "trainer/logs/event_rows.py"),
    ),
    DataStore("hashes of the gateway's tokens", modules=("gateway/http/token_making.py",)),
    DataStore("sentences of errors", modules=("deploy/terminal/failure_kinds.py",)),
    DataStore("a run's priority, told to the kernel", modules=("trainer/run_processes.py",)),
    DataStore("documents", modules=("deploy/reference/contract.py", "deploy/commands/settings_command.py")),
    DataStore(
        "the bundled broker's own files", modules=("deploy/broker/files.py", "deploy/broker/broker.py")
    ),
    DataStore(
        "the demo's public log",
        modules=(
            "deploy/demo/children.py",
            "deploy/demo/shipped_log.py",
            "deploy/demo/learning.py",
            "deploy/demo/teaching.py",
        ),
    ),
)
READ = (UNPACKED, TRACES)
STORES = (
    STATE,
    COPIES,
    CHANGELOG,
    TOPICS,
    PROFILES,
    KEYS,
    EVENT_LOG,
    TRAINER,
    EXPORTS,
    *READ,
    MODELS,
    *NOTHING,
)
