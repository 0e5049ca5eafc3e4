"""The newest clicks of the event log, for drift checks and incremental updates."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.runs.gate_judge import examples
from deploy.runs.items_snapshot import write_items
from trainer.eventlog import slices
from trainer.eventlog.log import EventLog
from trainer.settings import TrainerSettings
from trainer.training.adapt_live import UpdateSource


@contextmanager
def newest(settings: TrainerSettings, events: EventLog, name: str) -> Iterator[UpdateSource]:
    """The newest clicks of the event log, in a temporary folder.

    Raises EventLogError, KafkaUnreachable, LogError or ExamplesError.
    """
    workdir = settings.workdir.expanduser()
    workdir.mkdir(parents=True, exist_ok=True)
    for left in workdir.glob(f"{name}-*"):  # left by a killed process
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=workdir) as folder:
        clicks, items = Path(folder) / "newest.parquet", Path(folder) / "items.parquet"
        write_items(items)
        slices.write(events, clicks, settings.most_clicks)
        found = examples(clicks, items if items.exists() else None)
        yield UpdateSource(found, [clicks], slices.offsets([clicks]))
