"""The free share of the disk is told as the system says it."""

import asyncio
from contextlib import suppress

from streams.service.disk_room import watch_disk


async def test_the_share_is_told_once_the_folder_exists(tmp_path):
    told = []

    async def watched():
        await watch_disk(tmp_path / "state", told.append, every=0.01)

    with suppress(TimeoutError):
        await asyncio.wait_for(watched(), 0.05)
    assert told == []
    (tmp_path / "state").mkdir()
    with suppress(TimeoutError):
        await asyncio.wait_for(watched(), 0.05)
    assert told
    assert all(0 < share < 1 for share in told)
