"""What may come of a request: a refusal, or no answer."""

from __future__ import annotations

from collections.abc import Iterable

from kafka import errors


class TransactionError(Exception):
    """A step of a transaction failed. Texts name Kafka's error and never hold what was sent."""


class NoAnswer(TransactionError):
    """The connection broke, or the time was up: whether the broker did it is unknown."""


class NotSent(TransactionError):
    """No connection: nothing was asked."""


class Refused(TransactionError):
    """The broker's answer was an error, so it did nothing."""

    def __init__(self, code: int) -> None:
        super().__init__(errors.for_code(code).__name__.removesuffix("Error"))
        self.code = code


class Fenced(Refused):
    """Another producer of the same id began after this one, or the group goes on without this member."""


UNKNOWN_SERVER_ERROR = -1
UNKNOWN_TOPIC_OR_PARTITION = 3
LEADER_NOT_AVAILABLE = 5
NOT_LEADER = 6
COORDINATOR_LOADING = 14
COORDINATOR_NOT_AVAILABLE = 15
NOT_COORDINATOR = 16
NOT_ENOUGH_REPLICAS = 19
NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20
ILLEGAL_GENERATION = 22
UNKNOWN_MEMBER = 25
REBALANCE_IN_PROGRESS = 27
UNSUPPORTED_VERSION = 35
DUPLICATE_SEQUENCE = 46
INVALID_PRODUCER_EPOCH = 47
CONCURRENT_TRANSACTIONS = 51
INVALID_TRANSACTION_TIMEOUT = 50
FENCED_INSTANCE = 82
UNSTABLE_OFFSETS = 88
PRODUCER_FENCED = 90

FENCING = {
    ILLEGAL_GENERATION,
    UNKNOWN_MEMBER,
    REBALANCE_IN_PROGRESS,
    INVALID_PRODUCER_EPOCH,
    FENCED_INSTANCE,
    PRODUCER_FENCED,
}
FOR_NOW = {
    UNKNOWN_TOPIC_OR_PARTITION,
    LEADER_NOT_AVAILABLE,
    NOT_LEADER,
    COORDINATOR_LOADING,
    COORDINATOR_NOT_AVAILABLE,
    NOT_COORDINATOR,
    NOT_ENOUGH_REPLICAS,
    NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    CONCURRENT_TRANSACTIONS,
    UNSTABLE_OFFSETS,
}
"""Refusals that pass by themselves: the same request is sent again. Of the last write but one, the sequence number
tells the broker a repeated batch."""


ANOTHER_BROKER = {
    UNKNOWN_TOPIC_OR_PARTITION,
    NOT_LEADER,
    LEADER_NOT_AVAILABLE,
    COORDINATOR_NOT_AVAILABLE,
    NOT_COORDINATOR,
}
"""Another broker is to be asked, or will be soon."""

ASK_AGAIN_SECONDS = 0.05
MARKERS_SECONDS = 0.002
"""Between asking and asking again while the broker still closes the last transaction of the id."""


def pause_seconds(codes: Iterable[int]) -> float:
    """Before the same is asked again."""
    return MARKERS_SECONDS if CONCURRENT_TRANSACTIONS in codes else ASK_AGAIN_SECONDS


def raise_lasting(codes: Iterable[int]) -> None:
    """Raises the first refusal that does not pass by itself."""
    for code in codes:
        if code and code not in FOR_NOW:
            raise refusal(code)


def refusal(code: int) -> Refused:
    """The exception of an error code."""
    return Fenced(code) if code in FENCING else Refused(code)
