"""What the lanes need of transactions, and whether the broker has it.

A transaction of ours is short: publish the outputs, add the input offsets, commit. Whatever goes wrong on the way, the
object is not used again: :meth:`Transactions.discard` it and have another take the partitions over, which fences it and
ends what it left open. Only the committed offset then shows whether a commit of unknown outcome happened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from aiokafka.errors import KafkaError

from stream_app.errors import BrokerUnreachable, SettingsError, TransactionsUnsupported
from stream_app.events import Offsets, Output, TopicPartition
from stream_app.kafka_connection.connection import KafkaConnection
from stream_app.transactions.cluster import Cluster
from stream_app.transactions.errors import (
    INVALID_TRANSACTION_TIMEOUT,
    UNKNOWN_SERVER_ERROR,
    UNSUPPORTED_VERSION,
    Refused,
    TransactionError,
)
from stream_app.transactions.group import open_transactions
from stream_app.transactions.producer import TransactionalProducer

log = logging.getLogger(__name__)


class Transactions(Protocol):
    """The transactions of one member of the group, one after the other. Any step may raise, and is then the last."""

    async def take_over(self, partitions: Collection[TopicPartition]) -> Offsets:
        """End what former members and this one left open; then the committed offsets, which nobody else can change."""

    async def publish(self, records: Mapping[TopicPartition, Sequence[Output]]) -> None:
        """Begin a transaction; returns when every output is on the broker."""

    async def add_offsets(self, offsets: Offsets) -> None:
        """Make these offsets the group's, if and when the transaction commits."""

    async def commit(self) -> None:
        """Commit; returns when the broker did. Raised on the way: the outcome is unknown."""

    async def discard(self) -> None:
        """Leave everything as it is and close the connections. Never raises."""


async def require_transactions(
    connection: KafkaConnection, transactional_id: str, *, timeout_seconds: float, wait_seconds: float
) -> None:
    """``timeout_seconds``: of the transactions to come. ``wait_seconds``: for an answer.

    Raises TransactionsUnsupported when the broker has none, SettingsError when it allows none of that length,
    BrokerUnreachable when none answers in time.
    """
    cluster = Cluster(connection, request_timeout_seconds=wait_seconds)
    try:
        async with asyncio.timeout(wait_seconds):
            await cluster.start()
            await TransactionalProducer(cluster, transactional_id, transaction_seconds=timeout_seconds).fence()
            await open_transactions(cluster, transactional_id)  # a takeover asks for them: is the broker too old?
    except Refused as fault:
        raise _refused(fault, connection, timeout_seconds) from fault
    except (KafkaError, TransactionError, TimeoutError) as fault:
        raise BrokerUnreachable(
            f"No transaction coordinator at {connection} answered within {wait_seconds:g} s ({type(fault).__name__}).",
            do_next="Check that as many brokers run as transaction.state.log.replication.factor says, "
            "then start the worker again.",
        ) from fault
    finally:
        await cluster.close()
    version = 2 if cluster.transaction_version >= 2 else 1
    log.info("transactions: version %d of the protocol", version)


def _refused(fault: Refused, connection: KafkaConnection, timeout_seconds: float) -> Exception:
    if fault.code == INVALID_TRANSACTION_TIMEOUT:
        return SettingsError(
            f"The broker at {connection} allows no transactions of {timeout_seconds:g} s.",
            do_next="Set STREAM_APP_DELIVERY_TIMEOUT_SECONDS lower, or the broker's transaction.max.timeout.ms higher.",
        )
    if fault.code in (UNKNOWN_SERVER_ERROR, UNSUPPORTED_VERSION):
        return TransactionsUnsupported(
            f"The broker at {connection} has no transactions, or those of a Kafka before 3.0; exactly_once needs them.",
            do_next="Use Apache Kafka 3.0 or newer, or set STREAM_APP_GUARANTEE=at_least_once (--guarantee "
            "at_least_once): after a crash some requests may then be decided again.",
        )
    return BrokerUnreachable(
        f"The transaction coordinator at {connection} refused ({fault}).",
        do_next="Grant what is missing, or ask the cluster's operator, then start the worker again.",
    )
