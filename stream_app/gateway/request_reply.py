"""Request and reply over the topics.

A request goes out with two headers: ``reply-to``, this gateway's random id, and ``correlation-id``, a random one of the
request. The scorer passes headers on, so its answer has them too, on the decision topic or the rejection topic. Of
every record there only the headers are looked at until ``reply-to`` is ours. An answer may come after its caller went.

Other producers can write these headers as well. Who reads the answers knows ``reply-to``, but no ``correlation-id``
before its request is answered, and the record's key must be that of the request: nobody gets a decision of theirs into
somebody else's wait who may not read the request topic itself.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec
from aiokafka.errors import KafkaError

from stream_app.errors import BrokerAway
from stream_app.events import RawRecord, RejectionReason

REPLY_TO, CORRELATION_ID = "reply-to", "correlation-id"
MAX_WAITING = 100_000
"""Requests whose answer may still come; the oldest is given up for one more."""

_REASON, _MESSAGE = "rejection-reason", "rejection-message"
_REASONS = frozenset(reason.value for reason in RejectionReason)

Header = tuple[str, bytes]


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What came back: the JSON of a decision, or the reason why there is none."""

    decision: bytes | None
    reason: str = ""
    message: str = ""


class Broker(Protocol):
    """The way to the request topic, and what is known of whoever reads there."""

    @property
    def reachable(self) -> bool:
        """Whether the broker answers."""

    @property
    def lag(self) -> int | None:
        """Requests the scorers have not yet answered; None when the broker does not say."""

    @property
    def scorers(self) -> int | None:
        """How many scorers share the work; None when the broker does not say."""

    async def start(self) -> None:
        """Connect, now or when the broker comes."""

    async def stop(self) -> None:
        """Disconnect."""

    async def send(self, key: bytes, value: bytes, headers: Sequence[Header]) -> asyncio.Future[object]:
        """Hand one request to the producer; the future ends when the broker has it. Raises KafkaError."""


class PendingReply:
    """One request that is asked. ``answer`` may come at any time, or never; it raises what asking failed with.

    ``by_content``: its id follows from its content, so that the scorers' word that the id was decided before with other
    content can only mean another time of asking: no answer, the decision is in the store. ``before``: the same request
    as it was asked before and not answered. A scorer passes over the second of the two, and what it says to the first
    then answers both.
    """

    def __init__(self, by_content: bool = False, before: PendingReply | None = None) -> None:
        self.answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.number: bytes = secrets.token_hex(16).encode() if before is None else before.number
        self.delivered = False
        self.key = b""
        self._by_content = by_content

    async def settled(self, seconds: float) -> bool:
        """Wait for the answer, or the failure to ask, for so long at most; whether it is there."""
        await asyncio.wait((self.answer,), timeout=seconds)
        return self.answer.done()

    async def within(self, seconds: float) -> Reply | None:
        """The answer; None when it did not come in time. Raises BrokerAway when the broker has not even confirmed."""
        if await self.settled(seconds):
            return self.answer.result()
        if not self.delivered:
            raise unconfirmed()
        return None

    def answered(self, answer: Reply) -> None:
        """The first answer counts, also after a failure: the broker had the request all the same."""
        if self._by_content and answer.reason == RejectionReason.CONFLICTING_REQUEST.value:
            return
        if self.answer.done() and self.answer.exception() is not None:
            self.answer = asyncio.get_running_loop().create_future()
        if not self.answer.done():
            self.answer.set_result(answer)

    def failed(self, fault: Exception) -> None:
        """There will be no answer, as far as anybody knows."""
        if not self.answer.done():
            self.answer.set_exception(fault)
            self.answer.exception()  # its caller may have gone: asyncio would complain that nobody looked


class RequestReply:
    """Asks on the request topic and hears all answers; counts everybody's rejections by reason."""

    def __init__(self) -> None:
        self.rejections: Counter[str] = Counter()
        self._id = secrets.token_hex(8).encode()
        self._waiting: dict[bytes, PendingReply] = {}
        self._line: Broker | None = None

    def use(self, line: Broker) -> None:
        """Ask through this line from now on."""
        self._line = line

    async def ask(self, asked: PendingReply, key: bytes, request: bytes) -> None:
        """Publish a request. Raises BrokerAway at once when the broker is known to be away."""
        if self._line is None or not self._line.reachable:
            raise away()
        asked.key = key
        self._expect(asked)
        headers = [(REPLY_TO, self._id), (CORRELATION_ID, asked.number)]
        try:
            delivery = await self._line.send(key, request, headers)
        except (KafkaError, TimeoutError) as fault:
            raise away() from fault
        delivery.add_done_callback(lambda done: _delivered(asked, done))

    def hear(self, rejected: bool, records: Iterable[RawRecord]) -> None:
        """Records of the decision topic, or of the rejection topic, in their order."""
        for record in records:
            headers: dict[str, bytes | None] = dict(record.headers or ())
            if rejected:
                reason = _reason(headers)
                self.rejections[reason if reason in _REASONS else "other"] += 1
            if headers.get(REPLY_TO) == self._id:
                self._answered(headers, rejected, record)

    def fail_unconfirmed(self) -> None:
        """The broker went: whoever waits for a request that it never confirmed need not wait longer.

        It may have the request all the same, so an answer is still expected.
        """
        for asked in self._waiting.values():
            if not asked.delivered:
                asked.failed(unconfirmed())

    def _expect(self, asked: PendingReply) -> None:
        if len(self._waiting) >= MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]
        self._waiting[asked.number] = asked

    def _answered(self, headers: dict[str, bytes | None], rejected: bool, record: RawRecord) -> None:
        number = headers.get(CORRELATION_ID) or b""
        asked = self._waiting.get(number)
        if asked is None or record.key != asked.key:
            return  # a scorer that was killed answers its last requests again; or it is not the scorers' answer
        del self._waiting[number]
        asked.answered(
            Reply(None, _reason(headers), _text(headers, _MESSAGE)) if rejected else Reply(record.value or b"")
        )


def _delivered(asked: PendingReply, delivery: asyncio.Future[object]) -> None:
    if not delivery.cancelled() and delivery.exception() is None:
        asked.delivered = True
    else:
        asked.failed(unconfirmed())


def _reason(headers: dict[str, bytes | None]) -> str:
    return _text(headers, _REASON)


def _text(headers: dict[str, bytes | None], name: str) -> str:
    """A header may have no value at all."""
    return (headers.get(name) or b"").decode(errors="replace")


def away() -> BrokerAway:
    """Nothing was sent."""
    return BrokerAway(
        "The broker does not answer.",
        kept="The request was not passed on.",
        do_next="Send it again in a moment.",
    )


def unconfirmed() -> BrokerAway:
    """It was sent and the broker said nothing."""
    return BrokerAway(
        "The broker did not confirm the request.",
        kept="It may have it all the same; a request id is decided once, however often it is sent.",
        do_next="Send it again under the same id in a moment.",
    )
