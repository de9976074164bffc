"""Windows: which one an instant is in, which events are late, when windows may close."""

from __future__ import annotations

import datetime as dt

import pytest

from monitoring.event_time import EventClock, WindowSize, close_before_us, quiet_close_before_us, watermark_us

HOUR, DAY = 3_600_000_000, 86_400_000_000
FOREVER = 2**62
DAILY = WindowSize.parse("1d")


def us(text: str) -> int:
    """Microseconds since 1970 of an instant in UTC, as ISO 8601 text."""
    since = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return since // dt.timedelta(microseconds=1)


def late_flags(events_us: list[int], lateness_us: int = 0, size: WindowSize = DAILY) -> list[bool]:
    return EventClock().observe(events_us, size, lateness_us, FOREVER)[1]


# ---- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "start", "end", "name"),
    [
        ("15min", "2006-03-05T13:30", "2006-03-05T13:45", "2006-03-05T13:30Z"),
        ("1h", "2006-03-05T13:00", "2006-03-05T14:00", "2006-03-05T13:00Z"),
        ("6h", "2006-03-05T12:00", "2006-03-05T18:00", "2006-03-05T12:00Z"),
        ("1d", "2006-03-05", "2006-03-06", "2006-03-05"),
        ("7d", "2006-02-27", "2006-03-06", "2006-02-27"),  # Monday to Monday
        ("1mo", "2006-03-01", "2006-04-01", "2006-03"),
        ("3mo", "2006-01-01", "2006-04-01", "2006-01"),
        ("12mo", "2006-01-01", "2007-01-01", "2006-01"),
    ],
)
def test_an_instant_is_in_the_aligned_window_that_begins_at_or_before_it(
    size: str, start: str, end: str, name: str
) -> None:
    window = WindowSize.parse(size)
    at = us("2006-03-05T13:37:11.000123")
    assert (window.start_of(at), window.end_of(us(start)), window.id_of(us(start))) == (us(start), us(end), name)


def test_a_window_holds_its_start_and_not_its_end() -> None:
    month = WindowSize.parse("1mo")
    end = us("2006-04-01")
    assert [month.id_of(month.start_of(at)) for at in (us("2006-03-01"), end - 1, end)] == [
        "2006-03",
        "2006-03",
        "2006-04",
    ]


@pytest.mark.parametrize("size", ["1h", "1d", "7d", "1mo"])
@pytest.mark.parametrize("at", ["0001-01-01", "1969-12-31T23:59:59", "9999-12-31T23:59:59"])
def test_every_instant_json_can_hold_is_in_a_window(size: str, at: str) -> None:
    window = WindowSize.parse(size)
    start = window.start_of(us(at))
    assert start <= us(at) < window.end_of(start)


def test_many_instants_have_the_starts_each_of_them_has() -> None:
    month = WindowSize.parse("1mo")
    assert month.starts_of([us("2006-03-05"), us("2006-03-31"), us("2007-01-01")]) == {
        us("2006-03-01"),
        us("2007-01-01"),
    }
    assert month.starts_of([]) == set()


@pytest.mark.parametrize(("said", "same"), [("60min", "1h"), ("24h", "1d"), (" 7d ", "7d"), ("90min", "90min")])
def test_two_texts_of_one_length_are_one_size(said: str, same: str) -> None:
    assert str(WindowSize.parse(said)) == same
    assert WindowSize.parse(said) == WindowSize.parse(same)


@pytest.mark.parametrize("text", ["", "1", "d", "0d", "-1d", "1.5h", "1w", "1 d", "1M", "1mo2d"])
def test_a_text_that_is_no_length_is_refused_with_examples_of_some(text: str) -> None:
    with pytest.raises(ValueError, match="15min, 6h, 1d, 7d and 1mo"):
        WindowSize.parse(text)


@pytest.mark.parametrize("text", ["121mo", "4000d", "9999999h"])
def test_a_window_of_more_than_ten_years_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ten years"):
        WindowSize.parse(text)


# ---- late or not -----------------------------------------------------------------------------------------------------


def test_events_in_order_are_never_late() -> None:
    assert late_flags([0, HOUR, DAY, 5 * DAY]) == [False] * 4


def test_an_earlier_event_of_the_same_window_is_not_late() -> None:
    assert late_flags([5 * HOUR, HOUR]) == [False, False]


@pytest.mark.parametrize(("passed_the_end_by", "late"), [(-1, False), (0, True)])
def test_an_event_is_late_once_its_window_ended_the_lateness_ago(passed_the_end_by: int, late: bool) -> None:
    lateness = 2 * HOUR
    assert late_flags([DAY + lateness + passed_the_end_by, DAY - 1], lateness) == [False, late]


def test_only_events_before_it_make_an_event_late() -> None:
    assert late_flags([0, 9 * DAY]) == [False, False]


def test_a_clock_goes_on_where_it_stood() -> None:
    clock, _, _ = EventClock().observe([3 * DAY], DAILY, 0, FOREVER)
    assert clock == EventClock(3 * DAY)
    assert EventClock(3 * DAY).observe([DAY], DAILY, 0, FOREVER) == (EventClock(3 * DAY), [True], 0)


def test_no_events_change_nothing() -> None:
    assert EventClock().observe([], DAILY, 0, FOREVER) == (EventClock(), [], 0)


def test_a_date_in_the_future_is_in_no_window_and_makes_nothing_else_late() -> None:
    now = 10 * DAY
    clock, late, ahead = EventClock().observe([DAY, 9000 * DAY, DAY], DAILY, 0, not_after_us=now)
    assert (clock, late, ahead) == (EventClock(DAY), [False, True, False], 1)


def test_a_first_event_of_the_year_one_is_no_trouble() -> None:
    assert late_flags([us("0001-01-01"), us("2006-03-05"), us("0001-01-01")], 30 * DAY, WindowSize.parse("1mo")) == [
        False,
        False,
        True,
    ]


# ---- watermark -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latest", "read_to_end", "watermark"),
    [
        ({0: 7, 1: 5}, set(), 5),  # the slowest
        ({0: 7, 1: None}, set(), None),  # one has said nothing yet and may begin anywhere
        ({0: 7, 1: None}, {1}, 7),  # it has nothing to say
        ({0: 7, 1: 5}, {1}, 7),
        ({0: 7, 1: 5}, {0}, 5),
        ({0: 7, 1: 5}, {0, 1}, 7),  # all have said everything
        ({0: None, 1: None}, {0, 1}, None),
        ({}, set(), None),
    ],
)
def test_the_watermark_is_the_least_latest_event_of_those_that_have_something_to_say(
    latest: dict[int, int | None], read_to_end: set[int], watermark: int | None
) -> None:
    assert watermark_us(latest, read_to_end) == watermark


@pytest.mark.parametrize(("watermark", "before"), [(2 * DAY + HOUR, 2 * DAY), (2 * DAY + HOUR - 1, DAY)])
def test_windows_close_that_ended_the_lateness_before_the_watermark(watermark: int, before: int) -> None:
    assert close_before_us(DAILY, watermark, lateness_us=HOUR) == before


@pytest.mark.parametrize(
    ("latest", "now", "before"),
    [(DAY + 5, 2 * DAY + HOUR, 2 * DAY), (DAY + 5, 2 * DAY + HOUR - 1, None), (None, 2 * DAY, None)],
)
def test_once_nothing_is_left_to_read_the_wall_clock_closes_the_last_window(
    latest: int | None, now: int, before: int | None
) -> None:
    assert quiet_close_before_us(DAILY, latest, now, lateness_us=HOUR) == before
