"""``stream-app topics``: create or check the topics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from stream_app.commands.options import broker_options, connection_to, to_stderr
from stream_app.commands.suggestions import Group
from stream_app.errors import BrokerUnreachable

if TYPE_CHECKING:
    from stream_app.kafka_connection.connection import KafkaConnection
    from stream_app.topics import TopicNames


@click.group("topics", cls=Group)
def command() -> None:
    """Create or check the topics; all but that of client profiles must share one partition count."""


@command.command("create")
@broker_options
@click.option("--partitions", type=click.IntRange(1), default=4, show_default=True, help="Partitions of each topic.")
@click.option("--replication", type=click.IntRange(1), default=1, show_default=True, help="Copies of each partition.")
def create(kafka: str | None, topic_prefix: str, broker_wait_seconds: float, partitions: int, replication: int) -> None:
    """Create the topics that are missing; run it as often as you like.

    Settings that do not fit are printed as warnings, each with the command that mends it; the status stays 0.
    """
    from stream_app.topics import TopicNames, create_topics

    names, connection = TopicNames.prefixed(topic_prefix), connection_to(kafka)
    created = create_topics(
        connection, partitions, replication, names=names, wait_seconds=broker_wait_seconds, say=to_stderr
    )
    for name in names.all():
        click.echo(f"{name}: {partitions} partitions, {'created' if name in created else 'was there'}")
    _warn_of_settings(connection, names)


@command.command("check")
@broker_options
def check(kafka: str | None, topic_prefix: str, broker_wait_seconds: float) -> None:
    """Check that the topics exist, share one partition count, and are set as the records need.

    Looks at compression.type, max.message.bytes, cleanup.policy, retention (of nulls too), min.insync.replicas,
    replicas and the type of time stamps. What does not fit is a warning with the command that mends it; the status
    stays 0.
    """
    from stream_app.kafka_rights import require_rights
    from stream_app.topics import TopicNames, check_topics, rights_by_role, wait_for_broker

    names, connection = TopicNames.prefixed(topic_prefix), connection_to(kafka)
    wait_for_broker(connection, broker_wait_seconds, say=to_stderr)
    rights = rights_by_role(names)["operator"]
    require_rights(connection, "operator", (right for right in rights if right.operation.startswith("Describe")))
    _warn_of_settings(connection, names)  # first: of topics that are too small they are said, too
    partitions = check_topics(connection, names=names, wait_seconds=broker_wait_seconds)
    click.echo(f"{', '.join(names.paired())}: {partitions} partitions each")


def _warn_of_settings(connection: KafkaConnection, names: TopicNames) -> None:
    from stream_app.topics import topic_warnings

    try:
        for warning in topic_warnings(connection, names=names):
            to_stderr(warning)
    except BrokerUnreachable as fault:
        to_stderr(f"Nobody looked at the topics' settings. {fault.happened}")
