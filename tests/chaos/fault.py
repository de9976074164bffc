"""What a fault is: it does its harm, takes it back, and says when it ended. Recovery counts from there."""

from __future__ import annotations

import time
from random import Random
from typing import Protocol

from tests.chaos.stage import Stage

WORKER_SECONDS = 10.0
BROKER_SECONDS = 30.0
"""The figures: recovery after a worker was killed (session timeout 6 s), and after a broker is back."""


class Fault(Protocol):
    """One kind of fault. ``limit``: seconds within which requests sent after its end must be answered.

    ``count``: how many faults one run of it is.
    """

    kind: str
    limit: float
    count: int

    def impossible(self, stage: Stage) -> str | None:
        """Why it cannot be done here, or None."""

    def run(self, stage: Stage, rng: Random) -> float:
        """Do it and undo it; the ``time.monotonic()`` of its end."""


class Possible:
    """Base of the faults that need nothing special."""

    limit = WORKER_SECONDS
    count = 1

    def impossible(self, stage: Stage) -> str | None:  # noqa: ARG002 - others look at it
        return None


def hold(seconds: float) -> None:
    """The length of a fault; never a guess at how long something takes."""
    time.sleep(seconds)
