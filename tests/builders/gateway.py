"""The stream in a list, for the gateway's tests: a broker whose scorer is the real pipeline, while it is running."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from models.bundle import Bundle, load_bundle, shipped_bundle
from stream_app.clients import SQLiteClients
from stream_app.events import ModelRef
from stream_app.gateway.request_reply import RequestReply
from stream_app.pipeline import Pipeline
from stream_app.settings import GatewaySettings
from tests.builders.records import NOW, Profiles, Record, published

Result = TypeVar("Result")
NOW_MS = int(NOW.timestamp() * 1000)

PROFILE = {"state": "CA", "naics_sector": "44", "urban_rural": "urban", "employees": 7}
APPLICATION = {"amount_requested": 70_000, "guaranteed_share": 0.5, "revolving_line": "Y"}


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """On a loop of its own. Half a minute would be a hang; the first imports of a busy machine took five seconds."""
    return asyncio.run(asyncio.wait_for(work, 30.0))


@lru_cache
def bundle() -> Bundle:
    """The shipped one, loaded once."""
    return load_bundle(shipped_bundle())


class LocalStream:
    """Requests in, answers out. ``running``: whether a scorer answers, ``confirming``: whether the broker confirms."""

    def __init__(self, pipeline: Pipeline, deliver: Callable[[bool, Iterable[Any]], None]) -> None:
        self.reachable = self.connected = self.running = self.confirming = True
        self.lag, self.scorers, self.lost_requests = 0, 1, 0
        self.added_partitions = self.waiting_partitions = 0
        self.reading_fault: str | None = None
        self.sent: list[Record] = []
        self._pipeline, self.deliver = pipeline, deliver

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> asyncio.Future[object]:
        loop = asyncio.get_running_loop()
        delivery: asyncio.Future[object] = loop.create_future()
        self.sent.append(Record(value=value, key=key, headers=list(headers)))
        if self.confirming:
            delivery.set_result(None)
        if self.running:
            loop.call_soon(self.score, self.sent[-1:])
        return delivery

    def score(self, requests: Sequence[Record]) -> None:
        """Decide these, once more if they were decided before."""
        for output in filter(None, self._pipeline.judge(requests, NOW).outputs):
            self.deliver(output.rejected, [published(output, timestamp=NOW_MS)])


def connected_stream(request_reply: RequestReply, pipeline: Pipeline) -> LocalStream:
    """A broker in use."""
    broker = LocalStream(pipeline, request_reply.on_records)
    request_reply.use(broker)
    return broker


def shipped_pipeline(profiles: Any = None) -> Pipeline:
    """The scorer's, on the shipped bundle."""
    shipped = bundle()
    return Pipeline(
        contract=shipped.contract,
        scorer=shipped.scorer,
        policy=shipped.policy,
        model=ModelRef(shipped.name, shipped.version, shipped.sha256),
        profiles=profiles or Profiles({"7": PROFILE}),
        max_request_bytes=65_536,
    )


def settings_in(folder: Path, **given: Any) -> GatewaySettings:
    """A gateway whose stores are in this folder: client 7 has a profile and an application, client 8 a profile."""
    clients = folder / "clients.db"
    profile = json.dumps(PROFILE).encode()
    with SQLiteClients(clients, create=True) as store:
        store.put_many([("7", profile), ("8", profile)], [("7", json.dumps(APPLICATION).encode())])
    values = {"clients": str(clients), "store": str(folder / "decisions.db"), "reports": folder / "reports"}
    return GatewaySettings(**{**values, "reply_seconds": 0.2, **given})
