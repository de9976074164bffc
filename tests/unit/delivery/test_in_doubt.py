"""How long there were nothing but doubts: what the end of the process depends on."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from stream_app.delivery.in_doubt import InDoubtCommits


async def never() -> None:
    raise AssertionError


async def unsupervised(work: Awaitable[Any]) -> Any:
    return await work


def lasting(*times: float, until: float) -> float:
    doubts = InDoubtCommits(never, supervise=unsupervised, timeout_seconds=60.0)
    for now in times:
        doubts.note(now)
    return doubts.lasting(until)


def test_doubts_that_follow_one_another_last_since_the_first() -> None:
    assert lasting(100.0, 150.0, 200.0, until=201.0) == 101.0


def test_a_doubt_long_after_the_last_is_another() -> None:
    """There may have been nothing to commit in between."""
    assert lasting(100.0, 500.0, until=501.0) == 1.0


def test_a_commit_ends_them() -> None:
    doubts = InDoubtCommits(never, supervise=unsupervised, timeout_seconds=60.0)
    doubts.note(100.0)
    doubts.committed()
    assert doubts.lasting(130.0) == 0.0
