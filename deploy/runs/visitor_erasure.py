"""Erase a visitor for a caller that is no terminal, and tell the proof as JSON."""

from typing import Any

from deploy.privacy.forget import Proof, forget_visitor
from deploy.privacy.search_scope import SearchScope
from deploy.runs.event_log import opened
from streams.config.connection import Connection
from streams.config.secret_file import pseudonyms
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings

#: Seconds that workers have to confirm an erasure.
CONFIRM_SECONDS = 60.0


def proof_json(proof: Proof) -> dict[str, Any]:
    """A proof as JSON, for programs."""
    return {
        "request": proof.request,
        "at": proof.at,
        "stores": [line._asdict() for line in proof.lines],
        "unconfirmed": [one._asdict() for one in proof.unconfirmed],
    }


def erased(to: Connection, names: TopicNames, worker: WorkerSettings, visitor: str) -> dict[str, Any]:
    """Erase a visitor everywhere; the proof. Raises PathcastError where that is not complete."""
    scope = SearchScope(to, names, worker, opened(), pseudonyms(worker.pseudonym_key_file))
    return proof_json(forget_visitor(scope, visitor, CONFIRM_SECONDS))
