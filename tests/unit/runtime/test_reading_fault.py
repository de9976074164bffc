"""A reader's fault lasts for as long as it comes again, and is logged once."""

from __future__ import annotations

import pytest
from aiokafka.errors import TopicAuthorizationFailedError

from stream_app.runtime.reading_fault import FAULT_SECONDS, ReadingFault


def test_a_fault_that_comes_again_with_each_fetch_is_one_line_and_over_some_seconds_after_the_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [0.0]
    fault = ReadingFault(lambda: now[0])
    assert fault.current() is None
    for now[0] in (0.0, 0.5, 1.0):
        fault.note(TopicAuthorizationFailedError("loan.requests"))
    assert fault.current() == "reading fails: TopicAuthorizationFailedError loan.requests"
    now[0] = 1.0 + FAULT_SECONDS
    assert fault.current() is None
    assert len(caplog.messages) == 1
