"""`pathcast actions FILE` lists the actions of a file, and explains a wrong one in one line."""

from pathlib import Path

from click.testing import CliRunner

import deploy
from deploy.cli import main

SHIPPED = Path(deploy.__file__).parent / "data" / "actions.toml"


def test_it_lists_each_action_with_its_kind():
    done = CliRunner().invoke(main, ["actions", str(SHIPPED)])
    assert done.exit_code == 0
    rows = [line.replace("│", " ").split() for line in done.output.splitlines()]
    assert ["nothing", "none"] in rows
    assert ["ad_bestsellers", "ad"] in rows


def test_a_wrong_file_is_explained_in_one_line(tmp_path):
    (tmp_path / "wrong.toml").write_text(SHIPPED.read_text().replace('kind = "none"', 'kind = "nothing"'))
    done = CliRunner().invoke(main, ["actions", str(tmp_path / "wrong.toml")])
    assert done.exit_code == 1
    assert "nothing" in done.output


def test_it_is_listed_by_help():
    assert "List the actions of an actions file." in CliRunner().invoke(main, ["--help"]).output
