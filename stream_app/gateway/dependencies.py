"""What the routes work with, made once from the settings, and how it starts and ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from models.bundle import Bundle, load_bundle, shipped_bundle
from stream_app.gateway.dashboard import Dashboard
from stream_app.gateway.event_stream import EventStream
from stream_app.gateway.health import Health
from stream_app.gateway.idempotency import IdempotencyCache, IdempotentSender
from stream_app.gateway.kafka_client import KafkaClient, OnRecords
from stream_app.gateway.loan_requests import RequestReader
from stream_app.gateway.request_reply import Broker, RequestReply
from stream_app.gateway.store_lookups import Clients, DecisionLookup, LazyDecisionStore
from stream_app.settings import GatewaySettings


@dataclass(frozen=True)
class Dependencies:
    """One gateway."""

    settings: GatewaySettings
    bundle: Bundle
    line: Broker
    clients: Clients
    decided: DecisionLookup
    cache: IdempotencyCache
    requests: RequestReader
    sender: IdempotentSender
    health: Health
    board: Dashboard
    feed: EventStream

    async def start(self) -> None:
        """Connect to the broker in the background; the stores are opened at their first use."""
        await self.line.start()

    async def stop(self) -> None:
        """Let go of everything."""
        self.feed.end()
        await self.line.stop()
        await self.clients.close()
        await self.decided.close()
        await self.board.close()


MakeBroker = Callable[[GatewaySettings, OnRecords, Callable[[], None]], Broker]


def build_dependencies(settings: GatewaySettings, make_line: MakeBroker = KafkaClient) -> Dependencies:
    """Raises BundleError or SettingsError; connects to nothing."""
    bundle = load_bundle(settings.bundle or shipped_bundle())
    request_reply = RequestReply()
    line = make_line(settings, request_reply.hear, request_reply.fail_unconfirmed)
    request_reply.use(line)
    clients, decided, cache = Clients(settings.clients), DecisionLookup(settings.store), IdempotencyCache()
    requests = RequestReader(bundle.contract, settings.max_body_bytes)
    health = Health(bundle, line, clients)
    board = Dashboard(
        bundle, LazyDecisionStore("board", settings.store), health, request_reply.rejections, settings.reports
    )
    return Dependencies(
        settings=settings,
        bundle=bundle,
        line=line,
        clients=clients,
        decided=decided,
        cache=cache,
        requests=requests,
        sender=IdempotentSender(request_reply, cache, decided, requests, settings.reply_seconds),
        health=health,
        board=board,
        feed=EventStream(board.news),
    )


def dependencies_of(request: Request) -> Dependencies:
    """Those of the app that serves this request."""
    parts: Dependencies = request.app.state.parts
    return parts
