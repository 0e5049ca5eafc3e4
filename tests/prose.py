"""Sentences of Markdown pages and of docstrings, so that tests can count their words.

A sentence ends at a full stop, a question mark or an exclamation mark before white space, at the end of a
paragraph, of a list item or of a table's cell. Code in backticks is one word, a link is its text.
"""

import re
from collections.abc import Iterator

#: A sentence with more words is hard to read; `test_docs_prose.py` refuses it.
MOST_WORDS = 40

_FENCE = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+", re.MULTILINE)
_END = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!vs)[.!?][)\"'*_]*(?=\s|$)")


def paragraphs(markdown: str) -> Iterator[str]:
    """Paragraphs, list items, headings and cells of tables, without code blocks and drawn trees."""
    text = re.sub(r"<!--.*?-->", "", _FENCE.sub("\n\n", markdown), flags=re.DOTALL)
    text = re.sub(r"^(#+ .*)$", r"\1\n", text, flags=re.MULTILINE)
    for block in re.split(r"\n\s*\n", _ITEM.sub("\n\n", text)):
        if block.lstrip().startswith("|"):
            yield from (cell for line in block.splitlines() for cell in line.split("|"))
        elif not block.startswith("    ") and "├──" not in block:
            yield block


def sentences(markdown: str) -> Iterator[str]:
    """Every sentence, on one line."""
    for paragraph in paragraphs(markdown):
        plain = re.sub(r"``[^`]+``|`[^`]+`", "code", paragraph)
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", plain)
        yield from (" ".join(part.split()) for part in _END.split(plain) if part.strip())


def words(sentence: str) -> int:
    """Words and figures of a sentence; signs alone do not count."""
    return sum(1 for word in sentence.split() if re.search(r"\w", word))


def long_sentences(markdown: str) -> list[tuple[int, str]]:
    """Sentences of more than MOST_WORDS words, each with its count."""
    counted = ((words(sentence), sentence) for sentence in sentences(markdown))
    return [(count, sentence) for count, sentence in counted if count > MOST_WORDS]
