"""What the documentation names exists: files of the project; pages and headings that links lead to."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
FILE = re.compile(
    r"(?<![\w/.-])((?:models|streams|trainer|gateway|deploy|tests)/[\w/.-]+\.(?:py|toml|csv\.gz))\b"
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def added() -> set[str]:
    """Files that worked examples add (`docs/extending.md` names them)."""
    patches = [path.read_text() for path in (ROOT / "tests/extending").glob("*/change.patch")]
    return set(re.findall(r"^\+\+\+ b/(\S+)$", "\n".join(patches), re.MULTILINE))


def anchors(page: Path) -> set[str]:
    """Anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path):
    named = set(FILE.findall(page.read_text()))
    assert sorted(name for name in named - added() if not (ROOT / name).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    broken = []
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    pages = (page.relative_to(ROOT / "docs") for page in PAGES if page.is_relative_to(ROOT / "docs"))
    assert [str(page) for page in pages if page.name != "README.md" and str(page) not in index] == []


def test_every_room_is_in_the_architecture():
    page = (ROOT / "docs" / "architecture.md").read_text()
    rooms = [
        room
        for package in ("models", "streams", "trainer", "gateway", "deploy")
        for room in (ROOT / package).iterdir()
        if (room / "__init__.py").exists()
    ]
    assert len(rooms) > 30
    named = (f"{room.parent.name}/{room.name}" for room in rooms if f"`{room.name}/`" not in page)
    assert sorted(name for name in named if f"{name}/" not in page) == []
