"""Every command ends a failure with one line and a cure: no Kafka, one that hangs, files that are none."""

import gzip
import socket
import threading
from contextlib import closing

import pytest

from deploy.cluster import clients
from deploy.commands.learning import trainer_command
from streams.service import preflight
from tests import failing_commands
from tests.failing_commands import Place, arguments, leaves, reads_files, refusal, run
from tests.tiny import version
from trainer.eventlog import log_topics
from trainer.promotion import announce

#: Stands for the version of the registry, as in `failing_commands`.
VERSION = failing_commands.WORD
#: Arguments beside the required ones, where a command needs a choice of them.
CHOICES = {
    ("dead-letters", "replay"): ["--reason", "late"],
    ("models", "shadow"): ["--stop"],
    ("models", "pin"): [VERSION],
    ("train",): ["--announce"],
    ("input", "check"): ["--topic", "clicks"],
}
#: Commands that ask no Kafka, or only in a process or after a choice that is tested elsewhere.
WITHOUT_KAFKA = {
    *(("demo",), ("broker", "start"), ("broker", "status"), ("broker", "stop")),
    *(("log", "compact"), ("log", "export"), ("log", "forget"), ("log", "repair"), ("log", "stats")),
    *(("trainer", name) for name in ("calibrate", "check", "run", "policies")),
    ("retrain",),
    *(("models", name) for name in ("adapt", "gate", "gc", "list", "rollback", "show", "warm-up")),
    *(("drift",), ("evaluate",), ("tune",), ("audit",), ("demand",), ("items", "embed")),
    *(path for path in leaves() if path[0] == "benchmark"),
    *(("visitor", "pseudonym"), ("visitor", "stores"), ("settings",), ("contract",)),
    *(("policy", name) for name in ("train", "evaluate", "compare")),
    *(("experiment", "values"), ("experiment", "start"), ("feedback", "export")),
    ("gateway", "token"),
}
#: A new command belongs to these until it is named above.
KAFKA = set(leaves()) - WITHOUT_KAFKA
#: The file of tokens may be missing or empty: a token is added.
READERS = [path for path in leaves() if reads_files(path) and path != ("gateway", "token")]
GARBAGE = {
    "empty.csv": b"",
    "binary.csv": bytes(range(256)) * 64,
    "none.parquet": b"PAR1 but no more",
    "none.jsonl": b'{"event_id": "e1", "ts": \n]]]\n',
    "none.csv.gz": b"\x1f\x8b\x08 but no more",
    "cut.csv.gz": gzip.compress(failing_commands.LOG.encode() * 50)[:200],
    "none.zip": b"PK\x03\x04 but no more",
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path / "registry"))
    return Place.make(tmp_path)


@pytest.fixture
def impatient(monkeypatch):
    """Commands wait as long as they do for a broker's first word, but in tenths of seconds."""
    for module in (clients, preflight, log_topics):
        monkeypatch.setattr(module, "BOOTSTRAP_MS", 300)
    monkeypatch.setattr(announce, "ANNOUNCE_SECONDS", 0.3)
    monkeypatch.setattr(trainer_command, "_check", lambda: None)


@pytest.fixture(scope="module")
def hanging():
    """The address of a server that accepts and never answers."""
    held = []
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)

        def accept():
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
    for one in held:
        one.close()


@pytest.fixture
def nobody():
    """An address where nobody listens."""
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{silent.getsockname()[1]}"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A registry with one version."""
    folder = tmp_path_factory.mktemp("registry")
    return folder, version(folder).id


@pytest.fixture
def words(place, served, monkeypatch):
    """The words of a command, with the registry's folder and its version where they are asked for."""
    registry, name = served
    monkeypatch.setenv("PATHCAST_REGISTRY", str(registry))
    swapped = {str(place.folder): str(registry), VERSION: name}

    def made(path, log=place.log):
        called = [*arguments(path, place._replace(log=log)), *CHOICES.get(path, [])]
        return [swapped.get(word, word) for word in called]

    return made


def test_the_named_commands_exist():
    assert set(leaves()) >= WITHOUT_KAFKA | CHOICES.keys()


@pytest.mark.parametrize("path", sorted(KAFKA), ids=" ".join)
def test_nobody_listens(path, words, impatient, nobody, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", nobody)
    assert nobody in refusal(words(path))


@pytest.mark.parametrize("path", sorted(KAFKA), ids=" ".join)
def test_a_port_that_accepts_and_hangs(path, words, impatient, hanging, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", hanging)
    assert hanging in refusal(words(path))


@pytest.mark.parametrize("server", ["nobody", "hanging"])
def test_an_experiment_is_started_with_kafka_only(server, place, impatient, request, monkeypatch):
    file, address = place.folder / "trial.toml", request.getfixturevalue(server)
    arms = "".join(f'[[arms]]\nname = "{name}"\nweight = 0.5\n' for name in "ab")
    file.write_text(f'name = "trial"\nplacement = "shop"\n{arms}')
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", address)
    assert address in refusal(["experiment", "start", str(file)])


@pytest.fixture(params=[*GARBAGE, "missing.csv", "folder"])
def garbage(request, place):
    path = place.folder / request.param
    if request.param == "folder":
        path.mkdir()
    elif request.param != "missing.csv":
        path.write_bytes(GARBAGE[request.param])
    return path


@pytest.mark.parametrize("path", READERS, ids=" ".join)
def test_a_file_that_cannot_be_read(path, words, garbage, impatient, nobody, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", nobody)
    refusal(words(path, garbage))


UNWRITABLE = [
    (("log", "export", "{}")),
    (("models", "list", "--registry", "{}")),
    (("settings", "--file", "{}")),
    (("contract", "--directory", "{}")),
    (("demand", "--events", "log.csv", "--json", "{}")),
    (("train", "--events", "log.csv", "--registry", "{}")),
]


@pytest.mark.parametrize("words", UNWRITABLE, ids=" ".join)
def test_a_place_that_cannot_be_written(words, place):
    (place.folder / "file").write_text("in the way")
    where = str(place.folder / "file" / "inner" / "x")
    assert where in refusal([word.format(where) for word in words])


@pytest.mark.parametrize("variable", ["PATHCAST_TRAINER_LOG", "PATHCAST_TRAINER_WORKDIR", "PATHCAST_DATADIR"])
@pytest.mark.parametrize("path", [("log", "stats"), ("retrain",), ("trainer", "check"), ("trainer", "run")])
def test_a_data_folder_that_cannot_be_written(path, variable, place, monkeypatch):
    (place.folder / "file").write_text("in the way")
    monkeypatch.setenv(variable, str(place.folder / "file" / "inner"))
    run(list(path))


def test_a_broker_that_falls_silent_while_it_is_read(monkeypatch):
    class Silent:
        def partitions_for_topic(self, topic):
            return {0}

        def end_offsets(self, parts):
            return dict.fromkeys(parts, 10)

        def beginning_offsets(self, parts):
            return dict.fromkeys(parts, 0)

        def position(self, part):
            return 4

        def poll(self, timeout_ms):
            return {}

        assign = seek = lambda self, *_: None

    monkeypatch.setattr(clients, "SILENT_SECONDS", 0.0)
    with pytest.raises(clients.KafkaUnreachable, match="6 of its records are unread"):
        list(clients.drain(Silent(), "clicks"))
