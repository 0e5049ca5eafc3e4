"""The benchmark of the bundled broker runs, at sizes that measure nothing."""

import msgspec
import pytest
from click.testing import CliRunner

from tests.bench.broker import main


@pytest.mark.long
def test_both_brokers_get_every_load(tmp_path):
    path = tmp_path / "broker.json"
    options = ["--after", "0", "--seconds", "0.2", "--rounds", "1", "--json", str(path)]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    found = msgspec.json.decode(path.read_bytes())
    assert [row["broker"] for row in found["rows"]] == ["former", "bundled"]
    assert all(row[load]["p50_ms"] > 0 for row in found["rows"] for load in ("fast", "paced", "clicks"))
    assert all(seconds > 0 for starts in found["starts"].values() for seconds in starts.values())
