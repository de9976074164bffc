"""Exit statuses: whoever supervises a process can tell from the number alone what to do."""

from __future__ import annotations

from collections import defaultdict

from stream_app import errors
from stream_app.errors import StreamAppError


def test_errors_that_share_a_late_status_are_of_one_thing() -> None:
    """The first are of a kind (3: the broker); from 11 on each is of one thing, which its reasons begin with."""
    things = defaultdict(set)
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, StreamAppError) and error.exit_status >= 11:
            things[error.exit_status].add(error.reason.partition("_")[0])
    assert things
    assert {status: names for status, names in things.items() if len(names) > 1} == {}
