"""Foreign times: RFC 3339, seconds or milliseconds since 1970, or a format of ``strptime``."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from stream_app.events import RejectionReason
from stream_app.mapping.paths import DoesNotFit

_UNIX = {"unix_seconds": 1, "unix_milliseconds": 1000}
NAMED_FORMATS = ("rfc3339", *_UNIX)

_EXAMPLE = dt.datetime(2004, 12, 31, 13, tzinfo=dt.UTC)


class TimeReader:
    """Reads times of one format; ``timezone`` is that of texts that name no offset, and may be None where all do."""

    def __init__(self, format_: str, timezone: str | None) -> None:
        self._format, self._zone = format_, zone(timezone) if timezone else None

    def read(self, value: Any) -> dt.datetime | str:
        """The time in UTC; RFC 3339 without a time zone stays text. Raises DoesNotFit."""
        try:
            time = self._time(value)
            return time if isinstance(time, str) else time.astimezone(dt.UTC)
        except (OverflowError, OSError):
            raise DoesNotFit(RejectionReason.OUT_OF_RANGE, "is a time beyond all calendars") from None
        except (ValueError, TypeError):
            raise DoesNotFit(RejectionReason.WRONG_TYPE, f"is no time in the format {self._format}") from None

    def _time(self, value: Any) -> dt.datetime | str:
        if isinstance(value, dt.datetime):
            return self._with_zone(value)
        if self._format in _UNIX:
            if isinstance(value, (bool, str)):
                raise TypeError
            return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=value / _UNIX[self._format])
        if not isinstance(value, str):
            raise TypeError
        if self._format != "rfc3339":
            return self._with_zone(dt.datetime.strptime(value, self._format))  # noqa: DTZ007 - the next call adds it
        return self._with_zone(dt.datetime.fromisoformat(value)) if self._zone else value

    def _with_zone(self, time: dt.datetime) -> dt.datetime:
        if time.tzinfo is None and self._zone is None:
            raise ValueError
        return time if time.tzinfo else time.replace(tzinfo=self._zone)


def zone(name: str) -> dt.tzinfo:
    """The time zone of this name. Raises ValueError if the system knows none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"timezone: there is no {name!r}; write it as Europe/Paris or UTC") from None


def time_problems(format_: str, timezone: str | None) -> Iterator[str]:
    """What is wrong with a format and a time zone."""
    if timezone:
        try:
            zone(timezone)
        except ValueError as fault:
            yield str(fault)
    if format_ in NAMED_FORMATS:
        return
    try:
        example = _EXAMPLE.strftime(format_)
        if dt.datetime.strptime(example, format_).date() != _EXAMPLE.date():  # noqa: DTZ007 - only the date counts
            yield f"format: {format_!r} does not say year, month and day"
    except (ValueError, re.error):  # the second: it names one part of the time twice
        yield f"format: {format_!r} is none; take {', '.join(NAMED_FORMATS)} or such as %d/%m/%Y %H:%M"
    if "%z" not in format_ and not timezone:
        yield "timezone: name one, since the format has no offset (%z)"
