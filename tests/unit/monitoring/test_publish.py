"""Drift events to the broker: taken, or a DeliveryFailed and a new producer for the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError

from monitoring.publish import Announcer
from stream_app.errors import DeliveryFailed


class Producer:
    """Takes records, or raises, or never answers."""

    def __init__(self, fault: Exception | None = None, *, hangs: bool = False) -> None:
        self.fault, self.hangs = fault, hangs
        self.sent: list[tuple[str, bytes, bytes]] = []
        self.stopped = False

    async def send_and_wait(self, topic: str, value: bytes, key: bytes) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault:
            raise self.fault
        self.sent.append((topic, key, value))

    async def stop(self) -> None:
        self.stopped = True
        if self.fault:
            raise self.fault


def announcer(producers: list[Producer | Exception], timeout: float = 5.0) -> Announcer:
    """Starts one producer after the other from this list."""

    async def start() -> Any:
        match producers.pop(0):
            case Exception() as fault:
                raise fault
            case producer:
                return producer

    return Announcer(start, "drift", timeout)


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


def test_events_go_out_under_their_windows_id_by_one_producer_started_for_the_first() -> None:
    producer = Producer()

    async def story() -> None:
        announce = announcer([producer])
        await announce.announce("2006-03", b"one")
        await announce.announce("2006-04", b"two")
        await announce.close()

    run(story)
    assert producer.sent == [("drift", b"2006-03", b"one"), ("drift", b"2006-04", b"two")]
    assert producer.stopped


@pytest.mark.parametrize(
    "broken", [Producer(MessageSizeTooLargeError("too large")), Producer(hangs=True), KafkaConnectionError("refused")]
)
def test_an_event_the_broker_does_not_take_fails_and_a_new_producer_sends_the_next(
    broken: Producer | Exception,
) -> None:
    second = Producer()

    async def story() -> None:
        announce = announcer([broken, second], timeout=0.01)
        with pytest.raises(DeliveryFailed, match="2006-03") as told:
            await announce.announce("2006-03", b"one")
        assert told.value.kept
        await announce.announce("2006-03", b"one")

    run(story)
    assert second.sent == [("drift", b"2006-03", b"one")]
    assert not isinstance(broken, Producer) or broken.stopped


def test_closing_without_an_event_sent_is_nothing() -> None:
    async def story() -> None:
        await announcer([]).close()

    run(story)
