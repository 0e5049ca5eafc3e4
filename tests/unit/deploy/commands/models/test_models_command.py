"""`pathcast models` as people call it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from deploy.cluster.clients import consumer, drain
from models.registry import remote
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from tests.tiny import version as tiny


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return [tiny(tmp_path, seed).id for seed in (1, 2)]


def models(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["models", *words])
    assert done.exit_code == code, done.output
    return done


def test_one_version_after_the_other(names: list[str]) -> None:
    first, second = names
    for name in names:
        assert f"{name} serves" in models("promote", name, "--no-announce", "--reason", "tried").output
    listed = models("list").output
    assert [line.split("│")[2].strip() for line in listed.splitlines() if "│" in line] == [
        "served",
        "serving",
    ]
    assert f"{first} serves" in models("rollback", "--no-announce", "--reason", "too bold").output
    shown = models("show", second).output
    assert "state: taken back" in shown
    assert "promoted by operator: tried" in shown
    assert "taken back by operator: too bold" in shown
    assert "usable: yes" in shown
    refused = models("promote", second, "--no-announce", code=1)
    assert refused.output.startswith(f"Error: {second} is taken back (too bold)")


def test_where_no_worker_has_said_anything_a_sentence_says_so(
    names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.cluster.model_reports.reports", lambda to, topic: [])
    assert models("workers").output.startswith("no worker has reported yet: start one")


def test_a_pin(names: list[str]) -> None:
    first, second = names
    models("pin", first, "--no-announce")
    assert "is pinned" in models("promote", second, "--no-announce", code=1).output
    assert "give a VERSION to pin, or --release" in models("pin", code=2).output
    models("pin", "--release")
    models("promote", second, "--no-announce")


def test_a_damaged_version_is_shown_with_what_is_wrong(names: list[str], tmp_path: Path) -> None:
    weights = tmp_path / names[0] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    found = json.loads(models("show", names[0], "--json").output)
    assert found["usable"].startswith("no: ")
    assert "its manifest says" in found["usable"]
    (tmp_path / names[1] / "metrics.json").write_text("{")
    assert "?" in models("list").output


def test_collection_says_what_went(names: list[str], tmp_path: Path) -> None:
    models("promote", names[1], "--no-announce")
    would = models("gc", "--keep-days", "0", "--dry-run")
    assert names[0] in would.output
    assert (tmp_path / names[0]).exists()
    assert names[0] in models("gc", "--keep-days", "0").output
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [names[1]]


@pytest.mark.parametrize("what", [["--keep-last", "-9"], ["--keep-days", "-1"], ["--keep-last", "few"]])
def test_collection_keeps_no_fewer_than_none(names: list[str], what: list[str]) -> None:
    models("promote", names[0], "--no-announce")
    assert "Invalid value for" in models("gc", *what, code=2).output
    assert names[1] in models("list").output


def test_a_name_that_is_no_versions_says_what_there_is(names: list[str], tmp_path: Path) -> None:
    for words in (("show", "../other"), ("show", ""), ("promote", "nothing"), ("pin", "..")):
        assert f"which holds {names[0]}, {names[1]}" in models(*words, code=1).output.replace("\n", " ")
    assert "is no folder" in models("list", "--registry", str(tmp_path / "nowhere"), code=1).output


def test_names_are_whole_where_nobody_looks(names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert all(name in models("list").output for name in names)


def test_collection_removes_what_was_published_as_well(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"file://{tmp_path / 'published'}"
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path / "own"))
    made = [tiny(tmp_path / "own", seed).id for seed in (1, 2)]
    assert made == names
    for name in made:
        remote.put(tmp_path / "own" / name, url)
    monkeypatch.setenv("PATHCAST_REGISTRY_PUBLISH", url)
    models("promote", names[1], "--no-announce")
    models("gc", "--keep-days", "0", "--dry-run")
    assert remote.names(url) == names
    assert f"1 versions removed from {url}" in models("gc", "--keep-days", "0").output
    assert remote.names(url) == [names[1]]


def test_workers_are_told_where_a_version_was_put(
    names: list[str],
    broker: Connection,
    topics: TopicNames,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("PATHCAST_TOPIC_MODEL_UPDATES", topics.model_updates)
    monkeypatch.setenv("PATHCAST_REGISTRY_PUBLISH", "strange://bucket")
    assert "cannot write strange://bucket/" in models("promote", names[0], code=1).output
    assert "cannot write strange://bucket/" in models("shadow", names[1], code=1).output
    url = f"file://{tmp_path / 'published'}"
    monkeypatch.setenv("PATHCAST_REGISTRY_PUBLISH", url)
    models("promote", names[0])
    models("shadow", names[1])
    with consumer(broker) as client:
        told = [(record.key, json.loads(record.value)) for record in drain(client, topics.model_updates)]
    assert [(key, update["path"]) for key, update in told] == [
        (b"default", f"{url}/{names[0]}"),
        (b"shadow", f"{url}/{names[1]}"),
    ]
    assert remote.names(url) == names


def test_workers_are_told(
    names: list[str], broker: Connection, topics: TopicNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("PATHCAST_TOPIC_MODEL_UPDATES", topics.model_updates)
    for name in names:
        models("promote", name)
    models("rollback")
    with consumer(broker) as client:
        told = [json.loads(record.value)["version"] for record in drain(client, topics.model_updates)]
    assert told == [*names, names[0]]
