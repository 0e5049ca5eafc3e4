"""What streams/ relies on in faust-streaming, aiokafka and rocksdict without their promise.

An upgrade that breaks one of these fails here, in words, rather than at a rebalance at night.
"""

import inspect
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import aiokafka
import pytest
import rocksdict
from aiokafka.consumer import subscription_state
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.producer import producer as producers
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.producer.transaction_manager import TransactionManager
from faust.app import App
from faust.events import Event
from faust.stores import rocksdb
from faust.tables import recovery
from faust.tables.base import Collection
from faust.transport import consumer
from faust.transport.conductor import Conductor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from mode.utils.queues import FlowControlEvent

from streams.storage import partition_store, store
from streams.transport import consumer as transport

PINNED = {"faust-streaming": "0.15.3", "aiokafka": "0.14.0"}
ADVICE = "read what streams/ does with it before changing the pin"


@pytest.mark.parametrize(("package", "pinned"), PINNED.items())
def test_versions_are_pinned_exactly(package, pinned):
    project = (Path(__file__).parents[4] / "pyproject.toml").read_text()
    assert f'"{package}=={pinned}"' in project, (
        f"{package} must be pinned to {pinned}: its private names are used"
    )
    assert version(package) == pinned, (
        f"installed is another {package}: every test of this file must pass with it"
    )


SIGNATURES = [
    (driver.Consumer._getmany, "self active_partitions timeout", "chunks are made here"),
    (driver.Consumer._to_message, "self tp record", "a chunk becomes Faust's message here"),
    (
        driver.Consumer._new_consumer_thread,
        "self",
        "our thread, reading what is committed, is made here",
    ),
    (driver.Consumer._new_offset, "self tp", "the offset to commit is the last chunk's end"),
    (driver.Consumer._add_gap, "self tp offset_from offset_to", "stock code walks a chunk's span one by one"),
    (driver.Consumer.on_partitions_assigned, "self assigned generation_id", "predecessors are fenced here"),
    (driver.Consumer.on_partitions_revoked, "self revoked", "transactions in flight end here"),
    (driver.Consumer.perform_seek, "self", "positions come from the checkpoints here"),
    (driver.Consumer.resume_flow, "self", "clicks are fetched from here on"),
    (driver.Consumer.wait_empty, "self", "SIGTERM drains here"),
    (driver.Consumer.commit_and_end_transactions, "self", "SIGTERM commits by it"),
    (driver.Consumer.verify_event_path, "self now tp", "the livelock detector is switched off"),
    (driver.Consumer.highwater, "self tp", "lag is computed from it"),
    (driver.Consumer.assignment, "self", "only what is assigned is rewound"),
    (driver.AIOKafkaConsumerThread._create_worker_consumer, "self transport", "read_committed is set here"),
    (driver.AIOKafkaConsumerThread.seek_wait, "self partitions", "a rewind waits for its seek"),
    (driver.AIOKafkaConsumerThread.on_start, "self", "the prefetch backoff is set after it"),
    (rocksdb.Store._db_for_partition, "self partition", "a partition is opened by it"),
    (rocksdb.Store._open_for_partition, "self partition", "our options and the staleness check are here"),
    (rocksdb.Store.partition_path, "self partition", "stale databases are removed by it"),
    (rocksdb.Store.persisted_offset, "self tp", "recovery starts behind it"),
    (rocksdb.Store.set_persisted_offset, "self tp offset", "the position is written with the data instead"),
    (rocksdb.Store.apply_changelog_batch, "self batch to_key to_value", "changelog chunks are applied by it"),
    (rocksdb.Store.revoke_partitions, "self table tps", "databases are closed by it"),
    (rocksdb.Store.stop, "self", "databases are flushed by it"),
    (recovery.Recovery._wait, "self coro timeout", "a recovery that gives up ends the process"),
    (App.on_start, "self", "endpoints and broadcast topics start here"),
    (App.on_shutdown, "self", "they stop here"),
    (producers.AIOKafkaProducer.create_batch, "self", "a chunk's outputs travel as one batch"),
    (producers.AIOKafkaProducer.send_batch, "self batch topic partition", "with the partition of the input"),
    (BatchBuilder.append, "self timestamp key value headers", "None says that the batch is full"),
    (BatchBuilder.record_count, "self", "the last changelog offset is computed from it"),
    (BatchBuilder.close, "self", "a batch is closed before it is sent"),
    (TransactionManager.wait_for_pid, "self", "returns when every predecessor is fenced"),
]


@pytest.mark.parametrize(
    ("function", "parameters", "why"), SIGNATURES, ids=lambda one: getattr(one, "__qualname__", "")
)
def test_what_is_called_or_overridden_takes_these_arguments(function, parameters, why):
    found = " ".join(inspect.signature(function).parameters)
    assert found == parameters, f"{function.__qualname__}({found}), expected ({parameters}): {why}; {ADVICE}"


COROUTINES = [
    driver.Consumer._getmany,
    driver.Consumer._add_gap,
    driver.Consumer.on_partitions_assigned,
    driver.Consumer.on_partitions_revoked,
    driver.Consumer.perform_seek,
    driver.Consumer.wait_empty,
    driver.AIOKafkaConsumerThread.seek_wait,
    producers.AIOKafkaProducer.send_batch,
    TransactionManager.wait_for_pid,
    rocksdb.Store.stop,
]


@pytest.mark.parametrize("function", COROUTINES, ids=lambda function: function.__qualname__)
def test_what_is_awaited_is_a_coroutine(function):
    assert inspect.iscoroutinefunction(function), f"{function.__qualname__} is awaited by streams/; {ADVICE}"


READ = [
    (consumer.Consumer, "_read_offset", "where Faust thinks it reads; moved with every rewind"),
    (consumer.Consumer, "_unacked_messages", "a chunk left there hangs the rebalance"),
    (consumer.ThreadDelegateConsumer, "_thread", "positions are asked of it"),
    (driver.AIOKafkaConsumerThread, "_consumer", "aiokafka's consumer is reached through it"),
    (aiokafka.AIOKafkaConsumer, "_isolation_level", "set to read_committed before it starts"),
    (aiokafka.AIOKafkaConsumer, "_fetcher", "its backoff is set"),
    (aiokafka.AIOKafkaConsumer, "_subscription", "positions are read without a round trip"),
    (aiokafka.AIOKafkaConsumer, "_coordinator", "the group knows the worker under its member id"),
    (Fetcher, "_prefetch_backoff", "a fetch waits for it until the former is consumed"),
    (producers.AIOKafkaProducer, "_txn_manager", "tells when the producer id is there"),
    (producers.AIOKafkaProducer, "_closed", "a producer that cannot stop is left to be fenced"),
    (rocksdb.Store, "_dbs", "open databases by partition"),
]


@pytest.mark.parametrize(("owner", "name", "why"), READ, ids=lambda one: str(one)[-40:])
def test_attributes_that_are_read_or_written_exist(owner, name, why):
    # By file: Faust defines its store twice under one name, which inspect cannot tell apart.
    modules = {inspect.getmodule(base) for base in owner.__mro__ if base is not object}
    sources = "".join(inspect.getsource(module) for module in modules if module is not None)
    assert f"self.{name}" in sources, f"{owner.__name__}.{name} is gone ({why}); {ADVICE}"


@pytest.mark.parametrize("name", ["isolation_level", "fetch_max_wait_ms", "fetch_min_bytes"])
def test_what_is_set_on_a_consumer_is_read_when_it_starts(name):
    start = inspect.getsource(aiokafka.AIOKafkaConsumer.start)
    assert f"{name}=self._{name}" in start, f"setting it before start would do nothing; {ADVICE}"


def test_the_prefetch_backoff_is_read_at_every_wait():
    uses = inspect.getsource(Fetcher).count("self._prefetch_backoff")
    assert uses > 1, f"setting it after start would do nothing; {ADVICE}"


async def test_a_partitions_position_can_be_read_without_waiting():
    state = subscription_state.TopicPartitionState(SimpleNamespace())
    assert state.has_valid_position is False, ADVICE
    assert hasattr(subscription_state.Assignment, "state_value"), ADVICE
    assert hasattr(subscription_state.SubscriptionState, "subscription"), ADVICE
    state.reset_to(7)
    assert (state.has_valid_position, state.position) == (True, 7), ADVICE


def test_seeking_starts_from_the_committed_offsets():
    source = inspect.getsource(consumer.Consumer.perform_seek)
    assert "seek_to_committed" in source, f"perform_seek is where positions are set after recovery; {ADVICE}"


def test_recovery_applies_through_the_store_and_calls_back_when_complete():
    source = inspect.getsource(recovery)
    for name in ("persisted_offset", "apply_changelog_batch", "on_recovery_completed", "perform_seek"):
        assert name in source, f"faust.tables.recovery lacks {name}: it restores the state; {ADVICE}"
    assert hasattr(Collection, "on_recover"), f"readiness waits for it; {ADVICE}"


def test_recovery_resumes_the_flow_last():
    source = inspect.getsource(recovery.Recovery.on_recovery_completed)
    steps = [source.index(step) for step in ("perform_seek()", "flow_control.resume()", ".resume_flow()")]
    assert steps == sorted(steps), f"clicks are fetched once no queue is emptied any more; {ADVICE}"
    assert "self.clear()" in inspect.getsource(FlowControlEvent.resume), ADVICE


def test_a_table_takes_the_size_of_its_recovery_buffer():
    taken = inspect.signature(Collection.__init__).parameters
    assert "recovery_buffer_size" in taken, f"1 would make Faust go on reading after recovery; {ADVICE}"


def test_the_checkpoints_position_key_is_faust_stores_own():
    assert rocksdb.Store.offset_key == b"__faust\0offset__", f"databases in the field have it; {ADVICE}"
    assert rocksdb.Store.offset_key == partition_store.PERSISTED_KEY


def test_a_message_takes_a_chunk_as_its_value():
    fields = ("topic", "partition", "offset", "timestamp", "timestamp_type", "headers", "key", "value")
    found = tuple(inspect.signature(ConsumerMessage.__init__).parameters)[1:]
    assert found[:8] == fields, (
        f"ConsumerMessage({found}): streams.transport.consumer fills it by position; {ADVICE}"
    )
    assert found[8:12] == ("checksum", "serialized_key_size", "serialized_value_size", "tp"), ADVICE
    assert "generation_id" in found, ADVICE


def test_events_are_acknowledged_by_hand():
    assert inspect.signature(Event.ack).parameters.keys() == {"self"}, ADVICE
    assert Conductor is not None


def test_the_consumers_overrides_are_really_the_drivers():
    for name in ("_getmany", "_to_message", "commit", "_add_gap", "perform_seek", "wait_empty"):
        assert hasattr(driver.Consumer, name), f"{name} is gone: our override would never be called; {ADVICE}"
        assert getattr(transport.Consumer, name) is not getattr(driver.Consumer, name)
    assert driver.Transport.Consumer is driver.Consumer, ADVICE


def test_faust_knows_the_transport_and_the_store_by_their_schemes():
    from faust.stores import by_url as store_by_url
    from faust.transport import by_url as transport_by_url

    assert transport_by_url("chunked://localhost:9092") is transport.Transport
    assert store_by_url("fenced://") is store.Store


def test_partitions_are_named_tuples_of_topic_and_number():
    assert TP("clicks", 3) == ("clicks", 3)


def test_rocksdict_has_what_one_atomic_write_takes(tmp_path):
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    db = rocksdict.Rdict(str(tmp_path / "db"), options=options)
    batch = rocksdict.WriteBatch(raw_mode=True)
    batch.put(b"a", b"1")
    batch.delete(b"b")
    write = rocksdict.WriteOptions()
    write.disable_wal = True
    db.write(batch, write)
    assert db.get([b"a", b"b"]) == [b"1", None]
    assert list(db.items(from_key=b"a")) == [(b"a", b"1")]
    db.close()


def test_a_batch_can_be_filled_past_its_wrapper():
    batch = BatchBuilder(1 << 20, 0, is_transactional=1)
    appended = batch._builder.append(0, 1_700_000_000_000, b"key", b"value", [])
    assert appended is not None, f"streams.transport.transactions fills batches by it; {ADVICE}"
    batch._relative_offset = 1
    assert batch.record_count() == 1, f"it is what the last record's offset is counted from; {ADVICE}"
    full = BatchBuilder(16, 0, is_transactional=1)
    assert full._builder.append(0, 0, b"key", b"longer than the batch", []) is not None, ADVICE
    assert full._builder.append(1, 0, b"key", b"value", []) is None, f"a full batch says so; {ADVICE}"
