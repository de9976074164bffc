"""What the transactions rely on in aiokafka."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from aiokafka.errors import ConcurrentTransactions
from aiokafka.producer import sender
from aiokafka.producer.transaction_manager import TransactionManager

from stream_app.transactions import NEXT_SECONDS, AiokafkaTransactions


def test_a_transaction_whose_predecessor_is_still_being_closed_is_asked_for_again_soon() -> None:
    """If aiokafka renames what is set here, transactions get slow without a word."""

    async def story() -> float:
        lane = AiokafkaTransactions("id", bootstrap="127.0.0.1:1", timeout_seconds=1.0)
        await lane.discard()
        manager = TransactionManager("id", 1_000)
        asking = sender.AddPartitionsToTxnHandler(SimpleNamespace(_txn_manager=manager, _retry_backoff=0.1), [])
        return float(asking.handle_response(SimpleNamespace(errors=[("t", [(0, ConcurrentTransactions.errno)])])))

    assert asyncio.run(story()) == NEXT_SECONDS
