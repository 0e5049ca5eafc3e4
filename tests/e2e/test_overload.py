"""Under a burst the tiers fall below the network, and when it is calm they come back."""

import json
from collections import Counter
from itertools import count

from tests.e2e.worker import START, Worker, click, decoded, encoded, send
from tests.tiny import announce
from tests.tiny import version as tiny

BURST = 40_000
MOST_TRIES = 400


def tiers(worker):
    """Answers by tier so far."""
    samples = worker.metrics().items()
    return Counter(
        {key.split('"')[1]: int(n) for key, n in samples if key.startswith("pathcast_answers_total")}
    )


def test_rungs_fall_in_a_burst_and_come_back(broker, topics, tmp_path):
    with Worker(broker, topics, tmp_path, deadline_ms=50, chunk_records=20_000) as worker:
        version = tiny(tmp_path / "registry", items=2000, width=64)
        announce(broker, topics.model_updates, tmp_path / "registry", version.id)
        worker.wait(lambda: worker.total("pathcast_model_swaps_total") == 1, "the model was not loaded")
        numbers = count()
        until_neural(broker, worker, numbers)
        calm = tiers(worker)
        burst = [click(n, f"v{n % 500}", START + 5 * n) for n in (next(numbers) for _ in range(BURST))]
        with worker.dealing_with(BURST):
            send(broker, topics.clicks, encoded(burst))
        fallen = tiers(worker) - calm
        print(f"\nrungs in the burst: {dict(fallen)}")
        assert sum(fallen.values()) == BURST
        assert sum(fallen.values()) - fallen["neural"] > BURST // 10
        until_neural(broker, worker, numbers)
        answers = decoded(broker, topics.purchase_intent)
        assert Counter(one["rung"] for one in answers) == tiers(worker)
        assert {one["model_version"] for one in answers} == {version.id}


def until_neural(broker, worker, numbers):
    """Click by click until the network answers: a tier that was skipped is tried again."""
    for _ in range(MOST_TRIES):
        number = next(numbers)
        with worker.dealing_with(1):
            send(broker, worker.names.clicks, encoded([click(number, "calm", START + 5 * number)]))
        answers = json.loads(worker.get("/visitors/calm")[1])["answers"]
        if json.loads(answers[0])["rung"] == "neural":
            return
    raise AssertionError(f"{MOST_TRIES} calm clicks and none answered by the network: {tiers(worker)}")
