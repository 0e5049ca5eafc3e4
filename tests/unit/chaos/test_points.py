"""Mishaps of a chaos run: the plan has them all, and a worker's armed place is met once."""

import time
from random import Random

from tests.e2e.chaos_plan import Plan, Size
from tests.e2e.chaos_points import TAKEOVER, Points, Trap, stage


async def passed(points, stage_name, what):
    async def request():
        return stage()

    began = time.monotonic()
    answer = await points.around(lambda: stage_name, lambda: what, request)()
    return answer, time.monotonic() - began


async def test_a_place_is_met_once_in_its_stage(tmp_path):
    points, trap = Points(tmp_path), Trap(tmp_path)
    trap.arm("sleep 0.2", "end asked", "taken over")
    await passed(points, "first", "EndTxn")
    await passed(points, "later", "Produce")
    assert trap.reached == ""
    answer, seconds = await passed(points, "later", "EndTxn")
    assert answer == "later"
    assert seconds > 0.2
    assert trap.reached == "end asked"
    assert (await passed(points, "takeover", "takeover"))[1] < 0.2
    assert stage() == ""


async def test_what_is_disarmed_does_not_happen(tmp_path):
    trap = Trap(tmp_path)
    trap.arm("kill", "decided")
    assert trap.disarm() == ""
    await passed(Points(tmp_path), "later", "EndTxn")
    assert trap.reached == ""


def test_ten_runs_have_every_phase_of_a_takeover_for_zombies_and_takers():
    plans = [Plan(Size(), seed, Random(seed)) for seed in range(1, 11)]
    steps = [step for plan in plans for step in plan.steps]
    assert {step.phase for step in steps if step.name == "zombie"} == set(TAKEOVER)
    assert {step.place for step in steps if step.name == "taker"} == set(TAKEOVER)


def test_a_seed_repeats_its_plan():
    assert Plan(Size(), 3, Random(3)).steps == Plan(Size(), 3, Random(3)).steps
    assert Plan(Size(), 3, Random(3)).steps != Plan(Size(), 4, Random(4)).steps
