"""What the transactions rely on in aiokafka."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import ConcurrentTransactions, InvalidTransactionTimeout, KafkaConnectionError, UnknownError
from aiokafka.producer import sender
from aiokafka.producer.transaction_manager import TransactionManager
from stream_app.delivery.transactional_producer import (
    NEXT_TRANSACTION_SECONDS,
    AiokafkaTransactions,
    require_transactions,
)

from stream_app.errors import BrokerUnreachable, SettingsError, TransactionsUnsupported
from stream_app.kafka_connection.connection import KafkaConnection


def test_a_transaction_whose_predecessor_is_still_being_closed_is_asked_for_again_soon() -> None:
    """If aiokafka renames what is set here, transactions get slow without a word."""

    async def story() -> float:
        lane = AiokafkaTransactions("id", connection=KafkaConnection("127.0.0.1:1"), timeout_seconds=1.0)
        await lane.discard()
        manager = TransactionManager("id", 1_000)
        asking = sender.AddPartitionsToTxnHandler(SimpleNamespace(_txn_manager=manager, _retry_backoff=0.1), [])
        return float(asking.handle_response(SimpleNamespace(errors=[("t", [(0, ConcurrentTransactions.errno)])])))

    assert asyncio.run(story()) == NEXT_TRANSACTION_SECONDS


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (InvalidTransactionTimeout(), (SettingsError, "no transactions of 60 s.*DELIVERY_TIMEOUT_SECONDS lower")),
        (UnknownError(), (TransactionsUnsupported, "has no transactions.*at_least_once")),
        (KafkaConnectionError(), (BrokerUnreachable, r"No transaction coordinator .* within 1 s \(KafkaConnection")),
    ],
)
def test_a_broker_without_such_transactions_is_expected_at_start_with_what_to_do(
    fault: Exception, expected: tuple[type[Exception], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def start(_self: Any) -> None:
        raise fault

    monkeypatch.setattr(AiokafkaTransactions, "start", start)
    kind, text = expected
    with pytest.raises(kind, match=text):
        asyncio.run(require_transactions(KafkaConnection("127.0.0.1:1"), "id", timeout_seconds=60.0, wait_seconds=1.0))
