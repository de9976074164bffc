"""What the routes work with, made once from the settings, and how it starts and ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from models.bundle import load_bundle, shipped_bundle
from monitoring.store import Ids
from stream_app.formats.opening import Formats
from stream_app.gateway.dashboard import Dashboard
from stream_app.gateway.event_stream import EventStream
from stream_app.gateway.health import Health
from stream_app.gateway.idempotency import IdempotencyCache, IdempotentSender
from stream_app.gateway.kafka_client import KafkaClient, OnRecords
from stream_app.gateway.loan_requests import RequestReader
from stream_app.gateway.request_reply import Broker, RequestReply
from stream_app.gateway.store_lookups import ClientLookup, DecisionLookup, LazyDecisionStore
from stream_app.runtime.tracing import open_tracing
from stream_app.settings import GatewaySettings
from stream_app.topics import TopicNames

log = logging.getLogger(__name__)

MakeBroker = Callable[[GatewaySettings, OnRecords, Callable[[], None]], Broker]


class Dependencies:
    """One gateway. Raises BundleError or SettingsError; connects to nothing before it is started."""

    def __init__(self, settings: GatewaySettings, make_broker: MakeBroker = KafkaClient) -> None:
        self.settings = settings
        self.bundle = load_bundle(settings.bundle or shipped_bundle(), origin=settings.origin)
        log.info("%s", self.bundle)
        self.tracing = open_tracing(settings.tracing, "loan-gateway")
        self.formats = Formats.of(settings, TopicNames.prefixed(settings.topic_prefix), self.bundle.contract)
        request_reply = RequestReply(self.formats.decisions)
        self.broker = make_broker(settings, request_reply.on_records, request_reply.fail_unconfirmed)
        request_reply.use(self.broker)
        self.clients = ClientLookup(settings.clients)
        self.decisions = DecisionLookup(settings.store, Ids.read(settings.pseudonym_key_file))
        self.cache = IdempotencyCache()
        self.requests = RequestReader(self.bundle.contract, settings.max_body_bytes, self.formats.requests)
        self.sender = IdempotentSender(request_reply, self.cache, self.decisions, self.requests, settings.reply_seconds)
        self.health = Health(self.bundle, self.broker, self.clients)
        store = LazyDecisionStore("dashboard", settings.store)
        self.dashboard = Dashboard(self.bundle, store, self.health, request_reply, settings.reports)
        self.events = EventStream(self.dashboard.news)

    async def start(self) -> None:
        """Connect to the broker in the background; the stores are opened at their first use."""
        await self.broker.start()

    async def stop(self) -> None:
        """Close everything."""
        self.events.close()
        await self.broker.stop()
        for closable in (self.clients, self.decisions, self.dashboard):
            await closable.close()
        if self.tracing:
            await asyncio.to_thread(self.tracing.close)


async def _of_app(request: Request) -> Dependencies:
    dependencies: Dependencies = request.app.state.dependencies
    return dependencies


Gateway = Annotated[Dependencies, Depends(_of_app)]
"""A route's parameter of this type."""
