"""Topics, training settings and members of classes that any page names exist under these names."""

import ast
import re
from collections import defaultdict
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from streams.config.topics import TopicNames
from trainer.loop.options import Options

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
#: The page of worked examples names what these add, the page of metrics former names; tests hold both.
OTHERS = [page for page in PAGES if page.name not in ("extending.md", "metrics.md")]
TOPIC = re.compile(r"\btopics? `([a-z]+(?:-[a-z]+)*)`|`([a-z]+-[a-z]+(?:-[a-z]+)*)` \(compacted")
SETTING = re.compile(r"--set ((?!name=)[a-z_]+)=")
MEMBER = re.compile(r"`([A-Z][A-Za-z]+)\.([a-z_]\w*)\b")


def named(pattern: re.Pattern[str]) -> set[str]:
    """What a pattern finds on all pages; of several groups the one that matched."""
    found = [match for page in OTHERS for match in pattern.findall(page.read_text())]
    return {match if isinstance(match, str) else next(filter(None, match)) for match in found}


def test_topics_are_those_of_the_table():
    topics = {field.default for field in TopicNames.model_fields.values()}
    assert len(named(TOPIC) & topics) > 5
    assert sorted(named(TOPIC) - topics) == []


def test_training_settings_are_options():
    settings = {field.name for field in fields(Options)}
    assert len(named(SETTING)) > 5
    assert sorted(named(SETTING) - settings) == []


@cache
def members() -> dict[str, set[str]]:
    """Methods, fields and attributes by class, with those of the bases that are classes here."""
    own, bases = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for room in ("models", "streams", "trainer", "gateway", "deploy"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    own[node.name] |= _defined(node)
                    bases[node.name] |= {base.id for base in node.bases if isinstance(base, ast.Name)}
    return {name: own[name].union(*(own[base] for base in bases[name] if base in own)) for name in [*own]}


def _defined(node: ast.ClassDef) -> set[str]:
    """Names that a class's body defines, or its methods assign to `self`."""
    names = {one.name for one in ast.walk(node) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)}
    for one in ast.walk(node):
        if isinstance(one, ast.Attribute) and isinstance(one.ctx, ast.Store):
            names.add(one.attr)
        if isinstance(one, ast.AnnAssign | ast.Assign):
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: str(page.relative_to(ROOT)))
def test_members_of_classes_exist(page: Path):
    found = [pair for pair in MEMBER.findall(page.read_text()) if pair[0] in members()]
    assert [f"{owner}.{name}" for owner, name in found if name not in members()[owner]] == []
