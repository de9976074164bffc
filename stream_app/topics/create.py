"""Creates the topics that are missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stream_app.errors import TopicMismatch
from stream_app.kafka_admin import admin_client, silent, wait_for_broker
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.kafka_rights import Right, require_rights, rights_missing
from stream_app.topics.check import partition_counts, require_count
from stream_app.topics.names import TopicNames
from stream_app.topics.rights import rights_by_role
from stream_app.topics.specs import COMPACTED, TopicSpec, topic_specs

if TYPE_CHECKING:
    from kafka import KafkaAdminClient


def create_topics(
    connection: KafkaConnection,
    partitions: int = 4,
    replication: int = 1,
    *,
    names: TopicNames | None = None,
    wait_seconds: float = 30.0,
    say: Callable[[str], None] = silent,
) -> tuple[str, ...]:
    """Creates what is missing and gives the names created; what exists must have ``partitions`` partitions, but for the
    topic of client profiles. A drift topic that is there is compacted from now on.

    Nothing is created if an existing topic does not fit. Raises :class:`TopicMismatch`, RightsMissing or
    BrokerUnreachable.
    """
    names = names or TopicNames()
    wait_for_broker(connection, wait_seconds, say=say)
    require_rights(connection, "operator", rights_by_role(names)["operator"])
    with admin_client(connection, wait_seconds) as admin:
        counts = partition_counts(admin, names)
        require_count(connection, counts, partitions, names)
        if names.drift in counts:
            _compact(admin, names.drift)
        missing = [spec for spec in topic_specs(names, partitions, replication) if spec.name not in counts]
        if missing:
            _create(connection, admin, missing)
            require_count(connection, partition_counts(admin, names), partitions, names)  # another may have been first
    return tuple(spec.name for spec in missing)


def _compact(admin: KafkaAdminClient, topic: str) -> None:
    from kafka.admin import ConfigResource  # noqa: PLC0415

    # An unknown setting would be asked for by describing the topic, at which Tansu closes the connection.
    admin.alter_configs([ConfigResource("TOPIC", topic, COMPACTED)], raise_on_unknown=False)


def _create(connection: KafkaConnection, admin: KafkaAdminClient, specs: list[TopicSpec]) -> None:
    wanted = {
        spec.name: {
            "num_partitions": spec.partitions,
            "replication_factor": spec.replication,
            "configs": spec.config,
        }
        for spec in specs
    }
    answer = admin.create_topics(wanted, raise_errors=False)
    _raise_refusals(connection, answer["topics"])
    admin.wait_for_topics(list(wanted))


def _raise_refusals(connection: KafkaConnection, answers: list[dict[str, Any]]) -> None:
    from kafka import errors  # noqa: PLC0415

    refused = [topic["name"] for topic in answers if topic["error_code"] == errors.TopicAuthorizationFailedError.errno]
    if refused:
        raise rights_missing(connection, "operator", [Right("Create", "topic", name) for name in refused])
    fine = {errors.NoError.errno, errors.TopicAlreadyExistsError.errno}
    for topic in answers:
        if topic["error_code"] not in fine:
            reason = topic.get("error_message") or errors.for_code(topic["error_code"]).__name__
            raise TopicMismatch(
                f"The broker refused to create {topic['name']}: {reason}",
                kept="Topics it created before stay.",
                do_next="Ask for fewer replicas or partitions, or correct what the broker names, and run it again.",
            )
