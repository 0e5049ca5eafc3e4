"""PATHCAST_INPUT_FORM reaches the decoder of workers and of the event log."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.terminal.event_map_option import of_worker
from models.contract.normalise import read
from models.forms.table import FORMS
from streams.config.worker_settings import WorkerSettings


def test_a_form_is_recognised_unless_it_is_fixed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert of_worker(WorkerSettings()).form is None
    (tmp_path / "map.toml").write_text('Visited = "page_view"\n')
    monkeypatch.setenv("PATHCAST_EVENT_MAP", str(tmp_path / "map.toml"))
    for name, form in FORMS.items():
        monkeypatch.setenv("PATHCAST_INPUT_FORM", name)
        names = of_worker(WorkerSettings())
        assert names.form is form
        assert names("visited") == "page_view"
        assert read({"event_id": "e"}, names).form == name


@pytest.mark.parametrize("name", ["adobe", "", "GA4", "segment,ga4_mp"])
def test_a_form_that_is_not_known_ends_the_start(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("PATHCAST_INPUT_FORM", name)
    with pytest.raises(ValidationError, match="'segment'"):
        WorkerSettings()
