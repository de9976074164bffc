"""Opens the lanes of partitions, which fences whoever held them before; retried until they are open or time is up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator

from aiokafka.errors import KafkaError

from stream_app.delivery.transactional_producer import Transactions
from stream_app.errors import DeliveryFailed
from stream_app.events import TopicPartition

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
"""Between two attempts to open a lane."""

FIRST_ATTEMPT_SECONDS = 2.5
"""For the first attempt, twice as long for each further one. Only another attempt leaves a connection to a broker that
hangs; and if all brokers are slow, no attempt may be cut short for ever."""

Make = Callable[[TopicPartition], Transactions]
Lanes = dict[TopicPartition, Transactions]


async def open_lanes(
    partitions: Collection[TopicPartition],
    make: Make,
    lanes: Lanes,
    *,
    timeout_seconds: float,
    longest_attempt_seconds: float,
) -> None:
    """Add the lane of each partition to ``lanes`` when it is open. Raises DeliveryFailed after ``timeout_seconds``.

    However it ends, nothing is being opened any more then.
    """
    try:
        async with asyncio.timeout(timeout_seconds), asyncio.TaskGroup() as group:
            for tp in partitions:
                group.create_task(_open_lane(tp, make, lanes, longest_attempt_seconds))
    except ExceptionGroup as faults:
        raise faults.exceptions[0] from None
    except TimeoutError as fault:
        raise DeliveryFailed(
            f"The transactions of {len(partitions)} partitions could not be opened within {timeout_seconds:g} s.",
            kept="Nothing was committed since; what was in hand will be decided after the next start.",
            do_next="Check the broker, then start the worker again.",
        ) from fault


async def _open_lane(tp: TopicPartition, make: Make, lanes: Lanes, longest_attempt_seconds: float) -> None:
    """A broker that restarts refuses connections for a while."""
    for seconds in _attempts(longest_attempt_seconds):
        lane = make(tp)
        try:
            async with asyncio.timeout(seconds):
                await lane.start()
        except (KafkaError, TimeoutError) as fault:
            log.warning("partition %d: no transactions yet (%s)", tp.partition, type(fault).__name__)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            lanes[tp] = lane
            return


def _attempts(longest_seconds: float) -> Iterator[float]:
    """Seconds for each attempt, for ever."""
    seconds = FIRST_ATTEMPT_SECONDS
    while True:
        yield min(seconds, longest_seconds)
        seconds *= 2
