"""What a worker logs of its libraries: their warnings and errors, except for what is part of normal operation."""

from __future__ import annotations

import logging
import math
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

REMIND_SECONDS = 900.0
"""Between two log lines about a broker that stays away."""


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

BROKER_AWAY = {
    "aiokafka.client": (
        "Unable connect to node with id %s: %s",
        'Unable connect to "%s:%s": %s',
        "Unable to update metadata from %s",
        "Unable to request metadata from node with id %s: %r",
        'Unable to request metadata from "%s:%s": %s',
    ),
    "aiokafka.consumer.fetcher": ("Failed fetch messages from %s: %s", "Failed fetch offsets from %s: %s"),
    "aiokafka.consumer.group_coordinator": (
        "Group Coordinator Request failed: %s",
        "Heartbeat send request failed: %s. Will retry.",
        "Error sending %s to node %s [%s] -- marking coordinator dead",
        "Marking the coordinator dead (node %s)for group %s.",
        "Heartbeat session expired - marking coordinator dead",
        "LeaveGroup request failed: %s",
    ),
    "aiokafka.producer.sender": (
        "FindCoordinator Request failed: %s",
        "Got error produce response: %s",
        "Could not send %r: %r",
    ),
}
"""By module: what every attempt to reach a broker that is away logs, some sixty times a second in all."""


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


class EpisodeFilter(logging.Filter):
    """Of all :data:`BROKER_AWAY` messages lets one through when they begin, and one a quarter of an hour while they
    last. Whoever measures the lag logs when the broker is back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._messages = {message for messages in BROKER_AWAY.values() for message in messages}
        self._clock = clock
        self._last = self._logged = -math.inf

    def filter(self, record: logging.LogRecord) -> bool:
        if record.msg not in self._messages:
            return True
        now = self._clock()
        begins = now - self._last > SERIES_SECONDS
        self._last = now
        if not begins and now - self._logged < REMIND_SECONDS:
            return False
        self._logged = now
        return True


def quiet(log_level: str) -> None:
    """Set up what is logged of the libraries in this process; may be called again.

    Not even at debug everything: aiokafka would log whole requests, which hold customers' data.
    """
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.INFO if log_level == "debug" else logging.WARNING)
    if any(isinstance(known, EpisodeFilter) for known in logging.getLogger("aiokafka").filters):
        return
    for name, expected in EXPECTED.items():
        logging.getLogger(name).addFilter(ExpectedFilter(expected))
    episode = EpisodeFilter()
    for name in BROKER_AWAY:
        logging.getLogger("aiokafka" if name == "aiokafka.client" else name).addFilter(episode)
