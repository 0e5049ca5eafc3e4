"""One worker: builds a Faust application from its settings and runs it."""

import os
import sys
import time

import faust
import structlog
import torch
from faust.types import TP

from models.contract.aliases import EventNames, event_name
from streams import logging_setup
from streams.config import secret_file
from streams.config.connection import Connection
from streams.config.topic_names import changelog_of
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from streams.privacy.sealing import Sealer
from streams.service import preflight
from streams.service import transport_wiring as wiring
from streams.service.background_wiring import background
from streams.service.installation import Installation
from streams.service.pipeline_wiring import ShopFiles, pipeline_parts
from streams.transport import interpreter
from streams.transport.runtime import Describe
from streams.transport.topic_metadata import describer

#: Seconds beside the session timeout until a killed worker has left its group.
GROUP_GRACE = 5.0

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
        datadir = preflight.check_folder(settings.datadir)
        self._claim = preflight.claim(datadir)
        sealing, changelog = settings.envelope_key_file is not None, changelog_of(settings.application_id)
        partitions = preflight.check_topics(connection, names, sealing, changelog)
        self._topic_warnings = preflight.check_settings(connection, names, sealing)
        patience = settings.session_timeout_seconds + GROUP_GRACE
        preflight.check_group(connection, settings.application_id, patience)
        at = self.at = Installation(settings, connection, names, datadir, partitions)
        describe = describer(connection.kafka_python())
        self.parts = pipeline_parts(at, ShopFiles(actions, shop, events), _sealer(at, describe))
        pseudonymiser = self.parts.pipeline.decoder.pseudonyms
        # The application is built last from all of these; they use it only while it runs.
        copies = wiring.copies(
            at,
            pseudonymiser.fingerprint if pseudonymiser else "",
            lambda: self.app.pathcast_table.data.partitions,
        )
        self.runtime = wiring.runtime(
            at, self.parts.pipeline, describe, copies.announce, die, self.parts.metrics
        )
        self.background = background(at, self.parts, self.runtime, copies, self._end_of)
        self.app = wiring.application(at, self.runtime, self.background)
        preflight.check_replication(connection, self.runtime.config.changelog, settings.changelog_replication)

    def _end_of(self, partition: int) -> int | None:
        end: int | None = self.app.consumer.highwater(TP(self.at.names.clicks, partition))
        return end

    def run(self) -> None:
        """Answer clicks until SIGTERM or SIGINT; does not return."""
        interpreter.tune()
        # The matrices of a chunk are small: more threads would wait for each other, and change the last bits.
        torch.set_num_threads(1)
        logging_setup.configure(self.at.settings.log_level, self.at.settings.log_format)
        for warning in self._topic_warnings:
            log.warning("a topic differs from what is expected", difference=warning)
        log.info("starting", partitions=self.at.partitions, datadir=str(self.at.datadir), started=time.time())
        sys.argv[1:] = ["worker"]
        # At WARN Faust enables DEBUG for its spinner, which costs a third of the speed.
        worker = faust.Worker(self.app, loglevel="INFO", override_logging=False, redirect_stdouts=False)
        worker.spinner = None  # it would appear among the log lines
        worker.execute_from_commandline()


def _sealer(at: Installation, describe: Describe) -> Sealer | None:
    envelopes, keys = secret_file.envelopes(at.settings.envelope_key_file), at.names.visitor_keys
    return Sealer(envelopes, describe([keys])[keys][0]) if envelopes else None


def die(error: Exception) -> None:
    """Exit at once; the next owner of a partition repeats from its checkpoint what was not committed."""
    log.error("worker ends", error=type(error).__name__, reason=str(error))
    sys.stderr.write(f"Error: {error}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
