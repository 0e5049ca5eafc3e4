"""The ledger: what holds follows from its lines; a kill or a second writer never spoils it."""

import multiprocessing
from pathlib import Path

import pytest

from trainer.promotion.ledger import NAME, Ledger, LedgerError
from trainer.promotion.status import LedgerEntry, RegistryStatus, What


def entry(what: What, version: str, reason: str = "") -> LedgerEntry:
    return LedgerEntry(at=1, what=what, version=version, by="test", reason=reason)


def enter(folder: Path, *entries: LedgerEntry) -> RegistryStatus:
    return Ledger(folder).enter(lambda _: entries)


def test_what_holds_by_hand(tmp_path: Path) -> None:
    found = enter(tmp_path, entry(What.PROMOTED, "a"), entry(What.PROMOTED, "b"))
    assert (found.serving, found.stack) == ("b", ["a", "b"])
    found = enter(tmp_path, entry(What.REFUSED, "c", "worse"), entry(What.TAKEN_BACK, "b", "bad"))
    assert found.serving == "a"
    assert [found.state(name) for name in "abcd"] == ["serving", "taken back", "refused", "new"]
    assert found.refused == {"c": "worse"}
    found = enter(tmp_path, entry(What.PROMOTED, "c"), entry(What.PINNED, "c"))
    assert [found.state(name) for name in "abc"] == ["served", "taken back", "serving, pinned"]
    found = enter(tmp_path, entry(What.RELEASED, "c"), entry(What.REMOVED, "a"))
    assert (found.stack, found.pinned, found.removed) == (["c"], None, {"a"})
    assert Ledger(tmp_path).status() == found


def test_nothing_was_entered(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "none").status() == RegistryStatus()


@pytest.mark.parametrize("kept", [1, 20])
def test_half_a_line_is_no_entry_and_is_cut_off(tmp_path: Path, kept: int) -> None:
    enter(tmp_path, entry(What.PROMOTED, "a"))
    whole = (tmp_path / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(whole + whole[:kept])
    assert [one.version for one in Ledger(tmp_path).entries()] == ["a"]
    assert enter(tmp_path, entry(What.PROMOTED, "b")).stack == ["a", "b"]
    assert len((tmp_path / NAME).read_bytes().splitlines()) == 2


def test_what_is_decided_against_enters_nothing(tmp_path: Path) -> None:
    def refuse(_: RegistryStatus) -> list[LedgerEntry]:
        raise LedgerError("no")

    enter(tmp_path, entry(What.PROMOTED, "a"))
    with pytest.raises(LedgerError, match="no"):
        Ledger(tmp_path).enter(refuse)
    assert Ledger(tmp_path).status().stack == ["a"]


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    enter(tmp_path, entry(What.PROMOTED, "a"))
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"what": "sold"}\n')
    with pytest.raises(LedgerError, match=r"line 2 of .* is not an entry"):
        Ledger(tmp_path).entries()


def test_a_registry_that_is_no_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="must be a folder that can be written"):
        enter(tmp_path / "file", entry(What.PROMOTED, "a"))


def count_up(folder: Path, times: int) -> None:
    """Promote one more than there are, `times` times: an entry that is lost or decided on old news shows."""
    for _ in range(times):
        Ledger(folder).enter(lambda found: [entry(What.PROMOTED, str(len(found.stack)))])


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=count_up, args=(tmp_path, 50)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert Ledger(tmp_path).status().stack == [str(number) for number in range(200)]
