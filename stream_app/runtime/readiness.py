"""Is the worker getting on? What ``/ready`` answers from, and what the watchdog is told.

A spare worker, to which the group gave no partition, is ready: it is in the group and does all it can, and a rollout
that waits for it must not wait for ever. How many own a partition is what ``partitions_assigned`` tells.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Mapping
from typing import Any

SEEK_SECONDS = 10.0
"""From the assignment of partitions until they are read, if no seek is under way; more than a doubt rests before it
seeks."""


class Standing(enum.Enum):
    """How a worker stands with its consumer group."""

    UNANSWERED = "the broker does not answer for the consumer group"
    REBALANCING = "the consumer group has not given out its partitions yet"
    SPARE = "in the group, without a partition"
    OWNER = "partitions assigned"


class Progress:
    """Remembers the last commit, the lag and what was heard; the clock (seconds, monotonic) is passed in."""

    def __init__(self, stall_seconds: float, clock: Callable[[], float]) -> None:
        self._stall_seconds = stall_seconds
        self._clock = clock
        self._standing = Standing.UNANSWERED
        self._lag: Mapping[Any, int] = {}
        self._heard: dict[Any, tuple[Hashable, float]] = {}
        self._moved_at = clock()
        self._unread_since: float | None = None

    def committed(self) -> None:
        """Offsets were committed just now."""
        self._moved_at = self._clock()

    def stands(
        self, standing: Standing, lag: Mapping[Any, int], stamps: Mapping[Any, Hashable], *, reads: bool
    ) -> None:
        """How things are now.

        ``lag``: records of every partition owned; empty while none is, whatever the group gave. ``stamps``: of each
        partition's last answered fetch. ``reads``: whether what is assigned is fetched. Whatever begins to be waited
        for gets the whole time.
        """
        now = self._clock()
        if not self._owes_work() or lag.keys() != self._lag.keys():
            self._moved_at = now
        known = self._heard
        self._heard = {
            tp: known[tp] if tp in known and known[tp][0] == stamps.get(tp) else (stamps.get(tp), now) for tp in lag
        }
        self._standing, self._lag = standing, dict(lag)
        if standing is not Standing.OWNER or (lag and reads):
            self._unread_since = None
        elif self._unread_since is None:
            self._unread_since = now

    def _owes_work(self) -> bool:
        """Whether a commit, or the partitions, are to be waited for. While the broker is away nothing is."""
        if self._standing in (Standing.UNANSWERED, Standing.SPARE):
            return False
        return any(self._lag.values()) or not self._lag or self._unread_since is not None

    def stalled_since(self) -> float | None:
        """Since when, by the clock, work is owed and nothing was committed; None when nothing is owed."""
        return self._moved_at if self._owes_work() else None

    def complaint(self) -> str:
        """What :meth:`stalled_since` is about."""
        if any(self._lag.values()):
            return f"a lag of {sum(self._lag.values())} records and no commit"
        if self._lag:
            return "partitions assigned that are not read"
        if self._standing is Standing.OWNER:
            return "partitions assigned and no position to read them from"
        return Standing.REBALANCING.value

    def wants_seek(self) -> bool:
        """Whether partitions were assigned a while ago that nobody sought, or nobody reads."""
        return self._unread_since is not None and self._clock() - self._unread_since >= SEEK_SECONDS

    def not_ready(self) -> str | None:
        """Why the worker is not ready, None when it is."""
        if self._standing is Standing.SPARE:
            return None
        if self._standing is not Standing.OWNER:
            return str(self._standing.value)
        if not self._lag:
            return self.complaint()
        return self._no_commit() or self._no_answer()

    def _no_commit(self) -> str | None:
        idle = self._clock() - self._moved_at
        if not any(self._lag.values()) or idle <= self._stall_seconds:
            return None
        return f"lag of {sum(self._lag.values())} records and no commit for {idle:.0f} s"

    def _no_answer(self) -> str | None:
        """A partition read to its end is fetched again and again: silence is the broker's."""
        now = self._clock()
        silent = [now - at for tp, (_, at) in self._heard.items() if not self._lag[tp]]
        if not silent or max(silent) <= self._stall_seconds:
            return None
        return f"no fetch was answered for {max(silent):.0f} s"
