"""What is said and done of a position outside of a log."""

from __future__ import annotations

import asyncio

import pytest

from stream_app.errors import RecordsLost
from stream_app.events import TopicPartition
from stream_app.transport import LossReport, OutOfRange
from stream_app.transport.log_bounds import tell_what_is_gone

TP = TopicPartition("loan.requests", 2)
DELETED = OutOfRange(TP, position=3, first=9, end=12)
MADE_ANEW = OutOfRange(TP, position=12, first=0, end=5)


class Calls:
    """Records what the report calls."""

    def __init__(self) -> None:
        self.counted: list[OutOfRange] = []
        self.noted: list[OutOfRange] = []

    def out_of_range(self, found: OutOfRange) -> None:
        self.counted.append(found)

    async def note(self, found: OutOfRange) -> None:
        self.noted.append(found)


def report(found: OutOfRange, *, stop: bool) -> Calls:
    calls = Calls()
    asyncio.run(LossReport(calls, calls.note, stop=stop)(found))
    return calls


def test_the_records_between_the_position_and_the_first_there_is_are_lost() -> None:
    assert DELETED.lost_records == 6
    assert str(DELETED).startswith("6 records of loan.requests, partition 2, were deleted before they were read: ")


def test_beyond_the_end_nobody_knows_how_many_are_lost() -> None:
    assert MADE_ANEW.lost_records == 0
    assert str(MADE_ANEW).startswith("Partition 2 of loan.requests was read up to offset 12 and ends at 5: ")


@pytest.mark.parametrize("found", [DELETED, MADE_ANEW])
def test_a_loss_is_counted_logged_and_reading_goes_on(found: OutOfRange, caplog: pytest.LogCaptureFixture) -> None:
    calls = report(found, stop=False)
    assert (calls.counted, calls.noted) == ([found], [found])
    assert caplog.messages == [f"{found} Reading goes on at offset {found.first}."]


def test_by_setting_it_is_the_end_and_no_position_is_noted() -> None:
    calls = Calls()
    with pytest.raises(RecordsLost, match=r"6 records .* at offset 9\."):
        asyncio.run(LossReport(calls, calls.note, stop=True)(DELETED))
    assert (calls.counted, calls.noted) == ([DELETED], [])


def test_records_that_were_gone_before_the_group_began_are_told_by_partition_and_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tell_what_is_gone({TopicPartition("loan.requests", 2): 0, TopicPartition("loan.requests", 3): 40})
    [said] = caplog.messages
    assert said == "loan.requests partition 3: its first 40 offsets are gone; this group never read them"
