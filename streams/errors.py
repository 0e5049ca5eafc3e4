"""What can go wrong in a worker.

PathcastError
└── WorkerError
    ├── SetUpError        the surroundings are not as they must be: nothing has been processed
    ├── PositionError     the state and the topic do not belong together: `pathcast state rebase`
    └── TransactionError  a transaction's outcome is unknown: the process ends, its restart is clean
"""

from models.errors import PathcastError


class WorkerError(PathcastError):
    """The worker cannot go on."""


class SetUpError(WorkerError):
    """Broker, topics, folders or settings are not as they must be."""


class PositionError(WorkerError):
    """The position kept with the state does not belong to the input topic."""


class TransactionError(WorkerError):
    """A transaction failed or its producer was fenced; only a restart from the state's position is safe."""
