"""docs/extending.md quotes the patches of the worked examples.

`python -m tests.extending_page` writes each `tests/extending/NAME/change.patch` between the page's markers
for NAME; `tests/contract/test_docs_extending.py` fails where the page differs.
"""

import re
from pathlib import Path

from tests.extending.project_copy import EXAMPLES

PAGE = Path(__file__).parents[1] / "docs/extending.md"
MARKED = re.compile(r"<!-- patch: (\w+) -->\n.*?<!-- end of patch -->", re.DOTALL)


def quoted(found: re.Match[str]) -> str:
    """The markers with the patch between them, exactly as the file has it."""
    patch = (EXAMPLES / found[1] / "change.patch").read_text(encoding="utf-8")
    return f"<!-- patch: {found[1]} -->\n\n````diff\n{patch}````\n\n<!-- end of patch -->"


def filled(page: str) -> str:
    """The page with every patch as it is now."""
    return MARKED.sub(quoted, page)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
