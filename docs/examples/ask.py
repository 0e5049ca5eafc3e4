"""Send clicks of one visitor, and print what is answered to each: `python ask.py VISITOR EVENT:ITEM ...`

Any Kafka client does: JSON to the topic `clicks`, keyed by the visitor; answers come on three topics.
"""

import json
import os
import sys
import time
import uuid

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

if len(sys.argv) < 3:
    sys.exit("give a visitor and at least one click: ask.py VISITOR EVENT:ITEM ...")
visitor, *path = sys.argv[1:]
port = os.environ.get("PATHCAST_BROKER_PORT") or "9092"
address = os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or f"127.0.0.1:{port}"
kafka = {"bootstrap_servers": address, "bootstrap_timeout_ms": 5_000}

# `read_committed` is what makes answers exactly once for you as well. They are read from here on: the topics
# still hold those of earlier runs.
try:
    reader = KafkaConsumer(**kafka, isolation_level="read_committed", consumer_timeout_ms=60_000)
except (KafkaError, OSError, ValueError) as error:
    sys.exit(f"no Kafka answers at {address} ({error}): pathcast broker start, or KAFKA_BOOTSTRAP_SERVERS")
topics = ("purchase-intent", "recommendations", "ad-decisions")
partitions = {topic: reader.partitions_for_topic(topic) for topic in ("clicks", *topics)}
missing = [topic for topic, numbers in partitions.items() if not numbers]
if missing:
    sys.exit(f"Kafka at {address} has no topic {', '.join(missing)}: create it with `pathcast topics`")
reader.assign([TopicPartition(topic, number) for topic in topics for number in partitions[topic]])
reader.seek_to_end()
for partition in reader.assignment():
    reader.position(partition)

clicks = []
producer = KafkaProducer(**kafka)
for step in path:
    event, _, item = step.partition(":")
    # Ids are new in every run: an `event_id` that was seen before counts as a repeat, and is not answered.
    click = {"event_id": str(uuid.uuid4()), "visitor_id": visitor, "ts": int(time.time() * 1000)}
    clicks.append(click | {"event": event, "item_id": item})
    producer.send("clicks", key=visitor.encode(), value=json.dumps(clicks[-1]).encode())
producer.close()

answers: dict[str, dict[str, dict]] = {click["event_id"]: {} for click in clicks}
while any(len(found) < len(topics) for found in answers.values()):
    record = next(reader, None)
    if record is None:
        sys.exit("no answer within a minute: start a worker with `pathcast worker`")
    answer = json.loads(record.value)
    if answer["event_id"] in answers:
        answers[answer["event_id"]][record.topic] = answer
reader.close()

for click in clicks:
    intent, items, decision = (answers[click["event_id"]][topic] for topic in topics)
    likely = ", ".join(one["item_id"] for one in items["items"][:4]) or "nothing yet"
    print(f"{visitor} {click['event']} {click['item_id']}, answered by {intent['rung']}:")
    print(f"  buys in this session: {intent['purchase_probability']:.1%}")
    print(f"  likely next: {likely}; to be shown: {decision['action']}")
