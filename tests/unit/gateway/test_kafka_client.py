"""The gateway's Kafka clients where no broker is needed: what an unforeseen failure of their task does."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError

from stream_app.gateway import kafka_client
from stream_app.gateway.kafka_client import KafkaClient
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.kafka_rights import Right, rights_missing
from stream_app.runtime.background import start_background_task
from stream_app.settings import GatewaySettings
from tests.builders.gateway import run


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """What would have ended the process."""
    caught: list[BaseException] = []
    start = partial(start_background_task, on_failure=caught.append)
    monkeypatch.setattr(kafka_client, "start_background_task", start)
    return caught


def client_that_meets(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> KafkaClient:
    async def fail(_: AIOKafkaAdminClient) -> None:
        raise fault

    monkeypatch.setattr(AIOKafkaAdminClient, "start", fail)
    monkeypatch.setattr(kafka_client, "require_rights", lambda *_: None)
    return KafkaClient(GatewaySettings(), lambda *_: None, lambda: None)


def test_an_unforeseen_failure_of_the_background_task_is_logged_and_ends_the_process(
    failures: list[BaseException], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Such as aiokafka's OverflowError for port 99999, with which the gateway went on for ever without its broker."""

    async def start() -> None:
        client = client_that_meets(OverflowError("port must be 0-65535"), monkeypatch)
        await client.start()
        while not failures:
            await asyncio.sleep(0)
        await client.stop()

    run(start())
    assert [type(fault) for fault in failures] == [OverflowError]
    assert "background task 'Kafka clients of the gateway' ended unexpectedly (OverflowError)" in caplog.text


def test_rights_that_are_missing_are_logged_with_the_command_that_grants_them(
    failures: list[BaseException], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The gateway asks again until it has them, and its callers see no address and no user."""

    def refuse(*_: Any) -> None:
        raise rights_missing(KafkaConnection("127.0.0.1:1"), "gateway", [Right("Write", "topic", "loan.requests")])

    async def start() -> Any:
        client = KafkaClient(GatewaySettings(), lambda *_: None, lambda: None)
        monkeypatch.setattr(kafka_client, "require_rights", refuse)
        await client.start()
        while client.why_not == "the broker was not reached yet":
            await asyncio.sleep(0)
        await client.stop()
        return client.reachable

    assert run(start()) is False
    assert failures == []
    assert "--allow-principal User:ANONYMOUS --operation Write --topic loan.requests" in caplog.text


def test_a_broker_that_is_away_is_no_failure_of_the_task(
    failures: list[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start() -> Any:
        client = client_that_meets(KafkaConnectionError(), monkeypatch)
        await client.start()
        while client.why_not == "the broker was not reached yet":
            await asyncio.sleep(0)
        await client.stop()
        return client.why_not

    assert run(start()) == "it does not answer (KafkaConnectionError)"
    assert failures == []
