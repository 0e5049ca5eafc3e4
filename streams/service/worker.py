"""One worker: settings in, a running Faust application out."""

import gc
import os
import socket
import sys
import time
from typing import Any

import faust
import structlog
import torch

from models.contract.aliases import EventNames, event_name
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Limits
from models.decisions.actions import ActionSet
from models.decisions.policy import Policy
from models.scoring.scorer import pick_device
from models.serving import shop_rules
from streams import logging_setup
from streams.config import secret_file
from streams.config.connection import Connection
from streams.config.processing_config import ProcessingConfig
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from streams.metrics import Metrics
from streams.pipeline.processor import Pipeline
from streams.privacy.sealing import Sealer
from streams.rollout.model_cache import ModelCache
from streams.rollout.models import Models
from streams.rollout.reports import Reports
from streams.rollout.shadow import Shadow
from streams.service import preflight
from streams.service.background import BackgroundServices
from streams.service.lookups import Lookups
from streams.service.opening import opening
from streams.storage.copy_ledger import CopyLedger
from streams.storage.datadir_identity import CLIENT, identity
from streams.storage.erasure_receipts import Receipts
from streams.storage.state_copies import Copies
from streams.transport import app as apps
from streams.transport.broadcast import Broadcast
from streams.transport.hanging_transactions import finisher
from streams.transport.partition import TransactionBounds
from streams.transport.runtime import Describe, Runtime, RuntimeConfig
from streams.transport.topic_metadata import describer

#: The interpreter's own 5 ms is most of the time budget of a click while another thread computes.
SWITCH_INTERVAL = 0.001
GC_THRESHOLDS = (200_000, 50, 1_000)
DAY_MS = 86_400_000

log = structlog.get_logger("pathcast.worker")


class Worker:
    """Wires the pipeline to the transport; `actions` and `shop` are the texts of the two TOML files.

    `events` reads producers' event names.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        connection: Connection,
        names: TopicNames,
        actions: str,
        shop: str = "",
        events: EventNames = event_name,
    ) -> None:
        self._shop = shop
        self.settings, self.connection, self.names = settings, connection, names
        self.datadir = preflight.check_folder(settings.datadir)
        self._claim = preflight.claim(self.datadir)
        sealing = settings.envelope_key_file is not None
        self.partitions = preflight.check_topics(connection, names, sealing)
        clients = connection.kafka_python()
        describe = describer(clients)
        self.sealer = self._sealer(describe)
        self.metrics = Metrics()
        self.catalogue = Catalogue()
        self.pipeline = self._pipeline(actions, events)
        used = {*names.used(sealing)} - {names.clicks, *names.sides, *names.broadcast}
        finish = finisher(clients, sorted(used), [names.identities])
        self.runtime = Runtime(self._runtime_config(), self.pipeline, describe, finish)
        self.runtime.on_failure = die
        self.companion = self._companion()
        self.app = self._app()
        preflight.check_replication(connection, self.runtime.config.changelog, settings.changelog_replication)

    def _sealer(self, describe: Describe) -> Sealer | None:
        envelopes, keys = secret_file.envelopes(self.settings.envelope_key_file), self.names.visitor_keys
        return Sealer(envelopes, describe([keys])[keys][0]) if envelopes else None

    def _pipeline(self, actions: str, events: EventNames) -> Pipeline:
        settings = self.settings
        limits = Limits(
            max_bytes=settings.max_event_bytes,
            check_skew=settings.check_skew,
            trust_original_time=settings.trust_original_time,
        )
        depot = ModelCache(settings.registry, self.datadir / "models", settings.device)
        name = f"{socket.gethostname()}:{settings.web_port}"
        self.reports = Reports(self.names.model_reports, self.connection.aiokafka())
        shadow = Shadow(settings.shadow_share, self.metrics)
        self.models = Models(depot, self.metrics, shadow, name, self.reports.tell)
        policy = Policy(ActionSet.load(actions))
        rules = ProcessingConfig.of(settings, self.names, self.partitions, shop_rules.parse(self._shop))
        hidden = secret_file.pseudonyms(settings.pseudonym_key_file)
        decoder = Decoder(limits, self.catalogue, events, hidden)
        return Pipeline(rules, decoder, policy, self.models, self.metrics, self.sealer)

    def _runtime_config(self) -> RuntimeConfig:
        settings = self.settings
        return RuntimeConfig(
            application_id=settings.application_id,
            topic=self.names.clicks,
            changelog="",
            connection=self.connection.aiokafka(),
            bounds=TransactionBounds(settings.chunk_records, idle_ms=int(settings.idle_seconds * 1000)),
            transaction_timeout_ms=int(settings.transaction_timeout_seconds * 1000),
            tombstone_retention_ms=DAY_MS,
            cache_bytes=settings.block_cache_mb << 20,
            threads=self._threads(),
            sides=self.names.sides,
        )

    def _threads(self) -> int:
        """A GPU works while the event loop goes on; on a CPU both would wait for the same interpreter."""
        known = self.settings.threads
        return int(pick_device(self.settings.device).type == "cuda") if known is None else known

    def _companion(self) -> BackgroundServices:
        settings, connection = self.settings, self.connection.aiokafka()
        broadcasts = [
            Broadcast(self.names.items, connection, self.catalogue.apply),
            Broadcast(self.names.model_updates, connection, self.models.apply),
        ]
        copies = self._copies(connection)
        self.runtime.announce = copies.announce
        say = opening(lambda: self.models.current, self.catalogue)
        chores = [say, self.models.run, lambda: self.reports.run(self.models.compared), copies.run]
        companion = BackgroundServices(self.runtime, self.metrics, broadcasts, chores)
        token = settings.web_token.get_secret_value() if settings.web_token else None
        lookups, address = Lookups(self.pipeline, self.models), (settings.web_host, settings.web_port)
        companion.serve(*address, token, lookups.look_up, lookups.explain, self.models.describe)
        companion.consumer = lambda: self.app.consumer
        return companion

    def _copies(self, connection: dict[str, Any]) -> Copies:
        return Copies(
            CopyLedger(self.names.state_copies, connection, identity(self.datadir), self._fingerprint()),
            Receipts(self.names.erasures, connection),
            self.datadir,
            self.settings.revoked_state_hours * 3600,
            lambda: self.app.pathcast_table.data.partitions,
        )

    def _fingerprint(self) -> str:
        hidden = self.pipeline.decoder.pseudonyms
        return hidden.fingerprint if hidden else ""

    def _app(self) -> apps.ChunkedApp:
        settings = self.settings
        options: dict[str, Any] = {
            "broker_client_id": CLIENT + identity(self.datadir).worker,
            "broker_session_timeout": settings.session_timeout_seconds,
            "broker_heartbeat_interval": settings.session_timeout_seconds / 10,
            "broker_rebalance_timeout": settings.session_timeout_seconds,
            "broker_request_timeout": max(90.0, settings.session_timeout_seconds + 10),
        }
        if (credentials := self.connection.faust_credentials()) is not None:
            options["broker_credentials"] = credentials
        return apps.build(
            self.runtime,
            bootstrap=",".join(self.connection.servers),
            partitions=self.partitions,
            datadir=self.datadir,
            replication=settings.changelog_replication,
            companion=self.companion,
            options=options,
        )

    def run(self) -> None:
        """Answer clicks until SIGTERM or SIGINT; does not return."""
        sys.setswitchinterval(SWITCH_INTERVAL)
        # A chunk allocates 100,000 objects and leaves no cycles: looking for them is a third of its time.
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        # A chunk's matrices are small: more threads would wait for each other, and change its last bits.
        torch.set_num_threads(1)
        logging_setup.configure(self.settings.log_level, self.settings.log_format)
        log.info("starting", partitions=self.partitions, datadir=str(self.datadir), started=time.time())
        sys.argv[1:] = ["worker"]
        # At WARN Faust turns DEBUG on for a spinner that nobody sees, which costs a third of the speed.
        worker = faust.Worker(self.app, loglevel="INFO", override_logging=False, redirect_stdouts=False)
        worker.spinner = None  # it would stand among the log's lines
        worker.execute_from_commandline()


def die(error: Exception) -> None:
    """End at once: what was not committed is done again by the partition's next owner, from its fence."""
    log.error("worker ends", error=type(error).__name__, reason=str(error))
    sys.stderr.write(f"Error: {error}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
