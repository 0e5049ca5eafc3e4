"""Tables at 80 columns: no word is cut, and times are such as people read."""

import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console
from rich.table import Table

from deploy.cli import main
from deploy.commands.learning import demand_command, evaluate_command
from deploy.commands.models import show
from deploy.terminal import tables
from deploy.terminal.tables import print_table, shared
from deploy.terminal.time_option import readable, utc_text
from tests.tiny import version as tiny

WIDTH = 80
VERSION = "20261130T084136-f1cee04afa09"


def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What commands print on a terminal of 80 columns from now on."""
    written = io.StringIO()
    made = Console(file=written, width=WIDTH, force_terminal=True, color_system=None)
    monkeypatch.setattr(tables, "Console", lambda **_: made)
    return written


def shown(table: Table) -> str:
    written = io.StringIO()
    print_table(table, Console(file=written, width=WIDTH, force_terminal=True, color_system=None))
    return written.getvalue()


def words_of(table: Table) -> set[str]:
    cells = [str(cell) for column in table.columns for cell in (column.header, *column.cells)]
    return {word for cell in cells for word in cell.split()}


def uncut(table: Table) -> str:
    said = shown(table)
    assert words_of(table) <= set(said.replace("│", " ").replace("┃", " ").split())
    assert "…" not in said
    return said


def test_a_table_that_fits_is_a_table() -> None:
    table = Table("worker", "version")
    table.add_row("shop-1:6066", VERSION)
    assert max(map(len, uncut(table).splitlines())) < WIDTH


def test_sentences_wrap_and_names_do_not() -> None:
    table = Table("version", "state", "why not")
    table.add_row(VERSION, "refused", "it may be worse than the one in use by more than the margin " * 2)
    said = uncut(table)
    assert max(map(len, said.splitlines())) <= WIDTH
    assert VERSION in said.splitlines()[3]


def test_what_is_too_wide_for_80_columns_is_written_row_by_row() -> None:
    table = Table("table", "rows", "files", "MB", "days", "event time", "expired", "erased", "lost", "place")
    days = "2026-11-01 to 2026-11-30"
    table.add_row(
        "clicks", "89,186", "12", "34.1", days, f"{utc_text(0)} to {utc_text(1)}", "0", "0", "0", "x" * 60
    )
    said = shown(table)
    assert words_of(table) <= set(said.split())
    assert said.splitlines()[0] == "table clicks"
    assert f"days        {days}" in said


def test_rows_of_several_lines_stay_together() -> None:
    table = Table("worker", "told")
    table.add_row("shop-1:6066", "5 of 9 clicks\n" + "x" * 90)
    assert shown(table).splitlines() == ["worker shop-1:6066", "  told  5 of 9 clicks", f"        {'x' * 90}"]


def test_no_width_is_below_the_longest_word_and_all_fit() -> None:
    needed = [tables.Width(4, 9), tables.Width(10, 60), tables.Width(5, 5)]
    widths = shared(needed, WIDTH)
    assert widths is not None
    assert widths[0] == 9
    assert all(width >= one.least for width, one in zip(widths, needed, strict=True))
    assert sum(widths) + 3 * len(widths) + 1 <= WIDTH
    assert shared([tables.Width(50, 50), tables.Width(40, 40)], WIDTH) is None


def test_in_a_pipe_a_row_is_a_line() -> None:
    written, table = io.StringIO(), Table("name", "why")
    table.add_row("a", "word " * 60)
    print_table(table, Console(file=written, width=WIDTH))
    assert len(written.getvalue().splitlines()) == 5


def test_commands_that_list_print_whole_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHCAST_REGISTRY", str(tmp_path))
    names, written = [tiny(tmp_path, seed).id for seed in (1, 2)], screen(monkeypatch)
    assert CliRunner().invoke(main, ["models", "list"]).exit_code == 0
    assert CliRunner().invoke(main, ["visitor", "stores"]).exit_code == 0
    assert all(name in written.getvalue() for name in names)
    assert "…" not in written.getvalue()
    assert max(map(len, written.getvalue().splitlines())) <= WIDTH


def test_the_tables_of_figures_print_whole_words() -> None:
    kinds = ("auc", "average_precision", "brier", "ece", "f1", "accuracy")
    intent = dict.fromkeys(kinds, 0.12345) | {
        "n": 1000,
        "positives": 10,
        "majority_accuracy": 0.99,
        "by_session": {"auc": 0.1, "ap": 0.1},
    }
    item = {"recall@20": 0.5}
    found = {"model": VERSION, "intent": intent, "next_item": item}
    uncut(
        evaluate_command._table(
            found | {"baselines": {"logistic_regression": found, "session_knn": {"next_item": item}}}
        )
    )
    figures = dict.fromkeys(("wape", "wape_of_median", "bias", "pinball", "below_upper", "zeros"), 0.12345)
    made = {"demand": "purchase", "horizon": "daily", "from": "2026-11-30T00:00:00Z", "items": []}
    uncut(
        demand_command._table(made | {"judged": {"item": {"shrinkage": figures, "seasonal_naive": figures}}})
    )


def test_times_are_read_by_people_and_numbers_stay_numbers() -> None:
    known = {"learned until": 1796010041862, "clicks": {"count": 103193, "since": 1}}
    assert list(show._lines(known)) == [
        "learned until: 2026-11-30 03:40:41 UTC",
        "clicks:",
        "  count: 103193",
        "  since: 1",
    ]
    assert readable(1796010041862) == utc_text(1796010041862)


def test_a_verdict_has_a_line_for_each_sentence() -> None:
    assert list(show._lines({"verdict": {"said": ["One.", "Two."]}})) == [
        "verdict:",
        "  said:",
        "    - One.",
        "    - Two.",
    ]
