"""Foreign times become the moment they mean, in UTC."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from stream_app.events import RejectionReason
from stream_app.mapping.paths import DoesNotFit
from stream_app.mapping.times import TimeReader, time_problems

NOON = dt.datetime(2026, 7, 1, 12, tzinfo=dt.UTC)
PARIS = "Europe/Paris"


@pytest.mark.parametrize(
    ("format_", "zone", "value"),
    [
        ("unix_seconds", None, 1_782_907_200),
        ("unix_seconds", None, 1_782_907_200.0),
        ("unix_milliseconds", None, 1_782_907_200_000),
        ("%d.%m.%Y %H:%M", PARIS, "01.07.2026 14:00"),
        ("%Y-%m-%d %H:%M:%S %z", None, "2026-07-01 14:00:00 +0200"),
        ("rfc3339", PARIS, "2026-07-01T14:00:00"),
        ("rfc3339", PARIS, "2026-07-01T12:00:00Z"),
        ("rfc3339", None, NOON),
    ],
)
def test_a_time_is_read(format_: str, zone: str | None, value: Any) -> None:
    assert TimeReader(format_, zone).read(value) == NOON


@pytest.mark.parametrize(
    ("format_", "zone", "value"),
    [
        ("unix_seconds", None, "1782907200"),
        ("unix_seconds", None, True),
        ("unix_seconds", None, None),
        ("%d.%m.%Y", PARIS, "31.02.2026"),
        ("%d.%m.%Y", PARIS, 31),
        ("rfc3339", PARIS, "yesterday"),
        ("rfc3339", None, 5),
        ("rfc3339", None, dt.datetime(2026, 7, 1)),  # noqa: DTZ001 - that it has no zone is the point
    ],
)
def test_what_is_no_time_of_the_format_has_the_wrong_type(format_: str, zone: str | None, value: Any) -> None:
    with pytest.raises(DoesNotFit) as fault:
        TimeReader(format_, zone).read(value)
    assert fault.value.reason is RejectionReason.WRONG_TYPE


@pytest.mark.parametrize("value", [10**30, -(10**12), 1e300])
def test_a_time_beyond_all_calendars_is_out_of_range(value: float) -> None:
    with pytest.raises(DoesNotFit) as fault:
        TimeReader("unix_seconds", None).read(value)
    assert fault.value.reason is RejectionReason.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("format_", "zone", "problem"),
    [
        ("%d/%m/%Y", None, "timezone: name one"),
        ("%d/%m", "UTC", "does not say year, month and day"),
        ("%d/%m/%Y %H:%m", "UTC", "format: '%d/%m/%Y %H:%m' is none"),
        ("%Q", "UTC", "format: '%Q' is none"),
        ("iso", "UTC", "does not say year"),
        ("rfc3339", "Paris", "there is no 'Paris'"),
        ("rfc3339", "../etc/passwd", "there is no"),
    ],
)
def test_a_format_that_names_no_moment_is_a_problem(format_: str, zone: str | None, problem: str) -> None:
    assert any(problem in found for found in time_problems(format_, zone))


@pytest.mark.parametrize(("format_", "zone"), [("rfc3339", None), ("unix_seconds", None), ("%d/%m/%y %H:%M %z", None)])
def test_a_format_that_names_the_moment_is_none(format_: str, zone: str | None) -> None:
    assert list(time_problems(format_, zone)) == []
