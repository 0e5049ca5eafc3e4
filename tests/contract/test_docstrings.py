"""Docstrings of the packages read easily: no sentence of more than 40 words."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.prose import long_sentences

ROOT = Path(__file__).resolve().parents[2]


def docstrings(path: Path) -> Iterator[str]:
    """Docstrings of a module and of the classes and functions in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


@pytest.mark.parametrize("room", ["models", "streams", "trainer", "gateway", "deploy"])
def test_no_sentence_of_a_docstring_is_long(room: str):
    found = {
        f"{path.relative_to(ROOT)}: {sentence}"
        for path in (ROOT / room).rglob("*.py")
        for text in docstrings(path)
        for _, sentence in long_sentences(text)
    }
    assert sorted(found) == []
