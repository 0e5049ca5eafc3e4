"""Errors of a worker.

PathcastError
└── WorkerError
    ├── SetUpError        broker, topics, folders or settings are wrong: nothing has been processed
    ├── PositionError     the state belongs to another topic: `pathcast state rebase`
    └── TransactionError  the outcome of a transaction is unknown: the process exits, a restart is safe
"""

from models.errors import PathcastError


class WorkerError(PathcastError):
    """The worker cannot go on."""


class SetUpError(WorkerError):
    """Broker, topics, folders or settings do not meet the requirements of a worker."""


class PositionError(WorkerError):
    """The position kept with the state does not belong to the input topic."""


class TransactionError(WorkerError):
    """A transaction failed or its producer was fenced; only a restart from the state's position is safe."""
