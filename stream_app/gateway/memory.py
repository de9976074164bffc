"""What this gateway asked lately, by request id: the same request again gets the same answer."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from stream_app.gateway.request_reply import Answer, Asked

MAX_REMEMBERED = 10_000
"""Requests; a decision is about 3 kB."""

ASK_AGAIN_SECONDS = 30.0
"""An answer that did not come by then is asked for again when the request is repeated: it may have been lost."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """One request that was asked. ``fingerprint``: of its content."""

    fingerprint: bytes
    asked: Asked
    asked_at: float

    @property
    def answer(self) -> Answer | None:
        """None while it is pending, or when it could not be asked."""
        done = self.asked.answer
        return done.result() if done.done() and done.exception() is None else None

    @property
    def failed(self) -> bool:
        """It could not be asked."""
        done = self.asked.answer
        return done.done() and done.exception() is not None


class Memory:
    """Bounded; the oldest is forgotten first. ``clock``: monotonic seconds."""

    def __init__(self, most: int = MAX_REMEMBERED, clock: Callable[[], float] = time.monotonic) -> None:
        self._by_id: OrderedDict[str, Remembered] = OrderedDict()
        self._by_key: OrderedDict[str, bytes] = OrderedDict()
        self._most, self._clock = most, clock

    def get(self, request_id: str) -> Remembered | None:
        """What is remembered of this request id."""
        return self._by_id.get(request_id)

    def binding(self, request_id: str) -> Remembered | None:
        """The same, if the next request of this id is to be answered by it or refused for it.

        What was rejected, could not be asked, or is overdue, is asked again.
        """
        known = self._by_id.get(request_id)
        if known is None or known.failed:
            return None
        if known.answer is None:
            return None if self._clock() - known.asked_at > ASK_AGAIN_SECONDS else known
        return known if known.answer.decision is not None else None

    def remember(self, request_id: str, fingerprint: bytes, asked: Asked) -> None:
        """Remember what was asked under this id, in place of what was before."""
        self._by_id[request_id] = Remembered(fingerprint, asked, self._clock())
        self._by_id.move_to_end(request_id)
        if len(self._by_id) > self._most:
            self._by_id.popitem(last=False)

    def bind_key(self, key: str, fingerprint: bytes) -> bool:
        """Bind an ``Idempotency-Key`` to this content; False when it is bound to another."""
        bound = self._by_key.setdefault(key, fingerprint)
        if len(self._by_key) > self._most:
            self._by_key.popitem(last=False)
        return bound == fingerprint
