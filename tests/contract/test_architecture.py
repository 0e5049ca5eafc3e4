"""docs/architecture.md lists the modules that a click passes, in the order in which it passes them."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import AsyncMock

import rocksdict

from streams.inputs.chunks import Chunk, Epoch
from streams.storage.partition_store import PartitionStore, database_options
from streams.transport.dispatch import Processing
from streams.transport.partition import PartitionTask
from streams.transport.state_checkpoint import StateCheckpoint
from streams.transport.transactions import PartitionProducer
from tests.house import imports, sources
from tests.offline import Offline, records, worker_settings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text()
#: Faust runs these two; a test without Kafka begins behind them.
FETCHING = ["streams/inputs/fetching.py", "streams/transport/consumer.py"]

#: What the processor hands to stages and to nobody else: the encoder of answers, the deadline.
PARTS_OF_STAGES = {"streams.pipeline.answers", "streams.pipeline.deadline"}

#: The store is read by every stage; its place in the list is where it is written.
READS = {"get", "scan"}


def listed() -> list[str]:
    """The modules of the list, in its order."""
    part = TEXT.split("## The way of a click through the worker\n")[1].split("\n## ")[0]
    return re.findall(r"^\d+\. `([^`]+)`", part, re.MULTILINE)


class Producer(PartitionProducer):
    """The worker's own, on a client that sends nothing."""

    def __init__(self) -> None:
        self.transactional_id, self.partition, self._producer = "shop-0", 0, AsyncMock()

    async def _send(self, topic, messages, partition):
        future = asyncio.get_running_loop().create_future()
        future.set_result(SimpleNamespace(offset=1))
        return [(future, len(messages))]


async def entered(folder: Path) -> list[str]:
    """The listed modules that a chunk of clicks enters on its way to being committed, at their first call."""
    offline = Offline()
    store = PartitionStore(
        rocksdict.Rdict(str(folder / "db"), options=database_options(rocksdict.Cache(8 << 20)))
    )
    processing = Processing(offline.pipeline, 0)
    task = PartitionTask(0, Producer(), processing, worker_settings(), lambda partition, position: None)
    task.topic_id, task.changelog = "clicks-1", "changelog"
    task.recovered(store, StateCheckpoint(), 0)
    events = [
        {"event_id": f"e{n}", "visitor_id": "v", "event": "view_item", "ts": 1_700_000_000_000 + n}
        for n in range(3)
    ]
    chunk = Chunk("clicks", 0, 2, 0, 0, 3, records(events), Epoch(0, 0), 0.0)
    wanted, found = set(listed()), dict[str, None]()

    def follow(frame, event, _):
        path, function = frame.f_code.co_filename, frame.f_code.co_name
        if event == "call" and path.startswith(str(ROOT)) and function not in READS:
            name = path[len(str(ROOT)) + 1 :]
            found.update({name: None} if name in wanted else {})

    sys.setprofile(follow)
    try:
        task.offer(SimpleNamespace(ack=lambda: None), chunk)
        await task._apply_some()
    finally:
        sys.setprofile(None)
        store.close()
    assert task.position == 3
    assert offline.metrics.events._value.get() == 3
    return list(found)


def test_a_click_passes_the_modules_in_the_order_in_which_they_are_listed(tmp_path):
    assert listed()[:2] == FETCHING
    # In a process of its own: other tests may leave an interpreter that no longer calls profile functions.
    code = "import asyncio, pathlib, sys; from tests.contract.test_architecture import entered; "
    code += "print(*asyncio.run(entered(pathlib.Path(sys.argv[1]))))"
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == listed()[2:], done.stderr


def test_the_processor_names_every_stage_and_no_stage_knows_the_processor():
    graph = imports(sources())
    stages = {path[:-3].replace("/", ".") for path in listed() if path.startswith("streams/pipeline/")}
    processor = "streams.pipeline.processor"
    imported = {name for name in graph[processor] if name.startswith("streams.pipeline.")}
    assert stages - {processor} == imported - PARTS_OF_STAGES
    assert [stage for stage in stages if processor in graph[stage]] == []
    assert graph["streams.pipeline.chunk"] & stages == set()
