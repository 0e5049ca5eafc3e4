"""A challenger scores live clicks beside the version in use: figures come of it, and nothing else."""

import msgspec
import numpy as np
import pytest

from models.contract.updates import decode_report
from models.scoring.scores import ScoringError
from streams.rollout.shadow import CLICKS, Shadow
from tests.offline import Offline, records
from tests.tiny import version as tiny

START = 1_700_000_000_000
HOUR = 3_600_000


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    return tiny(folder, 1), tiny(folder, 2)


def event(number, visitor, at=0, name="view_item"):
    known = {"event_id": f"e{number}", "visitor_id": visitor, "event": name, "ts": START + at}
    return known | {"item_id": f"i{number % 30}"}


def views(count, visitors=10, first=0):
    return records(event(n, f"v{n % visitors}", 1000 * n) for n in range(first, first + count))


def compared(incumbent, challenger, events=1000):
    one = Offline(incumbent)
    # All the time there is: what is scored must not depend on the machine.
    one.models.shadow = Shadow(1.0, one.metrics)
    one.models.shadow.start(challenger, events)
    return one


def test_answers_and_state_are_the_same_with_a_challenger_beside(versions):
    alone, beside = Offline(versions[0]), compared(*versions)
    for one in (alone, beside):
        one.given = [
            {name: [answer | {"scored_at": 0} for answer in answers] for name, answers in chunk.items()}
            for chunk in one.run(views(90), 9)
        ]
    assert beside.given == alone.given
    assert beside.state == alone.state
    assert beside.models.shadow.trial.scored == 90


def test_a_version_agrees_with_itself_and_less_with_another(versions):
    itself, other = compared(versions[0], versions[0]), compared(*versions)
    for one in (itself, other):
        one.run(views(200), 20)
    same, differs = (one.models.shadow.trial.comparison() for one in (itself, other))
    assert (same.correlation, same.items_shared, same.first_shared) == (1.0, 1.0, 1.0)
    assert same.difference < 1e-6
    assert differs.correlation < 0.99
    assert differs.items_shared < 1
    assert (differs.challenger.version, differs.incumbent.version) == (versions[1].id, versions[0].id)
    assert differs.challenger.ms_p99 >= differs.challenger.ms_p50 > 0


def test_what_the_incumbent_says_in_comparison_is_what_it_answered(versions):
    one = compared(*versions)
    answered = [a["purchase_probability"] for c in one.run(views(60), 6) for a in c["purchase-intent"]]
    said = np.concatenate(one.models.shadow.trial.said, 1)[0]
    assert said.tolist() == pytest.approx(answered, abs=1e-4)


def test_it_ends_when_enough_is_scored_and_a_chunk_is_scored_in_part_only(versions):
    one = compared(*versions, events=250)
    one.run(views(1200, visitors=400), 400)
    assert one.models.shadow.trial.scored == 3 * 64
    one.run(views(1200, visitors=2, first=1200), 400)
    assert one.models.shadow.trial.scored == 3 * 64 + CLICKS
    assert one.metrics.shadow_scored._value.get() == 3 * 64 + CLICKS


def test_outcomes_are_purchases_later_in_the_session_and_ends_without_one(versions):
    one = compared(*versions)
    log = [
        event(0, "buyer"),
        event(1, "walker"),
        event(2, "late", 1000),
        # In the same chunk; the purchase itself has no purchase after it.
        event(3, "buyer", 2000, "purchase"),
    ]
    one.process(records(log))
    outcomes = one.models.shadow.trial.outcomes
    assert outcomes.known[:, 2].tolist() == [1]
    one.process(records([event(4, "late", 60_000, "purchase")]))
    assert outcomes.known[:, 2].tolist() == [1, 1]
    # An hour later all sessions have ended, for who comes back and for who does not.
    one.process(records([event(5, "walker", HOUR), event(6, "someone", 2 * HOUR)]))
    assert sorted(outcomes.known[:, 2].tolist()) == [0, 0, 0, 0, 1, 1]
    assert set(outcomes._pending) == {b"vsomeone"}


def test_a_challenger_that_fails_is_put_aside_and_costs_no_answer(versions, tmp_path):
    broken = tiny(tmp_path, 3)

    def score(batch):
        raise ScoringError("gave a value that is not finite")

    broken.neural.score = score
    told = []
    one = Offline(versions[0], tell=told.append)
    # All the time there is: what is scored must not depend on the machine.
    one.models.shadow._share = 1.0
    one.models.shadow.start(broken, 1000)
    answers = one.run(views(20), 10)
    assert sum(len(chunk["purchase-intent"]) for chunk in answers) == 20
    assert one.metrics.shadow_failed._value.get() == 1
    assert one.models.shadow.challenger is None
    assert [(report.kind, report.version) for report in told] == [("refused", broken.id)]
    assert "not finite" in told[0].message


def test_after_a_look_it_rests_so_that_its_share_of_the_time_is_kept(versions):
    one = Offline(versions[0])
    one.models.shadow = Shadow(1e-9, one.metrics)
    one.models.shadow.start(versions[1], 1000)
    one.run(views(50), 10)
    assert one.models.shadow.trial.scored == 10


def test_a_swap_begins_the_figures_anew(versions, tmp_path):
    one = compared(*versions)
    one.run(views(20), 10)
    one.models.current = newer = tiny(tmp_path, 4)
    one.run(views(10, first=20), 10)
    trial = one.models.shadow.trial
    assert (trial.incumbent.id, trial.scored) == (newer.id, 10)


def test_news_are_told_once_and_go_over_the_wire(versions):
    one = compared(*versions)
    assert one.models.compared() is None
    one.run(views(20), 10)
    report = one.models.compared()
    assert (report.kind, report.version, report.shadow.scored) == ("shadow", versions[1].id, 20)
    assert decode_report(msgspec.json.encode(report)) == report
    assert one.models.compared() is None
    assert one.models.describe()["shadow"]["scored"] == 20
