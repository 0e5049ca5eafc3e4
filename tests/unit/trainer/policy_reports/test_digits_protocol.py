"""The digits protocol with few repetitions: DR is closer to the truth than its parts."""

from tests.bench.off_policy_digits import repetition, summary


def test_doubly_robust_estimates_are_close_on_digits():
    found = summary([repetition(number, "linear", False) for number in range(6)], "bootstrap")
    assert found["dr"]["error"] < 0.03
    assert found["dros"]["error"] < 0.03
    assert found["dr"]["error"] < found["ips"]["error"]
    assert found["dr"]["coverage"] >= 5 / 6
