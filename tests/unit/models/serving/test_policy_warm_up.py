"""After the warm-up of policies no decision compiles a kernel, whatever kind of policy makes it."""

import subprocess
import sys

#: A process of its own, because kernels that others have loaded would not be missed; prints those that the
#: warm-up left out, and how many it loaded or compiled.
DECIDING = """
from models.decisions.decision import draw_of, sample
from models.policies.learned_policy import load
from models.serving.policy_warm_up import warm_up_policies
from tests.bench.policies import action_set
from tests.kernels import kernels
from tests.policies import KINDS, contexts, files

def compiled():
    return {(name, str(signature)) for _, name, one in kernels() for signature in one.signatures}

loaded = compiled()
warm_up_policies()
before = compiled()
actions = action_set(6)
for kind in KINDS:
    policy, many = load(files(kind, actions), actions), contexts(40, actions)
    for number, (context, evaluation) in enumerate(zip(many, policy.evaluate(many), strict=True)):
        for mask in (context.mask, 1 << actions.none, actions.all_bits):
            sample(actions, evaluation, mask, draw_of(f"e{number}"))
print(len(before - loaded) > 10, sorted(compiled() - before))
"""


def test_no_decision_compiles_a_kernel_after_the_warm_up() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", DECIDING], capture_output=True, text=True, check=False, timeout=300
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, "True []"), ran.stderr[-2_000:]
