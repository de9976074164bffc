"""Creating and checking topics on real brokers."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence

import pytest
from click.testing import CliRunner
from kafka import KafkaProducer
from kafka.admin import ConfigResource
from kafka.errors import MessageSizeTooLargeError

from stream_app.broker import Broker
from stream_app.broker.ports import free_ports
from stream_app.commands.topics import command
from stream_app.errors import BrokerUnreachable, SettingsError, TopicMismatch
from stream_app.kafka_admin import admin_client
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import BATCH_BYTES, TopicNames, check_topics, create_topics, wait_for_broker
from tests.builders.record_batches import batch, produce, varint

MIB = 1024 * 1024


def send(
    broker: Broker,
    topic: str,
    value: bytes,
    *,
    headers: Sequence[tuple[str, bytes]] = (),
) -> None:
    """One record by a producer of its own: kafka-python's is of no use after a refused record."""
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, max_request_size=9 * BATCH_BYTES)
    try:
        producer.send(topic, value, headers=list(headers)).get(30)
    finally:
        producer.close()


def test_creating_twice_is_creating_once(broker: Broker, topic_names: TopicNames) -> None:
    assert create_topics(KafkaConnection(broker.bootstrap), 3, names=topic_names) == topic_names.all()
    assert create_topics(KafkaConnection(broker.bootstrap), 3, names=topic_names) == ()
    assert check_topics(KafkaConnection(broker.bootstrap), names=topic_names) == 3


def test_an_existing_topic_with_another_partition_count_is_named_and_nothing_is_created(
    broker: Broker, topic_names: TopicNames
) -> None:
    with admin_client(KafkaConnection(broker.bootstrap)) as admin:
        wrong = {topic_names.drift: {"num_partitions": 2, "replication_factor": 1}}
        admin.create_topics(wrong, wait_for_metadata=True)
    grow = rf"kafka-topics.sh --bootstrap-server {broker.bootstrap} --alter --topic {topic_names.drift} --partitions 4"
    with pytest.raises(TopicMismatch, match=rf"(?s)4 partitions each, but {topic_names.drift} has 2.*{grow}$"):
        create_topics(KafkaConnection(broker.bootstrap), 4, names=topic_names)
    with pytest.raises(TopicMismatch, match=r"Ask for the number that is there: --partitions 2"):
        create_topics(KafkaConnection(broker.bootstrap), 1, names=topic_names)
    with pytest.raises(TopicMismatch, match=f"no topic {topic_names.requests}"):
        check_topics(KafkaConnection(broker.bootstrap), names=topic_names)


def test_topics_that_differ_among_themselves_are_refused(broker: Broker, topic_names: TopicNames) -> None:
    counts = dict.fromkeys(topic_names.all(), 2) | {topic_names.outcomes: 5}
    with admin_client(KafkaConnection(broker.bootstrap)) as admin:
        topics = {name: {"num_partitions": count, "replication_factor": 1} for name, count in counts.items()}
        admin.create_topics(topics, wait_for_metadata=True)
    with pytest.raises(TopicMismatch, match=f"{topic_names.outcomes} has 5") as refused:
        check_topics(KafkaConnection(broker.bootstrap), names=topic_names)
    grown = [line.split()[-3:] for line in str(refused.value).splitlines() if "kafka-topics.sh" in line]
    smaller = [name for name in topic_names.paired() if name != topic_names.outcomes]
    assert sorted(grown) == sorted([name, "--partitions", "5"] for name in smaller)


def test_the_command_tells_what_it_created_and_what_was_there(broker: Broker, topic_names: TopicNames) -> None:
    prefix = topic_names.requests.removesuffix("loan.requests")
    create = ["create", "--kafka", broker.bootstrap, "--topic-prefix", prefix, "--partitions", "2"]
    first, again = (CliRunner().invoke(command, create).stdout.splitlines() for _ in range(2))
    assert first == [f"{name}: 2 partitions, created" for name in topic_names.all()]
    assert again == [f"{name}: 2 partitions, was there" for name in topic_names.all()]
    checked = CliRunner().invoke(command, ["check", "--kafka", broker.bootstrap, "--topic-prefix", prefix])
    assert checked.stdout == f"{', '.join(topic_names.paired())}: 2 partitions each\n"
    said = [line.split(". ")[0] for line in checked.stderr.splitlines()]
    assert said == ["Nobody looked at the topics' settings"] * (broker.engine == "tansu")


@pytest.mark.kafka
def test_the_commands_that_the_check_prints_mend_what_it_found(kafka_broker: Broker, topic_names: TopicNames) -> None:
    """Kafka's own defaults for three topics, and what loses or stops records for three."""
    settings = {name: dict[str, str]() for name in topic_names.all()} | {
        topic_names.requests: {"compression.type": "zstd"},
        topic_names.decisions: {"min.insync.replicas": "2", "cleanup.policy": "compact", "max.message.bytes": "1000"},
        topic_names.outcomes: {"retention.ms": "1000", "retention.bytes": "1000"},
    }
    with admin_client(KafkaConnection(kafka_broker.bootstrap)) as admin:
        topics = {name: {"num_partitions": 2, "replication_factor": 1, "configs": settings[name]} for name in settings}
        admin.create_topics(topics, wait_for_metadata=True)
    check = [
        *["check", "--kafka", kafka_broker.bootstrap, "--topic-prefix"],
        topic_names.requests.removesuffix("loan.requests"),
    ]
    found = CliRunner().invoke(command, check)
    commands = [line.split() for line in found.stderr.splitlines() if line.startswith("  kafka-configs.sh")]
    assert (found.exit_code, [words[-1] for words in commands]) == (
        0,
        [
            "compression.type=producer",
            "cleanup.policy=delete",
            "max.message.bytes=1048588",
            "min.insync.replicas=1",
            "retention.ms=604800000",
            "retention.bytes=-1",
            "cleanup.policy=compact",
            "cleanup.policy=compact",
            "delete.retention.ms=2592000000",
        ],
    )
    with admin_client(KafkaConnection(kafka_broker.bootstrap)) as admin:
        for words in commands:
            name, changed = words[words.index("--entity-name") + 1], words[-1].split("=")
            admin.alter_configs([ConfigResource("TOPIC", name, {changed[0]: changed[1]})])
    mended = CliRunner().invoke(command, check)
    assert (mended.exit_code, mended.stderr) == (0, "")


@pytest.mark.kafka
def test_what_does_not_fit_is_said_of_topics_that_are_missing_too(
    kafka_broker: Broker, topic_names: TopicNames
) -> None:
    compacted = {"num_partitions": 2, "replication_factor": 1, "configs": {"cleanup.policy": "compact"}}
    with admin_client(KafkaConnection(kafka_broker.bootstrap)) as admin:
        admin.create_topics({topic_names.decisions: compacted}, wait_for_metadata=True)
    prefix = topic_names.requests.removesuffix("loan.requests")
    found = CliRunner().invoke(command, ["check", "--kafka", kafka_broker.bootstrap, "--topic-prefix", prefix])
    assert isinstance(found.exception, TopicMismatch)
    assert "cleanup.policy=compact does not fit" in found.stderr


def test_the_topic_of_profiles_may_have_another_partition_count_and_is_no_part_of_the_check(
    broker: Broker, topic_names: TopicNames
) -> None:
    with admin_client(KafkaConnection(broker.bootstrap)) as admin:
        admin.create_topics(
            {topic_names.clients: {"num_partitions": 1, "replication_factor": 1}}, wait_for_metadata=True
        )
    assert create_topics(KafkaConnection(broker.bootstrap), 3, names=topic_names) == topic_names.paired()
    assert check_topics(KafkaConnection(broker.bootstrap), names=topic_names) == 3


@pytest.mark.kafka
def test_a_drift_topic_that_was_there_is_compacted_from_then_on(kafka_broker: Broker, topic_names: TopicNames) -> None:
    def policy() -> str:
        asked = ConfigResource("TOPIC", topic_names.drift, ["cleanup.policy"])
        with admin_client(KafkaConnection(kafka_broker.bootstrap)) as admin:
            described = admin.describe_configs([asked], config_filter="all")
        value: str = described["topic"][topic_names.drift]["cleanup.policy"]["value"]
        return value

    with admin_client(KafkaConnection(kafka_broker.bootstrap)) as admin:
        topics = {topic_names.drift: {"num_partitions": 3, "replication_factor": 1}}
        admin.create_topics(topics, wait_for_metadata=True)
    assert policy() == "delete"
    create_topics(KafkaConnection(kafka_broker.bootstrap), 3, names=topic_names)
    assert policy() == "compact"


@pytest.mark.kafka
def test_the_largest_request_and_its_headers_fit_into_the_rejections(
    kafka_broker: Broker, topic_names: TopicNames
) -> None:
    create_topics(KafkaConnection(kafka_broker.bootstrap), 1, names=topic_names)
    largest, headers = b"x" * (BATCH_BYTES - 100), [("reason", b"x" * 2_000)]
    send(kafka_broker, topic_names.requests, largest)
    with pytest.raises(MessageSizeTooLargeError):
        send(kafka_broker, topic_names.requests, largest, headers=headers)
    send(kafka_broker, topic_names.rejections, largest, headers=headers)


@pytest.mark.kafka
@pytest.mark.slow
def test_a_small_batch_that_inflates_to_more_than_the_brokers_heap_does_not_end_the_broker(
    kafka_broker: Broker, topic_names: TopicNames
) -> None:
    create_topics(KafkaConnection(kafka_broker.bootstrap), 1, names=topic_names)
    compressor, size = zlib.compressobj(9, wbits=31), 900 * MIB
    head = b"\0" + varint(0) + varint(0) + varint(-1) + varint(size)
    inflated = [varint(len(head) + size + 1), head, *[bytes(MIB)] * 900, varint(0)]
    body = b"".join(map(compressor.compress, inflated)) + compressor.flush()
    for offset in range(3):
        assert produce(kafka_broker.bootstrap, topic_names.requests, 0, batch([b""], codec=1, body=body)) == offset


@pytest.mark.kafka
def test_more_replicas_than_brokers_is_refused_in_the_brokers_own_words(
    kafka_broker: Broker, topic_names: TopicNames
) -> None:
    with pytest.raises(TopicMismatch, match=r"refused to create .*replicat.*fewer replicas"):
        create_topics(KafkaConnection(kafka_broker.bootstrap), 2, replication=3, names=topic_names)


def test_an_unreachable_broker_is_waited_for_with_a_message_and_fails_in_the_stated_time() -> None:
    [nobody] = free_ports(1)
    said: list[str] = []
    started = time.monotonic()
    with pytest.raises(BrokerUnreachable, match=rf"127\.0\.0\.1:{nobody} within 6 s"):
        wait_for_broker(KafkaConnection(f"127.0.0.1:{nobody}"), 6, say=said.append)
    assert 6 <= time.monotonic() - started < 8
    assert len(said) == 1


@pytest.mark.parametrize("address", ["", "localhost", "host:port", "a:1,b", ":9092", "a:70000"])
def test_an_address_that_is_not_host_and_port_is_refused_at_once(address: str) -> None:
    with pytest.raises(SettingsError, match="HOST:PORT"):
        check_topics(KafkaConnection(address))
