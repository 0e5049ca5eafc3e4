"""Names in the documentation are names in the code: modules, fields, functions, settings, topics."""

import builtins
import json
import re
from functools import cache
from pathlib import Path

import pytest

from deploy.reference import settings_doc
from models.contract.events import EVENTS
from streams.config.topics import TopicNames

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = ("models", "streams", "trainer", "gateway", "deploy", "tests")
#: The worked examples that a page walks through add names of their own.
PATCHES = sorted((ROOT / "tests/extending").glob("*/change.patch"))
#: Names that only other programs have: producers' fields, Kafka's and RocksDB's settings, shell variables.
FOREIGN = {
    "event_name", "event_timestamp", "user_pseudo_id", "avx512_bf16", "amx_bf16", "worker_log", "two_weeks",
    "kafka_home", "java_home", "_manifests", "_forgotten", "first_offset", "last_offset",
}  # fmt: skip
#: How other programs' names begin that are made of a vendor, a name and a version.
FOREIGN_STARTS = ("contexts_com_", "unstruct_event_")

#: Functions of formulas.
FORMULAS = {"floor", "exp", "bit_length"}


@cache
def known() -> frozenset[str]:
    """Every word of the sources, their tests, and the files that ship with them."""
    texts = [path.read_text() for room in CODE for path in (ROOT / room).rglob("*.py")]
    shipped = (*(ROOT / "docs/contract").glob("*.json"), *(ROOT / "docs/examples").glob("*.toml"))
    texts += [path.read_text() for path in (*shipped, *PATCHES)]
    texts += [(ROOT / name).read_text() for name in ("pyproject.toml", "Makefile", "docker-compose.yml")]
    return frozenset(re.findall(r"\w+", " ".join(texts)))


def spans(page: Path) -> list[str]:
    """What stands in backticks outside of code blocks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"<!-- patch.*?end of patch -->", "", text, flags=re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


def identifiers(span: str) -> set[str]:
    """Names of a span that only code can have: with an underscore inside, or in camel case; no metrics."""
    plain = re.sub(r"https?://\S+|pathcast_\w+", "", span)
    return set(re.findall(r"(?<![\w/])[a-z]+\w*_\w+|\b[A-Z][a-z]+[A-Z]\w+", plain))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_identifiers_exist(page: Path):
    named = set[str]().union(*(identifiers(span) for span in spans(page)))
    own = {name for name in named if not name.startswith(FOREIGN_STARTS)}
    unknown = {name for name in own if name not in known() and name.lower() not in FOREIGN}
    assert sorted(unknown) == []


@cache
def defined() -> frozenset[str]:
    """Functions, classes and names that are assigned anywhere in the sources."""
    text = "\n".join(path.read_text() for room in CODE for path in (ROOT / room).rglob("*.py"))
    names = re.findall(r"(?:def|class) (\w+)|^\s*(\w+)\s*[:=]", text, re.MULTILINE)
    return frozenset(name for pair in names for name in pair if name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_functions_exist(page: Path):
    called = {name for span in spans(page) for name in re.findall(r"(?:^|[\s.])([a-z]\w+)\(", span)}
    assert sorted(called - defined() - set(dir(builtins)) - FORMULAS) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_exist(page: Path):
    there = {path.name for room in (*CODE, "docs/examples") for path in (ROOT / room).rglob("*.py")}
    patches = "\n".join(path.read_text() for path in PATCHES)
    there |= set(re.findall(r"^\+\+\+ b/\S*?(\w+\.py)$", patches, re.MULTILINE))
    named = {name for span in spans(page) for name in re.findall(r"(?<![\w*/])(\w+\.py)\b", span)}
    assert sorted(named - there) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_exist(page: Path):
    patches = "\n".join(path.read_text() for path in PATCHES)
    added = {
        f"PATHCAST_{name.upper()}" for name in re.findall(r"^\+    (\w+): .*= Field\(", patches, re.MULTILINE)
    }
    settings = settings_doc.every().keys() | settings_doc.BUNDLED.keys() | settings_doc.COMMAND.keys() | added
    named = set(re.findall(r"\b(?:PATHCAST|KAFKA)_[A-Z_]*[A-Z]\b", page.read_text()))
    prefixes = set(re.findall(r"\b(PATHCAST_[A-Z_]*)_\*", page.read_text()))
    assert sorted(name for name in named - settings - prefixes if name != "PATHCAST_TEST_RATE") == []
    assert [prefix for prefix in prefixes if not any(name.startswith(prefix) for name in settings)] == []


def test_every_topic_is_in_the_contract_and_no_other():
    page = (ROOT / "docs/contract/README.md").read_text()
    listed = set(re.findall(r"^\| `([a-z-]+)` \((?:in|out|between)", page, re.MULTILINE))
    assert listed == {field.default for field in TopicNames.model_fields.values()}


def test_every_field_and_event_of_a_click_is_in_the_contract():
    page = (ROOT / "docs/contract/README.md").read_text()
    schema = json.loads((ROOT / "docs/contract/click.schema.json").read_text())
    fields = schema["$defs"]["Click"]["properties"] if "$defs" in schema else schema["properties"]
    assert len(fields) > 20
    assert (
        sorted(name for name in (*fields, *EVENTS) if f"`{name}`" not in page and f'"{name}"' not in page)
        == []
    )
