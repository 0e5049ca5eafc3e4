"""Moves of versions: verified, entered, told; refused where they do not go together with what holds."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from models.durations import DAY_MS
from models.registry import registry, remote
from models.registry.registry import RegistryError
from tests.tiny import parts
from tests.tiny import version as tiny
from trainer.promotion.announce import PromotionError
from trainer.promotion.garbage_collection import (
    VersionRetention,
    collect_garbage,
    removable,
    remove_published,
)
from trainer.promotion.ledger import Ledger, LedgerError
from trainer.promotion.promotions import Promotions
from trainer.promotion.resolve import versions
from trainer.training.adapt_live import ADAPTED, is_incremental_update


class World:
    """A registry of tiny versions `a`, `b`, ..., and what was told of them."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder, self.told, self.time = folder, [], 0
        self.names = [tiny(folder, seed).id for seed in range(1, count + 1)]
        self.moves = Promotions(folder, self.tell, self.now, "test")

    def tell(self, version) -> None:
        self.told.append(version.id)

    def now(self) -> int:
        self.time += 1
        return self.time

    @property
    def status(self):
        return Ledger(self.folder).status()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, 3)


def test_promotions_and_rollbacks(world: World) -> None:
    a, b, c = world.names
    for name in world.names:
        world.moves.promote(name, "better")
    assert world.status.serving == c
    assert world.moves.rollback("it sold nothing") == b
    assert world.moves.rollback("nor did this") == a
    assert world.told == [a, b, c, b, a]
    with pytest.raises(LedgerError, match="no version served before"):
        world.moves.rollback("once more")
    assert world.status.taken_back == {c: "it sold nothing", b: "nor did this"}


def test_what_was_taken_back_or_refused_needs_force(world: World) -> None:
    a, b, _ = world.names
    world.moves.promote(a, "first")
    world.moves.refuse(b, "worse by .1")
    with pytest.raises(LedgerError, match=r"is refused \(worse by \.1\); give --force to promote it"):
        world.moves.promote(b, "again")
    assert world.told == [a]
    world.moves.promote(b, "I know better", force=True)
    world.moves.rollback("no")
    with pytest.raises(LedgerError, match="is taken back"):
        world.moves.promote(b, "again")
    assert world.status.serving == a


def test_a_pin_holds_until_it_is_released(world: World) -> None:
    a, b, c = world.names
    world.moves.promote(a, "first")
    world.moves.pin(b, "season")
    with pytest.raises(LedgerError, match="is pinned"):
        world.moves.promote(c, "better", force=True)
    assert world.moves.release("over") == b
    assert world.status.serving == b
    world.moves.promote(c, "better")
    with pytest.raises(LedgerError, match="no version is pinned"):
        world.moves.release("again")


def test_a_rollback_releases_the_pin(world: World) -> None:
    a, b, c = world.names
    world.moves.promote(a, "first")
    world.moves.pin(b, "season")
    world.moves.rollback("broken")
    world.moves.promote(c, "better")
    assert world.status.pinned is None


def test_what_cannot_be_loaded_is_not_promoted(world: World) -> None:
    a, b, _ = world.names
    weights = world.folder / b / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    world.moves.promote(a, "first")
    with pytest.raises(RegistryError, match="its manifest says"):
        world.moves.promote(b, "next")
    assert (world.status.serving, world.told) == (a, [a])


@pytest.mark.parametrize("given", ["{name}/", "{name}/.", "./{name}", "{folder}/{name}", "{folder}/{name}/"])
def test_a_version_named_by_its_folder_is_entered_by_its_name(world: World, given: str) -> None:
    a, b, _ = world.names
    assert world.moves.promote(given.format(name=a, folder=world.folder), "as the shell completes it") == a
    assert world.moves.pin(given.format(name=b, folder=world.folder), "season") == b
    assert world.status.stack == [a, b]
    assert world.status.pinned == b


@pytest.mark.parametrize("given", ["", ".", "..", "../{folder}", "../other/{name}", "{name}/..", "nothing"])
def test_what_is_no_version_of_this_registry_is_not_promoted(tmp_path: Path, given: str) -> None:
    world = World(tmp_path / "registry", 1)
    shutil.copytree(world.folder, tmp_path / "other")
    for move in (world.moves.promote, world.moves.pin):
        with pytest.raises(RegistryError, match=r"is no version of .* name one of them"):
            move(given.format(name=world.names[0], folder="registry"), "somewhere else")
    assert not world.moves.ledger.entries()


def test_a_folder_that_holds_a_version_of_another_name_is_not_promoted(world: World) -> None:
    (world.folder / world.names[0]).rename(world.folder / "renamed")
    with pytest.raises(
        RegistryError, match=f"the folder renamed holds version {world.names[0]}, expected renamed"
    ):
        world.moves.promote("renamed", "copied by hand")
    assert not world.moves.ledger.entries()


def test_telling_that_failed_is_repeated_by_promoting_again(world: World) -> None:
    def fail(version) -> None:
        raise PromotionError("no broker")

    a = world.names[0]
    with pytest.raises(PromotionError):
        Promotions(world.folder, fail, world.now, "test").promote(a, "first")
    assert world.status.serving == a
    world.moves.promote(a, "again")
    assert world.told == [a]
    assert len(Ledger(world.folder).entries()) == 1


def test_a_version_is_put_before_it_is_entered_and_told(world: World) -> None:
    a, b, _ = world.names
    url = f"memory://promotions/{world.folder}"
    seen: list[tuple[list[str], str | None, list[str]]] = []

    def publish(version) -> None:
        seen.append(([*remote.names(url)], world.status.serving, [*world.told]))
        remote.put(version.path, url)

    moves = Promotions(world.folder, world.tell, world.now, "test", publish)
    moves.promote(a, "first")
    moves.pin(b, "season")
    moves.rollback("over")
    assert seen == [([], None, []), ([a], a, [a]), ([a, b], b, [a, b])]
    assert (world.told, remote.names(url)) == ([a, b, a], [a, b])


def test_what_cannot_be_put_is_neither_entered_nor_told(world: World) -> None:
    a, b, _ = world.names
    world.moves.promote(a, "first")

    def fail(version) -> None:
        remote.put(version.path, "strange://bucket")

    with pytest.raises(RegistryError, match="check the address and its credentials"):
        Promotions(world.folder, world.tell, world.now, "test", fail).promote(b, "better")
    assert (world.status.serving, world.told) == (a, [a])


def test_what_was_removed_here_is_removed_there(world: World) -> None:
    a, b, c = world.names
    url, now = f"memory://collected/{world.folder}", 1_800_000_000_000
    for name in world.names:
        remote.put(world.folder / name, url)
        old(world.folder, name, 10, now)
    remote.put(tiny(world.folder / "others", 9).path, url)
    world.moves.promote(c, "better")
    assert remove_published(world.folder, url) == []
    assert collect_garbage(world.folder, VersionRetention(), now) == [a, b]
    assert remove_published(world.folder, url) == [a, b]
    assert remove_published(world.folder, url) == []
    assert set(remote.names(url)) - {c} == {path.name for path in (world.folder / "others").iterdir()}


def test_a_hundred_moves(world: World) -> None:
    a, b, _ = world.names
    world.moves.promote(a, "first")
    for _ in range(50):
        world.moves.promote(b, "better", force=True)
        assert world.moves.rollback("worse") == a
    assert world.status.stack == [a]
    assert world.told == [a, *[b, a] * 50]


def old(folder: Path, name: str, days: float, now: int) -> None:
    moment = now / 1000 - days * 86_400
    os.utime(folder / name, (moment, moment))


def test_collection_keeps_what_may_be_asked_for(tmp_path: Path) -> None:
    world, now = World(tmp_path, 6), 1_800_000_000_000
    a, b, c, d, e, f = world.names
    for name in world.names:
        old(tmp_path, name, 10, now)
    old(tmp_path, f, 1, now)
    for name in (a, b, c):
        world.moves.promote(name, "better")
    world.moves.pin(d, "season")
    world.moves.release("over")
    keep = VersionRetention(served=1, days=7)
    assert removable(tmp_path, keep, now) == [a, b, e]
    assert versions(tmp_path) == world.names
    assert collect_garbage(tmp_path, keep, now) == [a, b, e]
    assert versions(tmp_path) == [c, d, f]
    assert world.status.removed == {a, b, e}
    assert world.moves.rollback("still there") == c


def test_what_serves_stays_whatever_is_kept(world: World) -> None:
    serving = world.names[1]
    world.moves.promote(serving, "better")
    assert serving not in collect_garbage(
        world.folder, VersionRetention(served=-9, days=-1), 4_000_000_000_000
    )
    assert versions(world.folder) == [serving]


def small(folder: Path, seed: int) -> str:
    """A version that is a small step of another one."""
    made = replace(parts(seed, ("i0", "i1")), metrics={ADAPTED: "another"})
    return registry.save(folder, made, 1_700_000_000_000 + seed * 1000)


def test_only_small_steps_are_collected_between_runs(tmp_path: Path) -> None:
    world, now = World(tmp_path, 2), 1_800_000_000_000
    steps = [small(tmp_path, seed) for seed in range(11, 18)]
    for name in (*world.names, *steps):
        old(tmp_path, name, 2, now)
    for name in (world.names[1], *steps[2:]):
        world.moves.promote(name, "better")
    old(tmp_path, steps[1], 0.5, now)
    assert collect_garbage(tmp_path, VersionRetention(days=1), now, is_incremental_update) == [
        steps[0],
        steps[2],
    ]
    assert versions(tmp_path) == sorted([*world.names, steps[1], *steps[3:]])
    for expected in (*steps[5:2:-1], world.names[1]):
        assert world.moves.rollback("worse") == expected
    (tmp_path / world.names[0] / "metrics.json").unlink()
    assert not is_incremental_update(tmp_path / world.names[0])


def test_collection_removes_what_kills_left(tmp_path: Path) -> None:
    now = 1_800_000_000_000
    for name, days in ((".partial-old", 2), (".partial-new", 0.5), (".removed-x", 0)):
        (tmp_path / name).mkdir()
        old(tmp_path, name, days, now)
    collect_garbage(tmp_path, VersionRetention(), now)
    assert [path.name for path in tmp_path.glob(".*")] == [".partial-new"]
    assert DAY_MS == 86_400_000
