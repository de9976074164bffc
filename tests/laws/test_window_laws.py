"""Laws of windows and lateness: nothing depends on how a stream was cut into batches or how partitions were mixed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from monitoring.event_time import EventClock, WindowSize, close_before_us, watermark_us

HOUR = 3_600_000_000
FOREVER = 2**62
SIZES = st.sampled_from(["1h", "7h", "1d", "7d", "1mo", "5mo"]).map(WindowSize.parse)
INSTANTS = st.integers(-(10**17), 2 * 10**17)  # from before the year 0 to beyond 8000
NEAR = st.integers(0, 24 * 70).map(lambda hours: hours * HOUR)  # within ten weeks, ends of windows among them
EVENTS = st.lists(NEAR, max_size=60)
LATENESS = st.sampled_from([0, HOUR, 30 * HOUR, 800 * HOUR])
FUTURE = st.sampled_from([FOREVER, 24 * 50 * HOUR])


def is_late(events: Sequence[int], position: int, size: WindowSize, lateness_us: int, not_after_us: int) -> bool:
    """The rule, word by word: its window had ended, lateness ago, by the latest event before it."""
    if events[position] > not_after_us:
        return True
    before = [at for at in events[:position] if at <= not_after_us]
    end_us = size.end_of(size.start_of(events[position]))
    return bool(before) and end_us + lateness_us <= max(before)


@given(SIZES, INSTANTS)
def test_windows_tile_time(size: WindowSize, at: int) -> None:
    start = size.start_of(at)
    end = size.end_of(start)
    assert start <= at < end
    assert (size.start_of(start), size.start_of(end - 1), size.start_of(end)) == (start, start, end)


@given(SIZES, st.lists(INSTANTS, max_size=20))
def test_instants_together_have_the_starts_they_have_alone(size: WindowSize, instants: list[int]) -> None:
    assert size.starts_of(instants) == {size.start_of(at) for at in instants}


@given(SIZES, INSTANTS, INSTANTS)
def test_different_windows_have_different_names(size: WindowSize, one: int, other: int) -> None:
    starts = {size.start_of(one), size.start_of(other)}
    assert len({size.id_of(start) for start in starts}) == len(starts)


@given(EVENTS, SIZES, LATENESS, FUTURE)
def test_an_event_is_late_by_the_rule_and_not_else(
    events: list[int], size: WindowSize, lateness: int, future: int
) -> None:
    clock, late, ahead = EventClock().observe(events, size, lateness, future)
    assert late == [is_late(events, position, size, lateness, future) for position in range(len(events))]
    assert ahead == sum(at > future for at in events)
    assert clock.latest_us == max((at for at in events if at <= future), default=None)


@given(EVENTS, st.lists(st.integers(0, 60)), SIZES, LATENESS, FUTURE)
def test_any_split_into_batches_gives_what_the_whole_gives(
    events: list[int], cuts: list[int], size: WindowSize, lateness: int, future: int
) -> None:
    clock, ahead = EventClock(), 0
    late: list[bool] = []
    edges = sorted({0, len(events), *(cut for cut in cuts if cut < len(events))})
    for start, end in itertools.pairwise(edges):
        clock, some_late, some_ahead = clock.observe(events[start:end], size, lateness, future)
        late, ahead = late + some_late, ahead + some_ahead
    assert (clock, late, ahead) == EventClock().observe(events, size, lateness, future)


@given(st.lists(st.tuples(st.integers(0, 2), NEAR), max_size=80), SIZES, LATENESS)
def test_a_window_that_may_close_gets_no_further_event_however_partitions_are_mixed(
    stream: list[tuple[int, int]], size: WindowSize, lateness: int
) -> None:
    clocks = {partition: EventClock() for partition in range(3)}
    closed_before = -FOREVER
    for partition, at in stream:
        clocks[partition], (late,), _ = clocks[partition].observe([at], size, lateness, FOREVER)
        assert late or at >= closed_before
        watermark = watermark_us({number: clock.latest_us for number, clock in clocks.items()}, set())
        if watermark is not None:
            assert close_before_us(size, watermark, lateness) >= closed_before
            closed_before = close_before_us(size, watermark, lateness)
