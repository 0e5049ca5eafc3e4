"""`pathcast input check`: form, events, fields, refusals with their cures, people, and the verdict."""

import json
import tomllib

import pytest
from click.testing import CliRunner

from deploy.cli import main
from trainer.input_check.mapping_file import guess
from trainer.logs.log_files import read_log
from trainer.logs.log_replay import replay_log

DAY = 86_400_000
START = 1_790_000_000_000


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def check(*words):
    done = CliRunner().invoke(main, ["input", "check", *map(str, words)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def found(*words):
    done = check(*words, "--json")
    return done.exit_code, json.loads(done.stdout)


def shop_rows(visitors=150, days=20):
    """(ts, visitor, event, item) of a small shop: each visitor comes twice, every third one buys."""
    for visitor in range(visitors):
        for visit in range(2):
            begin = START + (visitor * 7 + visit * 9) % days * DAY + visitor * 1_000
            events = ["view_item"] * 4 + (["add_to_cart", "purchase"] if visitor % 3 == 0 else [])
            for number, event in enumerate(events):
                yield begin + number * 60_000, f"v{visitor}", event, f"i{(visitor + number) % 40}"


def write_csv(path, header="ts,visitor_id,event,item_id", rows=None):
    lines = [header, *(",".join(map(str, row)) for row in rows or shop_rows())]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_log_in_our_columns_will_do(folder):
    status, said = found(write_csv(folder / "shop.csv"))
    measures = said["measures"]
    assert (status, said["usable"], said["trains"], said["form"]) == (0, True, True, "table")
    assert measures["visitors"] == 150
    assert measures["sessions"] == 300
    assert measures["buying_sessions"] == 100
    assert measures["events"] == {"view_item": 1200, "add_to_cart": 100, "purchase": 100}
    assert measures["items"] == 40
    assert said["sources"]["visitor_id"] == ["visitor_id"]
    assert "It can be used, and will do for training." in check(folder / "shop.csv").stdout


def test_names_of_columns_are_guessed_and_written_for_other_commands(folder):
    log = write_csv(folder / "odd.csv", "when,who,what,product")
    status, said = found(log, "--fix", folder / "map.toml")
    assert status == 0
    assert said["sources"]["ts"] == ["when"]
    assert "columns are guessed" in " ".join(said["detected"])
    written = tomllib.loads((folder / "map.toml").read_text())
    assert written["columns"] == {"ts": "when", "visitor_id": "who", "event": "what", "item_id": "product"}
    again = found(log, "--map", f"@{folder / 'map.toml'}")[1]
    assert again["measures"] == said["measures"]
    assert "columns are guessed" not in " ".join(again["detected"])


def test_unknown_events_are_named_with_a_guess_that_works_as_a_map(folder):
    rows = [(*row[:2], row[2].replace("view_item", "lesson_view"), row[3]) for row in shop_rows()]
    log = write_csv(folder / "lessons.csv", rows=rows)
    status, said = found(log, "--fix", folder / "map.toml")
    assert (status, said["unknown"]) == (1, {"lesson_view": 1200})
    assert "--event-map lesson_view=view_item" in check(log).stdout
    status, said = found(log, "--map", f"@{folder / 'map.toml'}")
    assert (status, said["unknown"]) == (0, {})
    assert said["measures"]["events"]["view_item"] == 1200


def test_refused_rows_have_their_first_line_value_and_cure(folder):
    rows = [*list(shop_rows())[:50], ("yesterday", "v1", "view_item", "i1"), (START, "", "view_item", "i1")]
    status, said = found(write_csv(folder / "some.csv", rows=rows))
    by_field = {one["field"]: one for one in said["refusals"]}
    assert (status, said["unusable"]) == (0, 2)
    assert by_field["ts"]["value"] == "yesterday"
    assert "line 52" in by_field["ts"]["where"]
    assert "--time-format" in by_field["ts"]["cure"]
    assert by_field["visitor_id"]["reason"] == "missing"


def passive_rows():
    """Twice as many rows of other events as the shop has, which name nothing but a time and a visitor."""
    names = ("session_start", "first_visit", "scroll", "click")
    return [(ts, visitor, names[ts // 60_000 % 4], "") for ts, visitor, *_ in shop_rows() for _ in range(2)]


@pytest.mark.parametrize("form", ["table", "ga4_bigquery"])
def test_passive_events_are_left_out_and_not_among_the_unusable(folder, form):
    rows = [*shop_rows(), *passive_rows(), ("", "", "scroll", "")]
    log = write_csv(folder / "a.csv", rows=rows) if form == "table" else export(folder / "a.jsonl", rows)
    status, said = found(log, "--fix", folder / "map.toml")
    assert (status, said["rows"], said["unusable"], said["form"]) == (0, 4201, 0, form)
    assert sum(said["passive"].values()) == 2801
    assert (said["unknown"], said["refusals"], said["measures"]["clicks"]) == ({}, [], 1400)
    assert "event_map" not in (folder / "map.toml").read_text()
    assert "2,801 are left out" in check(log).stdout
    replayed = replay_log(read_log([log])).rejected
    assert replayed == {"passive": 2801}


def export(path, rows):
    lines = [
        {
            "event_date": "20260301",
            "event_timestamp": str(ts) + "000",
            "event_name": event,
            "event_params": [],
        }
        | {"user_pseudo_id": visitor, "items": [{"item_id": item}] if item else []}
        for ts, visitor, event, item in rows
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_passive_events_that_are_mapped_count(folder):
    log = write_csv(folder / "shop.csv", rows=[*shop_rows(), *passive_rows()])
    _, said = found(log, "--event-map", "scroll=page_view")
    assert "scroll" not in said["passive"]
    assert said["measures"]["events"]["page_view"] > 0


def test_a_log_of_passive_events_alone_is_refused(folder):
    done = check(write_csv(folder / "none.csv", rows=passive_rows()))
    assert done.exit_code == 1
    assert "says anything of shopping" in done.stdout


def test_faults_count_against_the_rows_that_are_not_passive(folder):
    bad = [("yesterday", "v1", "view_item", "i1")] * 1500
    done = check(write_csv(folder / "half.csv", rows=[*shop_rows(), *passive_rows(), *bad]))
    assert done.exit_code == 1
    assert "1,500 of 2,900 rows cannot be used" in done.stdout


def test_a_log_of_nothing_usable_is_refused_with_one_word_of_why(folder):
    rows = [("yesterday", "v1", "view_item", "i1")] * 20
    done = check(write_csv(folder / "none.csv", rows=rows))
    assert done.exit_code == 1
    assert "20 of 20 rows cannot be used" in done.stdout


def test_repeats_and_visitors_that_never_come_back_are_doubts(folder):
    header = "event_id,ts,visitor_id,event,item_id"
    rows = [(f"e{n % 90}", START + n * DAY // 50, f"v{n}", "view_item", f"i{n % 9}") for n in range(100)]
    said = " ".join(found(write_csv(folder / "odd.csv", header, rows))[1]["odd"])
    assert "10 rows have the event_id of another one" in said
    assert "new with each event" in said


def test_items_that_the_catalogue_knows(folder):
    (folder / "items.csv").write_text("item_id,price\n" + "".join(f"i{n},1\n" for n in range(30)))
    _, said = found(write_csv(folder / "shop.csv"), "--items", folder / "items.csv")
    assert said["known_items"] == 30
    assert (
        "40 items, 30 of them in the catalogue"
        in check(folder / "shop.csv", "--items", folder / "items.csv").stdout
    )


def segment(number, event, **properties):
    return {
        "type": "track",
        "event": event,
        "messageId": f"m{number}",
        "anonymousId": f"a{number % 3}",
        "timestamp": f"2026-11-01T10:{number:02}:00Z",
        "properties": properties,
    }


def test_events_of_another_system_are_named_with_the_place_of_each_field(folder):
    events = [segment(n, "Product Viewed", product_id=f"p{n}", price=9.5) for n in range(5)]
    events.append(segment(6, "Order Completed", order_id="o1", products=[{"product_id": "p1", "price": 2}]))
    log = folder / "segment.jsonl"
    log.write_text("".join(json.dumps(event) + "\n" for event in events))
    status, said = found(log)
    assert (status, said["form"], said["trains"]) == (0, "segment", False)
    assert said["measures"]["events"] == {"view_item": 5, "purchase": 1}
    assert said["sources"]["visitor_id"] == ["anonymousId"]
    assert "properties.product_id" in said["sources"]["item_id"]


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("lesson_view", "view_item"),
        ("Produkt in cart", "add_to_cart"),
        ("order.paid", "purchase"),
        ("cancelled order", "refund"),
        ("heartbeat", None),
    ],
)
def test_guesses_of_events(name, event):
    assert guess(name) == event


def test_files_and_a_topic_exclude_each_other(folder):
    assert check().exit_code == 2
    assert check(write_csv(folder / "shop.csv"), "--topic", "clicks").exit_code == 2


def test_rows_are_used_or_refused_and_never_both(folder):
    rows = [(*row[:2], "sold" if n % 3 else row[2], row[3]) for n, row in enumerate(shop_rows())]
    rows += [("1999-12-31", "v-old", "view_item", "i-old"), (START, "v-sold", "sold", "i-sold")]
    _, said = found(write_csv(folder / "half.csv", rows=rows))
    measures = said["measures"]
    assert measures["clicks"] + said["unusable"] == said["rows"] == len(rows)
    assert sum(measures["events"].values()) == measures["clicks"]
    assert "sold" not in measures["events"]
    assert (measures["visitors"], measures["items"]) == (150, 40)
    assert measures["filled"]["item_id"] == measures["clicks"]


def test_a_guess_leaves_known_columns_and_lists_alone(folder):
    text = '"[{""sku"": ""P0"", ""price"": 5}]"'
    rows = [(f"0{1 + n % 9}.03.2026 08:01", f"a{n}", "u1", "purchase", text) for n in range(20)]
    log = write_csv(folder / "lists.csv", "Zeit,anonymous_id,user_id,event,goods", rows)
    status, said = found(log, "--map", "item_id=goods", "--fix", folder / "map.toml")
    assert (status, said["unusable"], said["measures"]["items"]) == (0, 0, 1)
    assert said["sources"]["ts"] == ["Zeit"]
    assert said["sources"]["visitor_id"] == ["anonymous_id"]
    assert said["measures"]["filled"]["price"] == 20
    written = tomllib.loads((folder / "map.toml").read_text())["columns"]
    assert "price" not in written
    (folder / "umlaut.csv").write_bytes(b"Titel," + log.read_bytes().replace(b"\n0", b"\nT\xfcr,0"))
    assert found(folder / "umlaut.csv", "--map", "item_id=goods")[1]["sources"]["ts"] == ["Zeit"]
    again = found(log, "--map", f"@{folder / 'map.toml'}")[1]
    assert again["measures"] == said["measures"]
