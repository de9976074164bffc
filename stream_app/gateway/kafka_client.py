"""The gateway's Kafka clients: a producer, a consumer of all replies, and an admin client that watches the scorers.

They connect whenever the broker is there and stay connected across its absences: the clients reconnect by themselves,
and the consumer goes on where it was, so no reply is lost by one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream_app.errors import StreamAppError, TopicMismatch, trace_of
from stream_app.events import RawRecord
from stream_app.gateway.consumer_lag import TIMEOUT_SECONDS, LostRequests, lag_and_members
from stream_app.gateway.request_reply import Header
from stream_app.kafka_admin import ATTEMPT_SECONDS
from stream_app.kafka_connection.record_batches import read_every_batch
from stream_app.kafka_connection.stopping import stop_client
from stream_app.kafka_rights import require_rights
from stream_app.runtime.background import in_daemon_thread, start_background_task
from stream_app.runtime.readiness import Membership, Progress
from stream_app.runtime.reading_fault import ReadingFault
from stream_app.settings import GatewaySettings
from stream_app.topics import TopicNames, rights_by_role

log = logging.getLogger(__name__)

LINGER_MS = 1
"""Requests that come within it travel together."""

MAX_COUNTED_REJECTIONS = 50_000
"""Newest rejections of each partition that are read at the start, to be counted."""

ANSWER_SECONDS = 5.0
"""For a broker's first answer; then the next attempt begins."""
POLL_SECONDS = 1.0
_STOP_SECONDS = 3.0

OnRecords = Callable[[bool, Iterable[RawRecord]], None]


class KafkaClient:
    """``on_records`` gets every record of the decision and rejection topics: whether they are rejections, and the
    records. ``on_away`` is called when the broker is found to be away.
    """

    def __init__(self, settings: GatewaySettings, on_records: OnRecords, on_away: Callable[[], None]) -> None:
        self.reachable = self.connected = False
        self.why_not: str | None = "the broker was not reached yet"
        self.lag: int | None = None
        self.scorers: int | None = None
        self.added_partitions = self.waiting_partitions = 0
        self._lost = LostRequests()
        self._fault = ReadingFault()
        self._reading = Progress(settings.stall_seconds, time.monotonic)
        self._settings = settings
        self._names = TopicNames.prefixed(settings.topic_prefix)
        self._on_records, self._on_away = on_records, on_away
        self._clients = AsyncExitStack()
        self._tasks: list[asyncio.Task[Any]] = []

    @property
    def lost_requests(self) -> int:
        return self._lost.total

    @property
    def reading_fault(self) -> str | None:
        """Why replies cannot be read, None when they can. Each partition is fetched again and again, empty or not."""
        return self._reading.not_ready() if self.connected else None

    async def start(self) -> None:
        """Connect in the background, at once or when the broker comes."""
        self._tasks = [start_background_task(self._run(), "Kafka clients of the gateway", endless=True)]

    async def stop(self) -> None:
        """Send what is in hand and disconnect; does not wait for a broker that is away."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._clients.aclose()

    async def send(self, key: bytes, value: bytes, headers: Sequence[Header]) -> asyncio.Future[object]:
        sent = await self._producer.send(self._names.requests, value, key, headers=list(headers))
        return cast("asyncio.Future[object]", sent)

    async def _run(self) -> None:
        while not await self._connect():
            await asyncio.sleep(POLL_SECONDS)
        self.connected = True
        self._tasks.append(start_background_task(self._repeat(self._read), "reading of replies", endless=True))
        await self._repeat(self._check_broker, POLL_SECONDS)

    async def _repeat(self, step: Callable[[], Awaitable[None]], pause_seconds: float = 0.0) -> None:
        """Until cancelled. A step that fails is logged and repeated."""
        while True:
            try:
                await step()
                await asyncio.sleep(pause_seconds)
            except Exception as fault:  # noqa: BLE001 - the gateway outlives whatever a client library raises
                log.error("a step at the broker failed and is repeated: %s", trace_of(fault))
                await asyncio.sleep(POLL_SECONDS)

    async def _connect(self) -> bool:
        stack = AsyncExitStack()
        try:
            async with stack:
                async with asyncio.timeout(self._settings.broker_wait_seconds or ATTEMPT_SECONDS):
                    await self._require_rights()
                    await self._open_clients(stack)
                self._clients = stack.pop_all()
        except (KafkaError, OSError, TimeoutError, StreamAppError) as fault:
            self._mark_away(fault)
            return False
        return True

    async def _require_rights(self) -> None:
        """Raises RightsMissing, or BrokerUnreachable that says what keeps us from a broker."""
        rights = rights_by_role(self._names, self._settings.group)["gateway"]
        ask = partial(require_rights, self._settings.connection, "gateway", rights, ANSWER_SECONDS)
        await in_daemon_thread(ask)

    async def _open_clients(self, stack: AsyncExitStack) -> None:
        kafka = self._settings.connection.for_aiokafka()
        self._admin = await _started(stack, AIOKafkaAdminClient(**kafka, request_timeout_ms=3_000))
        counts = await self._partition_counts()
        self._requests, decisions, rejections = (
            [TopicPartition(topic, number) for number in range(count)] for topic, count in counts.items()
        )
        self._producer = await _started(stack, self._new_producer())
        self._consumer = self._new_consumer()
        self._consumer.assign([*decisions, *rejections])
        await _started(stack, self._consumer)
        if not await self._consumer.seek_to_end():  # before any request is sent: its reply could lie before the end
            raise TimeoutError
        await self._seek_to_counted(rejections)

    async def _seek_to_counted(self, rejections: Sequence[TopicPartition]) -> None:
        """To the oldest rejections, so that a gateway that starts counts those there are."""
        oldest = await self._consumer.beginning_offsets(rejections)
        for partition, end in (await self._consumer.end_offsets(rejections)).items():
            self._consumer.seek(partition, max(oldest[partition], end - MAX_COUNTED_REJECTIONS))

    async def _partition_counts(self) -> dict[str, int]:
        """Of the topics of requests, decisions and rejections, in this order. Raises TopicMismatch."""
        wanted = [self._names.requests, self._names.decisions, self._names.rejections]
        described = await self._admin.describe_topics(wanted)
        counts = {topic["topic"]: len(topic["partitions"]) for topic in described if topic["error_code"] == 0}
        if missing := [name for name in wanted if name not in counts]:
            raise TopicMismatch(
                f"The broker has no topic {', '.join(missing)}.", do_next="Create them with `stream-app topics create`."
            )
        return {name: counts[name] for name in wanted}

    def _new_producer(self) -> AIOKafkaProducer:
        """Not idempotent: that kind retries for as long as the broker is away, long after every caller has gone.

        A request that is sent twice because the first was not acknowledged is decided twice alike.
        """
        return AIOKafkaProducer(
            **self._settings.connection.for_aiokafka(),
            acks="all",
            linger_ms=LINGER_MS,
            request_timeout_ms=max(1_000, int(self._settings.reply_seconds * 1000)),
        )

    def _new_consumer(self) -> AIOKafkaConsumer:
        read_every_batch(self._settings.connection.max_inflated_bytes)
        return AIOKafkaConsumer(
            **self._settings.connection.for_aiokafka(),
            isolation_level="read_committed",
            auto_offset_reset="earliest",  # where retention was faster, or a topic was made anew: all there is
            enable_auto_commit=False,
            fetch_max_wait_ms=int(self._settings.fetch_max_wait_seconds * 1000),
        )

    async def _read(self) -> None:
        try:
            fetched = await self._consumer.getmany(timeout_ms=1_000)
        except KafkaError as fault:
            self._fault.note(fault)
            await asyncio.sleep(POLL_SECONDS)
            return
        for partition, records in fetched.items():
            self._on_records(partition.topic == self._names.rejections, records)

    async def _check_broker(self) -> None:
        """Whether the broker answers, whether replies are read, and how far the scorers are behind."""
        self._check_reading()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                ends = await self._consumer.end_offsets(self._requests)
        except (KafkaError, OSError, TimeoutError) as fault:
            self._mark_away(fault)
            return
        if not self.reachable:
            log.info("the broker answers")
        self.reachable, self.why_not = True, None
        await self._look_at_partitions()
        self.lag, self.scorers = await lag_and_members(
            self._settings.group, self._admin, self._consumer, ends, self._lost
        )

    async def _look_at_partitions(self) -> None:
        """Topics that are missing now, or a broker that does not answer, leave what is known."""
        with suppress(KafkaError, OSError, TimeoutError, TopicMismatch):
            async with asyncio.timeout(TIMEOUT_SECONDS):
                requests, *outputs = (await self._partition_counts()).values()
            self.added_partitions = max(0, requests - len(self._requests))
            self.waiting_partitions = max(0, requests - min(outputs))

    def _check_reading(self) -> None:
        stamps = {tp: self._consumer.last_poll_timestamp(tp) for tp in self._consumer.assignment()}
        lag = dict.fromkeys(stamps, 0)
        self._reading.update(Membership.OWNER, lag, stamps, reads=True, fault=self._fault.current())

    def _mark_away(self, fault: BaseException) -> None:
        why = _why(fault)
        if self.reachable or self.why_not != why:
            log.warning("the broker is not usable: %s", fault if isinstance(fault, StreamAppError) else why)
        self.reachable, self.why_not = False, why
        self.lag = self.scorers = None
        self._on_away()


async def _started(stack: AsyncExitStack, client: Any) -> Any:
    """Start a client that ``stack`` will close, also when its start fails."""
    stack.push_async_callback(_stop, client)
    await client.start()
    await asyncio.sleep(0)  # its tasks must have begun: stopped before that, it raises their CancelledError
    return client


async def _stop(client: Any) -> None:
    stopping = client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop()
    await stop_client(stopping, _STOP_SECONDS)


def _why(fault: BaseException) -> str:
    return fault.happened if isinstance(fault, StreamAppError) else f"it does not answer ({type(fault).__name__})"
