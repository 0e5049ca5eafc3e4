"""The full job on Quix Streams: its own defaults, RocksDB state with changelog, at least once."""

from quixstreams import Application, State, message_context

from tests.bench.jobs.full_job import Beginnings, here, one_click
from tests.bench.jobs.one_click import Record

job = here()
one, beginnings = one_click(job), Beginnings(job.states)
app = Application(
    broker_address=job.bootstrap,
    consumer_group=job.group,
    auto_offset_reset="earliest",
    state_dir=job.folder,
    loglevel="WARNING",
)


def answer(value: bytes, key: bytes, timestamp: int, headers: object, state: State) -> list[bytes] | None:
    """One click, one visitor's record, three answers."""
    stored = state.get_bytes("visitor") or beginnings.of(key)
    found = one.answer(Record(key, value, timestamp), stored, message_context().partition)
    if found is None:
        return None
    state.set_bytes("visitor", found.state)
    return list(found.answers)


clicks = app.topic(job.clicks, key_deserializer="bytes", value_deserializer="bytes")
answered = app.dataframe(clicks).apply(answer, stateful=True, metadata=True)
answered = answered.filter(lambda answers: answers is not None)
for number, name in enumerate(job.answers):
    output = app.topic(name, key_serializer="bytes", value_serializer="bytes")
    answered.apply(lambda answers, number=number: answers[number]).to_topic(output)

if __name__ == "__main__":
    app.run()
