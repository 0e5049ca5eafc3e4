"""Files of real shops through `input check`, `train` and `replay`, with no option but what the check advises.

The files are no part of the project: the tests are skipped where they are missing.
"""

import gzip
import itertools
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.cluster.clients import consumer, drain
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Click, Limits

DATA = Path(__file__).parents[3] / "shared/data"
ROWS = 4000
#: Options by file: those that `input check` asks for, one after the other.
FILES = {
    "rees46_electronics/jan_feb_2021_sessions_dedup.csv.gz": (),
    "rees46_multicat/2019-10-01_first_hours.csv.gz": (),
    "eshop_clothing/eshop_clothing_2008.csv.gz": ("--event", "view_item", "--map", "item_id=clothing_model"),
    "gstore/gstore_2016-08_09.parquet": (),
    "open_bandit/random/all/all.csv.gz": ("--event", "view_item_list"),
}

pytestmark = pytest.mark.long


def head(name: str, folder: Path) -> Path:
    """The first rows of a file, in a file of the same kind."""
    source, made = DATA / name, folder / Path(name).name
    if not source.exists():
        pytest.skip(f"{source} is missing: it is data for development, which the project does not ship")
    if made.suffix == ".parquet":
        pl.scan_parquet(source).head(ROWS).collect().write_parquet(made)
    else:
        with gzip.open(source, "rt") as lines, gzip.open(made, "wt") as out:
            out.writelines(itertools.islice(lines, ROWS + 1))
    return made


def run(*arguments: object) -> str:
    """The output of a command that ends well."""
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_is_checked_trained_on_and_replayed(name, tmp_path, broker, topics, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    for role, topic in topics.model_dump().items():
        monkeypatch.setenv(f"PATHCAST_TOPIC_{role.upper()}", topic)
    file, mapping, registry = head(name, tmp_path), tmp_path / "map.toml", tmp_path / "registry"
    told = run("input", "check", file, *FILES[name], "--fix", mapping)
    assert f"{ROWS:,} rows, 0 of them cannot be used" in told
    fixed = ("--map", f"@{mapping}")
    assert f"{ROWS:,} rows, 0 of them cannot be used" in run("input", "check", file, *fixed)
    run("replay", file, *fixed, "--unthrottled")
    with consumer(broker) as client:
        clicks = Decoder(Limits(), Catalogue()).decode(list(drain(client, topics.clicks)))
    assert len(clicks) == ROWS
    assert all(isinstance(click, Click) for click in clicks)
    assert len({click.event_id for click in clicks}) == ROWS
    run("train", "--events", file, *fixed, "--registry", registry, "--epochs", 1, "--no-baselines")
    assert len(list(registry.glob("*/manifest.json"))) == 1
