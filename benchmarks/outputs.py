"""The outputs of a contestant as the broker has them: how many so far, and afterwards ids, probabilities, times."""

from __future__ import annotations

import time
from dataclasses import dataclass

import msgspec
import numpy as np
from confluent_kafka import Consumer, KafkaException, TopicPartition
from numpy.typing import NDArray

from benchmarks.stage import PARTITIONS

BURST_MS = 10
"""Outputs stamped this soon after the first are one burst with it."""

TIMEOUT_SECONDS = 30.0

Ends = list[int]


class Answer(msgspec.Struct, gc=False):
    """What all contestants' decisions have in common."""

    request_id: str
    probability_of_default: float


@dataclass(frozen=True)
class Outputs:
    """``probabilities`` by request id; ``count`` of records, larger if some came twice; ``stamps_ms`` in order."""

    probabilities: dict[str, float]
    count: int
    stamps_ms: NDArray[np.int64]

    def per_second(self) -> float:
        """(outputs after the first burst) / (time from the first stamp to the last).

        The work on the first burst was done before its stamp, so counting it would favour large batches; start-up,
        joining the group and the first fetch are before it too.
        """
        after = int(np.count_nonzero(self.stamps_ms > self.stamps_ms[0] + BURST_MS))
        return after / float(self.stamps_ms[-1] - self.stamps_ms[0]) * 1000


class Reader:
    """Reads one topic from outside any group."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._topic = topic
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "enable.auto.commit": False})

    def ends(self) -> Ends:
        """The end offset of every partition, asked of the broker."""
        return [self._end(TopicPartition(self._topic, n)) for n in range(PARTITIONS)]

    def _end(self, partition: TopicPartition) -> int:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                return int(self._consumer.get_watermark_offsets(partition, TIMEOUT_SECONDS, cached=False)[1])
            except KafkaException:  # a topic made a moment ago may not have its leaders yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def read(self, start: Ends) -> Outputs:
        """All records from these offsets to the present end."""
        count = sum(self.ends()) - sum(start)
        self._consumer.assign([TopicPartition(self._topic, n, offset) for n, offset in enumerate(start)])
        decode = msgspec.json.Decoder(Answer).decode
        probabilities, stamps = {}, []
        while len(stamps) < count:
            for message in self._consumer.consume(1000, timeout=5):
                answer = decode(message.value())
                probabilities[answer.request_id] = answer.probability_of_default
                stamps.append(message.timestamp()[1])
        self._consumer.unassign()
        return Outputs(probabilities, len(stamps), np.sort(np.array(stamps)))

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()
