"""The truth about the replayed loans, waiting for its day among the requests. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence

from stream_app.events import Label
from stream_app.tables.columns import Request
from stream_app.tables.messages import Message, label_message


class Truth:
    """Outcomes in the order they became known, each due once the first request dated as late or later is sent.

    What became known after the last request is due when all are sent. ``requests`` are in the order of their dates.
    """

    def __init__(self, outcomes: Iterable[Label], requests: Sequence[Request]) -> None:
        dates = [request.requested_at for request in requests]
        ordered = sorted(outcomes, key=lambda outcome: outcome.observed_at)
        self._waiting = deque((bisect_left(dates, outcome.observed_at), outcome) for outcome in ordered)

    def due(self, sent: int) -> list[Message]:
        """Those that the first ``sent`` requests make due, each given once, in their order."""
        given: list[Message] = []
        while self._waiting and self._waiting[0][0] < sent:
            given.append(label_message(self._waiting.popleft()[1]))
        return given

    def rest(self) -> list[Message]:
        """All that is still waiting."""
        given = [label_message(outcome) for _, outcome in self._waiting]
        self._waiting.clear()
        return given
