"""docs/contract/forms.md: its examples are what the decoder makes of them, and its places are the table's."""

import json
import re
from pathlib import Path

import pytest

from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Click, Limits
from models.forms.form import Form
from models.forms.table import FORMS, recognise
from tests.fuzzing import Input

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/contract/forms.md").read_text()


def section(form: Form) -> str:
    return PAGE.split(f"\n## {form.title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_the_example_is_the_click(form: Form) -> None:
    sent, expected = (json.loads(text) for text in re.findall(r"```json\n(.*?)```", section(form), re.DOTALL))
    assert recognise(sent) is form
    record = Input(expected["visitor_id"].encode(), json.dumps(sent).encode(), (), expected["ts"])
    (click,) = Decoder(Limits(), Catalogue()).decode([record])
    assert isinstance(click, Click), click
    found = {name: getattr(click, name) for name in click.__struct_fields__ if name != "schema_version"}
    assert {name: value for name, value in found.items() if value} == {
        name: tuple(value) if isinstance(value, list) else value for name, value in expected.items()
    }


@pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))
def test_every_place_and_every_unused_part_is_named(form: Form) -> None:
    text = section(form)
    places = [*form.places.values(), *form.line.values(), form.lines, form.containers]
    named = [".".join(steps) for found in places for steps in found] + list(form.unused)
    assert [name for name in named if f"`{name}`" not in text] == []
    assert f"`{form.name}`" in PAGE
