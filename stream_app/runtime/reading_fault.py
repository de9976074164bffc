"""Why a topic cannot be read now, for readiness and the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from aiokafka.errors import KafkaError

log = logging.getLogger(__name__)

FAULT_SECONDS = 5.0
"""Without it for so long, a fault is over: a refused fetch is repeated, and refused, some times a second."""


class ReadingFault:
    """The fault a reader met last, for as long as it comes again. Logged once when it begins. For any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._latest: tuple[str, float] | None = None

    def note(self, fault: KafkaError) -> None:
        """A fetch met this. Its arguments name topics, groups and offsets; no record is in them."""
        why = f"reading fails: {type(fault).__name__} {', '.join(map(str, fault.args))}".rstrip()
        if why != self.current():
            log.error("%s; it is tried again until it does not", why)
        self._latest = why, self._clock()

    def current(self) -> str | None:
        """Why something cannot be read now; None when everything can."""
        if self._latest is None or self._clock() - self._latest[1] >= FAULT_SECONDS:
            return None
        return self._latest[0]
