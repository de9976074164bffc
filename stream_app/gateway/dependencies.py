"""What the routes work with, made once from the settings, and how it starts and ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from models.bundle import Bundle, load_bundle, shipped_bundle
from stream_app.gateway.dashboard import Board
from stream_app.gateway.event_stream import Feed
from stream_app.gateway.health import Health
from stream_app.gateway.idempotency import Desk
from stream_app.gateway.kafka_client import Hear, KafkaLine
from stream_app.gateway.loan_requests import Requests
from stream_app.gateway.memory import Memory
from stream_app.gateway.request_reply import Exchange, Line
from stream_app.gateway.stores import Clients, Decided, LazyDecisions
from stream_app.settings import GatewaySettings


@dataclass(frozen=True)
class Parts:
    """One gateway."""

    settings: GatewaySettings
    bundle: Bundle
    line: Line
    clients: Clients
    decided: Decided
    memory: Memory
    requests: Requests
    desk: Desk
    health: Health
    board: Board
    feed: Feed

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


MakeLine = Callable[[GatewaySettings, Hear, Callable[[], None]], Line]


def make_parts(settings: GatewaySettings, make_line: MakeLine = KafkaLine) -> Parts:
    """Raises BundleError or SettingsError; connects to nothing."""
    bundle = load_bundle(settings.bundle or shipped_bundle())
    exchange = Exchange()
    line = make_line(settings, exchange.hear, exchange.lose_undelivered)
    exchange.use(line)
    clients, decided, memory = Clients(settings.clients), Decided(settings.store), Memory()
    requests = Requests(bundle.contract, settings.max_body_bytes)
    health = Health(bundle, line, clients)
    board = Board(bundle, LazyDecisions("board", settings.store), health, exchange.rejections, settings.reports)
    return Parts(
        settings=settings,
        bundle=bundle,
        line=line,
        clients=clients,
        decided=decided,
        memory=memory,
        requests=requests,
        desk=Desk(exchange, memory, decided, requests, settings.reply_seconds),
        health=health,
        board=board,
        feed=Feed(board.news),
    )


def parts_of(request: Request) -> Parts:
    """Those of the app that serves this request."""
    parts: Parts = request.app.state.parts
    return parts
