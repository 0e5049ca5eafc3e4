"""Tell how much of the disk is free on which a worker keeps its state."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

#: Seconds between two looks.
LOOK_SECONDS = 10.0


async def watch_disk(datadir: Path, tell: Callable[[float], None], every: float = LOOK_SECONDS) -> None:
    """Tell the free share of the datadir's file system again and again; it may not exist at first."""
    while True:
        with suppress(OSError):
            usage = shutil.disk_usage(datadir)
            tell(usage.free / usage.total)
        await asyncio.sleep(every)
