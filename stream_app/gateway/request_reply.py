"""Request and reply over the topics.

A request goes out with two headers: ``reply-to``, this gateway's random id, and ``correlation-id``, a random one of the
request. The scorer passes headers on, so its decision or rejection has them too. Of every record on both topics only
the headers are read unless ``reply-to`` is ours. A reply may come after its caller went.

Other producers can write these headers as well. Who reads the replies knows ``reply-to``, but no ``correlation-id``
before its request is answered, and the record's key must be that of the request: whoever may not read the request topic
itself cannot pass a record off as the reply to somebody else's request.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
from aiokafka.errors import KafkaError

from stream_app.errors import BrokerAway, RegistryError
from stream_app.events import CONTRACT_HEADER, RawRecord, RejectionReason
from stream_app.formats.format import Format
from stream_app.formats.json_format import JSON
from stream_app.gateway.tracing import call_headers

REPLY_TO, CORRELATION_ID = "reply-to", "correlation-id"
MAX_PENDING = 100_000
"""Requests whose reply may still come; beyond that the oldest is forgotten."""

_REASON, _MESSAGE = "rejection-reason", "rejection-message"
_REASONS = frozenset(reason.value for reason in RejectionReason)

Header = tuple[str, bytes]


class Reply(msgspec.Struct, frozen=True, gc=False):
    """The JSON of a decision, or the reason why there is none."""

    decision: bytes | None
    reason: str = ""
    message: str = ""


class Broker(Protocol):
    """The way to the request topic, and what is known of its consumers."""

    @property
    def reachable(self) -> bool:
        """Whether the broker answers."""

    @property
    def connected(self) -> bool:
        """Whether the topics were reached since the start, even if the broker is away by now."""

    @property
    def lag(self) -> int | None:
        """Requests the scorers have not yet answered; None when the broker does not report it."""

    @property
    def scorers(self) -> int | None:
        """How many scorers share the work; None when the broker does not report it."""

    @property
    def lost_requests(self) -> int:
        """Requests seen to be deleted before the scorers read them, since the start."""

    @property
    def added_partitions(self) -> int:
        """How many partitions the topic of requests got since the start."""

    @property
    def waiting_partitions(self) -> int:
        """How many of its partitions have no counterpart in a topic of outputs."""

    @property
    def reading_fault(self) -> str | None:
        """Why decisions and rejections cannot be read, None when they can."""

    async def start(self) -> None:
        """Connect, now or when the broker comes."""

    async def stop(self) -> None:
        """Disconnect."""

    async def send(self, key: bytes, value: bytes, headers: Sequence[Header]) -> asyncio.Future[object]:
        """Hand one request to the producer; the future ends when the broker has it. Raises KafkaError."""


class PendingReply:
    """The reply to one request. ``reply`` may come at any time, or never; it raises what sending failed with.

    ``by_content``: its id follows from its content, so that a scorer's ``conflicting_request`` can only mean another
    time of asking: no reply, the decision is in the store. ``previous``: the same request as it was sent before and not
    answered. A scorer passes over the second of the two, and its reply to the first then answers both.
    """

    def __init__(self, by_content: bool = False, previous: PendingReply | None = None) -> None:
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.correlation_id: bytes = secrets.token_hex(16).encode() if previous is None else previous.correlation_id
        self.delivered = False
        self.key = b""
        self._by_content = by_content

    async def settled(self, seconds: float) -> bool:
        """Wait for the reply, or the failure to send, for so long at most; whether it is there."""
        await asyncio.wait((self.reply,), timeout=seconds)
        return self.reply.done()

    async def within(self, seconds: float) -> Reply | None:
        """The reply; None when it did not come in time. Raises BrokerAway when the broker has not even confirmed."""
        if await self.settled(seconds):
            return self.reply.result()
        if not self.delivered:
            raise unconfirmed()
        return None

    def resolve(self, reply: Reply) -> None:
        """The first reply counts, also after a failure: the broker had the request all the same."""
        if self._by_content and reply.reason == RejectionReason.CONFLICTING_REQUEST.value:
            return
        if self.reply.done() and self.reply.exception() is not None:
            self.reply = asyncio.get_running_loop().create_future()
        if not self.reply.done():
            self.reply.set_result(reply)

    def fail(self, fault: Exception) -> None:
        """There will be no reply, as far as anybody knows."""
        if not self.reply.done():
            self.reply.set_exception(fault)
            self.reply.exception()  # its caller may have gone: asyncio would log that it was never retrieved


class RequestReply:
    """Sends requests, matches replies to them, and counts all rejections on the topic by reason.

    ``decisions``: the format of the replies.
    """

    def __init__(self, decisions: Format = JSON) -> None:
        self._decisions = decisions
        self._rejections: Counter[str] = Counter()
        self.rejections_since = dt.datetime.now(dt.UTC).replace(microsecond=0)
        self._reply_to = secrets.token_hex(8).encode()
        self._pending: dict[bytes, PendingReply] = {}
        self._broker: Broker | None = None

    @property
    def rejections(self) -> dict[str, int] | None:
        """Those on the topic by reason, most frequent first; None before the topic was reached."""
        return dict(self._rejections.most_common()) if self._broker and self._broker.connected else None

    def use(self, broker: Broker) -> None:
        """Send through this broker from now on."""
        self._broker = broker

    async def send(self, pending: PendingReply, key: bytes, request: bytes) -> None:
        """Publish a request. Raises BrokerAway at once when the broker is known to be away."""
        if self._broker is None or not self._broker.reachable:
            raise not_sent()
        pending.key = key
        self._expect(pending)
        ours = [(REPLY_TO, self._reply_to), (CORRELATION_ID, pending.correlation_id), CONTRACT_HEADER]
        headers = [*ours, *call_headers()]
        try:
            delivery = await self._broker.send(key, request, headers)
        except (KafkaError, TimeoutError) as fault:
            raise not_sent() from fault
        delivery.add_done_callback(lambda done: _on_delivery(pending, done))

    def on_records(self, rejected: bool, records: Iterable[RawRecord]) -> None:
        """Records of the decision topic, or of the rejection topic, in their order."""
        for record in records:
            headers: dict[str, bytes | None] = dict(record.headers or ())
            if rejected:
                self._count_rejection(headers, record.timestamp)
            if headers.get(REPLY_TO) == self._reply_to:
                self._on_reply(headers, rejected, record)

    def fail_unconfirmed(self) -> None:
        """The broker went away: requests that it never confirmed are not waited for any longer.

        It may have the request all the same, so a reply is still expected.
        """
        for pending in self._pending.values():
            if not pending.delivered:
                pending.fail(unconfirmed())

    def _count_rejection(self, headers: dict[str, bytes | None], timestamp_ms: int) -> None:
        reason = _text(headers, _REASON)
        self._rejections[reason if reason in _REASONS else "other"] += 1
        if 0 <= timestamp_ms < self.rejections_since.timestamp() * 1000:
            self.rejections_since = dt.datetime.fromtimestamp(timestamp_ms // 1000, dt.UTC)

    def _expect(self, pending: PendingReply) -> None:
        if len(self._pending) >= MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        self._pending[pending.correlation_id] = pending

    def _on_reply(self, headers: dict[str, bytes | None], rejected: bool, record: RawRecord) -> None:
        correlation_id = headers.get(CORRELATION_ID) or b""
        pending = self._pending.get(correlation_id)
        if pending is None or record.key != pending.key:
            return  # a scorer that was killed answers its last requests again; or it is not a scorer's reply
        if rejected:
            reply = Reply(None, _text(headers, _REASON), _text(headers, _MESSAGE))
        else:
            try:
                reply = Reply(self._decisions.to_json(record.value or b""))
            except (msgspec.DecodeError, RegistryError):
                return  # nobody can read it now: the caller asks the store later
        del self._pending[correlation_id]
        pending.resolve(reply)


def _on_delivery(pending: PendingReply, delivery: asyncio.Future[object]) -> None:
    if not delivery.cancelled() and delivery.exception() is None:
        pending.delivered = True
    else:
        pending.fail(unconfirmed())


def _text(headers: dict[str, bytes | None], name: str) -> str:
    """A header may have no value at all."""
    return (headers.get(name) or b"").decode(errors="replace")


def not_sent() -> BrokerAway:
    return BrokerAway(
        "The broker does not answer.",
        kept="The request was not passed on.",
        do_next="Send it again in a moment.",
    )


def unconfirmed() -> BrokerAway:
    """It was sent and the broker did not acknowledge it."""
    return BrokerAway(
        "The broker did not confirm the request.",
        kept="It may have it all the same; a request id is decided once, however often it is sent.",
        do_next="Send it again under the same id in a moment.",
    )
