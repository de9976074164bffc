"""Whether the broker has the transactions that are asked for, and what to do where it has not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stream_app.delivery.transactions import require_transactions
from stream_app.errors import BrokerUnreachable, SettingsError, TransactionsUnsupported
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.transactions.cluster import Cluster
from stream_app.transactions.errors import (
    INVALID_TRANSACTION_TIMEOUT,
    UNKNOWN_SERVER_ERROR,
    UNSUPPORTED_VERSION,
    NoAnswer,
    Refused,
)
from stream_app.transactions.producer import TransactionalProducer


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            Refused(INVALID_TRANSACTION_TIMEOUT),
            (SettingsError, "no transactions of 60 s.*DELIVERY_TIMEOUT_SECONDS lower"),
        ),
        (Refused(UNKNOWN_SERVER_ERROR), (TransactionsUnsupported, "has no transactions.*at_least_once")),
        (Refused(UNSUPPORTED_VERSION), (TransactionsUnsupported, "of a Kafka before 3.0.*at_least_once")),
        (NoAnswer(), (BrokerUnreachable, r"No transaction coordinator .* within 1 s \(NoAnswer")),
    ],
)
def test_a_broker_without_such_transactions_is_expected_at_start_with_what_to_do(
    fault: Exception, expected: tuple[type[Exception], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(_self: Any) -> None:
        pass

    async def fence(_self: Any) -> None:
        raise fault

    monkeypatch.setattr(Cluster, "start", nothing)
    monkeypatch.setattr(TransactionalProducer, "fence", fence)
    kind, text = expected
    with pytest.raises(kind, match=text):
        asyncio.run(require_transactions(KafkaConnection("127.0.0.1:1"), "id", timeout_seconds=60.0, wait_seconds=1.0))
