"""Each request id is sent once and decided once: repeated with the same content it gets the same reply."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from stream_app.errors import StoreError
from stream_app.gateway.loan_requests import PreparedRequest, RequestReader
from stream_app.gateway.problem_details import CONFLICTING_ID, ProblemError
from stream_app.gateway.request_reply import PendingReply, Reply, RequestReply, not_sent
from stream_app.gateway.store_lookups import DecisionLookup

log = logging.getLogger(__name__)

MAX_CACHED = 10_000
"""Requests; a decision is about 3 kB."""

RESEND_SECONDS = 30.0
"""A request without reply for so long is sent again when it is repeated: the reply may have been lost."""

STORE_SECONDS = 0.5
"""How long the decision store may take before a request is sent without its answer."""

RECHECK_SECONDS = 0.5
"""How long a request is without reply before the decision store is queried again."""

STORE_PAUSE_SECONDS = 5.0
"""How long a store that failed is then left alone."""


@dataclass(frozen=True, slots=True)
class CachedRequest:
    """A request that was sent. ``fingerprint``: of its content."""

    fingerprint: bytes
    pending: PendingReply
    sent_at: float

    @property
    def reply(self) -> Reply | None:
        """None while it is pending, or when it could not be sent."""
        future = self.pending.reply
        return future.result() if future.done() and future.exception() is None else None

    @property
    def failed(self) -> bool:
        """It could not be sent."""
        future = self.pending.reply
        return future.done() and future.exception() is not None


class IdempotencyCache:
    """The requests this gateway sent lately, by request id. Bounded: the oldest is dropped first."""

    def __init__(self, max_requests: int = MAX_CACHED, clock: Callable[[], float] = time.monotonic) -> None:
        self._by_id: OrderedDict[str, CachedRequest] = OrderedDict()
        self._by_key: OrderedDict[str, bytes] = OrderedDict()
        self._max_requests, self._clock = max_requests, clock

    def get(self, request_id: str) -> CachedRequest | None:
        return self._by_id.get(request_id)

    def binding(self, request_id: str) -> CachedRequest | None:
        """The same, if the next request of this id is to be answered by it or refused for it.

        What was rejected, could not be sent, or is overdue, is sent again.
        """
        known = self._by_id.get(request_id)
        if known is None or known.failed:
            return None
        if known.reply is None:
            return None if self._clock() - known.sent_at > RESEND_SECONDS else known
        return known if known.reply.decision is not None else None

    def put(self, request_id: str, fingerprint: bytes, pending: PendingReply) -> None:
        """In place of what was sent under this id before."""
        self._by_id[request_id] = CachedRequest(fingerprint, pending, self._clock())
        self._by_id.move_to_end(request_id)
        if len(self._by_id) > self._max_requests:
            self._by_id.popitem(last=False)

    def bind_key(self, key: str, fingerprint: bytes) -> bool:
        """Bind an ``Idempotency-Key`` to this content; False when it is bound to another."""
        bound = self._by_key.setdefault(key, fingerprint)
        if len(self._by_key) > self._max_requests:
            self._by_key.popitem(last=False)
        return bound == fingerprint


class IdempotentSender:
    """Sends each request id once, however many callers come with it; other content under it is refused."""

    def __init__(
        self,
        request_reply: RequestReply,
        cache: IdempotencyCache,
        decisions: DecisionLookup,
        requests: RequestReader,
        reply_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._request_reply, self._cache, self._decisions, self._requests = request_reply, cache, decisions, requests
        self._reply_seconds, self._clock = reply_seconds, clock
        self._store_paused_until = 0.0

    async def reply(self, prepared: PreparedRequest, idempotency_key: str | None = None) -> Reply | None:
        """The reply; None when it did not come in time. Raises ProblemError for a conflicting id, BrokerAway."""
        if idempotency_key is not None and not self._cache.bind_key(idempotency_key, prepared.fingerprint):
            raise ProblemError(CONFLICTING_ID)
        request_id = prepared.request.request_id
        known = self._cache.binding(request_id)
        if known is None:
            pending = self._new_pending(prepared)
            self._cache.put(request_id, prepared.fingerprint, pending)  # before any await: who comes now waits too
            await self._begin(prepared, pending)
        elif known.fingerprint != prepared.fingerprint:
            raise ProblemError(CONFLICTING_ID)
        else:
            pending = known.pending
        return await self._wait(prepared, pending)

    def _new_pending(self, prepared: PreparedRequest) -> PendingReply:
        before = self._cache.get(prepared.request.request_id)
        repeated = before is not None and before.fingerprint == prepared.fingerprint and before.reply is None
        return PendingReply(prepared.by_content, before.pending if before and repeated else None)

    async def _wait(self, prepared: PreparedRequest, pending: PendingReply) -> Reply | None:
        """Queries the store meanwhile: a scorer skips what it decided before, e.g. for another gateway."""
        deadline = time.monotonic() + self._reply_seconds
        while (left := deadline - time.monotonic()) > RECHECK_SECONDS and not await pending.settled(RECHECK_SECONDS):
            await self._reply_from_store(prepared, pending)
        return await pending.within(max(0.0, left))

    async def _begin(self, prepared: PreparedRequest, pending: PendingReply) -> None:
        try:
            if not await self._reply_from_store(prepared, pending):
                await self._request_reply.send(pending, prepared.key, prepared.value)
        except BaseException as fault:
            pending.fail(fault if isinstance(fault, Exception) else not_sent())
            raise

    async def _reply_from_store(self, prepared: PreparedRequest, pending: PendingReply) -> bool:
        """Whether the decision was there. Raises ProblemError when it is one on other content."""
        stored = await self._stored(prepared.request.request_id)
        if stored is None:
            return False
        stored = self._decisions.with_client(stored, prepared.request.client_id)
        if not self._requests.is_answered_by(prepared, stored):
            raise ProblemError(CONFLICTING_ID)
        pending.resolve(Reply(stored))
        return True

    async def _stored(self, request_id: str) -> bytes | None:
        """The decision on this id from before this gateway's cache. A store that is away delays no request."""
        if self._clock() < self._store_paused_until:
            return None
        try:
            async with asyncio.timeout(STORE_SECONDS):
                return await self._decisions.get(request_id)
        except (StoreError, TimeoutError) as fault:
            self._store_paused_until = self._clock() + STORE_PAUSE_SECONDS
            log.warning("requests are sent without asking the decision store (%s)", type(fault).__name__)
            return None
