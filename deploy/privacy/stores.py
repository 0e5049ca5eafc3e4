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
    "the visitor's record, timer and wrapped key, their user and what the shop says of them; users' devices",
    "erased by the owner in a transaction, files rewritten; answers kept in memory go as well",
    ("streams/storage/store.py", "streams/storage/partition_store.py"),
    keys=("VISITOR", "TIMER", "ENVELOPE", "GIVEN", "USER", "LINK"),
)
COPIES = DataStore(
    "files of present and former owners",
    "what the partition held, also where it was before it moved",
    "the owner rewrites its files, a former owner deletes its own; each confirms it on the topic of copies",
)
CHANGELOG = DataStore(
    "changelog",
    "former values of the record and of the key",
    "deletion marks in the same transaction; former values go when the topic is compacted",
)
TOPICS = DataStore(
    "topics",
    "clicks, answers, refused inputs, messages between workers",
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
EXPORTS = DataStore(
    "files that commands were asked to write",
    "clicks, where they are exports of the event log or logs of your own",
    "yours to delete and to make again: `log export`, `--events` of a file, reports",
    (
        "trainer/eventlog/slices.py",
        "trainer/loop/learning_curve.py",
        "trainer/examples/vectors.py",
        "deploy/commands/benchmark/next_item_command.py",
        "deploy/commands/benchmark/transfer_command.py",
        "deploy/commands/benchmark/inputs.py",
        "deploy/commands/learning/evaluate_command.py",
        "deploy/commands/learning/demand_command.py",
        "deploy/commands/benchmark/origins.py",
        "deploy/commands/benchmark/lapsing_benchmark.py",
        "deploy/commands/learning/audit_command.py",
        "deploy/commands/learning/drift_command.py",
        "deploy/commands/benchmark/prequential_command.py",
        "trainer/drift/drift_report.py",
    ),
)
TRAINER = DataStore(
    "the trainer's working folder",
    "the clicks that the run in progress learns from",
    "the run begins anew from the event log when somebody was forgotten meanwhile",
    ("trainer/service/workdir.py", "trainer/gate/live_trial.py", "deploy/runs/items_snapshot.py"),
)
MODELS = DataStore(
    "model versions",
    "no id: weights and counts of items to which the visitor's clicks contributed",
    "the versions that had seen the visitor are named; what is trained later has not; copies at "
    "PATHCAST_REGISTRY_PUBLISH go with `models gc`",
    (
        "models/registry/registry.py",
        "models/registry/remote.py",
        "trainer/loop/checkpoint.py",
        "trainer/promotion/ledger.py",
        "trainer/gate/picture.py",
        "trainer/gate/gate_report.py",
    ),
)
NOTHING = (
    DataStore("panes of the state", keys=("PANE", "ITEM_PANE", "FUNNEL_PANE")),
    DataStore("topics that name no visitor", topics=roles(VisitorData.NONE)),
    DataStore(
        "the worker's lock and name",
        modules=("streams/service/preflight.py", "streams/storage/datadir_identity.py"),
    ),
    DataStore("logs while they are read, in memory", modules=("trainer/logs/log_replay.py",)),
    DataStore("a run's priority, told to the kernel", modules=("trainer/service/child_process.py",)),
    DataStore("documents", modules=("deploy/reference/contract.py", "deploy/commands/settings_command.py")),
    DataStore(
        "the bundled broker's own files", modules=("deploy/broker/files.py", "deploy/broker/broker.py")
    ),
    DataStore(
        "the demo's public log",
        modules=("deploy/demo/children.py", "deploy/demo/shipped_log.py", "deploy/demo/learning.py"),
    ),
)
STORES = (STATE, COPIES, CHANGELOG, TOPICS, PROFILES, KEYS, EVENT_LOG, TRAINER, EXPORTS, MODELS, *NOTHING)
