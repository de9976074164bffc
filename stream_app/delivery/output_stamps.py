"""The time stamps that outputs carry: this machine's time, unless the broker refuses it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from aiokafka.errors import InvalidTimestampError
from msgspec.structs import replace

from stream_app.events import Output, RawRecord
from stream_app.transactions.errors import Refused

log = logging.getLogger(__name__)

CLOCK_AHEAD = (
    "This machine's clock is ahead of the broker's by more than the broker allows (message.timestamp.after.max.ms, an "
    "hour unless set)."
)
SET_CLOCK = "Set this machine's clock (`timedatectl` shows whether it is synchronised), or the broker's if it is behind"


def is_refusal(fault: BaseException) -> bool:
    """Whether the broker refused the time stamp of what was sent."""
    code = InvalidTimestampError.errno
    return isinstance(fault, InvalidTimestampError) or (isinstance(fault, Refused) and fault.code == code)


def remedy(fault: BaseException, otherwise: str = "Check the broker") -> str:
    """What to do about a delivery that failed so, without a full stop."""
    if is_refusal(fault):
        return f"{CLOCK_AHEAD} {SET_CLOCK}"
    return otherwise


class OutputStamps:
    """After a refusal outputs carry the time stamps of their requests, which the broker took before.

    Not from the start, though Kafka Streams does so: after days without a scorer decisions would be as old as their
    requests, and retention would delete them at once. Once this machine's clock shows less than it did when it was
    refused, it counts again.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._refused_at: float | None = None

    def refused(self) -> None:
        """The broker refused the time of this machine."""
        if self._refused_at is None:
            log.error(
                "%s Outputs carry the time stamps of their requests until it is right again; decided_at in them is "
                "wrong. %s.",
                CLOCK_AHEAD,
                SET_CLOCK,
            )
            self._refused_at = self._clock()

    def stamp(self, output: Output, record: RawRecord) -> Output:
        """The output of this record with the time stamp it is to carry."""
        if self._refused_at is None:
            return output
        if self._clock() < self._refused_at:
            log.info("this machine's clock was set back: outputs carry its time again")
            self._refused_at = None
            return output
        return replace(output, timestamp_ms=record.timestamp)
