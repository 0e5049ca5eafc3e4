"""The published contract is current, valid, and accepts what the program sends and reads."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator, ValidationError

from deploy.commands.contract_command import command
from deploy.reference import contract
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import EVENTS, WIRE_FIELDS, Click, Limits, Reason
from models.contract.predictions import encode
from streams.config.topics import TopicNames
from tests.contract.examples import EXAMPLES, WRONG
from tests.fuzzing import Input

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / contract.DIRECTORY


def schema(name: str) -> dict[str, Any]:
    return json.loads((DOCS / f"{name}.schema.json").read_text())


def asyncapi() -> dict[str, Any]:
    return yaml.safe_load((DOCS / "asyncapi.yaml").read_text())


def test_the_documents_are_current() -> None:
    assert contract.stale(DOCS) == [], "run `pathcast contract`"


@pytest.mark.parametrize("name", contract.STRUCTS)
def test_schemas_are_valid_and_describe_every_field(name: str) -> None:
    published = schema(name)
    Draft202012Validator.check_schema(published)
    assert all(field["description"] for field in published["properties"].values())
    assert all(part["description"] for part in published.get("$defs", {}).values())


@pytest.mark.parametrize("name", contract.STRUCTS)
def test_examples_are_valid_and_are_what_the_program_reads_and_writes(name: str) -> None:
    for example in EXAMPLES[name]:
        Draft202012Validator(schema(name)).validate(example)
        decoded = msgspec.json.decode(json.dumps(example), type=contract.STRUCTS[name])
        again = {k: v for k, v in json.loads(encode(decoded)).items() if k in example}
        assert again == example


@pytest.mark.parametrize("name", WRONG)
def test_wrong_ones_are_refused(name: str) -> None:
    for wrong in WRONG[name]:
        with pytest.raises(ValidationError):
            Draft202012Validator(schema(name)).validate(wrong)


def test_the_click_schema_has_the_wire_fields_and_lets_others_pass() -> None:
    published = schema("click")
    assert tuple(published["properties"]) == WIRE_FIELDS
    assert set(published["properties"]["event"]["enum"]) == set(EVENTS)
    Draft202012Validator(published).validate(EXAMPLES["click"][0] | {"something": "else"})


def test_asyncapi_has_every_topic_once_and_no_loose_end() -> None:
    document = asyncapi()
    names = TopicNames.model_construct()
    addresses = [channel["address"] for channel in document["channels"].values()]
    assert sorted(addresses) == sorted(names.used(sealing=True))
    for reference in _references(document):
        if reference.startswith("#/"):
            _resolve(document, reference)
        else:
            assert (DOCS / reference).is_file(), reference


def test_asyncapi_says_who_reads_and_who_writes() -> None:
    actions = {name.split("_", 1)[1]: op["action"] for name, op in asyncapi()["operations"].items()}
    assert {name for name, action in actions.items() if action == "receive"} == {
        "budget_grants",
        "clicks",
        "experiments",
        "items",
        "model_updates",
        "profiles",
    }
    assert set(actions) == set(asyncapi()["channels"])


def test_dead_letter_headers_name_every_reason() -> None:
    headers = asyncapi()["components"]["messages"]["dead_letters"]["headers"]["properties"]
    assert all(reason in headers["reason"]["description"] for reason in Reason)
    assert {"source-topic", "source-partition", "source-offset", "message"} < set(headers)


def test_the_readme_names_every_field_event_and_reason() -> None:
    text = (DOCS / "README.md").read_text()
    missing = [name for name in (*WIRE_FIELDS, *EVENTS, *Reason) if f"`{name}`" not in text]
    assert missing == []


def test_check_tells_what_is_stale_and_writing_repairs_it(tmp_path: Path) -> None:
    run = CliRunner().invoke
    refused = run(command, ["--directory", str(tmp_path), "--check"])
    assert refused.exit_code == 1
    assert "click.schema.json" in str(refused.exception)
    assert run(command, ["--directory", str(tmp_path)]).exit_code == 0
    assert run(command, ["--directory", str(tmp_path), "--check"]).exit_code == 0
    (tmp_path / "asyncapi.yaml").write_text("asyncapi: 2.0.0\n")
    assert "asyncapi.yaml" in str(run(command, ["--directory", str(tmp_path), "--check"]).exception)


def test_documents_do_not_depend_on_the_machines_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHCAST_TOPIC_CLICKS", "shop-events")
    assert contract.stale(DOCS) == []


def _references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [reference for entry in part for reference in _references(entry)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if "$ref" in part else []
    return own + [reference for entry in part.values() for reference in _references(entry)]


def _resolve(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_the_readmes_event_is_one() -> None:
    text = (DOCS / "README.md").read_text().split("```json\n")[1].split("```")[0]
    record = Input(b"v1", text.encode(), (), json.loads(text)["ts"])
    (click,) = Decoder(Limits(), Catalogue()).decode([record])
    assert isinstance(click, Click)
    assert click.item_id == "i1"
