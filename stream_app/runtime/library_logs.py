"""What a worker logs of its libraries: their warnings and errors, except for what is part of normal operation."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from stream_app.runtime.log_throttle import LogThrottle

log = logging.getLogger(__name__)

LIBRARIES = ("faust", "mode", "aiokafka", "kafka")

SERVICES = logging.getLogger("faust.services")
"""For our subclasses of Faust's services: whatever Faust logs of them would otherwise come under our modules' names."""

SERIES_SECONDS = 60.0
"""Without the message for so long, the next one begins another series."""

REPEAT_SECONDS = 10.0
"""Between two log lines of the same message."""


class Expected(NamedTuple):
    """A library's message that is normal for a while. What lasts longer is logged as the library wrote it."""

    logger: str
    message: str
    """The library's own format string."""
    error: str
    """Class of the error among its arguments; empty: any."""
    instead: str
    """Logged at INFO in its place; empty: nothing."""
    seconds: float

    def matches(self, record: logging.LogRecord) -> bool:
        names = [repr(argument) for argument in record.args] if isinstance(record.args, tuple) else []
        return record.msg == self.message and (not self.error or any(self.error in name for name in names))


EXPECTED = (
    Expected(
        "aiokafka.consumer.group_coordinator",
        "Group Coordinator Request failed: %s",
        "CoordinatorNotAvailableError",
        "the broker has no coordinator for the consumer group yet, as after its first start; it is asked again",
        20.0,
    ),
    Expected(
        "aiokafka.consumer.group_coordinator",
        "Heartbeat failed for group %s because it is rebalancing",
        "",
        "the consumer group rebalances: its partitions are about to be assigned anew",
        60.0,
    ),
    Expected(  # whoever starts the producer logs or raises what that means
        "aiokafka.producer.sender",
        "Unexpected error during InitProducerIdRequest: %s",
        "UnknownError",
        "",
        float("inf"),
    ),
)


class ExpectedFilter(logging.Filter):
    """Replaces messages of one logger by ours while they are normal."""

    def __init__(self, expected: tuple[Expected, ...], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._expected, self._clock = expected, clock
        self._throttle = LogThrottle(REPEAT_SECONDS, clock)
        self._series: dict[str, tuple[float, float]] = {}  # by message: its first and last time

    def filter(self, record: logging.LogRecord) -> bool:
        expected = next((candidate for candidate in self._expected if candidate.matches(record)), None)
        if expected is None:
            return True
        loggable = self._throttle.now(expected.message) is not None
        if self._has_lasted(expected.message) > expected.seconds:
            return loggable
        if loggable and expected.instead:
            log.info(expected.instead)
        return False

    def _has_lasted(self, message: str) -> float:
        now = self._clock()
        first, last = self._series.get(message, (now, now))
        first = now if now - last > SERIES_SECONDS else first
        self._series[message] = first, now
        return now - first


def quiet(log_level: str) -> None:
    """Set up what is logged of the libraries in this process.

    Not even at debug everything: aiokafka would log whole requests, which hold customers' data.
    """
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.INFO if log_level == "debug" else logging.WARNING)
    for name in {expected.logger for expected in EXPECTED}:
        expected = tuple(expected for expected in EXPECTED if expected.logger == name)
        logging.getLogger(name).addFilter(ExpectedFilter(expected))
