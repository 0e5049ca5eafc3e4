"""After the warm-up no answer compiles a kernel."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.registry.versions import Version
from streams.rollout.warming import warm_up
from streams.texts.heads_json import HeadsEncoder
from streams.texts.items_json import ItemsEncoder
from tests.kernels import kernels
from tests.scoring import real_clicks, serve
from tests.tiny import ALL_HEADS
from tests.tiny import version as tiny

#: A worker's clicks before any version is announced. A process of its own, because kernels that others have
#: loaded would not be missed; prints those that the warm-up left out.
WITHOUT_VERSION = """
from streams.rollout.warming import warm_up_popular
from tests.kernels import kernels
from tests.offline import Offline, records
from tests.scoring import real_clicks

def compiled():
    return {(name, str(signature)) for _, name, one in kernels() for signature in one.signatures}

warm_up_popular()
before = compiled()
clicks = [
    {"event_id": click.event_id, "visitor_id": click.visitor_id, "ts": click.ts, "event": click.event,
     "item_id": click.item_id, "category": click.category, "price": click.price}
    for click in real_clicks(600)
]
worker = Offline()
answered = sum(len(worker.process(records(clicks[at : at + 100])).state) for at in range(0, 600, 100))
assert before and answered > 600
print(sorted(compiled() - before))
"""


def compiled() -> dict[str, list[object]]:
    """The signatures of each kernel that are loaded or compiled."""
    return {f"{module.__name__}.{name}": list(one.signatures) for module, name, one in kernels()}


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Version:
    items = tuple(dict.fromkeys(click.item_id for click in real_clicks(300) if click.item_id))
    folder: Path = tmp_path_factory.mktemp("registry")
    return tiny(folder, items=items, tasks=ALL_HEADS)


def test_no_answer_compiles_a_kernel_after_the_warm_up(version: Version) -> None:
    warm_up(version)
    before = compiled()
    assert any(before.values())
    for chunk in (1, 7, 200):
        for scores in serve(real_clicks(600), [version.neural], chunk, {}):
            ItemsEncoder().lists(scores)
            HeadsEncoder().texts(scores)
    assert compiled() == before


def test_no_answer_without_a_version_compiles_a_kernel_after_the_warm_up() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_VERSION], capture_output=True, text=True, check=False, timeout=300
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, "[]"), ran.stderr[-2_000:]
