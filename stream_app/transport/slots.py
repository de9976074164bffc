"""Static members (KIP-345): a worker with a slot takes its partitions back when it is started again.

aiokafka joins by the name of a slot, but its heartbeats do not say it: of two workers with one slot each would take the
other for one that timed out, and join again, in turn and for ever. With the slot in the heartbeat the broker tells the
older of them that another has its slot.
"""

from __future__ import annotations

from typing import ClassVar

from aiokafka import errors
from aiokafka.consumer import group_coordinator
from kafka.protocol import consumer as messages

from stream_app.transactions.wire import Request

WITH_SLOT = 3  # Heartbeat: since Kafka 2.3


class SlotTaken(errors.BrokerResponseError):  # type: ignore[misc]  # untyped
    """FENCED_INSTANCE_ID: a worker that was started later has the slot. aiokafka does not know it."""

    errno: ClassVar[int] = 82
    message = "FENCED_INSTANCE_ID"


def is_taken(fault: BaseException) -> bool:
    """Whether a refusal says that another has the slot. aiokafka wraps what it does not expect, by its name."""
    return SlotTaken.__name__ in repr(fault)


def heartbeat_with(slot: str) -> None:
    """From now on this process's heartbeats name its slot."""

    def heartbeat(group: str, generation: int, member_id: str) -> Request:
        message = messages.HeartbeatRequest(
            group_id=group, generation_id=generation, member_id=member_id, group_instance_id=slot
        )
        return Request(message, messages.HeartbeatResponse, WITH_SLOT)

    group_coordinator.HeartbeatRequest = heartbeat
    errors.kafka_errors[SlotTaken.errno] = SlotTaken
