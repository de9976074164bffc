"""What partitions that were added mean, in words, for the logs."""

from __future__ import annotations

from collections.abc import Mapping

from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics.kafka_commands import add_partitions
from stream_app.topics.names import TopicNames

PartitionCounts = Mapping[str, int]
"""How many partitions each topic has; topics of which nothing is known are left out."""


def grown(before: PartitionCounts, now: PartitionCounts, names: TopicNames) -> str | None:
    """Said once the topic of requests has more partitions than before; None when it has not."""
    old, new = before.get(names.requests, 0), now.get(names.requests, 0)
    if not 0 < old < new:
        return None
    return (
        f"{names.requests} has {new} partitions now, {old} before: clients lie in other partitions from here on, and a "
        "request that was decided before and is sent again may be decided again."
    )


def without_output(counts: PartitionCounts, names: TopicNames) -> range:
    """The partitions of requests that a topic of outputs lacks."""
    known = [counts[name] for name in (names.decisions, names.rejections) if name in counts]
    requests = counts.get(names.requests, 0)
    return range(min([*known, requests]), requests)


def waiting(counts: PartitionCounts, names: TopicNames) -> str | None:
    """Which requests wait for partitions of the topics of outputs; None when none do."""
    partitions = without_output(counts, names)
    if not partitions:
        return None
    small = {
        name: counts[name] for name in (names.decisions, names.rejections) if counts.get(name, 0) < partitions.stop
    }
    has = ", ".join(f"{name} has {count}" for name, count in small.items())
    which = f"Partition {partitions[0]}" if len(partitions) == 1 else f"Partitions {partitions[0]} to {partitions[-1]}"
    return (
        f"{which} of {names.requests}: nothing is decided there, since {has} of {partitions.stop} partitions. The "
        "requests wait."
    )


def growth_commands(connection: KafkaConnection, counts: PartitionCounts, partitions: int) -> str:
    """The lines that have every smaller topic grow to so many, each on a line of its own."""
    small = [name for name, count in counts.items() if count < partitions]
    return "".join(f"\n  {add_partitions(connection, name, partitions)}" for name in small)
