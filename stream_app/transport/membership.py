"""A group's refusal of a worker, in words."""

from __future__ import annotations

from typing import Any

from aiokafka.errors import InvalidSessionTimeoutError

from stream_app.errors import GroupRefused, SettingsError, SlotInUse, StreamAppError
from stream_app.transport.slots import is_taken

LOOK_SECONDS = 1.0
"""Between two looks whether the group refuses this worker."""


def refused(fault: BaseException, conf: Any) -> StreamAppError:
    """What the group's coordinator answered as an error of ours. ``conf``: the app's."""
    if is_taken(fault):
        return SlotInUse(
            f"Another worker of the consumer group {conf.id} was started in the slot "
            f"{conf.consumer_group_instance_id}, so this one ends.",
            kept="Nothing was committed since; the other worker goes on from there.",
            do_next="If that was a restart, all is well. Otherwise give each worker a STREAM_APP_SLOT of its own.",
        )
    if isinstance(fault, InvalidSessionTimeoutError):
        return SettingsError(
            f"The broker allows no session timeout of {conf.broker_session_timeout:g} s.",
            kept="Nothing was read.",
            do_next="Set STREAM_APP_SESSION_TIMEOUT_SECONDS between the broker's group.min.session.timeout.ms (6 s "
            "unless set) and group.max.session.timeout.ms (30 minutes), then start the worker again.",
        )
    return GroupRefused(
        f"The broker refuses this worker in the consumer group {conf.id} ({type(fault).__name__}).",
        kept="Nothing was read since.",
        do_next="Check the group's rights and the broker's log, then start the worker again.",
    )
