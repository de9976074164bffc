"""The outputs of a contestant, read from the broker while they come; afterwards ids, probabilities, times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

from benchmarks.stage import PARTITIONS, Stage

READ_SECONDS = 0.02
"""How finely arrivals are timed: half a percent of a race of four seconds."""

BURST_SECONDS = 2 * READ_SECONDS
"""Outputs that arrive this soon after the first are one burst with it."""


class Answer(msgspec.Struct, gc=False):
    """What all contestants' decisions have in common."""

    request_id: str
    probability_of_default: float


@dataclass(frozen=True)
class Outputs:
    """``probabilities`` by request id; ``arrivals``: (``time.perf_counter`` of reading, records read) in order."""

    probabilities: dict[str, float]
    arrivals: list[tuple[float, int]]

    @classmethod
    def of(cls, batches: Sequence[tuple[float, list[Message]]]) -> Outputs:
        """Decode what was read."""
        decode = msgspec.json.Decoder(Answer).decode
        answers = [decode(message.value()) for _, batch in batches for message in batch]
        probabilities = {answer.request_id: answer.probability_of_default for answer in answers}
        return cls(probabilities, [(at, len(batch)) for at, batch in batches])

    @property
    def count(self) -> int:
        """Records read; more than ids if some came twice."""
        return sum(count for _, count in self.arrivals)

    def per_second(self) -> float:
        """(outputs after the first burst) / (time from the first output to the last).

        The work on the first burst was done before it arrived, so counting it would favour large batches; start-up,
        joining the group and the first fetch are before it too. The clock is the reader's, because a record's time
        stamp is not always that of its output: Quix Streams hands on the input's.
        """
        first, last = self.arrivals[0][0], self.arrivals[-1][0]
        after = sum(count for at, count in self.arrivals if at > first + BURST_SECONDS)
        return after / (last - first)


class Reader:
    """Reads one topic from outside any group; a second ``with`` block goes on where the first stopped.

    Reading instead of asking for end offsets: Tansu gives wrong ones. It costs about 1.5 µs a record on the core that
    the contestant, being one Python process, leaves mostly free, and it costs every contestant the same.
    """

    def __init__(self, stage: Stage, topic: str) -> None:
        self._topic = topic
        self.positions = [0] * PARTITIONS
        self._consumer = Consumer(
            {
                "bootstrap.servers": stage.bootstrap,
                "group.id": "bench",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": stage.fetch_wait_ms,
            }
        )

    def __enter__(self) -> Reader:
        self._consumer.assign([TopicPartition(self._topic, n, at) for n, at in enumerate(self.positions)])
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._consumer.unassign()

    def more(self, seconds: float) -> list[Message]:
        """What comes within this time; sooner when it is 10,000 records."""
        messages = [message for message in self._consumer.consume(10_000, seconds) if message.error() is None]
        for message in messages:
            self.positions[message.partition()] = message.offset() + 1
        return messages
