"""What the dashboard needs of the decision store, kept up to date by small queries for what is new.

Everything here runs in the store's own thread. A store that is not there, or does not answer, leaves all as it was.
"""

from __future__ import annotations

from collections import Counter, deque
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
_COUNTED_AT_ONCE = 50_000
"""Rows are read through to count them: 150 MB, half a second of the store's thread, the first time."""

_decode = msgspec.json.Decoder(Decision[Any]).decode


class DashboardData:
    """The state of the store as of the last :meth:`refresh`; its fields are replaced, never changed in place."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.scores: NDArray[np.float64] = np.empty(0)
        self.newest: list[DashboardDecision] = []
        self.windows: list[DriftEvent] = []
        self._counted_to = self._scored_to = 0
        self._scores: deque[float] = deque(maxlen=MAX_SCORES)
        self._stamp = (0, 0)

    def refresh(self, store: DecisionStore) -> None:
        """Ask for what is new. Raises StoreError."""
        self._score(store)
        self._count(store)
        if (stamp := store.windows_stamp()) != self._stamp:
            self.windows = store.windows(MAX_WINDOWS)
            self._stamp = stamp

    def _score(self, store: DecisionStore) -> None:
        scored_to, scores = store.newest_scores(self._scored_to, MAX_SCORES)
        if scores:
            self._scores.extend(scores)
            self.scores = np.array(self._scores)
            self.newest = [_brief(record) for record in store.newest_records(MAX_NEWEST)]
        self._scored_to = scored_to

    def _count(self, store: DecisionStore) -> None:
        counted_to, outcomes = store.outcomes_after(self._counted_to, _COUNTED_AT_ONCE)
        if counted_to < self._counted_to:  # another store in its place
            self._counted_to = self._scored_to = 0
            self.outcomes = Counter()
            self._scores.clear()
            return
        self._counted_to = counted_to
        if outcomes:
            self.outcomes = self.outcomes + Counter(outcomes)


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
