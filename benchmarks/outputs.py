"""The decisions of a contestant, read from the broker as they arrive: request ids, probabilities, times of arrival."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from subprocess import Popen

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

from benchmarks.testbed import PARTITIONS, Testbed

READ_SECONDS = 0.02
"""Resolution of the times of arrival: half a percent of a run of four seconds."""

BURST_SECONDS = 2 * READ_SECONDS
"""Outputs that arrive within this time of the first are one burst with it."""


class DecisionFields(msgspec.Struct, gc=False):
    """The fields that the decisions of all contestants have."""

    request_id: str
    probability_of_default: float


@dataclass(frozen=True)
class Outputs:
    """``probabilities`` by request id; ``arrivals``: (``time.perf_counter`` of reading, records read) in order."""

    probabilities: dict[str, float]
    arrivals: list[tuple[float, int]]

    @classmethod
    def decode(cls, batches: Sequence[tuple[float, list[Message]]]) -> Outputs:
        """From batches of records, each with the time it was read."""
        decode = msgspec.json.Decoder(DecisionFields).decode
        decisions = [decode(message.value()) for _, batch in batches for message in batch]
        probabilities = {decision.request_id: decision.probability_of_default for decision in decisions}
        return cls(probabilities, [(arrived, len(batch)) for arrived, batch in batches])

    @property
    def count(self) -> int:
        """Number of records; larger than the number of ids if a request was answered twice."""
        return sum(count for _, count in self.arrivals)

    def per_second(self) -> float:
        """(outputs after the first burst) / (time from the first output to the last).

        The work on the first burst was done before it arrived, so counting it would favour large batches. Start-up, the
        join of the group and the first fetch are not counted either. The clock is the reader's: a record's time stamp
        is not always that of its output, Quix Streams copies the input's.
        """
        first, last = self.arrivals[0][0], self.arrivals[-1][0]
        after = sum(count for arrived, count in self.arrivals if arrived > first + BURST_SECONDS)
        return after / (last - first)


class Reader:
    """Reads one topic outside any group; a second ``with`` block continues where the first stopped.

    It reads the records because end offsets do not serve: Tansu reports wrong ones. That costs about 1.5 µs a record,
    the same for every contestant, on the core that the contestant, one Python process, leaves mostly free.
    """

    def __init__(self, testbed: Testbed, topic: str) -> None:
        self._topic = topic
        self.next_offsets = [0] * PARTITIONS
        self._consumer = Consumer(
            {
                **testbed.librdkafka,
                "group.id": "bench",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": testbed.fetch_wait_ms,
            }
        )

    def __enter__(self) -> Reader:
        self._consumer.assign([TopicPartition(self._topic, n, offset) for n, offset in enumerate(self.next_offsets)])
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.unassign()

    def more(self, seconds: float) -> list[Message]:
        """The records of this time, or 10,000 if they are there sooner."""
        messages = [message for message in self._consumer.consume(10_000, seconds) if message.error() is None]
        for message in messages:
            self.next_offsets[message.partition()] = message.offset() + 1
        return messages

    def progress(self, count: int, process: Popen[bytes], seconds: float = READ_SECONDS) -> Iterator[int]:
        """How many records were read, about every ``seconds``, until it is ``count``.

        Raises AssertionError when the process that writes them ends before.
        """
        read = 0
        while read < count:
            assert process.poll() is None, f"the process ended with status {process.returncode}"
            read += len(self.more(seconds))
            yield read
