"""The topics: their names, how they are created, and the check that they fit together.

Output partition = input partition, so five of the six must have the same number of partitions; only the topic of client
profiles may have another. Imports no Kafka client until a function is called.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import msgspec

from stream_app.errors import BrokerUnreachable, SettingsError, TopicMismatch
from stream_app.kafka_admin import admin_client, silent, wait_for_broker
from stream_app.kafka_connection.connection import KafkaConnection

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

__all__ = ["TopicNames", "TopicSpec", "check_topics", "create_topics", "topic_specs", "wait_for_broker"]

BATCH_BYTES = 1_048_588
"""The largest record batch, so also the largest record, a topic takes: Kafka's own default."""

REJECTION_BATCH_BYTES = 2 * BATCH_BYTES
"""The same for rejections: the largest request and its headers (below 2 kB) always fit.

A producer of rejections needs a ``max_request_size`` of this, too. Tansu takes the setting but enforces no limit.
"""

COMPACTED = {"cleanup.policy": "compact"}
"""The newest record of each key stays for good: of drift events each last revision, of clients each last profile."""

DELETIONS_KEPT_SECONDS = 30 * 86_400
"""How long a deleted client's null stays on the topic of profiles. A follower that was away for longer missed some."""

ASK_AGAIN_SECONDS = 0.2

_LEGAL = re.compile(r"[a-zA-Z0-9._-]*")


class TopicNames(msgspec.Struct, frozen=True, kw_only=True):
    """The names of the topics of one deployment."""

    requests: str = "loan.requests"
    decisions: str = "loan.decisions"
    rejections: str = "loan.rejections"
    outcomes: str = "loan.outcomes"
    drift: str = "loan.drift"
    clients: str = "loan.clients"

    @classmethod
    def prefixed(cls, prefix: str) -> Self:
        """The default names behind ``prefix``, so that several deployments share a broker. Raises SettingsError."""
        if not _LEGAL.fullmatch(prefix) or len(prefix) > 200:
            raise SettingsError(
                f"The topic prefix {prefix!r} is not usable.",
                do_next='Take at most 200 letters, digits, ".", "_" and "-".',
            )
        return cls(**{field.name: prefix + field.default for field in msgspec.structs.fields(cls)})

    @property
    def prefix_option(self) -> str:
        """What a command line needs to name the same topics, with a space before it."""
        prefix = self.requests.removesuffix(TopicNames().requests)
        return f" --topic-prefix {prefix}" if prefix else ""

    def all(self) -> tuple[str, ...]:
        """The names of all six."""
        return msgspec.structs.astuple(self)

    def paired(self) -> tuple[str, ...]:
        """The five whose partitions belong together, which every deployment has. Profiles as events are a choice."""
        return tuple(name for name in self.all() if name != self.clients)


class TopicSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One topic as it is created; ``config`` holds Kafka's topic settings."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


def topic_specs(names: TopicNames, partitions: int, replication: int) -> tuple[TopicSpec, ...]:
    """How each topic is created."""
    return tuple(
        TopicSpec(name=name, partitions=partitions, replication=replication, config=_config(names, name, replication))
        for name in names.all()
    )


def _config(names: TopicNames, name: str, replication: int) -> dict[str, str]:
    config = {"max.message.bytes": str(REJECTION_BATCH_BYTES if name == names.rejections else BATCH_BYTES)}
    if name == names.requests:
        # Else the limit is one on compressed bytes: 5 MB of zeros came in as 5 kB and could not have been rejected.
        config["compression.type"] = "uncompressed"
    if name in (names.drift, names.clients):
        config |= COMPACTED
    if name == names.clients:
        config["delete.retention.ms"] = str(DELETIONS_KEPT_SECONDS * 1000)
    if replication > 1:
        # With acks=all a record is safe on all replicas but one; one broker may be down and writing goes on.
        config["min.insync.replicas"] = str(replication - 1)
    return config


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

    Nothing is created if an existing topic does not fit. Raises :class:`TopicMismatch` or BrokerUnreachable.
    """
    names = names or TopicNames()
    wait_for_broker(connection, wait_seconds, say=say)
    with admin_client(connection, wait_seconds) as admin:
        counts = _partition_counts(admin, names)
        _require_count(counts, partitions, names)
        if names.drift in counts:
            _compact(admin, names.drift)
        missing = [spec for spec in topic_specs(names, partitions, replication) if spec.name not in counts]
        if missing:
            _create(admin, missing)
            _require_count(_partition_counts(admin, names), partitions, names)  # another process may have been first
    return tuple(spec.name for spec in missing)


def check_topics(
    connection: KafkaConnection,
    *,
    names: TopicNames | None = None,
    wait_seconds: float = 30.0,
    say: Callable[[str], None] = silent,
) -> int:
    """The number of partitions that all topics but the one of profiles have.

    Raises :class:`TopicMismatch` or BrokerUnreachable.
    """
    names = names or TopicNames()
    wait_for_broker(connection, wait_seconds, say=say)
    counts = _counts_when_answered(connection, names, wait_seconds)
    missing = [name for name in names.paired() if name not in counts]
    if missing:
        raise TopicMismatch(
            f"The broker at {connection} has no topic {', '.join(missing)}.",
            kept="No topic was changed.",
            do_next=f"Create what is missing: stream-app topics create --kafka {connection}{names.prefix_option}.",
        )
    _require_count(counts, counts[names.requests], names)
    return counts[names.requests]


def _counts_when_answered(connection: KafkaConnection, names: TopicNames, wait_seconds: float) -> dict[str, int]:
    """Asks until there is an answer: for seconds after a broker's end the others still name it, and it may be asked."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            with admin_client(connection, wait_seconds) as admin:
                return _partition_counts(admin, names)
        except BrokerUnreachable:
            if time.monotonic() > deadline:
                raise
            time.sleep(ASK_AGAIN_SECONDS)


def _partition_counts(admin: KafkaAdminClient, names: TopicNames) -> dict[str, int]:
    described = admin.describe_topics(list(names.all()))
    return {topic["name"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}


def _compact(admin: KafkaAdminClient, topic: str) -> None:
    from kafka.admin import ConfigResource  # noqa: PLC0415

    # An unknown setting would be asked for by describing the topic, at which Tansu closes the connection.
    admin.alter_configs([ConfigResource("TOPIC", topic, COMPACTED)], raise_on_unknown=False)


def _require_count(counts: dict[str, int], partitions: int, names: TopicNames) -> None:
    wrong = {name: counts[name] for name in names.paired() if counts.get(name, partitions) != partitions}
    if wrong:
        listed = ", ".join(f"{name} has {count}" for name, count in wrong.items())
        raise TopicMismatch(
            f"The topics need {partitions} partitions each, but {listed}.",
            kept="No topic was changed.",
            do_next=f"Ask for the number that is there (--partitions {min(wrong.values())}), delete the topic if its "
            "records may go, or take other names with --topic-prefix.",
        )


def _create(admin: KafkaAdminClient, specs: list[TopicSpec]) -> None:
    wanted = {
        spec.name: {
            "num_partitions": spec.partitions,
            "replication_factor": spec.replication,
            "configs": spec.config,
        }
        for spec in specs
    }
    answer = admin.create_topics(wanted, raise_errors=False)
    _raise_refusals(answer["topics"])
    admin.wait_for_topics(list(wanted))


def _raise_refusals(answers: list[dict[str, Any]]) -> None:
    from kafka import errors  # noqa: PLC0415

    fine = {errors.NoError.errno, errors.TopicAlreadyExistsError.errno}
    for topic in answers:
        if topic["error_code"] not in fine:
            reason = topic.get("error_message") or errors.for_code(topic["error_code"]).__name__
            raise TopicMismatch(
                f"The broker refused to create {topic['name']}: {reason}",
                kept="Topics it created before stay.",
                do_next="Ask for fewer replicas or partitions, or correct what the broker names, and run it again.",
            )
