"""What the routes work with, made once from the settings, and how it starts and ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from models.bundle import Bundle, load_bundle, shipped_bundle
from stream_app.gateway.dashboard import Dashboard
from stream_app.gateway.event_stream import EventStream
from stream_app.gateway.health import Health
from stream_app.gateway.idempotency import IdempotencyCache, IdempotentSender
from stream_app.gateway.kafka_client import KafkaClient, OnRecords
from stream_app.gateway.loan_requests import RequestReader
from stream_app.gateway.request_reply import Broker, RequestReply
from stream_app.gateway.store_lookups import ClientLookup, DecisionLookup, LazyDecisionStore
from stream_app.settings import GatewaySettings


@dataclass(frozen=True)
class Dependencies:
    """One gateway."""

    settings: GatewaySettings
    bundle: Bundle
    broker: Broker
    clients: ClientLookup
    decisions: DecisionLookup
    cache: IdempotencyCache
    requests: RequestReader
    sender: IdempotentSender
    health: Health
    dashboard: Dashboard
    events: EventStream

    async def start(self) -> None:
        """Connect to the broker in the background; the stores are opened at their first use."""
        await self.broker.start()

    async def stop(self) -> None:
        """Close everything."""
        self.events.close()
        await self.broker.stop()
        await self.clients.close()
        await self.decisions.close()
        await self.dashboard.close()


MakeBroker = Callable[[GatewaySettings, OnRecords, Callable[[], None]], Broker]


def build_dependencies(settings: GatewaySettings, make_broker: MakeBroker = KafkaClient) -> Dependencies:
    """Raises BundleError or SettingsError; connects to nothing."""
    bundle = load_bundle(settings.bundle or shipped_bundle())
    request_reply, cache = RequestReply(), IdempotencyCache()
    broker = make_broker(settings, request_reply.on_records, request_reply.fail_unconfirmed)
    request_reply.use(broker)
    clients, decisions = ClientLookup(settings.clients), DecisionLookup(settings.store)
    requests = RequestReader(bundle.contract, settings.max_body_bytes)
    health = Health(bundle, broker, clients)
    store = LazyDecisionStore("dashboard", settings.store)  # a long query of it must not hold up the other's
    dashboard = Dashboard(bundle, store, health, request_reply, settings.reports)
    return Dependencies(
        settings=settings,
        bundle=bundle,
        broker=broker,
        clients=clients,
        decisions=decisions,
        cache=cache,
        requests=requests,
        sender=IdempotentSender(request_reply, cache, decisions, requests, settings.reply_seconds),
        health=health,
        dashboard=dashboard,
        events=EventStream(dashboard.news),
    )


async def _of_app(request: Request) -> Dependencies:
    dependencies: Dependencies = request.app.state.dependencies
    return dependencies


Gateway = Annotated[Dependencies, Depends(_of_app)]
"""What a route asks for to get at them."""
