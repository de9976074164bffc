"""A group's refusal of a worker, in words."""

from __future__ import annotations

from aiokafka.errors import InvalidSessionTimeoutError

from stream_app.errors import GroupRefused, SettingsError, StreamAppError

LOOK_SECONDS = 1.0
"""Between two looks whether the group refuses this worker."""


def refused(fault: BaseException, group: str, session_timeout_seconds: float) -> StreamAppError:
    """What the group's coordinator answered as an error of ours."""
    if isinstance(fault, InvalidSessionTimeoutError):
        return SettingsError(
            f"The broker allows no session timeout of {session_timeout_seconds:g} s.",
            kept="Nothing was read.",
            do_next="Set STREAM_APP_SESSION_TIMEOUT_SECONDS between the broker's group.min.session.timeout.ms (6 s "
            "unless set) and group.max.session.timeout.ms (30 minutes), then start the worker again.",
        )
    return GroupRefused(
        f"The broker refuses this worker in the consumer group {group} ({type(fault).__name__}).",
        kept="Nothing was read since.",
        do_next="Check the group's rights and the broker's log, then start the worker again.",
    )
