"""The gateway's clients of the broker: a producer, a consumer of all answers, and a look every second at how it fares.

It connects whenever the broker is there and stays connected across its absences: the clients reconnect by themselves,
and the consumer goes on where it was, so no answer is lost by one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream_app.errors import StreamAppError, TopicMismatch, trace_of
from stream_app.events import RawRecord
from stream_app.gateway.consumer_lag import LOOK_TIMEOUT_SECONDS, lag_and_members
from stream_app.gateway.request_reply import Header
from stream_app.settings import GatewaySettings
from stream_app.topics import TopicNames

log = logging.getLogger(__name__)

LINGER_MS = 1
"""Requests that come within it travel together."""

LOOK_SECONDS = 1.0
_STOP_SECONDS = 3.0

OnRecords = Callable[[bool, Iterable[RawRecord]], None]


class KafkaClient:
    """``hear`` gets every record of the answer topics: whether they are rejections, and the records.

    ``on_away`` is called when the broker is found to be away.
    """

    def __init__(self, settings: GatewaySettings, hear: OnRecords, on_away: Callable[[], None]) -> None:
        self.reachable = False
        self.why_not: str | None = "the broker was not reached yet"
        self.lag: int | None = None
        self.scorers: int | None = None
        self._settings = settings
        self._names = TopicNames.prefixed(settings.topic_prefix)
        self._hear, self._on_away = hear, on_away
        self._open = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect in the background, at once or when the broker comes."""
        # It logs each attempt, and at debug whole requests, which hold customers' data; what matters is told here.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        self._tasks = [asyncio.create_task(self._live())]

    async def stop(self) -> None:
        """Send what is in hand and disconnect; does not wait for a broker that is away."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._open.aclose()

    async def send(self, key: bytes, value: bytes, headers: Sequence[Header]) -> asyncio.Future[object]:
        sent = await self._producer.send(self._names.requests, value, key, headers=list(headers))
        return cast("asyncio.Future[object]", sent)

    # ---- life -------------------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        while not await self._connect():
            await asyncio.sleep(LOOK_SECONDS)
        self._tasks.append(asyncio.create_task(self._again_and_again(self._read)))
        await self._again_and_again(self._look, LOOK_SECONDS)

    async def _again_and_again(self, step: Callable[[], Awaitable[None]], pause_seconds: float = 0.0) -> None:
        """Until cancelled. A fault of one step, whatever it is, must not be the last of the gateway."""
        while True:
            try:
                await step()
                await asyncio.sleep(pause_seconds)
            except Exception as fault:  # noqa: BLE001
                log.error("a step at the broker failed, going on: %s", trace_of(fault))
                await asyncio.sleep(LOOK_SECONDS)

    async def _connect(self) -> bool:
        stack = AsyncExitStack()
        try:
            async with stack:
                async with asyncio.timeout(self._settings.broker_wait_seconds):
                    await self._open_clients(stack)
                self._open = stack.pop_all()
        except (KafkaError, OSError, TimeoutError, StreamAppError) as fault:
            self._is_away(_why(fault))
            return False
        return True

    async def _open_clients(self, stack: AsyncExitStack) -> None:
        servers = self._settings.kafka
        self._admin = await _started(stack, AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=3_000))
        counts = await self._partition_counts()
        self._inputs = _partitions(self._names.requests, counts)
        self._producer = await _started(stack, self._new_producer())
        self._consumer = self._new_consumer()
        outputs = [_partitions(name, counts) for name in (self._names.decisions, self._names.rejections)]
        self._consumer.assign([tp for some in outputs for tp in some])
        await _started(stack, self._consumer)
        if not await self._consumer.seek_to_end():  # before anything is asked, or its answer could lie before the end
            raise TimeoutError

    async def _partition_counts(self) -> dict[str, int]:
        wanted = [self._names.requests, self._names.decisions, self._names.rejections]
        described = await self._admin.describe_topics(wanted)
        counts = {each["topic"]: len(each["partitions"]) for each in described if each["error_code"] == 0}
        if missing := [name for name in wanted if name not in counts]:
            raise TopicMismatch(
                f"The broker has no topic {', '.join(missing)}.", do_next="Create them with `stream-app topics create`."
            )
        return counts

    def _new_producer(self) -> AIOKafkaProducer:
        """Not idempotent: that kind retries for as long as the broker is away, when every caller has long given up.

        A request that is sent twice for want of a confirmation is decided twice alike.
        """
        return AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka,
            acks="all",
            linger_ms=LINGER_MS,
            request_timeout_ms=max(1_000, int(self._settings.reply_seconds * 1000)),
        )

    def _new_consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka,
            isolation_level="read_committed",
            auto_offset_reset="latest",
            enable_auto_commit=False,
            fetch_max_wait_ms=int(self._settings.fetch_max_wait_seconds * 1000),
        )

    # ---- reading and looking ----------------------------------------------------------------------------------------

    async def _read(self) -> None:
        fetched = await self._consumer.getmany(timeout_ms=1_000)
        for partition, records in fetched.items():
            self._hear(partition.topic == self._names.rejections, records)

    async def _look(self) -> None:
        """Whether the broker answers, and how far the scorers are behind."""
        try:
            async with asyncio.timeout(LOOK_TIMEOUT_SECONDS):
                ends = await self._consumer.end_offsets(self._inputs)
        except (KafkaError, OSError, TimeoutError) as fault:
            self._is_away(_why(fault))
            return
        if not self.reachable:
            log.info("the broker answers")
        self.reachable, self.why_not = True, None
        self.lag, self.scorers = await lag_and_members(self._settings.group, self._admin, self._consumer, ends)

    def _is_away(self, why: str) -> None:
        if self.reachable or self.why_not != why:
            log.warning("the broker is not usable: %s", why)
        self.reachable, self.why_not = False, why
        self.lag = self.scorers = None
        self._on_away()


def _partitions(topic: str, counts: dict[str, int]) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in range(counts[topic])]


async def _started(stack: AsyncExitStack, client: Any) -> Any:
    """Start a client that ``stack`` will close, also when its start fails."""
    stack.push_async_callback(_stopped, client)
    await client.start()
    await asyncio.sleep(0)  # its tasks must have begun: stopped before that, it raises their CancelledError
    return client


async def _stopped(client: Any) -> None:
    with contextlib.suppress(TimeoutError, KafkaError):
        async with asyncio.timeout(_STOP_SECONDS):  # it waits for a broker that is away
            await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())


def _why(fault: BaseException) -> str:
    return fault.happened if isinstance(fault, StreamAppError) else f"it does not answer ({type(fault).__name__})"
