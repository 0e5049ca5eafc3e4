"""Errors as one line: each kind has its cure, in one line, also with notes of how far a command got."""

import errno
import gzip
import json
import sqlite3
import ssl
import tomllib
import zlib

import aiokafka.errors
import click
import kafka.errors
import msgspec
import polars as pl
import pytest
import safetensors

from deploy.terminal import failure_kinds, failures
from models.errors import PathcastError

KNOWN = [
    (kafka.errors.TopicAuthorizationFailedError("clicks"), "lacks a right"),
    (kafka.errors.GroupAuthorizationFailedError("pathcast"), "docs/contract/topics.md"),
    (aiokafka.errors.TransactionalIdAuthorizationFailed(), "lacks a right"),
    (kafka.errors.MessageSizeTooLargeError("9"), "max.message.bytes"),
    (aiokafka.errors.MessageSizeTooLargeError("9"), "max.message.bytes"),
    (kafka.errors.UnknownTopicOrPartitionError(), "pathcast topics"),
    (kafka.errors.SaslAuthenticationFailedError(), "KAFKA_SASL_USERNAME"),
    (kafka.errors.KafkaTimeoutError("60 s"), "KAFKA_BOOTSTRAP_SERVERS"),
    (aiokafka.errors.KafkaConnectionError("gone"), "KAFKA_BOOTSTRAP_SERVERS"),
    (ssl.SSLError(1, "wrong version number"), "certificates"),
    (gzip.BadGzipFile("no gzip"), "a whole file"),
    (zlib.error("incorrect header"), "a whole file"),
    (EOFError("ended early"), "a whole file"),
    (TimeoutError(), "no answer in time"),
    (FileNotFoundError(errno.ENOENT, "No such file or directory", "log.csv"), "log.csv: No such file"),
    (PermissionError(errno.EACCES, "Permission denied", "/root/x"), "give this user the right"),
    (IsADirectoryError(errno.EISDIR, "Is a directory", "x"), "name a file"),
    (OSError(errno.ENOSPC, "No space left on device"), "make room"),
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "start the server"),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "a whole file"),
    (json.JSONDecodeError("Expecting value", "]", 0), "a whole file"),
    (tomllib.TOMLDecodeError("Invalid value"), "a whole file"),
    (msgspec.ValidationError("Expected `int`"), "a whole file"),
    (pl.exceptions.ComputeError("could not parse\n\nline 2"), "a whole file"),
    (safetensors.SafetensorError("header too large"), "a whole file"),
    (sqlite3.OperationalError("unable to open database file"), "--storage"),
    (ModuleNotFoundError("No module named 's3fs'"), "install it"),
    (MemoryError(), "more memory"),
]


@pytest.mark.parametrize(("error", "cure"), KNOWN, ids=lambda one: type(one).__name__)
def test_a_known_kind_says_what_to_do_in_one_line(error, cure):
    said = failures.line(error)
    assert cure in said
    assert "\n" not in said
    assert "trace" not in said


def test_every_class_that_is_named_exists():
    classes = {kind for one in failure_kinds.KINDS for kind in one.loaded()}
    for name in ("KafkaError", "PolarsError", "SafetensorError", "MsgspecError", "SSLError", "BadGzipFile"):
        assert name in {kind.__name__ for kind in classes}


def _fail(error, progress):
    with failures.telling(lambda: progress):
        raise error


def failed(error, progress=None):
    with pytest.raises(click.ClickException) as caught, failures.explained():
        _fail(error, progress or "")
    return caught.value.message


def test_an_error_says_how_far_the_command_got():
    assert failed(PathcastError("no answer: wait"), "3 of 4 are sent. Repeat it") == (
        "no answer: wait. 3 of 4 are sent. Repeat it"
    )
    assert failed(OSError(errno.ENOSPC, "full"), "") == "full; make room on the disk, then repeat the command"


def test_a_text_of_many_lines_is_one_line_of_bounded_length():
    said = failed(PathcastError("first\n  second\n\n" + "x" * 10_000))
    assert said.startswith("first | second | x")
    assert len(said) < 3_000


@pytest.mark.parametrize(
    "passing",
    [click.UsageError("wrong"), click.exceptions.Exit(3), click.Abort(), BrokenPipeError(errno.EPIPE, "")],
)
def test_errors_of_click_and_the_end_of_a_pipe_pass(passing):
    with pytest.raises(type(passing)) as caught:
        with failures.explained():
            raise passing
    assert caught.value is passing


def _full(*_, **__):
    raise OSError(errno.ENOSPC, "full")


def test_without_a_place_for_the_trace_the_variable_is_named(monkeypatch):
    monkeypatch.setattr(failures.tempfile, "NamedTemporaryFile", _full)
    assert "PATHCAST_TRACE=1" in failed(KeyError("x"))
