"""The pacer of an installation, as the environment says."""

from collections.abc import Callable

from deploy.cluster import clients
from deploy.pacing.actions_in_use import ActionsInUse
from deploy.pacing.budget_pacer import Pacer
from models.constraints.allocator import Allocator
from models.errors import PathcastError
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings


def installed_pacer(every: float, told: Callable[[Allocator], None] | None = None) -> Pacer:
    """Allocates every so many seconds; `told` hears of it. Raises PathcastError without `clicks`."""
    settings, names, to = WorkerSettings(), TopicNames(), clients.connection()
    with clients.consumer(to) as consumer:
        partitions = len(consumer.partitions_for_topic(names.clicks) or ())
    if not partitions:
        raise PathcastError(f"no topic {names.clicks!r}: create the topics (`pathcast topics`)")
    actions = ActionsInUse(settings)
    return Pacer(to.aiokafka(), names, settings.application_id, partitions, actions, every, told)
