"""Logs of real shops on their way into a real topic."""

import gzip
import json
import re
import threading
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from kafka.partitioner.default import murmur2

from deploy.cli import main
from deploy.cluster.clients import consumer, drain, producer
from deploy.cluster.records import RecordSource
from deploy.cluster.replay import Pace, ReplayError, publish_items, replay
from models.contract.catalogue import Catalogue
from models.contract.decoder import Decoder
from models.contract.events import Click, Limits

SHIPPED = Path(__file__).parents[2] / "deploy" / "data" / "rees46_electronics.csv.gz"


def received(broker, topic):
    with consumer(broker) as client:
        return list(drain(client, topic))


def test_a_topic_that_is_not_there_is_named(broker):
    with pytest.raises(ReplayError, match=r"no topic 'nope'.*pathcast topics"):
        replay(broker, RecordSource(SHIPPED, limit=5), Pace(), "nope")


def test_every_row_of_the_shipped_log_is_a_valid_click_in_its_visitors_partition(broker, topics):
    report = replay(broker, RecordSource(SHIPPED, limit=5_000), Pace(), topics.clicks)
    assert (report.sent, report.failed, report.out_of_order) == (5_000, 0, 0)
    records = received(broker, topics.clicks)
    clicks = Decoder(Limits(), Catalogue()).decode(records)
    assert all(isinstance(click, Click) for click in clicks)
    assert len({click.event_id for click in clicks}) == 5_000
    assert {click.event for click in clicks} == {"view_item", "add_to_cart", "purchase"}
    assert all(record.partition == (murmur2(record.key) & 0x7FFFFFFF) % 4 for record in records)
    for record, click in zip(records, clicks, strict=True):
        assert dict(record.headers)["original-time"] == str(click.ts).encode()
        assert record.timestamp > click.ts  # stamped now, not in 2021


def test_each_visitors_events_keep_their_order(broker, topics):
    replay(broker, RecordSource(SHIPPED, limit=5_000), Pace(), topics.clicks)
    last: dict[bytes, int] = {}
    for record in received(broker, topics.clicks):
        row = int(json.loads(record.value)["event_id"].rsplit("-", 1)[1])
        assert last.get(record.key, -1) < row
        last[record.key] = row


def test_the_log_itself_gives_the_catalogue(broker, topics):
    count, kept = publish_items(broker, RecordSource(SHIPPED), None, topics.items)
    assert kept == 0
    catalogue = Catalogue()
    catalogue.apply((record.key, record.value) for record in received(broker, topics.items))
    assert catalogue.unreadable == 0
    assert len(catalogue) == count == pl.read_csv(SHIPPED)["product_id"].n_unique()
    assert catalogue["3829445"].brand == "gigabyte"
    assert catalogue["3829445"].category == "computers.components.videocards"


def test_a_log_never_takes_the_place_of_what_the_catalogue_says(broker, topics, tmp_path):
    shop, log = tmp_path / "items.csv", tmp_path / "log.csv"
    shop.write_text("item_id,price,stock,status\nsold,9,0,active\ngone,5,3,active\nhere,7,2,active\n")
    log.write_text(
        "ts,visitor_id,event,item_id,category,price\n"
        "2021-01-01T00:00:00Z,a,view_item,sold,mugs,8\n"
        "2021-01-01T00:00:01Z,a,view_item,gone,mugs,8\n"
        "2021-01-01T00:00:02Z,a,view_item,new,mugs,8\n"
    )
    assert publish_items(broker, RecordSource(log), shop, topics.items) == (3, 0)
    with producer(broker) as client:
        client.send(topics.items, key=b"gone").get(30)
    assert publish_items(broker, RecordSource(log), None, topics.items) == (1, 2)
    catalogue = Catalogue()
    catalogue.apply((record.key, record.value) for record in received(broker, topics.items))
    assert sorted(catalogue) == ["here", "new", "sold"]
    assert (catalogue["sold"].stock, catalogue["sold"].price, catalogue["new"].price) == (0, 9.0, 8.0)
    assert publish_items(broker, RecordSource(log), None, topics.items, replace=True) == (3, 0)
    catalogue.apply((record.key, record.value) for record in received(broker, topics.items))
    assert (catalogue["sold"].stock, catalogue["gone"].price) == (None, 8.0)


def test_what_does_not_fit_is_sent_as_it_is(broker, topics, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text(
        "event_time,event_type,user_session,product_id,price\n"
        "2021-01-01 00:00:00,view,a,1,9.5\n"
        "soon,view,b,2,9.5\n"
        "2021-01-01 00:00:02,teleport,c,3,cheap\n"
        "2021-01-01 00:00:03,view,,4,9.5\n"
    )
    report = replay(broker, RecordSource(log), Pace(), topics.clicks)
    assert (report.sent, report.failed) == (4, 0)
    sent = {json.loads(record.value)["item_id"]: record for record in received(broker, topics.clicks)}
    values = {item: json.loads(record.value) for item, record in sent.items()}
    # A made id says the file's content and the line.
    assert re.fullmatch(r"[0-9a-f]{16}-2", values["1"].pop("event_id"))
    assert values["1"] == {
        "visitor_id": "a",
        "ts": 1609459200000,
        "event": "view_item",
        "item_id": "1",
        "price": 9.5,
    }
    assert values["2"]["ts"] == "soon"
    assert sent["2"].headers == []
    assert (values["3"]["event"], values["3"]["price"]) == ("teleport", "cheap")
    assert sent["4"].key is None


def test_shifting_moves_times_and_ids_together(broker, topics, tmp_path):
    log = tmp_path / "log.jsonl.gz"
    rows = [
        {"event_id": f"e{n}", "visitor_id": "v", "ts": 1_600_000_000_000 + n, "event": "login"}
        for n in range(3)
    ]
    log.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    replay(broker, RecordSource(log, shift_to=1_700_000_000_000), Pace(), topics.clicks)
    records = received(broker, topics.clicks)
    values = [json.loads(record.value) for record in records]
    assert [value["ts"] for value in values] == [1_700_000_000_000 + n for n in range(3)]
    assert len({value["event_id"] for value in values} - {row["event_id"] for row in rows}) == 3
    assert [dict(record.headers)["original-time"] for record in records] == [
        str(row["ts"]).encode() for row in rows
    ]


@pytest.mark.parametrize(
    "options", [["--unthrottled"], ["--rate", "1000"], ["--speed", "1e9"], ["--speed", "1"]]
)
def test_what_is_shifted_to_now_is_never_in_the_future(broker, topics, monkeypatch, tmp_path, options):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("PATHCAST_TOPIC_ITEMS", topics.items)
    log = tmp_path / "log.csv"
    rows = [f"v,{1_600_000_000_000 + 500 * n},login" for n in range(4)]
    log.write_text("\n".join(["visitor_id,ts,event", *rows]))
    command = ["replay", str(log), "--topic", topics.clicks, "--shift-to-now", *options]
    CliRunner().invoke(main, command, catch_exceptions=False)
    records = received(broker, topics.clicks)
    apart = [json.loads(record.value)["ts"] - record.timestamp for record in records]
    assert len(apart) == 4
    assert max(apart) <= 0
    assert min(apart) > -60_000


def test_a_missing_topic_is_found_before_the_catalogue_is_published(broker, topics, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("PATHCAST_TOPIC_ITEMS", topics.items)
    refused = CliRunner().invoke(main, ["replay", str(SHIPPED), "--limit", "5", "--topic", "nope"])
    assert (refused.exit_code, received(broker, topics.items)) == (1, [])


def test_sort_brings_rows_into_order(broker, topics, tmp_path):
    log = tmp_path / "log.parquet"
    pl.DataFrame({"ts": [3, 1, 2], "visitor_id": "v", "event": "login"}).with_columns(
        pl.col("ts") + 1_600_000_000_000
    ).write_parquet(log)
    assert replay(broker, RecordSource(log), Pace(), topics.purchase_intent).out_of_order == 1
    assert replay(broker, RecordSource(log, sort=True), Pace(), topics.clicks).out_of_order == 0
    times = [json.loads(record.value)["ts"] % 10 for record in received(broker, topics.clicks)]
    assert times == [1, 2, 3]


def test_stop_ends_the_replay_and_what_was_sent_is_there(broker, topics):
    stop = threading.Event()

    def enough(report):
        if report.sent >= 2_000:
            stop.set()

    report = replay(broker, RecordSource(SHIPPED), Pace(), topics.clicks, enough, stop)
    assert 2_000 <= report.sent < 10_000
    assert len(received(broker, topics.clicks)) == report.sent


@pytest.mark.parametrize(
    "options", [["--unthrottled"], ["--rate", "100000"], ["--speed", "1e12", "--shift-to-now"]]
)
def test_command_line(broker, topics, monkeypatch, options):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    monkeypatch.setenv("PATHCAST_TOPIC_ITEMS", topics.items)
    done = CliRunner().invoke(
        main,
        ["replay", str(SHIPPED), "--limit", "500", "--topic", topics.clicks, *options],
        catch_exceptions=False,
    )
    assert "500 events sent" in done.output, done.output
    assert len(received(broker, topics.clicks)) == 500


def test_a_log_without_the_needed_columns_is_refused_by_name(broker, topics, monkeypatch, tmp_path):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
    log = tmp_path / "log.csv"
    log.write_text("when,who\n1,2\n")
    done = CliRunner().invoke(main, ["replay", str(log), "--topic", topics.clicks])
    assert done.exit_code == 1
    assert "no column for visitor_id, ts, event" in done.output
    assert "--map visitor_id=COLUMN" in done.output
