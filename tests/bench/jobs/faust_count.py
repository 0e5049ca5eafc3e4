"""The counting job as a plain per-event Faust agent: a Faust newcomer's program, Faust's own defaults."""

import faust

from tests.bench.jobs.counting import count, place

here = place()
app = faust.App(
    here.group,
    broker=f"kafka://{here.bootstrap}",
    store="rocksdb://",
    datadir=here.folder,
    topic_partitions=4,
    topic_disable_leader=True,
    web_enabled=False,
)
clicks = app.topic(here.clicks, key_type=str, key_serializer="raw", value_serializer="json")
output = app.topic(here.output, key_type=bytes, value_serializer="json", key_serializer="raw")
sessions = app.Table("sessions", partitions=4)


@app.agent(clicks)
async def answer(stream):
    """One click, one counter, one output."""
    async for click in stream:
        session = click["session_id"]
        sessions[session], answered = count(sessions.get(session), click)
        await output.send(key=session.encode(), value=answered)


if __name__ == "__main__":
    faust.Worker(app, loglevel="INFO").execute_from_commandline()
