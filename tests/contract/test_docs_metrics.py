"""docs/metrics.md has every metric of the worker, and no page names one that is not exported."""

import re
from pathlib import Path

from tests import metrics_page

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(r"`(pathcast_[a-z_]+)(?:\{[^}`]*\})?`")


def sources() -> str:
    """The code that writes gauges of its own to a file, and the worked examples, which add a metric."""
    rooms = (ROOT / "deploy", ROOT / "trainer")
    files = [path for room in rooms for path in room.rglob("*.py")]
    files += (ROOT / "tests/extending").glob("*/change.patch")
    return "".join(path.read_text() for path in files)


def test_the_page_is_current():
    assert metrics_page.page() == metrics_page.PAGE.read_text(), "run `python -m tests.metrics_page`"


def test_every_metric_that_is_named_is_exported():
    exported, code = metrics_page.families(), sources()
    # The generated page is held by the test above, and lists former names as well.
    others = [page for page in PAGES if page != metrics_page.PAGE]
    named = {name for page in others for name in NAMED.findall(page.read_text())}
    assert len(named) > 5
    assert (
        sorted(
            name for name in named if name not in exported and f'"{name.removesuffix("_total")}' not in code
        )
        == []
    )


def test_every_metric_says_what_it_counts_and_by_what():
    for name, family in metrics_page.families().items():
        assert len(family.documentation) > 8, name
        assert family.name in metrics_page.labels(), name
