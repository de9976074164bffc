"""The broker and topics the demo runs on: a broker of its own, or topics of its own on an existing broker."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from models.contract import Contract
from stream_app.broker import Choice, start_broker
from stream_app.errors import BrokerUnreachable
from stream_app.formats.opening import Formats
from stream_app.formats.settings import FormatSettings
from stream_app.kafka_admin import admin_client
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.kafka_rights import Role
from stream_app.setting_errors import PREFIX
from stream_app.settings import ConnectionSettings
from stream_app.topics import TopicNames, create_topics, rights_by_role, wait_for_broker

_CLEANUP_SECONDS = 5.0

Say = Callable[[str], None]


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """A broker with the demo's topics, and how its clients are configured there; times in seconds.

    ``description``: of the broker, for people. ``users``: on a secured broker, the properties file of each role's user.
    ``registry``: the address of the schema registry, if the records are Avro. ``inherited``: settings of the connection
    that the children get besides. ``fetch_wait_seconds``: how long the broker may hold an empty fetch. The defaults
    suit Apache Kafka.
    """

    connection: KafkaConnection
    description: str
    users: Mapping[str, Path] = {}
    inherited: Mapping[str, str] = {}
    prefix: str = ""
    partitions: int = 4
    guarantee: str = "exactly_once"
    fetch_wait_seconds: float = 0.5
    rebalance_timeout_seconds: float = 20.0
    pace_step_seconds: float = 0.001
    registry: str | None = None

    @property
    def names(self) -> TopicNames:
        return TopicNames.prefixed(self.prefix)

    @property
    def security(self) -> str:
        """How its clients are kept apart from others, for people."""
        protocol = self.connection_as("scorer").security_protocol
        users = "; each role has a user of its own, with the rights it needs and no others" if self.users else ""
        return "None (PLAINTEXT)." if protocol == "PLAINTEXT" else f"{protocol}{users}."

    def connection_as(self, role: Role) -> KafkaConnection:
        """The connection of a role's user; the one connection where there is no such user."""
        if role not in self.users:
            return self.connection
        return ConnectionSettings.read(kafka=str(self.connection), kafka_properties=self.users[role]).connection

    def client_settings(self, role: Role) -> dict[str, object]:
        """How a child process reaches the broker."""
        user = {"kafka_properties": self.users[role]} if role in self.users else {}
        return {**self.inherited, **user, "kafka": str(self.connection)}

    @property
    def format_settings(self) -> dict[str, Any]:
        """The settings of the topics' formats; none for JSON."""
        topics = ("requests", "decisions", "outcomes")
        avro = {f"format_{topic}": "avro" for topic in topics}
        return avro | {"registry": self.registry} if self.registry else {}

    def formats(self, contract: Contract) -> Formats:
        """The formats of the topics, for the demo itself."""
        if self.registry is None:
            return Formats()
        return Formats.of(FormatSettings(**self.format_settings), self.names, contract)

    @property
    def group(self) -> str:
        """The scorer's consumer group."""
        return f"{self.prefix}loan-scorer"

    @property
    def monitor_group(self) -> str:
        """The monitor's consumer group."""
        return f"{self.prefix}loan-monitor"


@contextlib.contextmanager
def own_broker(engine: Choice, say: Say, *, secured: bool = False) -> Iterator[Environment]:
    """A broker that ends with the block, with the topics on it. Raises BrokerStartFailed.

    ``secured``: it is Apache Kafka then, with a user for each role, who may do what the role needs and no more.
    """
    say(f"Starting a {'secured ' if secured else ''}broker (engine: {engine}).")
    with start_broker(engine, users=rights_by_role(TopicNames()) if secured else None, say=say) as broker:
        connection = KafkaConnection(broker.bootstrap)
        environment = Environment(connection=connection, description=broker.description, users=broker.users)
        environment = _tuned(environment, broker.engine)
        create_topics(environment.connection_as("operator"), environment.partitions, names=environment.names)
        yield environment


@contextlib.contextmanager
def existing_broker(connection: KafkaConnection, engine: Choice, say: Say) -> Iterator[Environment]:
    """Topics and groups of the demo's own on an existing broker, deleted at the end of the block.

    ``engine``: what runs there, which the protocol does not tell; ``auto`` is taken for Apache Kafka. Raises
    BrokerUnreachable or TopicMismatch.
    """
    prefix = f"demo-{secrets.token_hex(4)}."
    environment = Environment(
        connection=connection, description="An existing broker.", prefix=prefix, inherited=_own_settings()
    )
    environment = _tuned(environment, engine)
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


def _own_settings() -> dict[str, str]:
    """The user's settings of the connection, from the environment; the children of the demo get no others."""
    variables = {name.upper().removeprefix(PREFIX).lower(): value for name, value in os.environ.items()}
    return {name: value for name, value in variables.items() if name.startswith("kafka_")}


def _delete(environment: Environment, say: Say) -> None:
    """Delete the topics and the groups, as far as the broker lets us."""
    try:
        with admin_client(environment.connection, _CLEANUP_SECONDS) as admin:
            admin.delete_topics(list(environment.names.all()))
            admin.delete_groups([environment.group, environment.monitor_group])
    except BrokerUnreachable:
        say(f"The broker did not let the demo delete its topics; delete those that begin with {environment.prefix!r}.")
