"""The time an output carries: this machine's, or its request's while the broker refuses this machine's."""

from __future__ import annotations

from aiokafka.errors import InvalidTimestampError, KafkaTimeoutError

from stream_app.delivery.output_stamps import OutputStamps, remedy
from stream_app.events import Output
from stream_app.transactions.errors import Refused
from tests.builders.records import record

OUTPUT = Output(False, b"k", b"v", [])


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_time_is_the_publication_until_the_broker_refuses_it_then_the_requests() -> None:
    stamps, request = OutputStamps(Clock()), record(offset=0)
    assert stamps.stamp(OUTPUT, request).timestamp_ms is None
    stamps.refused()
    assert stamps.stamp(OUTPUT, request).timestamp_ms == request.timestamp


def test_a_clock_that_was_set_back_counts_again() -> None:
    clock = Clock()
    stamps = OutputStamps(clock)
    stamps.refused()
    clock.now = 1001.0
    assert stamps.stamp(OUTPUT, record(offset=0)).timestamp_ms is not None
    clock.now = 999.0
    assert stamps.stamp(OUTPUT, record(offset=0)).timestamp_ms is None


def test_the_remedy_for_a_refused_time_names_the_clock() -> None:
    assert "This machine's clock is ahead" in remedy(InvalidTimestampError())
    assert "This machine's clock is ahead" in remedy(Refused(InvalidTimestampError.errno))
    assert remedy(KafkaTimeoutError()) == "Check the broker"
