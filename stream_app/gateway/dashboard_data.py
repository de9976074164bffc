"""What the dashboard needs of the decision store, kept up to date by small queries for what is new.

Everything here runs in the store's own thread. A store that is not there, or does not answer, leaves all as it was.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitoring.store import DecisionStore
from stream_app.drift_events import DriftEvent
from stream_app.events import Decision
from stream_app.gateway.dashboard_schema import DashboardDecision

MAX_SCORES = 5_000
MAX_NEWEST = 100
MAX_WINDOWS = 48
RECHECK_SECONDS = 10.0
"""How often the rows of the store are counted, to notice what its retention removed."""

_COUNTED_AT_ONCE = 50_000
"""Rows are read through to count them: 150 MB, half a second of the store's thread, the first time."""

_decode = msgspec.json.Decoder(Decision[Any]).decode


class DashboardData:
    """The state of the store as of the last :meth:`refresh`; its fields are replaced, never changed in place."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.outcomes: Counter[str] = Counter()
        self.scores: NDArray[np.float64] = np.empty(0)
        self.newest: list[DashboardDecision] = []
        self.windows: list[DriftEvent] = []
        self._clock, self._checked_at = clock, clock()
        self._counted: Counter[str] = Counter()
        self._recounting = False
        self._counted_to = self._scored_to = 0
        self._scores: deque[float] = deque(maxlen=MAX_SCORES)
        self._windows_stamp = (0, 0)

    def refresh(self, store: DecisionStore) -> None:
        """Query what is new. Raises StoreError."""
        self._count(store)
        self._score(store)
        if (stamp := store.windows_stamp()) != self._windows_stamp:
            self.windows = store.windows(MAX_WINDOWS)
            self._windows_stamp = stamp

    def _score(self, store: DecisionStore) -> None:
        scored_to, scores = store.newest_scores(self._scored_to, MAX_SCORES)
        if scores or len(self._scores) != len(self.scores):
            self._scores.extend(scores)
            self.scores = np.array(self._scores)
            self.newest = [_brief(record) for record in store.newest_records(MAX_NEWEST)]
        self._scored_to = scored_to

    def _count(self, store: DecisionStore) -> None:
        """Outcomes, a stretch of the store at a time; from the beginning again when rows were removed."""
        if self._clock() - self._checked_at >= RECHECK_SECONDS:
            self._checked_at = self._clock()
            if store.counts().decisions < self._counted.total():
                self._restart()
        counted_to, outcomes = store.outcomes_after(self._counted_to, _COUNTED_AT_ONCE)
        if counted_to < self._counted_to:  # another store in its place
            self._restart()
            self._recounting = False
            return
        self._counted += Counter(outcomes)
        self._recounting = self._recounting and counted_to - self._counted_to == _COUNTED_AT_ONCE
        self._counted_to = counted_to
        if not self._recounting:
            self.outcomes = self._counted.copy()

    def _restart(self) -> None:
        """What is shown stays until all is counted again."""
        self._counted, self._recounting = Counter(), True
        self._counted_to = self._scored_to = 0
        self._scores.clear()


def _brief(record: bytes) -> DashboardDecision:
    decision = _decode(record)
    return DashboardDecision(
        request_id=decision.request_id,
        client_id=decision.client_id,
        requested_at=decision.requested_at,
        decided_at=decision.decided_at,
        outcome=decision.outcome,
        probability_of_default=decision.probability_of_default,
        reasons=[reason.text for reason in decision.reasons],
    )
