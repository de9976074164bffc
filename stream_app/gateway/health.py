"""Whether the service works, and on which model and policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.bundle import Bundle
from stream_app.errors import ClientStoreError
from stream_app.gateway.request_reply import Broker
from stream_app.gateway.store_lookups import ClientLookup
from stream_app.gateway.ttl_cache import TtlCache


@dataclass(frozen=True)
class StatusModel:
    """Name, version, and SHA-256 of the model of the gateway's bundle."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class StatusPolicy:
    """Approved below ``review_at``, refused from ``refuse_at``, review between."""

    id: str
    review_at: float
    refuse_at: float


@dataclass(frozen=True, kw_only=True)
class Status:
    """``operational``: a request would be decided now; if not, ``why_not`` names what is missing.

    ``clients``: how many are known; null while their store is away. ``lag``: requests the scorers have not yet
    answered, ``scorers``: how many share the work; null when the broker does not report it. ``lost_requests``: how many
    were deleted from their topic before a scorer read them, as seen since this gateway started; 0 is as it should be.
    ``added_partitions``: of the topic of requests since then: ids decided before may lie in another partition now, and
    be decided again. ``waiting_partitions``: nothing is decided there until the topics of outputs have as many.
    """

    operational: bool
    why_not: str | None
    broker: Literal["reachable", "away"]
    model: StatusModel
    policy: StatusPolicy
    clients: int | None
    lag: int | None
    scorers: int | None
    lost_requests: int
    added_partitions: int
    waiting_partitions: int


class Health:
    """Checks broker, scorers and client store; the clients are counted every five seconds at most."""

    def __init__(self, bundle: Bundle, broker: Broker, clients: ClientLookup) -> None:
        policy = bundle.policy
        self._model = StatusModel(bundle.name, bundle.version, bundle.sha256)
        self._policy = StatusPolicy(policy.id, policy.review_at, policy.refuse_at)
        self._broker, self._clients = broker, clients
        self._client_count: TtlCache[int | None] = TtlCache(self._count_clients, seconds=5.0)

    async def status(self) -> Status:
        clients = await self._client_count.get()
        why_not = self.not_ready() or self._not_operational(clients)
        return Status(
            operational=why_not is None,
            why_not=why_not,
            broker="reachable" if self._broker.reachable else "away",
            model=self._model,
            policy=self._policy,
            clients=clients,
            lag=self._broker.lag,
            scorers=self._broker.scorers,
            lost_requests=self._broker.lost_requests,
            added_partitions=self._broker.added_partitions,
            waiting_partitions=self._broker.waiting_partitions,
        )

    def not_ready(self) -> str | None:
        """Why requests cannot be passed on, or their replies not be read; None when both can."""
        if not self._broker.reachable:
            return "The broker cannot be used now."
        fault = self._broker.reading_fault
        return None if fault is None else f"Decisions cannot be read now: {fault}."

    def _not_operational(self, clients: int | None) -> str | None:
        if clients is None:
            return "The client store does not answer."
        return "No scorer is running." if self._broker.scorers == 0 else None

    async def _count_clients(self) -> int | None:
        try:
            return await self._clients.count()
        except ClientStoreError:
            return None
