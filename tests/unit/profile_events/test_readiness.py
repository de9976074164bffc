"""When a follower is not ready."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stream_app.profile_events.process import why_not_ready


def follower(is_current: bool, seconds_behind: float) -> Any:
    return SimpleNamespace(is_current=is_current, seconds_behind=seconds_behind)


@pytest.mark.parametrize(
    ("its", "expected"),
    [
        (None, "the store does not hold everything that is on the topic yet"),
        (follower(False, 0.0), "the store does not hold everything that is on the topic yet"),
        (follower(True, 60.0), None),
        (follower(True, 61.0), "the store has not been current for 61 s"),
    ],
    ids=["no broker yet", "never current", "just current enough", "stale"],
)
def test_a_follower_is_ready_while_its_store_is_current(its: Any, expected: str | None) -> None:
    assert why_not_ready(its, 60.0) == expected
