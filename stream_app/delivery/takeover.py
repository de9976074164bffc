"""Takes partitions over, which makes their committed offsets final; retried until it is done or time is up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator

from aiokafka.errors import KafkaError

from stream_app.delivery.transactions import Transactions
from stream_app.errors import DeliveryFailed
from stream_app.events import Offsets, TopicPartition
from stream_app.transactions.errors import TransactionError

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
"""Between two attempts."""

FIRST_ATTEMPT_SECONDS = 2.5
"""For the first attempt, twice as long for each further one. Only another attempt leaves a connection to a broker that
hangs; and if all brokers are slow, no attempt may be cut short for ever."""


async def take_over(
    partitions: Collection[TopicPartition],
    make: Callable[[], Transactions],
    *,
    timeout_seconds: float,
    longest_attempt_seconds: float,
) -> tuple[Transactions, Offsets]:
    """Transactions to go on with, and the offsets to go on from. Raises DeliveryFailed after ``timeout_seconds``.

    However it ends, nothing is being fenced any more then.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            return await _until_taken_over(partitions, make, longest_attempt_seconds)
    except TimeoutError as fault:
        raise DeliveryFailed(
            f"The transactions of {len(partitions)} partitions could not be opened within {timeout_seconds:g} s.",
            kept="Nothing was committed since; what was in hand will be decided after the next start.",
            do_next="Check the broker, then start the worker again.",
        ) from fault


async def _until_taken_over(
    partitions: Collection[TopicPartition], make: Callable[[], Transactions], longest_attempt_seconds: float
) -> tuple[Transactions, Offsets]:
    """A broker that restarts refuses connections for a while."""
    for seconds in _attempts(longest_attempt_seconds):
        transactions = make()
        try:
            async with asyncio.timeout(seconds):
                return transactions, await transactions.take_over(partitions)
        except (KafkaError, TransactionError, TimeoutError) as fault:
            log.warning("no transactions yet (%s)", str(fault) or type(fault).__name__)
            await transactions.discard()
            await asyncio.sleep(RETRY_SECONDS)
        except BaseException:
            await transactions.discard()
            raise
    raise AssertionError("attempts never end")


def _attempts(longest_seconds: float) -> Iterator[float]:
    """Seconds for each attempt, for ever."""
    seconds = FIRST_ATTEMPT_SECONDS
    while True:
        yield min(seconds, longest_seconds)
        seconds *= 2
