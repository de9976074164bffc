"""Where a request gets its answer: from what was answered before, or from the stream."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from stream_app.errors import StoreError
from stream_app.gateway.loan_requests import Prepared, Requests, conflict
from stream_app.gateway.memory import Memory
from stream_app.gateway.request_reply import Answer, Asked, Exchange, away
from stream_app.gateway.stores import Decided

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
"""How long the decision store may take before a request goes without asking it."""

LOOK_AGAIN_SECONDS = 0.5
"""How long a request is without answer before the decision store is looked into again."""

REST_SECONDS = 5.0
"""How long the store is then left alone."""


class Desk:
    """Each request id is asked once, however many callers come with it; other content under it is refused."""

    def __init__(
        self,
        exchange: Exchange,
        memory: Memory,
        decided: Decided,
        requests: Requests,
        reply_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._exchange, self._memory, self._decided, self._requests = exchange, memory, decided, requests
        self._reply_seconds, self._clock = reply_seconds, clock
        self._store_rests_until = 0.0

    async def answer(self, prepared: Prepared, idempotency_key: str | None = None) -> Answer | None:
        """The answer; None when it did not come in time. Raises Refused for a conflicting id, BrokerAway."""
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

    def _asked(self, prepared: Prepared) -> Asked:
        before = self._memory.get(prepared.request.request_id)
        again = before is not None and before.fingerprint == prepared.fingerprint and before.answer is None
        return Asked(prepared.by_content, before.asked if before and again else None)

    async def _awaited(self, prepared: Prepared, asked: Asked) -> Answer | None:
        """Looks into the store meanwhile: a scorer passes over what it decided before, for another gateway, say."""
        until = time.monotonic() + self._reply_seconds
        while (left := until - time.monotonic()) > LOOK_AGAIN_SECONDS and not await asked.settled(LOOK_AGAIN_SECONDS):
            await self._answer_from_store(prepared, asked)
        return await asked.within(max(0.0, left))

    async def _begin(self, prepared: Prepared, asked: Asked) -> None:
        try:
            if not await self._answer_from_store(prepared, asked):
                await self._exchange.ask(asked, prepared.key, prepared.value)
        except BaseException as fault:
            asked.failed(fault if isinstance(fault, Exception) else away())
            raise

    async def _answer_from_store(self, prepared: Prepared, asked: Asked) -> bool:
        """Whether the answer was there. Raises Refused when it is one to other content."""
        stored = await self._stored(prepared.request.request_id)
        if stored is None:
            return False
        if not self._requests.is_answered_by(prepared, stored):
            raise conflict()
        asked.answered(Answer(stored))
        return True

    async def _stored(self, request_id: str) -> bytes | None:
        """The decision on this id from before this gateway's memory. A store that is away holds nobody up."""
        if self._clock() < self._store_rests_until:
            return None
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await self._decided.get(request_id)
        except (StoreError, TimeoutError) as fault:
            self._store_rests_until = self._clock() + REST_SECONDS
            log.warning("asking without the decision store (%s)", type(fault).__name__)
            return None
