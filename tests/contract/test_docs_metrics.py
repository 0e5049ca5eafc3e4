"""docs/metrics.md has every metric of the worker, and no page names one that is not exported."""

import re
from pathlib import Path

from tests import metrics_page

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(r"\bpathcast_[a-z_]+[a-z]")
QUOTED = re.compile(r"\"(pathcast_[a-z_]+)\"")
#: What Prometheus appends to the names of counters and histograms.
ENDINGS = ("total", "bucket", "count", "sum")


def sources() -> str:
    """The code that writes gauges of its own to a file, and the worked examples, which add a metric."""
    rooms = (ROOT / "deploy", ROOT / "trainer", ROOT / "gateway")
    files = [path for room in rooms for path in room.rglob("*.py")]
    files += (ROOT / "tests/extending").glob("*/change.patch")
    return "".join(path.read_text() for path in files)


def test_the_page_is_current():
    assert metrics_page.page() == metrics_page.PAGE.read_text(), "run `python -m tests.metrics_page`"


def test_every_metric_that_is_named_is_exported():
    """In queries and examples too: by the worker, or by the gauges of the trainer and the commands."""
    exported = {*metrics_page.families(), *QUOTED.findall(sources())}
    exported |= {f"{name}_{ending}" for name in exported for ending in ENDINGS}
    # The generated page is held by the test above, and lists former names as well.
    others = [page for page in PAGES if page != metrics_page.PAGE]
    named = {name for page in others for name in NAMED.findall(page.read_text())}
    assert len(named) > 15
    assert sorted(named - exported) == []


def test_every_metric_says_what_it_counts_and_by_what():
    for name, family in metrics_page.families().items():
        assert len(family.documentation) > 8, name
        assert family.name in metrics_page.labels(), name
