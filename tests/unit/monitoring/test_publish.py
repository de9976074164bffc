"""Drift events to the broker: delivered, or a DeliveryFailed and a new producer for the next."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from monitoring.publish import DriftPublisher
from stream_app.errors import DeliveryFailed
from stream_app.runtime.tracing import Tracing
from stream_app.trace_context import read_context


class Producer:
    """Takes records, or raises, or never answers."""

    def __init__(self, fault: Exception | None = None, *, hangs: bool = False) -> None:
        self.fault, self.hangs = fault, hangs
        self.sent: list[tuple[str, bytes, bytes]] = []
        self.headers: list[Any] = []
        self.stopped = False

    async def send_and_wait(self, topic: str, value: bytes, key: bytes, headers: Any) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault:
            raise self.fault
        self.sent.append((topic, key, value))
        self.headers.append(headers)

    async def stop(self) -> None:
        self.stopped = True
        if self.fault:
            raise self.fault


def publisher_with(
    producers: list[Producer | Exception], timeout: float = 5.0, tracing: Tracing | None = None
) -> DriftPublisher:
    """Starts one producer after the other from this list."""

    async def start() -> Any:
        match producers.pop(0):
            case Exception() as fault:
                raise fault
            case producer:
                return producer

    return DriftPublisher(start, "drift", timeout, tracing)


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


def test_events_go_out_under_their_windows_id_by_one_producer_started_for_the_first() -> None:
    producer = Producer()

    async def story() -> None:
        publisher = publisher_with([producer])
        await publisher.publish("2006-03", b"one")
        await publisher.publish("2006-04", b"two")
        await publisher.close()

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
        publisher = publisher_with([broken, second], timeout=0.01)
        with pytest.raises(DeliveryFailed, match="2006-03") as raised:
            await publisher.publish("2006-03", b"one")
        assert raised.value.kept
        await publisher.publish("2006-03", b"one")

    run(story)
    assert second.sent == [("drift", b"2006-03", b"one")]
    assert not isinstance(broken, Producer) or broken.stopped


def test_closing_without_an_event_published_starts_no_producer() -> None:
    producers: list[Producer | Exception] = [Producer()]

    async def story() -> None:
        await publisher_with(producers).close()

    run(story)
    assert len(producers) == 1


def test_an_event_begins_a_trace_where_spans_are_on_and_has_none_where_they_are_off() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    producers = [Producer(), Producer()]

    async def story() -> None:
        await publisher_with([producers[0]]).publish("2006-03", b"one")
        await publisher_with([producers[1]], tracing=Tracing(provider)).publish("2006-03", b"one")

    run(story)
    [span] = exporter.get_finished_spans()
    carried = read_context(producers[1].headers[0])
    assert carried is not None
    assert (carried.trace_id, carried.span_id) == (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")
    assert (span.name, span.parent, producers[0].headers) == ("send drift", None, [None])


def test_a_producer_that_was_closed_is_not_stopped_again() -> None:
    producer = Producer()

    async def story() -> None:
        publisher = publisher_with([producer])
        await publisher.publish("2006-03", b"one")
        await publisher.close()
        producer.stopped = False
        await publisher.close()

    run(story)
    assert not producer.stopped
