"""docs/settings.md names every variable that the program reads, and no other."""

import re
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from deploy.commands.settings_command import command
from deploy.reference import settings_doc
from gateway.dashboard.dashboard_settings import DashboardSettings
from gateway.gateway_settings import GatewaySettings
from streams.config.connection import Connection
from streams.config.topics import TopicNames
from streams.config.worker_settings import WorkerSettings
from trainer.calibration.calibration_settings import CalibrationSettings
from trainer.drift.drift_settings import DriftSettings
from trainer.gate.gate_settings import GateSettings
from trainer.policy_gate.policy_gate_settings import PolicyGateSettings
from trainer.policy_runs.policy_run_settings import PolicyRunSettings
from trainer.promotion.publish_settings import PublishSettings
from trainer.settings import TrainerSettings

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / settings_doc.FILE
KINDS = (
    WorkerSettings,
    GatewaySettings,
    DashboardSettings,
    TrainerSettings,
    GateSettings,
    PolicyRunSettings,
    PolicyGateSettings,
    PublishSettings,
    DriftSettings,
    CalibrationSettings,
    Connection,
    TopicNames,
)
#: Of the desktop's own standard, which only move the folders of other settings; and what torchrun sets.
STANDARD = {"XDG_DATA_HOME", "XDG_CACHE_HOME", "LOCAL_RANK", "CXX"}


def documented() -> set[str]:
    return set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE.read_text(), re.MULTILINE))


def test_the_page_is_current():
    assert PAGE.read_text() == settings_doc.text(), "run `pathcast settings`"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_there_with_its_meaning(kind):
    prefix = kind.model_config["env_prefix"]
    assert {f"{prefix}{name}".upper() for name in kind.model_fields} <= documented()
    assert all(field.description for field in kind.model_fields.values())


def numbers(kind):
    """Names of the fields that are numbers with a fraction."""
    kinds = {
        name: {field.annotation, *get_args(field.annotation)} for name, field in kind.model_fields.items()
    }
    return [name for name, found in kinds.items() if float in found]


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in numbers(kind)])
@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_what_is_no_finite_number_is_refused_as_that(kind, name, value, monkeypatch):
    monkeypatch.setenv(f"{kind.model_config['env_prefix']}{name}".upper(), value)
    with pytest.raises(ValidationError, match="should be a finite number"):
        kind()


def test_every_variable_read_by_name_is_documented():
    sources = [
        path
        for room in ("deploy", "gateway", "streams", "trainer", "models")
        for path in (ROOT / room).rglob("*.py")
    ]
    pattern = re.compile(r"""environ(?:\.get\(|\[)["']([A-Z_]+)["']""")
    read = {name for path in sources for name in pattern.findall(path.read_text())}
    assert len(read) > 5
    assert read - STANDARD <= documented()


def test_nothing_is_documented_that_nobody_reads():
    known = {
        f"{kind.model_config['env_prefix']}{name}".upper() for kind in KINDS for name in kind.model_fields
    }
    sources = "".join(
        path.read_text() for path in (ROOT / "deploy").rglob("*.py") if path.stem != "settings_doc"
    )
    assert all(f'"{name}"' in sources for name in documented() - known)


def test_the_page_does_not_depend_on_the_machine(monkeypatch):
    monkeypatch.setenv("PATHCAST_TOPIC_CLICKS", "shop-events")
    monkeypatch.setenv("PATHCAST_CHUNK_RECORDS", "7")
    assert settings_doc.text() == PAGE.read_text()


def test_check_refuses_a_stale_page_and_writing_repairs_it(tmp_path):
    run, page = CliRunner().invoke, tmp_path / "docs" / "settings.md"
    refused = run(command, ["--file", str(page), "--check"])
    assert refused.exit_code == 1
    assert "run `pathcast settings`" in str(refused.exception)
    assert run(command, ["--file", str(page)]).exit_code == 0
    assert run(command, ["--file", str(page), "--check"]).exit_code == 0
    page.write_text("old")
    assert run(command, ["--file", str(page), "--check"]).exit_code == 1
