"""Keys in quotes, values behind a registry's prefix: refused with the setting that reads them, mended."""

import json

from click.testing import CliRunner

from deploy.cli import main
from deploy.cluster.dead_letters import read
from deploy.cluster.topic_creation import ensure
from tests.brokers import topic_names
from tests.e2e.worker import Worker, click, decoded, send, settle

PREFIX = bytes.fromhex("00000186ca")


def wrapped(numbers, prefix=PREFIX):
    """Clicks as a REST proxy or a serialiser with a schema registry sends them."""
    clicks = [click(n, f"v{n % 3}") for n in numbers]
    return [(json.dumps(one["visitor_id"]).encode(), prefix + json.dumps(one).encode()) for one in clicks]


def test_a_replay_of_dead_letters_mends_them_once_the_setting_is_there(broker, tmp_path, monkeypatch):
    names = topic_names()
    ensure(broker, names, partitions=2)
    with Worker(broker, names, tmp_path, session_timeout_seconds=6) as worker:
        with worker.dealing_with(12):
            send(broker, names.clicks, [*wrapped(range(6)), *wrapped(range(6, 12), b"")])
        assert worker.stop() == 0
    settle(broker, names.dead_letters)
    messages = [one.message for one in read(broker, names.dead_letters)]
    assert sum("set PATHCAST_VALUE_FORMAT=framed" in message for message in messages) == 6
    assert sum("set PATHCAST_KEY_FORMAT=json" in message for message in messages) == 6
    formats = {"key_format": "json", "value_format": "framed"}
    with Worker(broker, names, tmp_path, session_timeout_seconds=6, **formats) as worker:
        for name, value in worker.environment.items():
            monkeypatch.setenv(name, value)
        with worker.dealing_with(15):
            arguments = ["dead-letters", "replay", "--reason", "malformed", "--reason", "key_mismatch"]
            replayed = CliRunner().invoke(main, arguments)
            assert "12 sent again" in replayed.output, replayed.output
            # Bare ones are read beside them.
            send(broker, names.clicks, [(b"v0", json.dumps(click(n, "v0")).encode()) for n in (12, 13, 14)])
        assert worker.total("pathcast_dead_letters_total", "pathcast_misrouted_total") == 0
        assert worker.get("/visitors/v1")[0] == 200
    answered = [one["event_id"] for one in decoded(broker, names.purchase_intent)]
    assert sorted(answered) == sorted(f"e{n}" for n in range(15))
