"""The short form of `make chaos`: the same mishaps, fewer of them, on a smaller shop."""

import pytest

from tests.e2e.chaos import run, told
from tests.e2e.chaos_plan import Size

SHORT = Size(seconds=20, kills=2, rate=1_000, warm=4_000, visitors=500)


@pytest.mark.timeout(400)
def test_exactly_once_through_kills_freezes_and_restarts(tmp_path):
    record = run(1, SHORT, tmp_path / "chaos")
    print(told(record))
    assert record["wrong"] == []
    assert sorted(set(record["done"])) == ["add", "broker", "freeze", "kill", "remove", "swap"]
    assert record["answers"] == 3 * record["answered"] > 3 * SHORT.warm
