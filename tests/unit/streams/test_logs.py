"""A library that says the same thing without end is heard a few times."""

import logging

import pytest

from streams.logging_setup import RepeatLimit, StartUpNoise, configure


def said(filter_, message, name="aiokafka.client", *arguments):
    """What is shown of a line, None where it is held back."""
    record = logging.LogRecord(name, logging.ERROR, "", 0, message, arguments, None)
    return record.getMessage() if filter_.filter(record) else None


def test_repeats_are_held_back_and_counted():
    now = [0.0]
    repeats = RepeatLimit(lambda: now[0])
    shown = []
    for tenth in range(250):
        now[0] = tenth / 10
        shown.append(said(repeats, "no node %s", "aiokafka.client", tenth % 3))
    assert sum(line is not None for line in shown) == 15
    assert shown[0] == "no node 0"
    assert shown[100] == "no node 1 (and 95 times in the 10 s before)"


def test_other_lines_and_loggers_are_heard():
    repeats = RepeatLimit(lambda: 0.0)
    for _ in range(20):
        said(repeats, "down")
    assert said(repeats, "up") == "up"
    assert said(repeats, "down", "kafka") == "down"


def test_the_workers_own_lines_always_pass():
    repeats = RepeatLimit(lambda: 0.0)
    records = [logging.LogRecord("w", logging.INFO, "", 0, {"event": "x"}, (), None) for _ in range(20)]
    assert all(repeats.filter(record) for record in records)


class GroupCoordinatorNotAvailableError(Exception):
    """Named as aiokafka's."""


def test_a_new_clusters_missing_coordinator_is_no_error_at_first_and_one_later():
    now = [0.0]
    first = StartUpNoise(lambda: now[0])
    line = "Group Coordinator Request failed: %s", "aiokafka.consumer.group_coordinator"
    shown = []
    for second in (0, 1, 9, 10, 11, 3_600):
        now[0] = float(second)
        shown.append(said(first, *line, GroupCoordinatorNotAvailableError()) is not None)
    assert shown == [False, False, False, True, True, True]


def test_other_errors_of_the_same_loggers_are_heard_at_once():
    first = StartUpNoise(lambda: 0.0)
    coordinator = "aiokafka.consumer.group_coordinator"
    assert said(first, "Group Coordinator Request failed: %s", coordinator, ConnectionError("down"))
    assert said(first, "Heartbeat failed", coordinator)
    assert said(first, "Group Coordinator Request failed: x", "aiokafka.client")
    assert said(first, "No partition metadata for topic %s", "kafka.coordinator.assignors.range", "x") is None
    assert said(first, "strange topic", "kafka.coordinator.assignors.range")


@pytest.fixture
def untouched():
    """The handlers and levels of before are those of after."""
    root = logging.getLogger()
    names = ("kafka", "aiokafka", "mode", "faust", "aiokafka.conn", "kafka.net", "kafka.producer")
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in (*names, "kafka.protocol")}
    yield
    root.handlers[:], root.level = handlers, level
    for name, known in levels.items():
        logging.getLogger(name).setLevel(known)


@pytest.mark.parametrize("name", ["aiokafka.conn", "kafka.net.connection", "kafka.producer.kafka"])
def test_what_goes_over_the_wire_is_never_logged(untouched, name):
    """It has the ids of visitors in it, also where these are pseudonyms everywhere else."""
    configure("debug", "json")
    assert logging.getLogger("aiokafka.consumer.fetcher").isEnabledFor(logging.DEBUG)
    assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
