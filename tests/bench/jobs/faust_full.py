"""The full job as a plain per-event Faust agent: a table in RocksDB, Faust's own defaults."""

import faust

from tests.bench.jobs.full_job import Beginnings, here, one_click
from tests.bench.jobs.one_click import Record

job = here()
one, beginnings = one_click(job), Beginnings(job.states)
app = faust.App(
    job.group,
    broker=f"kafka://{job.bootstrap}",
    store="rocksdb://",
    datadir=job.folder,
    topic_partitions=4,
    topic_disable_leader=True,
    web_enabled=False,
)
raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
clicks = app.topic(job.clicks, **raw)
outputs = [app.topic(name, **raw) for name in job.answers]
visitors = app.Table("visitors", partitions=4, key_type=bytes, value_type=bytes)


@app.agent(clicks)
async def answer(stream):
    """One click, one visitor's record, three sends."""
    async for event in stream.events():
        key, message = event.key, event.message
        record = Record(key, event.value, int(message.timestamp * 1000))
        found = one.answer(record, visitors.get(key) or beginnings.of(key), message.partition)
        if found is not None:
            visitors[key] = found.state
            for topic, value in zip(outputs, found.answers, strict=True):
                await topic.send(key=key, value=value)


if __name__ == "__main__":
    faust.Worker(app, loglevel="INFO").execute_from_commandline()
