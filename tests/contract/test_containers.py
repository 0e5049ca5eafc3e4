"""The container files name what exists: settings, commands, files, services and volumes."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner

from deploy import cli
from deploy.reference.settings_doc import text

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "pathcast"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SETTINGS = set(re.findall(r"^\| `([A-Z_]+)` \|", text(), re.MULTILINE))


def options_of(name: str) -> set[str]:
    command = cli.main.get_command(click.Context(cli.main), name)
    assert command is not None, name
    return {option for parameter in command.params for option in parameter.opts}


@pytest.mark.parametrize("name", OURS)
def test_environment_names_settings(name: str) -> None:
    assert set(OURS[name]["environment"]) <= SETTINGS
    assert OURS[name]["environment"]["KAFKA_BOOTSTRAP_SERVERS"] == "kafka:9092"


@pytest.mark.parametrize("name", OURS)
def test_commands_and_their_options_exist(name: str) -> None:
    words = OURS[name]["command"]
    if len(words) == 1 and " " in words[0]:
        words = shlex.split(words[0].replace("$$", ""))[2:]
    assert {word for word in words[1:] if word.startswith("--")} <= options_of(words[0])


def test_the_kafka_is_the_version_that_the_bundled_broker_runs() -> None:
    from deploy.broker.distribution import KAFKA_VERSION

    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_dependencies_and_volumes_are_declared() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])


def test_the_trainer_gives_way_and_keeps_what_it_writes_on_a_volume() -> None:
    trainer, worker = SERVICES["trainer"], SERVICES["worker-1"]
    assert trainer["cpu_shares"] < worker.get("cpu_shares", 1024)
    assert "registry:/registry" in trainer["volumes"]
    places = {name: value for name, value in trainer["environment"].items() if value.startswith("/")}
    assert set(places) == {"PATHCAST_TRAINER_LOG", "PATHCAST_TRAINER_WORKDIR"}
    assert all(place.startswith("/var/lib/pathcast/") for place in places.values())


def test_no_two_workers_share_state_or_a_port() -> None:
    workers = [service for name, service in SERVICES.items() if name.startswith("worker")]
    assert len(workers) == 2
    state = [volume for worker in workers for volume in worker["volumes"] if "/var/lib/pathcast" in volume]
    ports = [port for worker in workers for port in worker["ports"]]
    assert len(set(state)) == len(set(ports)) == 2
    assert len({worker["environment"]["PATHCAST_APPLICATION_ID"] for worker in workers}) == 1


def test_the_image_copies_what_exists_and_runs_as_nobody_special() -> None:
    copied = [
        word
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for word in line.split()[:-1]
    ]
    assert len(copied) > 5
    assert [name for name in copied if not (ROOT / name).exists()] == []
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == allowed
    assert re.search(r"^USER pathcast$", DOCKERFILE, re.MULTILINE)
    assert set(re.findall(r"(PATHCAST_[A-Z_]+)", DOCKERFILE)) <= SETTINGS


def test_health_is_readiness() -> None:
    assert "/readyz" in DOCKERFILE
    assert "/readyz" in (ROOT / "streams" / "service" / "web.py").read_text()


def test_the_image_is_built_with_the_kernels_that_its_user_runs() -> None:
    build, image = DOCKERFILE.split("\nFROM ")[1:]
    for name in ("NUMBA_CACHE_DIR", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES"):
        told = [re.findall(rf"{name}=(\S+)", stage) for stage in (build, image)]
        assert len(told[0]) == 1, name
        assert told[0] == told[1], name
    for name in ("KERNEL_CPU", "KERNEL_FEATURES"):
        assert re.findall(rf"^ARG {name}=\S+$", build, re.MULTILINE) == re.findall(
            rf"^ARG {name}=\S+$", image, re.MULTILINE
        )
    # numba makes no use of a folder that it cannot write to.
    assert re.search(r"^COPY --from=build --chown=pathcast /opt/kernels /opt/kernels$", image, re.MULTILINE)


def test_the_commands_of_the_build_exist() -> None:
    commands = re.findall(r"^ +pathcast (.+?) && ", DOCKERFILE, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["train", "models"]
    for command in commands:
        words = command.split()
        group = cli.main.get_command(click.Context(cli.main), words[0])
        if isinstance(group, click.Group):
            group = group.get_command(click.Context(group), words[1])
        assert group is not None, command
        known = {
            option for parameter in group.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert {word for word in words if word.startswith("--")} <= known


def test_the_gateway_asks_every_worker_and_has_its_tokens_on_a_volume() -> None:
    gateway = SERVICES["gateway"]
    given = gateway["environment"]
    workers = {f"http://{name}:6066" for name in SERVICES if name.startswith("worker")}
    assert set(given["PATHCAST_GATEWAY_WORKERS"].split(",")) == workers
    assert given["PATHCAST_GATEWAY_TOKENS"].startswith(tuple(one.split(":")[1] for one in gateway["volumes"]))
    # Workers and gateway share the token for look-ups of visitors; ports are this machine's only.
    assert given["PATHCAST_WEB_TOKEN"] == SERVICES["worker-1"]["environment"]["PATHCAST_WEB_TOKEN"]
    assert gateway["ports"] == ["127.0.0.1:8080:8080"]
    assert "8080/readyz" in " ".join(gateway["healthcheck"]["test"])


def test_the_command_that_makes_a_token_is_one_of_ours(tmp_path: Path) -> None:
    lines = (ROOT / "docker-compose.yml").read_text()
    told = re.search(r"--no-deps gateway (gateway token .+)$", lines, re.MULTILINE)
    assert told is not None
    assert SERVICES["gateway"]["environment"]["PATHCAST_GATEWAY_TOKENS"] in told[1]
    words = shlex.split(told[1].replace("/var/lib/pathcast", str(tmp_path)))
    assert CliRunner().invoke(cli.main, words).exit_code == 0
