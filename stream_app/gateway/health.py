"""Whether the service works, and on what."""

from __future__ import annotations

from typing import Literal

import msgspec

from models.bundle import Bundle
from stream_app.errors import ClientStoreError
from stream_app.events import ModelRef, PolicyRef
from stream_app.gateway.request_reply import Broker
from stream_app.gateway.store_lookups import Clients
from stream_app.gateway.ttl_cache import TtlCache


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """``operational``: a request would be decided now; if not, ``why_not`` says what is missing.

    ``clients``: how many are known; null while their store is away. ``lag``: requests the scorers have not yet
    answered, ``scorers``: how many share the work; null when the broker does not say.
    """

    operational: bool
    why_not: str | None
    broker: Literal["reachable", "away"]
    model: ModelRef
    policy: PolicyRef
    clients: int | None
    lag: int | None
    scorers: int | None


class Health:
    """Looks at the parts, at most once a second."""

    def __init__(self, bundle: Bundle, line: Broker, clients: Clients) -> None:
        policy = bundle.policy
        self.model = ModelRef(bundle.name, bundle.version, bundle.sha256)
        self.policy = PolicyRef(policy.id, policy.review_at, policy.refuse_at)
        self._line, self._clients = line, clients
        self._count: TtlCache[int | None] = TtlCache(self._count_clients, seconds=5.0)

    async def status(self) -> Status:
        """As it is now."""
        clients = await self._count.get()
        why_not = self.not_ready() or self._not_operational(clients)
        return Status(
            operational=why_not is None,
            why_not=why_not,
            broker="reachable" if self._line.reachable else "away",
            model=self.model,
            policy=self.policy,
            clients=clients,
            lag=self._line.lag,
            scorers=self._line.scorers,
        )

    def not_ready(self) -> str | None:
        """Why requests cannot be passed on; None when they can."""
        return None if self._line.reachable else "The broker cannot be used now."

    def _not_operational(self, clients: int | None) -> str | None:
        if clients is None:
            return "The client store does not answer."
        return "No scorer is running." if self._line.scorers == 0 else None

    async def _count_clients(self) -> int | None:
        try:
            return await self._clients.count()
        except ClientStoreError:
            return None
