"""How a broker's process ends."""

import signal
import subprocess
import sys

import psutil
import pytest

from deploy.broker import broker_process
from deploy.broker.broker_process import Process, end

# The parent never asks for its child's status, so the child stays in the process table.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""
OBEYS = "import time; print(flush=True); time.sleep(600)"
IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + OBEYS


@pytest.fixture
def another_parent():
    started = []

    def start(code):
        parent = subprocess.Popen([sys.executable, "-c", PARENT, code], stdout=subprocess.PIPE)
        started.append(parent)
        child = psutil.Process(int(parent.stdout.readline()))
        return Process(child.pid, 0, child.create_time())

    yield start
    for parent in started:
        parent.kill()
        parent.wait()


@pytest.mark.parametrize("code", [OBEYS, IGNORES])
def test_a_process_ends_though_another_parent_never_waits_for_it(code, another_parent, monkeypatch):
    monkeypatch.setattr(broker_process, "STOP_SECONDS", 3)
    noted = another_parent(code)
    end(noted)
    assert noted.find() is None
    assert psutil.Process(noted.pid).status() == psutil.STATUS_ZOMBIE


def test_one_that_is_gone_already_is_no_error(another_parent):
    noted = another_parent(OBEYS)
    psutil.Process(noted.pid).send_signal(signal.SIGKILL)
    end(noted)
    end(noted)
