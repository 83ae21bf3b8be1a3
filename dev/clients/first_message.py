"""A first message from Python: writes a request to an API topic, waits for its terminal report and prints it.

  python first_message.py --bootstrap HOST:PORT --registry URL [--lane REALTIME] [REQUEST.json]
  python first_message.py --value FILE --registry URL [--lane REALTIME] [REQUEST.json]

The second writes the value to FILE as it stands in the topic, framed, for a client that knows no Avro; it prints the key.
REQUEST.json holds the fields of a SendRequest; the default is the example of an AT (알림톡) message. It gets a new
message_id, because one is good for a single message a day. Schemas come from the registry, where IMS registers them.
Needs confluent-kafka[avro]. Exit code 0: the message was delivered; 1: it was not, or no report came in time.
"""

import argparse
import json
import sys
import time
import uuid
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

EXAMPLE = Path(__file__).parents[2] / "schemas" / "examples" / "requests" / "at.json"


def consumer_from_now(bootstrap, topic):
    """A consumer of all partitions that starts at their present ends: what comes later, it sees."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"first-message-{uuid.uuid4()}"})
    found = consumer.list_topics(topic, timeout=10).topics[topic]
    if found.error:
        sys.exit(f"{topic}: {found.error.str()}; create the topics with `ims topics create`")
    partitions = [TopicPartition(topic, partition) for partition in found.partitions]
    for partition in partitions:
        _, partition.offset = consumer.get_watermark_offsets(partition, timeout=10)
    consumer.assign(partitions)
    return consumer


def request_of(path):
    """The request of a file, under a new id."""
    return json.loads(path.read_text(encoding="utf-8")) | {"message_id": f"PY-{uuid.uuid4().hex[:20]}"}


def serialized(registry, topic, request):
    # The newest registered schema of the topic, and never a new one: the contract is not a producer's to change.
    serialize = AvroSerializer(registry, conf={"auto.register.schemas": False, "use.latest.version": True})
    return serialize(request, SerializationContext(topic, MessageField.VALUE))


def send(bootstrap, registry, topic, request):
    value = serialized(registry, topic, request)
    # Places keys as Java's clients do, so that all clients agree on a key's partition.
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "partitioner": "murmur2_random"})
    failures = []
    producer.produce(topic, key=request["message_id"], value=value, on_delivery=lambda error, _: failures.append(error))
    if producer.flush(30) or any(failures):
        sys.exit(f"{topic}: Kafka did not confirm the request: {failures}")


def terminal_report(consumer, registry, request, timeout_s):
    deserialize = AvroDeserializer(registry)
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        record = consumer.poll(0.5)
        if record is None or record.error():
            continue
        report = deserialize(record.value(), SerializationContext(record.topic(), MessageField.VALUE))
        ours = (report["service_key"], report["message_id"]) == (request["service_key"], request["message_id"])
        if ours and report["terminal"]:
            return report
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    to = parser.add_mutually_exclusive_group(required=True)
    to.add_argument("--bootstrap", metavar="HOST:PORT")
    to.add_argument("--value", type=Path, metavar="FILE")
    parser.add_argument("--registry", required=True, metavar="URL")
    parser.add_argument("--lane", choices=("AUTH", "REALTIME", "MASS", "AD"), default="REALTIME")
    parser.add_argument("--timeout-s", type=float, default=30)
    parser.add_argument("request", nargs="?", type=Path, default=EXAMPLE)
    arguments = parser.parse_args()

    request = request_of(arguments.request)
    registry = SchemaRegistryClient({"url": arguments.registry})
    topic = f"API-{arguments.lane}"
    if arguments.value:
        arguments.value.write_bytes(serialized(registry, topic, request))
        print(request["message_id"])
        return
    consumer = consumer_from_now(arguments.bootstrap, f"REPORT-{request['channel']}")
    send(arguments.bootstrap, registry, topic, request)
    report = terminal_report(consumer, registry, request, arguments.timeout_s)
    consumer.close()
    if report is None:
        sys.exit(f"no terminal report for {request['message_id']} within {arguments.timeout_s} s; does `ims run` run?")
    print(json.dumps(report, ensure_ascii=False, indent=2, default=str))
    sys.exit(report["state"] != "DELIVERED")


if __name__ == "__main__":
    main()
