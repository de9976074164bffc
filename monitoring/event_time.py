"""Which window an instant is in, which events came too late, and which windows may close. Pure: clocks are passed in.

Times are integers, microseconds since 1970-01-01T00:00Z (``_us``). The rules, after Akidau et al., *The Dataflow
Model* (VLDB 2015), with one clock a partition, because order is only promised within a partition:

* an event is *late* when its window had ended, ``lateness`` ago, by the latest event before it in its own partition;
* the *watermark* is the least of the partitions' latest events; a window closes when it ended ``lateness`` before that.

So whether an event is late depends on its partition's order alone, not on batches, restarts or what other partitions
do, and a closed window gets no further event, since every partition's latest event is at or after the watermark. Two
things set that aside, and both need the wall clock: partitions that have nothing to read (idle) do not hold the
watermark back, and events from the future move no clock.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Partition = TypeVar("Partition", bound=Hashable)

_DAY_US = 86_400_000_000
_UNITS_US = {"d": _DAY_US, "h": 3_600_000_000, "min": 60_000_000}
_MONDAY_US = 4 * _DAY_US  # 1970-01-05, the first Monday
_LONGEST_US = 3_660 * _DAY_US
_MOST_MONTHS = 120
_NEVER_US = -(2**63)


@dataclass(frozen=True)
class WindowSize:
    """Length of tumbling windows: calendar months, or ``length_us`` counted from ``origin_us``; one of them is 0."""

    months: int
    length_us: int
    origin_us: int

    @classmethod
    def parse(cls, text: str) -> WindowSize:
        """``15min``, ``6h``, ``1d``, ``7d`` or ``1mo``: minutes, hours, days, or calendar months, all in UTC.

        Windows are aligned to 1970-01-01T00:00Z, whole weeks (7d, 14d...) to Monday. Raises ValueError.

        >>> str(WindowSize.parse("24h")), str(WindowSize.parse("3mo"))
        ('1d', '3mo')
        """
        match = re.fullmatch(r"([1-9]\d{0,6})(min|h|d|mo)", text.strip())
        if not match:
            raise ValueError(f"{text!r} is no window length; 15min, 6h, 1d, 7d and 1mo are")
        number, unit = int(match[1]), match[2]
        length_us = 0 if unit == "mo" else number * _UNITS_US[unit]
        if length_us > _LONGEST_US or (unit == "mo" and number > _MOST_MONTHS):
            raise ValueError(f"{text!r} is too long a window; ten years are the most")
        if unit == "mo":
            return cls(number, 0, 0)
        return cls(0, length_us, _MONDAY_US if length_us % (7 * _DAY_US) == 0 else 0)

    def __str__(self) -> str:
        """The shortest text that parses to this size."""
        if self.months:
            return f"{self.months}mo"
        unit = next(unit for unit, unit_us in _UNITS_US.items() if self.length_us % unit_us == 0)
        return f"{self.length_us // _UNITS_US[unit]}{unit}"

    def start_of(self, at_us: int) -> int:
        """Start of the window that holds this instant; a window holds its start and not its end."""
        if self.months:
            return int(self.starts(np.array([at_us]))[0])
        return at_us - (at_us - self.origin_us) % self.length_us

    def end_of(self, start_us: int) -> int:
        """End of the window that starts here, which is the start of the next."""
        if self.months:
            return int(_start_of_month(_month_of(np.array([start_us])) + self.months)[0])
        return start_us + self.length_us

    def id_of(self, start_us: int) -> str:
        """The window that starts here, for people: ``2006-03``, ``2006-03-05``, or ``2006-03-05T13:00Z``."""
        unit: Any = "M" if self.months else "D" if self.length_us % _DAY_US == 0 else "m"
        text = str(np.datetime_as_string(np.datetime64(start_us, "us"), unit=unit))
        return text + "Z" if unit == "m" else text

    def starts(self, at_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """:meth:`start_of` for an array of instants."""
        if not self.months:
            return at_us - (at_us - self.origin_us) % self.length_us
        month = _month_of(at_us)
        return _start_of_month(month - month % self.months)

    def starts_of(self, at_us: Sequence[int]) -> set[int]:
        """Starts of the windows that hold these instants."""
        return set(self.starts(np.array(at_us, dtype=np.int64)).tolist())


def _month_of(at_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Months since January 1970."""
    return at_us.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)


def _start_of_month(month: NDArray[np.int64]) -> NDArray[np.int64]:
    return month.astype("datetime64[M]").astype("datetime64[us]").astype(np.int64)


@dataclass(frozen=True)
class EventClock:
    """How far one partition has come: the time of its latest event, None before the first."""

    latest_us: int | None = None

    def observe(
        self, event_us: Sequence[int], size: WindowSize, lateness_us: int, not_after_us: int
    ) -> tuple[EventClock, list[bool], int]:
        """Take the partition's next events, in order. Returns the clock after them, which are late, and how many ahead.

        An event after ``not_after_us`` (now and some tolerance) is *ahead*: marked late, so that it is in no window,
        and without effect on the clock, or one wrong date would make every event after it late.
        """
        latest_us = _NEVER_US if self.latest_us is None else self.latest_us
        open_from_us, turns_us = _horizon(latest_us, size, lateness_us)
        late: list[bool] = []
        ahead = 0
        for at_us in event_us:
            if at_us > not_after_us:
                ahead += 1
                late.append(True)
                continue
            late.append(at_us < open_from_us)
            if at_us > latest_us:
                latest_us = at_us
                if latest_us >= turns_us:
                    open_from_us, turns_us = _horizon(latest_us, size, lateness_us)
        return EventClock(None if latest_us == _NEVER_US else latest_us), late, ahead


def _horizon(latest_us: int, size: WindowSize, lateness_us: int) -> tuple[int, int]:
    """Start of the earliest window that takes events, and the latest event that will move it.

    ``end of window + lateness <= latest`` holds for just the windows before the one that holds ``latest - lateness``.
    """
    if latest_us == _NEVER_US:
        return _NEVER_US, _NEVER_US
    open_from_us = size.start_of(latest_us - lateness_us)
    return open_from_us, size.end_of(open_from_us) + lateness_us


def watermark_us(latest_us: Mapping[Partition, int | None], read_to_end: Set[Partition]) -> int | None:
    """The instant before which no event is expected any more, None while it is unknown.

    ``latest_us``: each partition's latest event, None if it never had one. Those in ``read_to_end`` (nothing unread for
    some time) do not hold it back; when that is all of them, it is the latest event of any.
    """
    waited_for = [at_us for partition, at_us in latest_us.items() if partition not in read_to_end]
    if not waited_for:
        return max((at_us for at_us in latest_us.values() if at_us is not None), default=None)
    seen = [at_us for at_us in waited_for if at_us is not None]
    return min(seen) if len(seen) == len(waited_for) else None


def close_before_us(size: WindowSize, watermark: int, lateness_us: int) -> int:
    """Every window that ends at or before this instant may close; it is itself the end of a window."""
    return size.start_of(watermark - lateness_us)


def quiet_close_before_us(size: WindowSize, latest_us: int | None, now_us: int, lateness_us: int) -> int | None:
    """The same when nothing is left to read: the wall clock then closes the last window too, once it is past it.

    ``latest_us``: the latest event of any partition. None while the last window must stay open.
    """
    if latest_us is None:
        return None
    end_us = size.end_of(size.start_of(latest_us))
    return end_us if now_us >= end_us + lateness_us else None
