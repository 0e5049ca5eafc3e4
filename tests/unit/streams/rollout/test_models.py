"""Announced models: taken up when whole, refused in words otherwise, the incumbent kept."""

import asyncio
import errno
import os
import shutil

import msgspec
import pytest
from structlog.testing import capture_logs

from models.contract.updates import ModelUpdate, decode_report
from models.registry import remote
from models.registry.refusals import Refusal
from models.registry.versions import FORMAT
from models.scoring.scores import ScoringError
from streams.metrics import Metrics
from streams.rollout.model_cache import KEPT, ModelCache
from streams.rollout.models import Models
from streams.rollout.shadow import Shadow
from streams.rollout.warming import warm_up
from tests.tiny import announcement
from tests.tiny import version as tiny


@pytest.fixture
def registry(tmp_path):
    return tmp_path / "registry"


@pytest.fixture
def models(registry):
    return following(str(registry), registry.parent / "copies")


def following(place, copies, **options):
    metrics = Metrics()
    return Models(ModelCache(place, copies, "cpu"), metrics, Shadow(0.5, metrics), "worker-1", **options)


async def test_the_last_of_several_announcements_is_taken_up(models, registry):
    first, second = tiny(registry, 1), tiny(registry, 2)
    await models.apply([(b"onsite", announcement(registry, one.id)) for one in (first, second)])
    assert models.current.id == second.id
    assert models._metrics.swaps._value.get() == 1
    await models.apply([(b"onsite", announcement(registry, first.id))])
    assert models.current.id == first.id


async def test_a_damaged_announcement_does_not_hide_the_good_one_before_it(models, registry):
    first, second = tiny(registry, 1), tiny(registry, 2)
    told = [announcement(registry, first.id), announcement(registry, second.id), b"no json"]
    await models.apply([(b"onsite", value) for value in told])
    assert models.current.id == second.id
    assert [one.refusal for one in models.refused] == [Refusal.ANNOUNCEMENT]


async def test_tombstones_change_nothing(models, registry):
    version = tiny(registry)
    await models.apply([(b"onsite", announcement(registry, version.id))])
    await models.apply([(b"onsite", None)])
    await models.apply([])
    assert models.current.id == version.id


async def test_a_version_is_warmed_up_before_it_is_used(registry):
    version, seen = tiny(registry), []

    def warm(loaded):
        seen.append((loaded.id, models.current))

    models = following(str(registry), registry.parent / "copies", warm_up=warm)
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


def formatted(number):
    return lambda value: value.replace(b'"format": %d' % FORMAT, b'"format": %d' % number)


BAD = {
    "weights changed": ("model.safetensors", lambda value: value[:-1] + bytes([value[-1] ^ 1]), "hash"),
    "weights cut": ("model.safetensors", lambda value: value[: len(value) // 2], "truncated"),
    "index empty": ("neighbours.safetensors", lambda value: b"", "truncated"),
    "config of another": ("config.json", lambda value: value.replace(b"16", b"32"), "hash"),
    "manifest no JSON": ("manifest.json", lambda value: b"{", "manifest"),
    "newer format": ("manifest.json", formatted(9), "newer"),
    "older format": ("manifest.json", formatted(1), "older"),
    "other features": (
        "manifest.json",
        lambda value: value.replace(b'"features_version": "', b'"features_version": "x'),
        "features",
    ),
}


def refusals(models):
    """How often each reason was counted."""
    counted = {refusal: models._metrics.models_refused.labels(refusal)._value.get() for refusal in Refusal}
    return {refusal.value: int(count) for refusal, count in counted.items() if count}


@pytest.mark.parametrize("case", BAD)
async def test_a_damaged_version_is_refused_and_the_incumbent_stays(models, registry, case):
    good = tiny(registry)
    await models.apply([(b"onsite", announcement(registry, good.id))])
    file, change, reason = BAD[case]
    announced = damaged(registry, good.id, file, change)
    with capture_logs() as logged:
        await models.apply([(b"onsite", announced)])
    assert models.current.id == good.id
    (line,) = (entry for entry in logged if entry["event"] == "model refused")
    assert line["incumbent"] == good.id
    assert "damaged" in line["reason"]
    assert line["refusal"] == reason
    assert refusals(models) == {reason: 1}
    told = models.describe()
    assert told["current"]["version"] == good.id
    assert [one["refusal"] for one in told["refused"]] == [reason]


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
    assert sum(refusals(models).values()) == 1


async def test_a_manifest_that_was_not_the_announced_one_is_refused(models, registry):
    version = tiny(registry)
    update = ModelUpdate(version=version.id, path=str(version.path), sha256="0" * 64)
    await models.apply([(b"onsite", msgspec.json.encode(update))])
    assert models.current is None
    assert refusals(models) == {"hash": 1}


async def test_a_model_that_cannot_be_warmed_up_is_refused(registry):
    def fail(version):
        raise ScoringError("gave a value that is not finite")

    models = following(str(registry), registry.parent / "copies", warm_up=fail)
    await models.apply([(b"onsite", announcement(registry, tiny(registry).id))])
    assert models.current is None
    assert refusals(models) == {"warm_up": 1}


@pytest.fixture
def bucket(tmp_path):
    """A registry at a URL, and where its versions are made."""
    return f"file://{tmp_path}/bucket", tmp_path / "made"


def at(url, made, number):
    """A version put there, and its announcement by a trainer that knows no path of ours."""
    version = tiny(made, number)
    remote.put(version.path, url)
    return version, announcement(made, version.id)


async def test_a_version_at_a_url_is_copied_and_a_vanished_registry_leaves_the_copies(bucket, tmp_path):
    url, made = bucket
    models = following(url, tmp_path / "copies")
    (first, told), (second, later) = at(url, made, 1), at(url, made, 2)
    await models.apply([(b"onsite", told)])
    assert models.current.path == tmp_path / "copies" / first.id
    (tmp_path / "bucket").rename(tmp_path / "away")
    shutil.rmtree(made)
    await models.apply([(b"onsite", later)])
    assert models.current.id == first.id
    assert refusals(models) == {"unreachable": 1}
    assert second.id in models.refused[-1].message
    restarted = following(url, tmp_path / "copies")
    await restarted.apply([(b"onsite", told)])
    assert restarted.current.id == first.id


async def test_what_a_registry_refused_is_tried_again_until_it_is_back(bucket, tmp_path):
    url, made = bucket
    models = following(url, tmp_path / "copies")
    version, told = at(url, made, 1)
    (tmp_path / "bucket").rename(tmp_path / "away")
    await models.apply([(b"onsite", told)])
    assert models.current is None
    (tmp_path / "away").rename(tmp_path / "bucket")
    models.retry_seconds = 0.01
    trying = asyncio.create_task(models.run())
    while models.current is None:
        await asyncio.sleep(0.01)
    trying.cancel()
    assert models.current.id == version.id
    assert refusals(models) == {"unreachable": 1}


async def test_a_damaged_copy_is_made_again(bucket, tmp_path):
    url, made = bucket
    version, told = at(url, made, 1)
    models = following(url, tmp_path / "copies")
    await models.apply([(b"onsite", told)])
    weights = tmp_path / "copies" / version.id / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    await models.apply([(b"onsite", told)])
    assert refusals(models) == {}
    assert weights.stat().st_size > 100


async def test_a_full_disk_refuses_and_leaves_no_half_copy(bucket, tmp_path, monkeypatch):
    url, made = bucket
    models = following(url, tmp_path / "copies")
    (first, told), (_, later) = at(url, made, 1), at(url, made, 2)
    await models.apply([(b"onsite", told)])

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    await models.apply([(b"onsite", later)])
    assert models.current.id == first.id
    assert refusals(models) == {"disk_full": 1}
    assert "free the disk" in models.refused[-1].message
    assert [path.name for path in (tmp_path / "copies").iterdir()] == [first.id]


async def test_old_copies_go_and_the_one_in_use_stays(bucket, tmp_path):
    url, made = bucket
    models = following(url, tmp_path / "copies")
    versions = []
    for number in range(KEPT + 3):
        version, told = at(url, made, number)
        versions.append(version.id)
        await models.apply([(b"onsite", told)])
    left = {path.name for path in (tmp_path / "copies").iterdir()}
    assert left == set(versions[-KEPT - 1 :])


async def test_what_is_taken_up_or_refused_is_told(registry):
    told = []
    models = following(str(registry), registry.parent / "copies", tell=told.append)
    first, second = tiny(registry, 1), tiny(registry, 2)
    for version in (first, second):
        await models.apply([(b"onsite", announcement(registry, version.id))])
    await models.apply([(b"onsite", b"no json")])
    assert [(one.kind, one.version, one.incumbent, one.refusal) for one in told] == [
        ("in_use", first.id, "none", ""),
        ("in_use", second.id, first.id, ""),
        ("refused", "", second.id, "announcement"),
    ]
    assert [one.key for one in told] == ["worker-1/in_use", "worker-1/in_use", "worker-1/refused/"]
    assert decode_report(msgspec.json.encode(told[-1])) == told[-1]


async def test_a_challenger_is_loaded_beside_the_incumbent_and_a_tombstone_ends_it(models, registry):
    incumbent, challenger = tiny(registry, 1), tiny(registry, 2)
    await models.apply(
        [
            (b"shadow", announcement(registry, challenger.id)),
            (b"onsite", announcement(registry, incumbent.id)),
        ]
    )
    assert models.current.id == incumbent.id
    assert models.shadow.challenger.id == challenger.id
    await models.apply([(b"shadow", None)])
    assert models.shadow.challenger is None
    assert models.current.id == incumbent.id


async def test_a_challenger_that_cannot_be_used_is_refused_as_any_other(models, registry):
    incumbent = tiny(registry, 1)
    await models.apply([(b"onsite", announcement(registry, incumbent.id))])
    await models.apply([(b"shadow", damaged(registry, incumbent.id, *BAD["weights cut"][:2]))])
    assert refusals(models) == {"truncated": 1}
    assert (models.current.id, models.shadow.challenger) == (incumbent.id, None)
