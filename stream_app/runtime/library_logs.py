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

NORMAL_SECONDS = 30.0
"""A message that lasts for longer is no longer normal."""

SERIES_SECONDS = 60.0
"""Without the message for so long, the next one begins another series."""

REPEAT_SECONDS = 10.0
"""Between two log lines of the same message."""


class Expected(NamedTuple):
    """A library's message that is normal for a while, by its own format string."""

    message: str
    error: str
    """Class of the error among its arguments; empty: any."""
    instead: str
    """Logged at INFO in its place until the message has lasted for :data:`NORMAL_SECONDS`; empty: nothing, ever."""

    def matches(self, record: logging.LogRecord) -> bool:
        return record.msg == self.message and self.error in repr(record.args)


EXPECTED = {
    "aiokafka.consumer.group_coordinator": (
        Expected(
            "Group Coordinator Request failed: %s",
            "CoordinatorNotAvailableError",
            "the broker has no coordinator for the consumer group yet, as after its first start; it is asked again",
        ),
        Expected(
            "Heartbeat failed for group %s because it is rebalancing",
            "",
            "the consumer group rebalances: its partitions are about to be assigned anew",
        ),
    ),
    "aiokafka.producer.sender": (  # whoever starts the producer logs or raises what that means
        Expected("Unexpected error during InitProducerIdRequest: %s", "UnknownError", ""),
    ),
}
"""By logger."""


class ExpectedFilter(logging.Filter):
    """Replaces messages of one logger by ours while they are normal; those that last it lets through now and then."""

    def __init__(self, expected: tuple[Expected, ...], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._expected, self._clock = expected, clock
        self._throttle = LogThrottle(REPEAT_SECONDS, clock)
        self._series: dict[str, tuple[float, float]] = {}  # by message: its first and last time

    def filter(self, record: logging.LogRecord) -> bool:
        expected = next((candidate for candidate in self._expected if candidate.matches(record)), None)
        if expected is None:
            return True
        lasts = self._lasts(expected.message)
        if not expected.instead or self._throttle.now(expected.message) is None:
            return False
        if not lasts:
            log.info(expected.instead)
        return lasts

    def _lasts(self, message: str) -> bool:
        now = self._clock()
        first, last = self._series.get(message, (now, now))
        first = now if now - last > SERIES_SECONDS else first
        self._series[message] = first, now
        return now - first > NORMAL_SECONDS


def quiet(log_level: str) -> None:
    """Set up what is logged of the libraries in this process.

    Not even at debug everything: aiokafka would log whole requests, which hold customers' data.
    """
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.INFO if log_level == "debug" else logging.WARNING)
    for name, expected in EXPECTED.items():
        logging.getLogger(name).addFilter(ExpectedFilter(expected))
