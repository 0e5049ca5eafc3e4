"""Every store is in the table of stores; dates follow Kafka's rules; search finds what is there."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.privacy import search
from deploy.privacy.expiry import DELAY_MS, LOOKS_MS, NEVER_MS, TopicRetention
from deploy.privacy.stores import STORES
from models.state import state_keys
from streams.config.topics import TopicNames

ROOT = Path(__file__).resolve().parents[4]
#: How a module comes to write files.
WRITES = re.compile(
    r"write_bytes|write_text|open\(\s*\"[wax]|\.open\(\"[wax]|write_parquet|write_csv|write_ndjson|sink_|Rdict\("
    r"|savez|save_file|pipe_file|\.create\(|\.put_file|savefig|imsave|sqlite3|shelve|to_parquet|NamedTemporary"
    r"|write_synced\(|replace_file\(|replacing\(|staged_folder\("
)
#: Writes what other modules hand it: those belong to a store.
HELPER = "models/durable_files.py"
DAY = 86_400_000


def writers():
    paths = [
        path
        for room in ("models", "streams", "trainer", "gateway", "deploy")
        for path in (ROOT / room).rglob("*.py")
    ]
    found = {path.relative_to(ROOT).as_posix() for path in paths if WRITES.search(path.read_text())}
    return found - {HELPER}


def named(field):
    return [one for store in STORES for one in getattr(store, field)]


def test_every_module_that_writes_files_belongs_to_a_store():
    missing = writers() - set(named("modules"))
    assert not missing, f"name {sorted(missing)} in deploy/privacy/stores.py, and what they hold of a visitor"
    assert all((ROOT / module).exists() for module in named("modules"))


@pytest.mark.parametrize(
    ("visitor", "said"), [("", "the id is empty"), ("a\udcff", "byte 1 of the id is no UTF-8")]
)
@pytest.mark.parametrize("words", [["forget", "--yes"], ["pseudonym"]])
def test_an_id_that_no_click_can_have_is_refused_at_once(words: list[str], visitor: str, said: str) -> None:
    done = CliRunner().invoke(main, ["visitor", *words, visitor])
    assert done.exit_code == 2
    assert said in done.output


def test_every_topic_belongs_to_one_store():
    assert sorted(named("topics")) == sorted(TopicNames.model_fields)


def test_every_kind_of_state_belongs_to_one_store():
    kinds = {name for name, value in vars(state_keys).items() if name.isupper() and isinstance(value, bytes)}
    assert sorted(named("keys")) == sorted(kinds)


def test_a_store_that_holds_something_says_how_it_leaves():
    assert all(bool(store.holds) == bool(store.leaves) for store in STORES)
    assert len({store.name for store in STORES}) == len(STORES)


@pytest.mark.parametrize(
    ("policy", "retention", "expires"),
    [
        ("delete", 7 * DAY, 100 + DAY + 7 * DAY + LOOKS_MS + DELAY_MS),
        ("compact,delete", 7 * DAY, 100 + DAY + 7 * DAY + LOOKS_MS + DELAY_MS),
        ("delete", -1, None),
        ("compact", 7 * DAY, None),
    ],
)
def test_a_record_is_gone_with_its_segment(policy, retention, expires):
    assert TopicRetention(policy, retention, DAY, NEVER_MS, DAY).expires(100) == expires


def test_former_values_are_gone_when_the_topic_must_have_been_compacted():
    assert TopicRetention("compact", -1, DAY, 2 * DAY, DAY).compacted(5) == 5 + 2 * DAY + LOOKS_MS + DELAY_MS
    assert TopicRetention("compact", -1, DAY, (1 << 63) - 1, DAY).compacted(5) is None


def test_ids_are_looked_for_as_any_producer_writes_them():
    assert set(search.spelled("zoë")) == {b'"zo\xc3\xab"', b'"zo\\u00eb"'}
    assert search.spelled("anna") == (b'"anna"',)


def test_a_registry_is_searched_whole_wherever_it_is(tmp_path):
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "vocabulary.json").write_text(json.dumps({"ids": ["i1", "anna"]}))
    (tmp_path / "v1" / "model.safetensors").write_bytes(b"annabel")
    for place in (str(tmp_path), f"file://{tmp_path}"):
        assert search.in_registry(place, "anna") == ["v1/vocabulary.json"]
        assert search.in_registry(place, "bob") == []
    assert search.in_registry(str(tmp_path / "none"), "anna") == []


def test_timers_are_the_visitors_too():
    visitor = state_keys.VISITOR + b"anna"
    assert search._is_of(visitor, {visitor})
    assert search._is_of(state_keys.timer(7, visitor), {visitor})
    assert not search._is_of(state_keys.timer(7, state_keys.VISITOR + b"annabel"), {visitor})
    assert not search._is_of(state_keys.item_pane(7, "anna"), {visitor})
