"""Partitions of the topic that is read may have no counterpart where outputs go, as while topics grow one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stream_app.events import TopicPartition


class Counterparts:
    """Which partitions are read: as of the last seek, those below the smallest count of ``topics``."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics
        self._limit: int | None = None

    def take(self, counts: Mapping[str, int]) -> None:
        """From a seek on: partitions of these topics, by name. A topic that is missing changes nothing."""
        self._limit = self._limit_of(counts)

    def changed(self, counts: Mapping[str, int]) -> bool:
        """Whether another seek would read other partitions."""
        return self._limit_of(counts) != self._limit

    def with_counterpart(self, partitions: Iterable[TopicPartition]) -> frozenset[TopicPartition]:
        limit = self._limit
        return frozenset(tp for tp in partitions if limit is None or tp.partition < limit)

    def _limit_of(self, counts: Mapping[str, int]) -> int | None:
        return min(counts.values()) if self.topics and counts.keys() >= self.topics else self._limit
