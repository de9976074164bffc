"""Which settings of the topics do not fit what flows through them, why, and the command that mends each.

Nothing here stops anybody: a cluster's owner may have reasons. What stops is a topic that is missing or too small,
which ``check`` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics.kafka_commands import alter_settings, reassign

SETTINGS = (
    "cleanup.policy",
    "compression.type",
    "delete.retention.ms",
    "max.message.bytes",
    "message.timestamp.type",
    "min.insync.replicas",
    "retention.bytes",
    "retention.ms",
)
"""What is looked at, beside the number of replicas."""

DEFAULT_BYTES = 1_048_588
"""The largest batch that a topic takes unless it is told otherwise."""

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
WANTED_REPLICAS = 3
"""With three, one broker may be lost for good and another be away, and nothing that was acknowledged is gone."""


class Topic(msgspec.Struct, frozen=True):
    """A topic as the broker describes it. ``replicas``: the brokers of each partition, by their numbers."""

    name: str
    replicas: Mapping[int, list[int]]
    settings: Mapping[str, str]

    @property
    def replication(self) -> int:
        """Of the partition that has the fewest."""
        return min(map(len, self.replicas.values()))


class Role(msgspec.Struct, frozen=True):
    """What a topic is for, as far as its settings are concerned.

    ``least_bytes``: the largest batch or record that must fit. ``read_by``: who reads it from where it stopped, empty
    for nobody of ours. ``deletions_kept_ms``: how long a null must stay for those who delete what it names.
    """

    compacted: bool
    least_bytes: int
    read_by: str
    holds_requests: bool = False
    deletions_kept_ms: int = 0


class Misfit(NamedTuple):
    """One setting that does not fit: ``why``, and the value of ``setting`` that would."""

    setting: str
    value: str
    why: str


def misfits(topic: Topic, role: Role) -> Iterator[Misfit]:
    """The settings that do not fit this role."""
    yield from _cleanup(topic, role)
    yield from _compression(topic, role)
    yield from _size(topic, role)
    yield from _time_stamps(topic, role)
    yield from _in_sync(topic)
    yield from _retention(topic, role)
    yield from _deletions(topic, role)


def _cleanup(topic: Topic, role: Role) -> Iterator[Misfit]:
    policies = topic.settings.get("cleanup.policy", "").split(",")
    if role.compacted and "compact" not in policies:
        yield Misfit("cleanup.policy", "compact", "deletes records by age; the newest of each key is to stay")
    elif not role.compacted and "compact" in policies:
        lost = "a client's older request unread" if role.holds_requests else "all but the newest record of a client"
        yield Misfit("cleanup.policy", "delete", f"the keys are client ids: compaction deletes {lost}")


def _compression(topic: Topic, role: Role) -> Iterator[Misfit]:
    if role.holds_requests and topic.settings.get("compression.type", "producer") != "producer":
        why = "the broker inflates each batch whole to store it so; one of 0.9 MB that holds 900 MB can end a broker"
        yield Misfit("compression.type", "producer", why)


def _size(topic: Topic, role: Role) -> Iterator[Misfit]:
    if 0 <= _number(topic, "max.message.bytes") < role.least_bytes:
        why = f"the broker refuses larger batches, and ours have up to {role.least_bytes:,} bytes"
        yield Misfit("max.message.bytes", str(max(role.least_bytes, DEFAULT_BYTES)), why)


def _time_stamps(topic: Topic, role: Role) -> Iterator[Misfit]:
    """Of the other topics nobody of ours reads the time stamps, so that both types fit."""
    if role.holds_requests and topic.settings.get("message.timestamp.type") == "LogAppendTime":
        why = "the age of a decision counts from when the broker took the request, not from when it was sent"
        yield Misfit("message.timestamp.type", "CreateTime", why)


def _in_sync(topic: Topic) -> Iterator[Misfit]:
    in_sync, replicas = _number(topic, "min.insync.replicas"), topic.replication
    value = str(max(1, replicas - 1))
    if in_sync > replicas:
        why = f"there are {replicas} replicas, so that with acks=all nothing can ever be written"
        yield Misfit("min.insync.replicas", value, why)
    elif in_sync == replicas > 1:
        yield Misfit("min.insync.replicas", value, "while one broker is away nothing can be written")
    elif in_sync == 1 and replicas > 2:
        yield Misfit(
            "min.insync.replicas", value, "a record that one broker alone has is acknowledged, and goes with it"
        )


def _retention(topic: Topic, role: Role) -> Iterator[Misfit]:
    """A compacted topic keeps the newest record of a key whatever these say, unless it deletes as well."""
    if not role.read_by or "delete" not in topic.settings.get("cleanup.policy", "delete"):
        return
    if 0 <= _number(topic, "retention.ms") < DAY_MS:
        why = f"{role.read_by} that is away for longer than that misses records; a day is the least"
        yield Misfit("retention.ms", str(WEEK_MS), why)
    if _number(topic, "retention.bytes") >= 0:
        why = f"a burst deletes records, however new, before {role.read_by} has read them"
        yield Misfit("retention.bytes", "-1", why)


def _deletions(topic: Topic, role: Role) -> Iterator[Misfit]:
    if 0 <= _number(topic, "delete.retention.ms") < role.deletions_kept_ms:
        why = "a follower that is away for longer than that keeps clients whom a null deleted"
        yield Misfit("delete.retention.ms", str(role.deletions_kept_ms), why)


def _number(topic: Topic, setting: str) -> int:
    return int(topic.settings.get(setting, "-1"))


def warnings(
    connection: KafkaConnection, roles: Mapping[str, Role], topics: Mapping[str, Topic], brokers: list[int]
) -> Iterator[str]:
    """A text for each setting that does not fit, the command that mends it on a line of its own.

    ``roles`` and ``topics`` by name, ``brokers``: the numbers of those there are.
    """
    for name, topic in ((name, topics[name]) for name in roles if name in topics):
        for setting, value, why in misfits(topic, roles[name]):
            command = alter_settings(connection, name, {setting: value})
            yield _text(name, f"{setting}={topic.settings.get(setting)}", why, command)
        wanted = min(WANTED_REPLICAS, len(brokers))
        if topic.replication < wanted:
            why = f"there are {len(brokers)} brokers, and records are gone when {topic.replication} of them are lost"
            command = reassign(connection, name, _more_replicas(topic, brokers, wanted))
            yield _text(name, f"replication factor {topic.replication}", why, command)


def _text(topic: str, what: str, why: str, command: str) -> str:
    return f"{topic}: {what} does not fit: {why}.\n  {command}"


def _more_replicas(topic: Topic, brokers: list[int], wanted: int) -> dict[int, list[int]]:
    """Those that have a replica keep it; the others are added in turn, so that each gets its share."""
    return {
        partition: (kept + [broker for broker in _from(brokers, partition) if broker not in kept])[:wanted]
        for partition, kept in topic.replicas.items()
    }


def _from(brokers: list[int], start: int) -> list[int]:
    start %= len(brokers)
    return brokers[start:] + brokers[:start]
