"""docs/architecture.md lists the modules that a click passes, in the order in which it passes them."""

import re
import subprocess
import sys
from pathlib import Path

import rocksdict

from streams.inputs.chunks import Chunk, Epoch
from streams.storage.partition_store import PartitionStore, database_options
from streams.transport.cycles import Cycles
from streams.transport.dispatch import Processing
from streams.transport.partition import AssignedPartition
from streams.transport.state_checkpoint import StateCheckpoint
from streams.transport.worker_producer import WorkerProducer
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


class Producer(WorkerProducer):
    """The worker's own, without a connection."""

    def __init__(self) -> None:
        super().__init__("shop-1", 0, {})

    async def _transact(self, parts, guard):
        return [1] * len(parts)


async def entered(folder: Path) -> list[str]:
    """The listed modules that a chunk of clicks enters on its way to being committed, at their first call."""
    offline = Offline()
    store = PartitionStore(
        rocksdict.Rdict(str(folder / "db"), options=database_options(rocksdict.Cache(8 << 20)))
    )
    partition = AssignedPartition(0, worker_settings(), lambda partition, position: None)
    partition.topic_id = "clicks-1"
    offline.pipeline.opened(0, partition.recovered(store, StateCheckpoint(), 0))
    producer = Producer()

    async def publish(shares):
        return await producer.publish([share.messages("changelog") for share in shares], None)

    cycles = Cycles({0: partition}, Processing(offline.pipeline, 0), publish, 10)
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
        partition.offer(chunk)
        await cycles._settle(await cycles._process())
    finally:
        sys.setprofile(None)
        store.close()
    assert partition.committed_position == 3
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
