"""The counting job on Quix Streams: its own defaults, RocksDB state with changelog, at least once."""

from quixstreams import Application, State

from tests.bench.jobs.counting import count, place

here = place()
app = Application(
    broker_address=here.bootstrap,
    consumer_group=here.group,
    auto_offset_reset="earliest",
    state_dir=here.folder,
    loglevel="WARNING",
)


def answer(click: dict, state: State) -> dict:
    """One click, one counter, one output."""
    kept, answered = count(state.get("session"), click)
    state.set("session", kept)
    return answered


clicks = app.topic(here.clicks, key_deserializer="bytes", value_deserializer="json")
output = app.topic(here.output, key_serializer="bytes", value_serializer="json")
app.dataframe(clicks).apply(answer, stateful=True).to_topic(output)

if __name__ == "__main__":
    app.run()
