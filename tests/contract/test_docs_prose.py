"""The documentation reads easily: no sentence of more than 40 words, no two pages of one title."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.prose import MOST_WORDS, long_sentences, sentences

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_sentence_is_long(page: Path):
    assert long_sentences(page.read_text()) == []


def test_pages_have_titles_of_their_own():
    titles = Counter(re.match(r"# (.+)", page.read_text())[1].lower() for page in PAGES)  # type: ignore[index]
    assert [title for title, times in titles.items() if times > 1] == []


def test_headings_of_a_page_differ():
    for page in PAGES:
        text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
        headings = Counter(re.findall(r"^#+ (.+)$", text, re.MULTILINE))
        assert [heading for heading, times in headings.items() if times > 1] == [], page


def test_sentences_are_counted_as_a_reader_would():
    text = (
        "# A title\n\nOne `a b c` [two three](x.md). Four, e.g. five - six!\n\n- item one\n- item two\n\n"
        "| a | b. c |\n"
    )
    assert list(sentences(text)) == [
        "# A title",
        "One code two three",
        "Four, e.g. five - six",
        "item one",
        "item two",
        "a",
        "b",
        "c",
    ]
    assert long_sentences("word " * MOST_WORDS) == []
    assert [count for count, _ in long_sentences("word " * (MOST_WORDS + 1))] == [MOST_WORDS + 1]
