"""Where a request gets its answer: from what was answered before, or from the stream."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from stream_app.errors import StoreError
from stream_app.gateway.loan_requests import PreparedRequest, RequestReader, conflict
from stream_app.gateway.request_reply import PendingReply, Reply, RequestReply, away
from stream_app.gateway.store_lookups import DecisionLookup

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How long the decision store may take before a request goes without asking it."""

LOOK_AGAIN_SECONDS = 0.5
"""How long a request is without answer before the decision store is looked into again."""

REST_SECONDS = 5.0
"""How long the store is then left alone."""


class IdempotentSender:
    """Each request id is asked once, however many callers come with it; other content under it is refused."""

    def __init__(
        self,
        request_reply: RequestReply,
        cache: IdempotencyCache,
        decided: DecisionLookup,
        requests: RequestReader,
        reply_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exchange, self._memory, self._decided, self._requests = request_reply, cache, decided, requests
        self._reply_seconds, self._clock = reply_seconds, clock
        self._store_rests_until = 0.0

    async def answer(self, prepared: PreparedRequest, idempotency_key: str | None = None) -> Reply | None:
        """The answer; None when it did not come in time. Raises ProblemError for a conflicting id, BrokerAway."""
        if idempotency_key is not None and not self._memory.bind_key(idempotency_key, prepared.fingerprint):
            raise conflict()
        request_id = prepared.request.request_id
        known = self._memory.binding(request_id)
        if known is None:
            asked = self._asked(prepared)
            self._memory.remember(request_id, prepared.fingerprint, asked)  # before any await: who comes now waits too
            await self._begin(prepared, asked)
        elif known.fingerprint != prepared.fingerprint:
            raise conflict()
        else:
            asked = known.asked
        return await self._awaited(prepared, asked)

    def _asked(self, prepared: PreparedRequest) -> PendingReply:
        before = self._memory.get(prepared.request.request_id)
        again = before is not None and before.fingerprint == prepared.fingerprint and before.answer is None
        return PendingReply(prepared.by_content, before.asked if before and again else None)

    async def _awaited(self, prepared: PreparedRequest, asked: PendingReply) -> Reply | None:
        """Looks into the store meanwhile: a scorer passes over what it decided before, for another gateway, say."""
        until = time.monotonic() + self._reply_seconds
        while (left := until - time.monotonic()) > LOOK_AGAIN_SECONDS and not await asked.settled(LOOK_AGAIN_SECONDS):
            await self._answer_from_store(prepared, asked)
        return await asked.within(max(0.0, left))

    async def _begin(self, prepared: PreparedRequest, asked: PendingReply) -> None:
        try:
            if not await self._answer_from_store(prepared, asked):
                await self._exchange.ask(asked, prepared.key, prepared.value)
        except BaseException as fault:
            asked.failed(fault if isinstance(fault, Exception) else away())
            raise

    async def _answer_from_store(self, prepared: PreparedRequest, asked: PendingReply) -> bool:
        """Whether the answer was there. Raises ProblemError when it is one to other content."""
        stored = await self._stored(prepared.request.request_id)
        if stored is None:
            return False
        if not self._requests.is_answered_by(prepared, stored):
            raise conflict()
        asked.answered(Reply(stored))
        return True

    async def _stored(self, request_id: str) -> bytes | None:
        """The decision on this id from before this gateway's cache. A store that is away holds nobody up."""
        if self._clock() < self._store_rests_until:
            return None
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await self._decided.get(request_id)
        except (StoreError, TimeoutError) as fault:
            self._store_rests_until = self._clock() + REST_SECONDS
            log.warning("asking without the decision store (%s)", type(fault).__name__)
            return None


MAX_REMEMBERED = 10_000
"""Requests; a decision is about 3 kB."""

ASK_AGAIN_SECONDS = 30.0
"""An answer that did not come by then is asked for again when the request is repeated: it may have been lost."""


@dataclass(frozen=True, slots=True)
class CachedRequest:
    """One request that was asked. ``fingerprint``: of its content."""

    fingerprint: bytes
    asked: PendingReply
    asked_at: float

    @property
    def answer(self) -> Reply | None:
        """None while it is pending, or when it could not be asked."""
        done = self.asked.answer
        return done.result() if done.done() and done.exception() is None else None

    @property
    def failed(self) -> bool:
        """It could not be asked."""
        done = self.asked.answer
        return done.done() and done.exception() is not None


class IdempotencyCache:
    """Bounded; the oldest is forgotten first. ``clock``: monotonic seconds."""

    def __init__(self, most: int = MAX_REMEMBERED, clock: Callable[[], float] = time.monotonic) -> None:
        self._by_id: OrderedDict[str, CachedRequest] = OrderedDict()
        self._by_key: OrderedDict[str, bytes] = OrderedDict()
        self._most, self._clock = most, clock

    def get(self, request_id: str) -> CachedRequest | None:
        """What is remembered of this request id."""
        return self._by_id.get(request_id)

    def binding(self, request_id: str) -> CachedRequest | None:
        """The same, if the next request of this id is to be answered by it or refused for it.

        What was rejected, could not be asked, or is overdue, is asked again.
        """
        known = self._by_id.get(request_id)
        if known is None or known.failed:
            return None
        if known.answer is None:
            return None if self._clock() - known.asked_at > ASK_AGAIN_SECONDS else known
        return known if known.answer.decision is not None else None

    def remember(self, request_id: str, fingerprint: bytes, asked: PendingReply) -> None:
        """Remember what was asked under this id, in place of what was before."""
        self._by_id[request_id] = CachedRequest(fingerprint, asked, self._clock())
        self._by_id.move_to_end(request_id)
        if len(self._by_id) > self._most:
            self._by_id.popitem(last=False)

    def bind_key(self, key: str, fingerprint: bytes) -> bool:
        """Bind an ``Idempotency-Key`` to this content; False when it is bound to another."""
        bound = self._by_key.setdefault(key, fingerprint)
        if len(self._by_key) > self._most:
            self._by_key.popitem(last=False)
        return bound == fingerprint
