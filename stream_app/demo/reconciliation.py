"""Checks that a replay lost nothing and doubled nothing: each request sent against each output read.

A request is known by the partition and offset it got, not by its id: bad bytes have no id. Outputs name the same
position in their ``source-partition`` and ``source-offset`` headers. Pure: times are passed in, in seconds of one
monotonic clock.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec import Struct

from stream_app.tables.messages import DECISION

Position = tuple[int, int]
"""Partition and offset of a request."""

MIXED_UP = "decision of another request"
"""What was got when a decision names another request than the one at its source position."""

RECENT = 2_000
"""Answers whose latency the running percentiles are made of."""


class Sent(Struct, frozen=True, gc=False):
    """One request: its index in the replay, when it was sent, and ``DECISION`` or the rejection reason it must get."""

    index: int
    sent_at: float
    expected: str = DECISION
    request_id: str = ""


class Answer(Struct, frozen=True, gc=False):
    """One output: when it was read, ``DECISION`` or its rejection reason, and the contents of a decision."""

    read_at: float
    kind: str
    request_id: str = ""
    outcome: str = ""
    probability_of_default: float = math.nan


class Latency(Struct, frozen=True, gc=False):
    """Median and 99th percentile in milliseconds, None without answers."""

    p50_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True)
class Account:
    """What became of the ``requests`` to send. ``missing`` are those without an output, whether they were never sent,
    never confirmed by the broker or never answered; ``unexpected`` counts pairs of (expected, got) that differ.
    """

    requests: int
    decisions: int
    rejections: Counter[str]
    outcomes: Counter[str]
    missing: int
    duplicates: int
    unexpected: Counter[tuple[str, str]]
    latency: Latency
    seconds: float

    @property
    def is_complete(self) -> bool:
        """Whether every request has exactly one output, and of the kind it should have."""
        return not (self.missing or self.duplicates or self.unexpected)

    @property
    def decisions_per_second(self) -> float:
        """Over the time from the first request sent to the last answer read; 0 without answers."""
        return self.decisions / self.seconds if self.seconds > 0 else 0.0


class Ledger:
    """Books what is sent and what is answered, in whichever order the two become known.

    The first output of a request is its answer; each further one, and each that names a request never sent, is a
    duplicate.

    >>> ledger = Ledger()
    >>> ledger.answered((0, 7), Answer(read_at=1.25, kind=DECISION))  # read before the broker confirmed the request
    >>> ledger.sent((0, 7), Sent(index=0, sent_at=1.0))
    >>> ledger.outstanding, ledger.account(wanted=2).missing, ledger.account(wanted=2).latency.p50_ms
    (0, 1, 250.0)
    """

    def __init__(self) -> None:
        self._sent: dict[Position, Sent] = {}
        self._answers: dict[Position, Answer] = {}
        self._paired = 0
        self._repeats = 0
        self._recent: deque[float] = deque(maxlen=RECENT)
        self.decisions = 0

    def sent(self, position: Position, entry: Sent) -> None:
        """The broker confirmed a request at this position."""
        self._sent[position] = entry
        if position in self._answers:
            self._pair(entry, self._answers[position])

    def answered(self, position: Position, answer: Answer) -> None:
        """An output for this position was read."""
        if position in self._answers:
            self._repeats += 1
            return
        self._answers[position] = answer
        self.decisions += answer.kind == DECISION
        if position in self._sent:
            self._pair(self._sent[position], answer)

    def _pair(self, entry: Sent, answer: Answer) -> None:
        self._paired += 1
        self._recent.append(answer.read_at - entry.sent_at)

    @property
    def requests(self) -> int:
        """Requests the broker confirmed."""
        return len(self._sent)

    @property
    def answers(self) -> int:
        """Positions with at least one output."""
        return len(self._answers)

    @property
    def outstanding(self) -> int:
        """Confirmed requests without an output."""
        return len(self._sent) - self._paired

    def recent_latency(self) -> Latency:
        """Percentiles of the last :data:`RECENT` answers."""
        return latency(self._recent)

    def answers_in_order(self) -> list[tuple[int, Answer]]:
        """(index, answer) of every answered request, by index."""
        return sorted(((entry.index, answer) for entry, answer in self._pairs()), key=lambda pair: pair[0])

    def account(self, wanted: int) -> Account:
        """The account when ``wanted`` requests were to be sent: those never booked are missing."""
        pairs = self._pairs()
        answers = [answer for _, answer in pairs]
        strays = len(self._answers) - len(pairs)
        return Account(
            requests=wanted,
            decisions=sum(answer.kind == DECISION for answer in answers),
            rejections=Counter(answer.kind for answer in answers if answer.kind != DECISION),
            outcomes=Counter(answer.outcome for answer in answers if answer.kind == DECISION),
            missing=wanted - len(pairs),
            duplicates=self._repeats + strays,
            unexpected=Counter(
                (entry.expected, got) for entry, answer in pairs if (got := _got(entry, answer)) != entry.expected
            ),
            latency=latency(answer.read_at - entry.sent_at for entry, answer in pairs),
            seconds=_span(self._sent.values(), answers),
        )

    def _pairs(self) -> list[tuple[Sent, Answer]]:
        return [(entry, self._answers[position]) for position, entry in self._sent.items() if position in self._answers]


def _got(entry: Sent, answer: Answer) -> str:
    mixed_up = answer.kind == DECISION and answer.request_id != entry.request_id
    return MIXED_UP if mixed_up else answer.kind


def latency(seconds: Iterable[float]) -> Latency:
    """p50 and p99 of these latencies, by nearest rank."""
    ordered = sorted(seconds)
    if not ordered:
        return Latency(None, None)
    return Latency(percentile(ordered, 0.50) * 1000, percentile(ordered, 0.99) * 1000)


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the ``ordered`` values that at least ``share`` of them do not exceed (nearest rank).

    ``ordered`` is ascending and not empty, ``share`` in 0..1.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5), percentile([1.0, 2.0, 3.0, 4.0], 0.99)
    (2.0, 4.0)
    """
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _span(sent: Iterable[Sent], answers: Sequence[Answer]) -> float:
    if not answers:
        return 0.0
    return max(answer.read_at for answer in answers) - min(entry.sent_at for entry in sent)
