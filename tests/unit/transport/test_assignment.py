"""An assignment from its seek to its revocation: nothing is begun once it is revoked, and nothing in hand is torn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from aiokafka.errors import IllegalStateError

from stream_app.events import TopicPartition
from stream_app.transport import Assignment, AssignmentRevoked, assignment
from tests.builders.assignments import assigned

A = TopicPartition("t", 0)


def play(story: Callable[[Assignment], Awaitable[None]]) -> None:
    """A story on partition A in epoch 1."""

    async def whole() -> None:
        await asyncio.wait_for(story(assigned(A)), 10)

    asyncio.run(whole())


def test_an_assignment_holds_its_epoch_alone() -> None:
    assert [assigned(A, epoch=2).holds(epoch) for epoch in (1, 2, None)] == [False, True, False]


def test_before_the_group_gave_out_its_partitions_there_is_nothing_to_seek() -> None:
    with pytest.raises(AssignmentRevoked):
        Assignment().require()
    assigned(A, epoch=None).require()


def test_once_it_is_being_revoked_nothing_is_held_and_nothing_sought() -> None:
    async def story(ours: Assignment) -> None:
        await ours.settle()
        assert not ours.holds(1)
        with pytest.raises(AssignmentRevoked):
            ours.require()

    play(story)


def test_settling_waits_for_the_batch_in_hand() -> None:
    async def story(ours: Assignment) -> None:
        with ours.batch_in_hand():
            settling = asyncio.ensure_future(ours.settle())
            await asyncio.sleep(0)
            assert not settling.done()
        await settling

    play(story)


def test_a_batch_that_fails_is_no_longer_in_hand() -> None:
    async def story(ours: Assignment) -> None:
        with pytest.raises(KeyError), ours.batch_in_hand():
            raise KeyError
        await ours.settle()

    play(story)


def test_a_batch_that_outlasts_its_assignment_is_in_hand_of_the_next_but_holds_nothing() -> None:
    """As when a process that was stopped wakes up: its partitions are gone, and come back while it goes on."""

    async def story(ours: Assignment) -> None:
        with ours.batch_in_hand():
            following = ours.end()
            following.begin_epoch(2)
            quiet = asyncio.ensure_future(following.quiet())
            await asyncio.sleep(0)
            assert (ours.holds(1), ours.epoch, quiet.done()) == (False, None, False)
        await quiet

    play(story)


def test_work_that_ends_before_the_revocation_gives_its_result() -> None:
    async def story(ours: Assignment) -> None:
        assert await ours.unless_revoked(asyncio.sleep(0, "opened")) == "opened"

    play(story)


def test_work_that_fails_raises_what_it_met() -> None:
    async def fail() -> None:
        raise KeyError

    async def story(ours: Assignment) -> None:
        with pytest.raises(KeyError):
            await ours.unless_revoked(fail())

    play(story)


def test_work_is_cancelled_by_the_revocation_and_raises_what_faust_takes_for_another_rebalance() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def story(ours: Assignment) -> None:
        opening = asyncio.ensure_future(ours.unless_revoked(work()))
        await asyncio.sleep(0)
        await ours.settle()
        with pytest.raises(IllegalStateError):
            await opening
        assert ended == ["cancelled"]

    play(story)


def test_work_that_begins_after_the_next_assignment_still_belongs_to_the_revoked_one() -> None:
    async def story(ours: Assignment) -> None:
        ours.end()
        with pytest.raises(AssignmentRevoked):
            await ours.unless_revoked(asyncio.Event().wait())

    play(story)


def test_work_that_swallows_its_cancellation_is_cancelled_again_until_it_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(assignment, "CANCEL_AGAIN_SECONDS", 0.01)
    reached: list[str] = []

    async def swallow() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        reached.append("swallowed")
        await asyncio.Event().wait()

    async def story(ours: Assignment) -> None:
        opening = asyncio.ensure_future(ours.unless_revoked(swallow()))
        await asyncio.sleep(0)
        await ours.settle()
        with pytest.raises(AssignmentRevoked):
            await opening
        assert reached == ["swallowed"]
        assert "swallow" not in {getattr(task.get_coro(), "__name__", "") for task in asyncio.all_tasks()}

    play(story)
