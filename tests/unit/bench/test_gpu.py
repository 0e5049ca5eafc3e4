"""`make bench-gpu` at sizes that measure nothing, on the CPU: all figures are there, wrong answers fail."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.bench import gpu_scoring
from tests.bench.gpu import QUICK, main
from tests.bench.gpu_clicks import UNIT, Shop
from tests.bench.gpu_scoring import MODES, difference


def run(path: Path) -> Result:
    return CliRunner().invoke(main, ["--quick", "--device", "cpu", "--json", str(path)])


def test_all_figures_come_out_and_answers_are_those_of_the_cpu(tmp_path: Path) -> None:
    result = run(tmp_path / "gpu.json")
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    found = msgspec.json.decode((tmp_path / "gpu.json").read_bytes())
    measured = {(one["mode"], one["clicks"]) for one in found["scoring"]}
    assert measured == {(mode, size) for mode in ["served", *(m.name for m in MODES)] for size in QUICK.sizes}
    assert all(one["us"] > 0 and one["held"] for one in found["scoring"])
    assert {one["encoder"] for one in found["training"]} == {"gru", "transformer"}
    assert all(one["rate"] > 0 for one in found["training"])


def test_other_answers_than_the_cpus_end_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_scoring, "BF16_TOLERANCE", 1e-9)
    result = run(tmp_path / "gpu.json")
    assert result.exit_code == 1
    assert "NO" in result.output


def test_a_difference_is_relative_above_one_and_never_overlooked() -> None:
    right = (np.array([0.5, 1_000.0], dtype=np.float32),)
    assert difference((np.array([0.5, 1_001.0], dtype=np.float32),), right) == pytest.approx(1e-3)
    assert difference((np.array([0.502, 1_000.0], dtype=np.float32),), right) == pytest.approx(2e-3, rel=1e-3)
    assert difference((np.array([np.nan, 1_000.0], dtype=np.float32),), right) == float("inf")


def test_answers_differ_between_visitors() -> None:
    """Equal answers would hide a click that got another's."""
    shop = Shop.of(50)
    answers = gpu_scoring._answers(gpu_scoring._scorer(shop, shop.network(), "cpu").score(shop.batch(UNIT)))
    assert len(np.unique(answers[0])) > 40
