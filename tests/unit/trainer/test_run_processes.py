"""The processes of a trainer give way to workers, also where the kernel shares out by sessions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.run_processes import start_process

AUTOGROUP = Path("/proc/self/autogroup")
LEADER = """
import sys
from trainer.run_processes import start_process
child = start_process([sys.executable, "-c", "pass"], nice={nice})
print(open("/proc/self/autogroup").read())
sys.exit(child.wait())
"""


def test_a_run_gives_way_by_as_much_as_is_asked() -> None:
    process = start_process([sys.executable, "-c", "import time; time.sleep(60)"], nice=3)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    try:
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(19, own + 3)
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not share processors out by sessions")
@pytest.mark.parametrize("nice", [0, 7])
def test_a_trainer_with_a_session_of_its_own_makes_that_give_way(nice: int) -> None:
    leader = [sys.executable, "-c", LEADER.format(nice=nice)]
    said = subprocess.run(leader, start_new_session=True, capture_output=True, text=True, check=True)
    assert said.stdout.split()[-2:] == ["nice", str(nice)]


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="this kernel does not share processors out by sessions")
def test_a_session_that_is_not_the_trainers_is_left_alone() -> None:
    before = AUTOGROUP.read_text()
    start_process([sys.executable, "-c", "pass"], nice=3).wait()
    assert AUTOGROUP.read_text() == before
