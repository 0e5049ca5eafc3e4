"""Errors of libraries and of the system, each kind with its sentence.

A kind names classes by module, so that nothing is imported: a library that was never imported raised nothing.
"""

import errno
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_KAFKA = ("kafka.errors", "aiokafka.errors", "confluent_kafka")
_READING = "expected a whole file of the kind that its name says; give another, or write it again"


class FailureKind(NamedTuple):
    """Classes of `modules`, and the sentence for an error of one of them."""

    modules: tuple[str, ...]
    classes: tuple[str, ...]
    say: Callable[[Any], str]

    def loaded(self) -> Iterator[type[BaseException]]:
        """The classes, as far as their modules were imported."""
        for module in filter(None, map(sys.modules.get, self.modules)):
            yield from (getattr(module, name) for name in self.classes if hasattr(module, name))


def sentence(error: Exception) -> str | None:
    """What to say of a known kind of error; None for others."""
    fitting = (kind for kind in KINDS if isinstance(error, tuple(kind.loaded())))
    kind = next(fitting, None)
    return None if kind is None else kind.say(error)


def said(error: BaseException) -> str:
    """The name of an error and its text, without a repeated name."""
    name = type(error).__name__
    text = str(error).removeprefix(f"{name}: ").removeprefix(name).strip()
    return f"{name}: {text}" if text else name


def _kafka(cure: str) -> Callable[[Any], str]:
    return lambda error: f"Kafka failed ({said(error)}): {cure}"


def _file(error: Any) -> str:
    return f"a file cannot be read ({said(error)}): {_READING}"


def _setting(error: Any) -> str:
    from deploy.terminal.setting_errors import wrong_settings

    return wrong_settings(error)


#: What to do about an error of the system, by its number.
_CURES = {
    errno.ENOENT: "name one that exists",
    errno.EACCES: "give this user the right to it, or name another",
    errno.EPERM: "give this user the right to it, or name another",
    errno.EROFS: "name a place that can be written",
    errno.EISDIR: "name a file, not a folder",
    errno.ENOTDIR: "name a folder, not a file",
    errno.ENOSPC: "make room on the disk, then repeat the command",
    errno.EDQUOT: "make room on the disk, then repeat the command",
    errno.EMFILE: "allow more open files (ulimit -n), then repeat the command",
    errno.EADDRINUSE: "name another port, or end the program that has it",
    errno.ECONNREFUSED: "start the server, or correct its address in the settings",
}


def _system(error: OSError) -> str:
    cure = _CURES.get(error.errno or 0, "check the files, folders and addresses that the command names")
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    found = error.strerror or said(error)
    return f"{' and '.join(names)}: {found}; {cure}" if names else f"{found}; {cure}"


def _tls(error: Any) -> str:
    return f"TLS failed ({said(error)}): check the address, and the certificates that the settings name"


def _late(error: Any) -> str:
    return (
        f"no answer in time ({said(error)}): check that the server runs, and that its address in the "
        "settings is right, then repeat the command"
    )


def _missing(error: ImportError) -> str:
    return f"a library is missing ({said(error)}): install it beside Pathcast, then repeat the command"


def _memory(error: Any) -> str:
    return f"there is too little memory ({said(error)}): give a smaller log or more memory"


def _stored(error: Any) -> str:
    return f"the database failed ({said(error)}): check its URL (--storage) and that it can be written"


#: The first that fits is taken, so special ones come first.
KINDS: tuple[FailureKind, ...] = (
    FailureKind(
        _KAFKA,
        (
            "TopicAuthorizationFailedError",
            "GroupAuthorizationFailedError",
            "ClusterAuthorizationFailedError",
            "TransactionalIdAuthorizationFailedError",
            "TransactionalIdAuthorizationFailed",
            "AuthorizationError",
        ),
        _kafka("this user lacks a right: grant it (docs/contract/topics.md#rights), or use another"),
    ),
    FailureKind(
        _KAFKA,
        (
            "AuthenticationFailedError",
            "AuthenticationMethodNotSupported",
            "SaslAuthenticationFailed",
            "SaslAuthenticationFailedError",
        ),
        _kafka("correct KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM"),
    ),
    FailureKind(
        _KAFKA,
        ("MessageSizeTooLargeError", "RecordListTooLargeError", "RecordTooLargeError"),
        _kafka("a record is larger than the broker accepts: raise max.message.bytes of the topic"),
    ),
    FailureKind(
        _KAFKA,
        ("UnknownTopicOrPartitionError",),
        _kafka("a topic is missing: create it with `pathcast topics`"),
    ),
    FailureKind(
        _KAFKA,
        ("UnsupportedVersionError", "IncompatibleBrokerVersion", "UnrecognizedBrokerVersion"),
        _kafka("expected a broker of Apache Kafka 2.8 or newer: update it, or name another"),
    ),
    FailureKind(
        _KAFKA,
        ("KafkaError", "KafkaException"),
        _kafka(
            "check that the broker runs and that KAFKA_BOOTSTRAP_SERVERS names it, then repeat the command"
        ),
    ),
    FailureKind(("pydantic",), ("ValidationError",), _setting),
    FailureKind(
        ("pydantic_settings",),
        ("SettingsError",),
        lambda error: f"a setting cannot be read ({said(error)}): correct it, docs/settings.md lists all",
    ),
    FailureKind(("ssl",), ("SSLError",), _tls),
    FailureKind(
        ("gzip", "zipfile", "zlib", "lzma"), ("BadGzipFile", "BadZipFile", "error", "LZMAError"), _file
    ),
    FailureKind(("builtins",), ("TimeoutError",), _late),
    FailureKind(("builtins",), ("OSError",), _system),
    FailureKind(("builtins",), ("UnicodeError", "EOFError"), _file),
    FailureKind(("json", "tomllib"), ("JSONDecodeError", "TOMLDecodeError"), _file),
    FailureKind(("msgspec",), ("MsgspecError",), _file),
    FailureKind(("yaml",), ("YAMLError",), _file),
    FailureKind(("safetensors",), ("SafetensorError",), _file),
    FailureKind(
        ("polars.exceptions", "pyarrow.lib", "duckdb"), ("PolarsError", "ArrowException", "Error"), _file
    ),
    FailureKind(
        ("sqlalchemy.exc", "sqlite3", "optuna.exceptions"),
        ("SQLAlchemyError", "Error", "OptunaError"),
        _stored,
    ),
    FailureKind(("builtins",), ("ImportError",), _missing),
    FailureKind(("builtins", "torch"), ("MemoryError", "OutOfMemoryError"), _memory),
)
