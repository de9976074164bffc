"""Which settings of a topic do not fit, and the command that mends each."""

from __future__ import annotations

import json
import shlex

import pytest

from stream_app.kafka_connection.connection import KafkaConnection, Sasl
from stream_app.topics import TopicNames, roles, topic_specs
from stream_app.topics.fit import Topic, misfits, warnings
from stream_app.topics.kafka_commands import add_partitions

NAMES = TopicNames()
CONNECTION = KafkaConnection("a:1,b:2")
DEFAULTS = {
    "cleanup.policy": "delete",
    "compression.type": "producer",
    "delete.retention.ms": "86400000",
    "max.message.bytes": "1048588",
    "message.timestamp.type": "CreateTime",
    "min.insync.replicas": "1",
    "retention.bytes": "-1",
    "retention.ms": "604800000",
}
"""Apache Kafka's own."""

ROLES = roles(NAMES)


def topic(name: str, replication: int = 1, **changed: str) -> Topic:
    """As `topics create` makes it, with these settings changed."""
    [made] = [spec.config for spec in topic_specs(NAMES, 2, replication) if spec.name == name]
    settings = {setting.replace("_", "."): value for setting, value in changed.items()}
    replicas = {partition: list(range(1, replication + 1)) for partition in range(2)}
    return Topic(name, replicas, DEFAULTS | made | settings)


@pytest.mark.parametrize("replication", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES.all())
def test_topics_as_we_create_them_fit(name: str, replication: int) -> None:
    made = topic(name, replication)
    assert list(warnings(CONNECTION, ROLES, {name: made}, list(range(1, replication + 1)))) == []


MISFITS = [
    ("loan.requests", 1, {"cleanup_policy": "compact"}, "cleanup.policy", "delete"),
    ("loan.requests", 1, {"cleanup_policy": "compact,delete"}, "cleanup.policy", "delete"),
    ("loan.decisions", 1, {"cleanup_policy": "compact"}, "cleanup.policy", "delete"),
    ("loan.outcomes", 1, {"cleanup_policy": "compact"}, "cleanup.policy", "delete"),
    ("loan.drift", 1, {"cleanup_policy": "delete"}, "cleanup.policy", "compact"),
    ("loan.requests", 1, {"compression_type": "uncompressed"}, "compression.type", "producer"),
    ("loan.clients", 1, {"delete_retention_ms": "86400000"}, "delete.retention.ms", "2592000000"),
    ("loan.requests", 1, {"max_message_bytes": "65535"}, "max.message.bytes", "1048588"),
    ("loan.decisions", 1, {"max_message_bytes": "524287"}, "max.message.bytes", "1048588"),
    ("loan.rejections", 1, {"max_message_bytes": "1000000"}, "max.message.bytes", "1048588"),
    ("loan.drift", 1, {"max_message_bytes": "1000"}, "max.message.bytes", "1048588"),
    ("loan.requests", 1, {"message_timestamp_type": "LogAppendTime"}, "message.timestamp.type", "CreateTime"),
    ("loan.decisions", 3, {"min_insync_replicas": "4"}, "min.insync.replicas", "2"),
    ("loan.decisions", 1, {"min_insync_replicas": "2"}, "min.insync.replicas", "1"),
    ("loan.decisions", 3, {"min_insync_replicas": "3"}, "min.insync.replicas", "2"),
    ("loan.rejections", 3, {"min_insync_replicas": "1"}, "min.insync.replicas", "2"),
    ("loan.requests", 1, {"retention_ms": "3600000"}, "retention.ms", "604800000"),
    ("loan.outcomes", 1, {"retention_ms": "3600000"}, "retention.ms", "604800000"),
    ("loan.decisions", 1, {"retention_bytes": "1000000"}, "retention.bytes", "-1"),
]


@pytest.mark.parametrize(("name", "replication", "changed", "setting", "value"), MISFITS)
def test_each_setting_that_loses_or_stops_records_is_named_with_one_that_fits(
    name: str, replication: int, changed: dict[str, str], setting: str, value: str
) -> None:
    found = topic(name, replication, **changed)
    assert [(misfit.setting, misfit.value) for misfit in misfits(found, ROLES[name])] == [(setting, value)]
    mended = Topic(name, found.replicas, {**found.settings, setting: value})
    assert list(misfits(mended, ROLES[name])) == []


FITS = [
    ("loan.requests", {"retention_ms": "-1"}),
    ("loan.requests", {"retention_ms": "86400000"}),
    ("loan.decisions", {"compression_type": "zstd"}),
    ("loan.decisions", {"message_timestamp_type": "LogAppendTime"}),
    ("loan.drift", {"retention_ms": "1"}),
    ("loan.drift", {"cleanup_policy": "compact,delete"}),
    ("loan.rejections", {"retention_ms": "3600000", "retention_bytes": "1000000"}),
]


@pytest.mark.parametrize(("name", "changed"), FITS)
def test_what_costs_nothing_is_no_misfit(name: str, changed: dict[str, str]) -> None:
    assert list(misfits(topic(name, 1, **changed), ROLES[name])) == []


def test_a_setting_that_the_broker_does_not_know_is_passed_over() -> None:
    assert list(misfits(Topic("loan.requests", {0: [1]}, {}), ROLES["loan.requests"])) == []


def test_the_warning_says_why_and_ends_with_the_command() -> None:
    [warning] = warnings(CONNECTION, ROLES, {"loan.requests": topic("loan.requests", cleanup_policy="compact")}, [1])
    assert warning.splitlines() == [
        "loan.requests: cleanup.policy=compact does not fit: the keys are client ids: compaction deletes a client's "
        "older request unread.",
        "  kafka-configs.sh --bootstrap-server a:1,b:2 --alter --entity-type topics --entity-name loan.requests "
        "--add-config cleanup.policy=delete",
    ]


def test_a_topic_with_fewer_replicas_than_there_could_be_gets_a_plan_that_moves_none_of_them() -> None:
    [warning] = warnings(CONNECTION, ROLES, {"loan.drift": topic("loan.drift")}, [1, 2, 3, 4])
    words = shlex.split(warning.splitlines()[1])
    plan = json.loads(words[1])["partitions"]
    assert [(part["partition"], part["replicas"]) for part in plan] == [(0, [1, 2, 3]), (1, [1, 2, 3])]
    assert words[-3:] == ["--reassignment-json-file", "loan.drift.json", "--execute"]


def test_on_a_secured_cluster_the_command_reads_credentials_from_a_file() -> None:
    secured = KafkaConnection("a:1", sasl=Sasl("PLAIN", "me", "secret"))
    command = add_partitions(secured, "loan.requests", 8)
    assert command == (
        "kafka-topics.sh --bootstrap-server a:1 --command-config client.properties --alter --topic loan.requests "
        "--partitions 8"
    )
