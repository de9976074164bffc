"""One transactional producer behind a protocol of six steps; the lanes call them in order.

A transaction of ours is short: begin, send the outputs, add the input offsets, commit. Whatever goes wrong on the way,
the producer is not used again: :meth:`Transactions.discard` it and start another of the same id, which fences it and
aborts what it left open. Only the committed offset then shows whether a commit of unknown outcome happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from aiokafka import AIOKafkaProducer, structs
from aiokafka.errors import InvalidTransactionTimeout, KafkaError, UnknownError, UnsupportedVersionError
from aiokafka.producer import sender

from stream_app.delivery.producer import producer_options, send, start, stop
from stream_app.errors import BrokerUnreachable, SettingsError, TransactionsUnsupported
from stream_app.events import Offsets, Output
from stream_app.kafka_connection.connection import KafkaConnection

LONGEST_SECONDS = 900.0
"""The longest transaction a broker allows by default (``transaction.max.timeout.ms``)."""

NEXT_TRANSACTION_SECONDS = 0.002
"""Between asking for a transaction and asking again while the broker still closes the last one of the id. aiokafka asks
every 20 ms, which at 500 requests a second is most of what a decision waits for."""


class Transactions(Protocol):
    """The transactions of one transactional id, one after the other. Any step may raise, and is then the last."""

    async def start(self) -> None:
        """Fence every older producer of the id; what it left open is aborted, what it was committing is committed.

        Leaves nothing behind when it raises or is cancelled.
        """

    async def begin(self) -> None:
        """Begin a transaction."""

    async def send(self, topic: str, partition: int, outputs: Sequence[Output]) -> None:
        """Publish in order; returns when every output is on the broker."""

    async def add_offsets(self, offsets: Offsets, group: str) -> None:
        """Make these offsets the group's, if and when the transaction commits."""

    async def commit(self) -> None:
        """Commit; returns when the broker did. Raised on the way: the outcome is unknown."""

    async def discard(self) -> None:
        """Leave everything as it is and close the connections. Never raises."""


class AiokafkaTransactions:
    """:class:`Transactions` by aiokafka.

    Its ``commit_transaction`` succeeds although a send failed, hence ``producer.send``, which awaits each one. It
    commits offsets without the consumer group's generation, hence one id an input partition and the order fence, read
    the committed offset, seek.
    """

    def __init__(self, transactional_id: str, *, connection: KafkaConnection, timeout_seconds: float) -> None:
        """``timeout_seconds``: the broker aborts a transaction that is open for longer."""
        sender.BACKOFF_OVERRIDE = NEXT_TRANSACTION_SECONDS
        self._producer = AIOKafkaProducer(
            transactional_id=transactional_id,
            transaction_timeout_ms=int(min(timeout_seconds, LONGEST_SECONDS) * 1000),
            **producer_options(connection, timeout_seconds),
        )

    async def start(self) -> None:
        await start(self._producer)

    async def begin(self) -> None:
        await self._producer.begin_transaction()

    async def send(self, topic: str, partition: int, outputs: Sequence[Output]) -> None:
        await send(self._producer, topic, partition, outputs)

    async def add_offsets(self, offsets: Offsets, group: str) -> None:
        positions = {structs.TopicPartition(*tp): offset for tp, offset in offsets.items()}
        await self._producer.send_offsets_to_transaction(positions, group)

    async def commit(self) -> None:
        await self._producer.commit_transaction()

    async def discard(self) -> None:
        await stop(self._producer)


async def require_transactions(
    connection: KafkaConnection, transactional_id: str, *, timeout_seconds: float, wait_seconds: float
) -> None:
    """``timeout_seconds``: of the transactions to come. ``wait_seconds``: for an answer.

    Raises TransactionsUnsupported when the broker has none, SettingsError when it allows none of that length,
    BrokerUnreachable when none answers in time.
    """
    probe = AiokafkaTransactions(transactional_id, connection=connection, timeout_seconds=timeout_seconds)
    try:
        async with asyncio.timeout(wait_seconds):
            await probe.start()
    except (UnknownError, UnsupportedVersionError) as fault:
        raise TransactionsUnsupported(
            f"The broker at {connection} has no transactions ({type(fault).__name__}), which exactly_once needs.",
            do_next="Use Apache Kafka, or set STREAM_APP_GUARANTEE=at_least_once (--guarantee at_least_once): after a "
            "crash some requests may then be decided again.",
        ) from fault
    except InvalidTransactionTimeout as fault:
        raise SettingsError(
            f"The broker at {connection} allows no transactions of {timeout_seconds:g} s.",
            do_next="Set STREAM_APP_DELIVERY_TIMEOUT_SECONDS lower, or the broker's transaction.max.timeout.ms higher.",
        ) from fault
    except (KafkaError, TimeoutError) as fault:
        raise BrokerUnreachable(
            f"No transaction coordinator at {connection} answered within {wait_seconds:g} s ({type(fault).__name__}).",
            do_next="Check that as many brokers run as transaction.state.log.replication.factor says, "
            "then start the worker again.",
        ) from fault
    finally:
        await probe.discard()
