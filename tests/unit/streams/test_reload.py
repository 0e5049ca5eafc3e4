"""Announced models: taken up when whole, refused in words otherwise, the incumbent kept."""

import shutil

import msgspec
import pytest
from structlog.testing import capture_logs

from models.scores import ScoringError
from models.updates import ModelUpdate
from models.versions import FORMAT
from streams.metrics import Metrics
from streams.pipeline import warm_up
from streams.reload import Models
from tests.tiny import announcement
from tests.tiny import version as tiny


@pytest.fixture
def registry(tmp_path):
    return tmp_path / "registry"


@pytest.fixture
def models(registry):
    return Models(registry, "cpu", Metrics())


async def test_the_last_of_several_announcements_is_taken_up(models, registry):
    first, second = tiny(registry, 1), tiny(registry, 2)
    await models.apply([(b"onsite", announcement(registry, one.id)) for one in (first, second)])
    assert models.current.id == second.id
    assert models._metrics.swaps._value.get() == 1
    await models.apply([(b"onsite", announcement(registry, first.id))])
    assert models.current.id == first.id


async def test_tombstones_change_nothing(models, registry):
    version = tiny(registry)
    await models.apply([(b"onsite", announcement(registry, version.id))])
    await models.apply([(b"onsite", None)])
    await models.apply([])
    assert models.current.id == version.id


async def test_a_version_is_warmed_up_before_it_is_used(models, registry):
    version, seen = tiny(registry), []
    models.warm_up = lambda loaded: seen.append((loaded.id, models.current))
    await models.apply([(b"onsite", announcement(registry, version.id))])
    assert seen == [(version.id, None)]
    warm_up(models.current)


async def test_the_own_registry_comes_first_and_the_trainers_path_second(models, registry, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    version = tiny(elsewhere)
    await models.apply([(b"onsite", announcement(elsewhere, version.id))])
    assert models.current.path == elsewhere / version.id
    shutil.copytree(elsewhere / version.id, registry / version.id)
    await models.apply([(b"onsite", announcement(elsewhere, version.id))])
    assert models.current.path == registry / version.id


def damaged(registry, name, file, change):
    """A copy of a version in which `change` was done to one file's bytes."""
    shutil.copytree(registry / name, registry / "damaged")
    path = registry / "damaged" / file
    path.write_bytes(change(path.read_bytes()))
    return announcement(registry, "damaged") if (registry / "damaged" / "manifest.json").exists() else b"{}"


BAD = {
    "weights changed": ("model.safetensors", lambda value: value[:-1] + bytes([value[-1] ^ 1])),
    "weights cut": ("model.safetensors", lambda value: value[: len(value) // 2]),
    "index empty": ("neighbours.safetensors", lambda value: b""),
    "config of another": ("config.json", lambda value: value.replace(b"16", b"32")),
    "manifest no JSON": ("manifest.json", lambda value: b"{"),
    "other format": ("manifest.json", lambda value: value.replace(b'"format": %d' % FORMAT, b'"format": 9')),
    "other features": (
        "manifest.json",
        lambda value: value.replace(b'"features_version": "', b'"features_version": "x'),
    ),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_damaged_version_is_refused_and_the_incumbent_stays(models, registry, case):
    good = tiny(registry)
    await models.apply([(b"onsite", announcement(registry, good.id))])
    with capture_logs() as logged:
        await models.apply([(b"onsite", damaged(registry, good.id, *BAD[case]))])
    assert models.current.id == good.id
    (line,) = (entry for entry in logged if entry["event"] == "model refused")
    assert line["incumbent"] == good.id
    assert "damaged" in line["reason"]
    assert models._metrics.models_refused._value.get() == 1


@pytest.mark.parametrize(
    "value",
    [
        b"no json",
        b"[]",
        b"{}",
        b'{"version":"\xff"}',
        b'{"version":"a\\u0000b"}',
        b"[" * 100_000,
        msgspec.json.encode(ModelUpdate(version="a" * 5_000)),
        msgspec.json.encode(ModelUpdate(version="20260101T000000-none")),
        msgspec.json.encode(ModelUpdate(version="../../etc", path="/nonexistent")),
    ],
)
async def test_an_announcement_that_leads_nowhere_is_refused(models, value):
    await models.apply([(b"onsite", value)])
    assert models.current is None
    assert models._metrics.models_refused._value.get() == 1


async def test_a_manifest_that_was_not_the_announced_one_is_refused(models, registry):
    version = tiny(registry)
    update = ModelUpdate(version=version.id, path=str(version.path), sha256="0" * 64)
    await models.apply([(b"onsite", msgspec.json.encode(update))])
    assert models.current is None


async def test_a_model_that_cannot_be_warmed_up_is_refused(models, registry):
    def fail(version):
        raise ScoringError("gave a value that is not finite")

    models.warm_up = fail
    await models.apply([(b"onsite", announcement(registry, tiny(registry).id))])
    assert models.current is None
    assert models._metrics.models_refused._value.get() == 1
