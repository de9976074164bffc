"""The broker and topics the demo runs on: a broker of its own, or topics of its own on an existing broker."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator

import msgspec

from stream_app.broker import Choice, start_broker
from stream_app.errors import BrokerUnreachable
from stream_app.kafka_admin import admin_client
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import TopicNames, create_topics, wait_for_broker

_CLEANUP_SECONDS = 5.0

Say = Callable[[str], None]


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A broker with the demo's topics, and how its clients are configured there; times in seconds.

    ``description``: of the broker, for people. ``fetch_wait_seconds``: how long it may hold an empty fetch. The
    defaults suit Apache Kafka.
    """

    connection: KafkaConnection
    description: str
    prefix: str = ""
    partitions: int = 4
    guarantee: str = "exactly_once"
    fetch_wait_seconds: float = 0.5
    rebalance_timeout_seconds: float = 20.0
    pace_step_seconds: float = 0.001

    @property
    def names(self) -> TopicNames:
        return TopicNames.prefixed(self.prefix)

    @property
    def group(self) -> str:
        """The scorer's consumer group."""
        return f"{self.prefix}loan-scorer"

    @property
    def monitor_group(self) -> str:
        """The monitor's consumer group."""
        return f"{self.prefix}loan-monitor"


@contextlib.contextmanager
def own_broker(engine: Choice, say: Say) -> Iterator[Environment]:
    """A broker that ends with the block, with the topics on it. Raises BrokerStartFailed."""
    say(f"Starting a broker (engine: {engine}).")
    with start_broker(engine, say=say) as broker:
        environment = _tuned(
            Environment(connection=KafkaConnection(broker.bootstrap), description=broker.description), broker.engine
        )
        create_topics(environment.connection, environment.partitions, names=environment.names)
        yield environment


@contextlib.contextmanager
def existing_broker(connection: KafkaConnection, engine: Choice, say: Say) -> Iterator[Environment]:
    """Topics and groups of the demo's own on an existing broker, deleted at the end of the block.

    ``engine``: what runs there, which the protocol does not tell; ``auto`` is taken for Apache Kafka. Raises
    BrokerUnreachable or TopicMismatch.
    """
    prefix = f"demo-{secrets.token_hex(4)}."
    environment = _tuned(Environment(connection=connection, description="An existing broker.", prefix=prefix), engine)
    wait_for_broker(connection, say=say)
    say(f"Using the broker at {connection}; its own topics stay untouched: the demo's begin with {prefix!r}.")
    try:
        create_topics(connection, environment.partitions, names=environment.names)
        yield environment
    finally:
        _delete(environment, say)


def _tuned(environment: Environment, engine: Choice) -> Environment:
    """The environment with the waiting times and the guarantee of its engine."""
    if engine != "tansu":
        return environment
    # Tansu waits out every empty fetch and every rebalance, and a fetch slows with each batch it holds.
    return msgspec.structs.replace(
        environment,
        guarantee="at_least_once",  # it has no transactions
        fetch_wait_seconds=0.005,
        rebalance_timeout_seconds=3.0,
        pace_step_seconds=0.05,
    )


def _delete(environment: Environment, say: Say) -> None:
    """Delete the topics and the groups, as far as the broker lets us."""
    try:
        with admin_client(environment.connection, _CLEANUP_SECONDS) as admin:
            admin.delete_topics(list(environment.names.all()))
            admin.delete_groups([environment.group, environment.monitor_group])
    except BrokerUnreachable:
        say(f"The broker did not let the demo delete its topics; delete those that begin with {environment.prefix!r}.")
