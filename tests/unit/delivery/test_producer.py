"""Publishing in bulk: nothing is left out, order is kept, and records of odd shape fit."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from stream_app.broker.ports import free_ports
from stream_app.delivery import producer
from stream_app.delivery.producer import send, start_producer, stop
from stream_app.events import Output
from stream_app.kafka_connection.connection import KafkaConnection


class Broker:
    """Takes batches as a producer would and reads them back as a consumer would."""

    def __init__(self, batch_bytes: int) -> None:
        self._batch_bytes = batch_bytes
        self.batches: list[list[Any]] = []

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(self._batch_bytes, 0)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> asyncio.Future[None]:  # noqa: ARG002
        self.batches.append(list(DefaultRecordBatch(bytes(batch._build()))))
        delivered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        delivered.set_result(None)
        return delivered


def published(outputs: list[Output], batch_bytes: int) -> list[list[Any]]:
    broker = Broker(batch_bytes)
    asyncio.run(send(broker, "t", 0, outputs))
    return broker.batches


def output(value: bytes | None, key: bytes | None = b"k", headers: Any = ()) -> Output:
    return Output(False, key, value, list(headers))


@pytest.mark.parametrize("batch_bytes", [60, 300, 100_000])
def test_outputs_over_several_batches_all_arrive_in_order(batch_bytes: int) -> None:
    outputs = [output(b"%04d" % number) for number in range(100)]
    batches = published(outputs, batch_bytes)
    assert [record.value for batch in batches for record in batch] == [o.value for o in outputs]
    assert all(batches)


def test_an_output_larger_than_a_batch_travels_alone() -> None:
    batches = published([output(b"a"), output(b"x" * 5_000), output(b"b")], 300)
    assert [[len(record.value) for record in batch] for batch in batches] == [[1], [5_000], [1]]


@pytest.mark.parametrize(("key", "value"), [(None, None), (None, b"v"), (b"k", None), (b"", b"")])
def test_a_null_key_or_value_stays_null(key: bytes | None, value: bytes | None) -> None:
    [[record]] = published([output(value, key)], 300)
    assert (record.key, record.value) == (key, value)


def test_headers_are_kept_null_values_too() -> None:
    headers = [("a", b"1"), ("a", None), ("b", b"")]
    [[record]] = published([output(b"v", headers=headers)], 300)
    assert [tuple(header) for header in record.headers] == headers


def test_a_producer_that_finds_no_broker_leaves_nothing_behind() -> None:
    """What it left would warn when it is collected, and warnings are errors here."""
    [port] = free_ports(1)

    async def story() -> None:
        with pytest.raises(KafkaConnectionError):
            await start_producer(KafkaConnection(f"127.0.0.1:{port}"), 5.0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        gc.collect()

    asyncio.run(story())


def test_a_producer_whose_stop_hangs_is_torn_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would ask its brokers for ever: aiokafka never abandons a batch of a transaction."""
    monkeypatch.setattr(producer, "STOP_SECONDS", 0.05)
    closed: list[str] = []

    async def unanswered() -> None:
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            if closed:
                return

    async def close() -> None:
        closed.append("connections")

    async def story() -> None:
        sender = asyncio.ensure_future(unanswered())
        producer: Any = SimpleNamespace(
            stop=asyncio.Event().wait, client=SimpleNamespace(close=close), _sender=SimpleNamespace(sender_task=sender)
        )
        await stop(producer)
        torn_down = bool(closed) and sender.done()
        closed.append("the test")
        assert torn_down

    asyncio.run(story())
