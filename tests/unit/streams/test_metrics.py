"""The worker's metrics: names, and the former names beside them."""

from math import isnan

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.feedback_metrics import ARMS_SHOWN, FLIGHTS_SHOWN
from streams.metric_fields import VERSIONS_SHOWN
from streams.metrics import Metrics
from streams.renamed_metrics import DEPRECATED


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """By name and labels, as a scrape reads them."""
    text = generate_latest(metrics.registry).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("former", "field", "current"),
    [
        ("pathcast_duplicate_total", "duplicates", "pathcast_duplicates_total"),
        ("pathcast_forgotten_total", "erasures", "pathcast_erasures_total"),
        ("pathcast_hidden_waited_total", "hidden_deferred", "pathcast_hidden_state_deferred_total"),
        ("pathcast_hidden_rebuilt_total", "hidden_rebuilt", "pathcast_hidden_state_rebuilt_total"),
    ],
)
def test_a_counter_is_exported_under_its_former_name_too(former: str, field: str, current: str):
    metrics = Metrics()
    getattr(metrics, field).inc(3)
    found = samples(metrics)
    assert found[current, ()] == found[former, ()] == 3


def test_labels_are_kept_under_the_former_name():
    metrics = Metrics()
    metrics.events_by_type.labels("view_item").inc(2)
    metrics.watermark.labels(7).set(1.5)
    found = samples(metrics)
    assert found["pathcast_events_by_type_total", (("event", "view_item"),)] == 2
    assert found["pathcast_funnel_total", (("event", "view_item"),)] == 2
    assert found["pathcast_watermark_timestamp_seconds", (("partition", "7"),)] == 1.5
    assert found["pathcast_watermark_seconds", (("partition", "7"),)] == 1.5


def test_samples_of_arms_and_flights_are_bounded():
    metrics = Metrics()
    for number in range(2 * ARMS_SHOWN):
        metrics.decided_in((f"e{number}", "a"), 1)
    metrics.rewarded_in((f"e{2 * ARMS_SHOWN - 1}", "a"), -2.5)
    for number in range(2 * FLIGHTS_SHOWN):
        metrics.spent(f"f{number}/2026-12-01", 0.5)
    found = samples(metrics)
    assert sum(name == "pathcast_experiment_decisions_total" for name, _ in found) == ARMS_SHOWN
    assert sum(name == "pathcast_budget_spend_total" for name, _ in found) == FLIGHTS_SHOWN
    latest = (("arm", "a"), ("experiment", f"e{2 * ARMS_SHOWN - 1}"))
    assert found["pathcast_experiment_reward", latest] == -2.5
    assert found["pathcast_experiment_decisions_total", latest] == 1
    metrics.decided_in(("e0", "a"), 3)
    assert samples(metrics)["pathcast_experiment_decisions_total", (("arm", "a"), ("experiment", "e0"))] == 3


def test_figures_of_the_shadow_share_their_former_name():
    metrics = Metrics()
    metrics.shadow_difference.set(0.25)
    metrics.shadow_outcomes.set(40)
    found = samples(metrics)
    assert found["pathcast_shadow_probability_difference", ()] == 0.25
    assert found["pathcast_shadow", (("figure", "difference"),)] == 0.25
    assert found["pathcast_shadow", (("figure", "outcomes"),)] == 40
    # There was no comparison yet, and 0 would be a figure.
    assert isnan(found["pathcast_shadow", (("figure", "items_shared"),)])
    assert isnan(found["pathcast_shadow_items_shared_ratio", ()])


def test_the_help_of_a_former_name_says_what_to_use():
    families = {family.name: family.documentation for family in Metrics().registry.collect()}
    assert families["pathcast_duplicate"] == f"{DEPRECATED}pathcast_duplicates_total"
    assert families["pathcast_shadow"].count("pathcast_shadow_") == 4


def test_names_follow_the_conventions():
    for family in Metrics().registry.collect():
        if not family.documentation.startswith(DEPRECATED):
            assert family.name.startswith("pathcast_")
            assert not family.name.endswith(("_ms", "_milliseconds", "_total_total"))


def test_answers_are_counted_for_the_latest_versions_only():
    metrics = Metrics()
    for number in range(VERSIONS_SHOWN + 2):
        metrics.served(f"v{number}", 1)
    shown = [labels for name, labels in samples(metrics) if name == "pathcast_version_answers_total"]
    assert len(shown) == VERSIONS_SHOWN
    assert (("version", "v0"),) not in shown
