"""Says in the log what added partitions mean, at the moment they are noticed."""

from __future__ import annotations

import logging

from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.topics import PartitionCounts, TopicNames
from stream_app.topics.growth import grown, growth_commands, waiting, without_output

log = logging.getLogger(__name__)


class PartitionWatch:
    """Compares the partitions of the topics with those of the last look."""

    def __init__(self, connection: KafkaConnection, names: TopicNames) -> None:
        self._connection, self._names = connection, names
        self._counts: PartitionCounts = {}
        self._waiting: str | None = None

    def look(self, counts: PartitionCounts) -> int:
        """The number of partitions that wait for an output topic to grow. Topics left out are as they were."""
        counts = {**self._counts, **counts}
        if text := grown(self._counts, counts, self._names):
            log.warning("%s", text)
        self._counts = counts
        if (text := waiting(counts, self._names)) != self._waiting:
            self._waiting = text
            self._log_waiting()
        return len(without_output(counts, self._names))

    def _log_waiting(self) -> None:
        if self._waiting is None:
            log.info("every partition of %s has its counterparts", self._names.requests)
            return
        lines = growth_commands(self._connection, self._counts, max(self._counts.values()))
        log.warning("%s Have the smaller topics grow; the scorer then goes on by itself.%s", self._waiting, lines)
