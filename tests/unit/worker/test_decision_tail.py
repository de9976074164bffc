"""Reading the newest decisions from a broker that does not answer."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.worker import decision_tail
from stream_app.worker.decision_tail import DecisionTail


def test_a_broker_that_takes_connections_and_answers_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped, it does so for as long as it is; another may lead its partitions by now."""
    monkeypatch.setattr(decision_tail, "REQUEST_SECONDS", 0.1)

    hung_up = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    async def story() -> None:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reading = DecisionTail(
            KafkaConnection(f"127.0.0.1:{port}"), "decisions", most=10, fetch_wait_seconds=0.05, quiet_seconds=0.0
        )
        async with asyncio.timeout(5):
            with pytest.raises(KafkaConnectionError):
                await reading.read([0])
            await hung_up.wait()
        server.close()

    asyncio.run(story())
