"""The event log for commands: how it is opened, and what writes it from Kafka."""

from contextlib import suppress

from deploy.cluster.clients import KafkaUnreachable, connection
from deploy.cluster.records import now_ms
from deploy.privacy.secret import check_secret
from deploy.terminal.event_map_option import of_worker
from models.privacy.keyring import Keyring
from streams.config.secret_file import envelopes, pseudonyms
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from trainer.eventlog.envelope_keys import Keys
from trainer.eventlog.ingest import Ingest, IngestBounds, Member
from trainer.eventlog.log import EventLog
from trainer.eventlog.log_erasure import Forgetting
from trainer.eventlog.log_tables import TABLES
from trainer.eventlog.refused_rows import Watch
from trainer.eventlog.rows import Opened, Rows, refusing
from trainer.settings import TrainerSettings


def opened(settings: TrainerSettings | None = None) -> EventLog:
    """The event log of PATHCAST_TRAINER_LOG. Raises EventLogError."""
    return EventLog.at((settings or TrainerSettings()).log)


def tables() -> dict[str, Rows]:
    """What makes rows of each kept topic, by the topic's name; clicks are decoded as workers do."""
    worker, names = WorkerSettings(), TopicNames()
    events, pseudonymiser = of_worker(worker), pseudonyms(worker.pseudonym_key_file)
    keys, wire = opener(worker, names), worker.wire_format()
    return {
        getattr(names, table.setting): Rows(table, worker.limits(), events, pseudonymiser, keys, wire)
        for table in TABLES
    }


def opener(worker: WorkerSettings, names: TopicNames) -> Opened:
    """What opens sealed answers, or refuses them without a key file. Raises EventLogError."""
    found = envelopes(worker.envelope_key_file)
    return Keys(Keyring(found), names.visitor_keys, connection().kafka_python()) if found else refusing


def ingest(settings: TrainerSettings, recreated: bool = False) -> Ingest:
    """The writer of the event log. Raises EventLogError, KafkaUnreachable, or WrongSecret."""
    # Without a broker the writer waits for one, so this check must not fail.
    with suppress(KafkaUnreachable):
        check_secret(connection(), TopicNames(), pseudonyms(WorkerSettings().pseudonym_key_file))
    bounds = IngestBounds(settings.commit_rows, settings.commit_seconds)
    member = Member(settings.group, settings.instance)
    to = connection().kafka_python()
    log = opened(settings)
    watch = Watch(settings.refused_share)
    return Ingest(log, tables(), to, member, now_ms, Forgetting(log), recreated, bounds, watch)
