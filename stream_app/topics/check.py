"""The check that the topics are there, have one number of partitions, and are set as the records need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stream_app.errors import TopicMismatch
from stream_app.kafka_admin import admin_client, ask, silent, wait_for_broker
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.kafka_rights import Role, require_rights
from stream_app.topics.fit import SETTINGS, Topic, warnings
from stream_app.topics.growth import PartitionCounts, growth_commands
from stream_app.topics.names import TopicNames
from stream_app.topics.rights import rights_by_role
from stream_app.topics.specs import roles

if TYPE_CHECKING:
    from kafka import KafkaAdminClient


def check_topics(
    connection: KafkaConnection,
    *,
    names: TopicNames | None = None,
    needed: Sequence[str] | None = None,
    wait_seconds: float = 30.0,
    say: Callable[[str], None] = silent,
) -> int:
    """The number of partitions that all topics but the one of profiles have; ``needed``: those that must be there, for
    whoever may not see the others.

    Raises :class:`TopicMismatch` or BrokerUnreachable.
    """
    names = names or TopicNames()
    needed = needed or names.paired()
    counts = count_partitions(connection, names=names, needed=needed, wait_seconds=wait_seconds, say=say)
    require_count(connection, counts, counts[needed[0]], names)
    return counts[needed[0]]


def require_topic(
    connection: KafkaConnection,
    names: TopicNames,
    role: Role,
    *,
    wait_seconds: float = 30.0,
    say: Callable[[str], None] = silent,
) -> None:
    """The one topic of this role is there, and we may do with it what the role does.

    Raises BrokerUnreachable, RightsMissing or :class:`TopicMismatch`.
    """
    [right] = rights_by_role(names)[role]
    wait_for_broker(connection, wait_seconds, say=say)
    require_rights(connection, role, [right])
    count_partitions(connection, names=names, needed=[right.name])


def count_partitions(
    connection: KafkaConnection,
    *,
    names: TopicNames,
    needed: Sequence[str] | None = None,
    wait_seconds: float = 30.0,
    say: Callable[[str], None] = silent,
) -> PartitionCounts:
    """How many partitions each topic has. Raises :class:`TopicMismatch` where one is missing, or BrokerUnreachable."""
    wait_for_broker(connection, wait_seconds, say=say)
    counts = ask(connection, lambda admin: partition_counts(admin, names), wait_seconds)
    missing = [name for name in needed or names.paired() if name not in counts]
    if missing:
        raise TopicMismatch(
            f"The broker at {connection} has no topic {', '.join(missing)}.",
            kept="No topic was changed.",
            do_next=f"Create what is missing: stream-app topics create --kafka {connection}{names.prefix_option}.",
        )
    return counts


def partition_counts(admin: KafkaAdminClient, names: TopicNames) -> dict[str, int]:
    described = admin.describe_topics(list(names.all()))
    return {topic["name"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}


def require_count(connection: KafkaConnection, counts: PartitionCounts, partitions: int, names: TopicNames) -> None:
    """Raises TopicMismatch unless each topic has so many. Partitions can be added and never taken away."""
    paired = {name: counts[name] for name in names.paired() if name in counts}
    wrong = {name: count for name, count in paired.items() if count != partitions}
    if wrong:
        raise TopicMismatch(
            f"The topics need {partitions} partitions each, but "
            + ", ".join(f"{name} has {count}" for name, count in wrong.items())
            + ".",
            kept="No topic was changed.",
            do_next=_grow(connection, paired, partitions),
        )


def _grow(connection: KafkaConnection, counts: PartitionCounts, partitions: int) -> str:
    """What to do about topics of different sizes: the smaller ones grow to the largest, or to what was asked for."""
    largest = max(partitions, *counts.values())
    lines = growth_commands(connection, counts, largest)
    if not lines:
        return f"Ask for the number that is there: --partitions {largest}."
    asked = "" if largest == partitions else f" Then ask for --partitions {largest}."
    return f"Have the smaller ones grow (a request that is repeated later may then be decided again).{asked}{lines}"


def topic_warnings(connection: KafkaConnection, *, names: TopicNames | None = None) -> tuple[str, ...]:
    """A text for each setting of a topic that does not fit, with the command that mends it; none where all fit.

    Raises BrokerUnreachable where the broker does not tell: Tansu ends the connection, and on a secured cluster a right
    may lack.
    """
    names = names or TopicNames()
    with admin_client(connection) as admin:
        brokers = sorted(broker["broker_id"] for broker in admin.describe_cluster()["brokers"])
        topics = _topics(admin, names)
    return tuple(warnings(connection, roles(names), topics, brokers))


def _topics(admin: KafkaAdminClient, names: TopicNames) -> dict[str, Topic]:
    described = {topic["name"]: topic for topic in admin.describe_topics(list(names.all())) if topic["error_code"] == 0}
    settings = _settings(admin, list(described))
    return {name: Topic(name, _replicas(topic), settings[name]) for name, topic in described.items()}


def _settings(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    from kafka.admin import ConfigResource  # noqa: PLC0415

    asked = [ConfigResource("TOPIC", name, list(SETTINGS)) for name in names]
    described = admin.describe_configs(asked, config_filter="all")["topic"]
    return {name: {key: entry["value"] for key, entry in described[name].items()} for name in names}


def _replicas(described: Mapping[str, Any]) -> dict[int, list[int]]:
    return {partition["partition_index"]: partition["replica_nodes"] for partition in described["partitions"]}
