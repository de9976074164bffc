"""Readiness and stall detection from group membership, lag and the time of the last commit.

A spare worker, to which the group assigned no partition, is ready: it is in the group and does all it can, and a
rollout that waits for it must not wait for ever. How many own a partition is what ``partitions_assigned`` shows.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Mapping
from typing import Any

SEEK_SECONDS = 10.0
"""From the assignment of partitions until they are read, if no seek is under way; longer than a commit stays in doubt
before its seek."""


class Membership(enum.Enum):
    """How a worker stands with its consumer group; the value is what ``/ready`` answers."""

    UNANSWERED = "the broker does not answer for the consumer group"
    REBALANCING = "the consumer group has not given out its partitions yet"
    SPARE = "in the group, without a partition"
    OWNER = "partitions assigned"


class Progress:
    """Remembers the last commit, the lag and the last answered fetches.

    The clock (seconds, monotonic) is passed in.
    """

    def __init__(self, stall_seconds: float, clock: Callable[[], float]) -> None:
        self._stall_seconds = stall_seconds
        self._clock = clock
        self._membership = Membership.UNANSWERED
        self._lag: Mapping[Any, int] = {}
        self._fetched: dict[Any, tuple[Hashable, float]] = {}
        self._progressed_at = clock()
        self._unread_since: float | None = None
        self._fault: str | None = None

    def committed(self) -> None:
        """Offsets were committed just now."""
        self._progressed_at = self._clock()

    def update(
        self,
        membership: Membership,
        lag: Mapping[Any, int],
        stamps: Mapping[Any, Hashable],
        *,
        reads: bool,
        fault: str | None = None,
    ) -> None:
        """How things are now.

        ``lag``: records of every partition owned; empty while none is, whatever the group assigned. ``stamps``: of each
        partition's last answered fetch. ``reads``: whether what is assigned is fetched. ``fault``: why something cannot
        be read. Whatever begins to be waited for gets the whole time.
        """
        now = self._clock()
        if not self._is_work_due() or lag.keys() != self._lag.keys():
            self._progressed_at = now
        known = self._fetched
        self._fetched = {
            tp: known[tp] if tp in known and known[tp][0] == stamps.get(tp) else (stamps.get(tp), now) for tp in lag
        }
        self._membership, self._lag, self._fault = membership, dict(lag), fault
        if membership is not Membership.OWNER or (lag and reads):
            self._unread_since = None
        elif self._unread_since is None:
            self._unread_since = now

    def _is_work_due(self) -> bool:
        """Whether a commit, or the partitions, are to be waited for. While the broker is away nothing is."""
        if self._membership in (Membership.UNANSWERED, Membership.SPARE):
            return False
        return any(self._lag.values()) or not self._lag or self._unread_since is not None

    def stalled_since(self) -> float | None:
        """Since when, by the clock, work is due and nothing was committed; None when none is due."""
        return self._progressed_at if self._is_work_due() else None

    def due_work(self) -> str:
        """What has been due since :meth:`stalled_since`."""
        if any(self._lag.values()):
            return f"a lag of {sum(self._lag.values())} records and no commit"
        if self._lag:
            return "partitions assigned that are not read"
        if self._membership is Membership.OWNER:
            return "partitions assigned and no position to read them from"
        return Membership.REBALANCING.value

    def needs_seek(self) -> bool:
        """Whether partitions were assigned a while ago and no seek was done, or nothing is read."""
        return self._unread_since is not None and self._clock() - self._unread_since >= SEEK_SECONDS

    def reading_fails(self) -> bool:
        """Whether the broker does not answer, or refuses, what is to be read."""
        return bool(self._fault or self._membership is Membership.UNANSWERED or self._no_answer())

    def not_ready(self) -> str | None:
        """Why the worker is not ready, None when it is."""
        if self._fault is not None:
            return self._fault
        if self._membership is Membership.SPARE:
            return None
        if self._membership is not Membership.OWNER:
            return str(self._membership.value)
        if not self._lag:
            return self.due_work()
        return self._no_commit() or self._no_answer()

    def _no_commit(self) -> str | None:
        idle = self._clock() - self._progressed_at
        if not any(self._lag.values()) or idle <= self._stall_seconds:
            return None
        return f"lag of {sum(self._lag.values())} records and no commit for {idle:.0f} s"

    def _no_answer(self) -> str | None:
        """A partition read to its end is fetched again and again: silence is the broker's."""
        now = self._clock()
        silent = [now - answered_at for tp, (_, answered_at) in self._fetched.items() if not self._lag[tp]]
        if not silent or max(silent) <= self._stall_seconds:
            return None
        return f"no fetch was answered for {max(silent):.0f} s"
