"""Alerts and the board name only metrics and labels that are exported; each alert has a runbook page."""

import json
import re
from pathlib import Path

import promql_parser
import pytest
import yaml

from tests import metrics_page
from tests.contract.test_docs_metrics import ENDINGS, QUOTED, sources

ROOT = Path(__file__).resolve().parents[2]
ALERTS = yaml.safe_load((ROOT / "deploy/monitoring/alerts.yml").read_text())["groups"][0]["rules"]
BOARD = json.loads((ROOT / "deploy/monitoring/board.json").read_text())
METRIC = re.compile(r"\bpathcast_[a-z_]+[a-z]")
DEMANDED = ("Lag", "Recovery", "ModelStale", "Calibration", "DeadLetter", "Overspend", "Disk")


def exported() -> set[str]:
    names = {*metrics_page.families(), *QUOTED.findall(sources())}
    return names | {f"{name}_{ending}" for name in names for ending in ENDINGS}


def expressions() -> list[str]:
    targets = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
    return [one["expr"] for one in ALERTS] + targets


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_is_exported(expression):
    assert METRIC.findall(expression)
    assert set(METRIC.findall(expression)) <= exported()


@pytest.mark.parametrize("expression", expressions())
def test_expressions_are_promql_with_fitting_types(expression):
    """As promtool would find; Grafana sets `$__rate_interval`."""
    promql_parser.parse(expression.replace("$__rate_interval", "5m"))


@pytest.mark.parametrize("wrong", ["sum(rate(a[5m])", "sum by (a b) (c)", "a > > 3", "rate(a)"])
def test_the_parser_refuses_what_is_none(wrong):
    with pytest.raises(ValueError):
        promql_parser.parse(wrong)


def test_rules_have_only_the_fields_of_prometheus():
    for rule in ALERTS:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+[smhd]", rule["for"])


@pytest.mark.parametrize("expression", expressions())
def test_labels_are_those_of_the_metric(expression):
    """Those that one sums by or selects; the gateway's and the files' own are named in the sources."""
    known = {label for labels in metrics_page.labels().values() for label in labels} | {"le"}
    known |= {label for label in ("of", "which", "account", "route", "status") if f'["{label}"' in sources()}
    known |= {"status"} if '["route", "status"]' in sources() else set()
    asked = [one.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for one in group.split(",")]
    asked += re.findall(r"[{,]\s*([a-z_]+)=", expression)
    assert set(asked) <= known


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_its_page(alert):
    page = ROOT / alert["annotations"]["runbook"]
    assert f"**{alert['alert']}**" in page.read_text()
    assert alert["annotations"]["summary"]
    assert f"**{alert['alert']}**" in (ROOT / "docs/runbooks/README.md").read_text()


def test_there_is_an_alert_for_each_danger():
    names = " ".join(one["alert"] for one in ALERTS)
    assert all(word in names for word in DEMANDED)


def test_the_board_draws_every_panel_from_the_chosen_source():
    assert len(BOARD["panels"]) >= 12
    assert {panel["datasource"]["uid"] for panel in BOARD["panels"]} == {"${source}"}
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])
