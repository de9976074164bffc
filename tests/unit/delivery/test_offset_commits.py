"""When offsets are committed: together, never late, never lost in silence, never those of revoked partitions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from stream_app.delivery.offset_commits import GroupedCommits
from stream_app.errors import DeliveryFailed
from stream_app.events import Offsets, TopicPartition

A, B = TopicPartition("t", 0), TopicPartition("t", 1)
LONG, SHORT = 600.0, 0.001  # seconds a batch may wait: longer than any test, and next to nothing


class Group:
    """A group that takes commits, or gives another answer, and the listener to their outcome."""

    def __init__(self, answer: bool | Exception = True) -> None:
        self.answer = answer
        self.commits: list[dict[TopicPartition, int]] = []
        self.open = asyncio.Event()  # closed: a commit hangs
        self.open.set()
        self.calls: list[str] = []
        self.faults: asyncio.Queue[Exception] = asyncio.Queue()
        self.called = asyncio.Event()

    async def commit(self, ends: Offsets) -> bool:
        self.commits.append(dict(ends))
        await self.open.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def committed(self) -> None:
        self._call("committed")

    def not_committed(self, batches: int) -> None:
        self._call(f"{batches} undone")

    def _call(self, what: str) -> None:
        self.calls.append(what)
        self.called.set()

    async def supervise(self, work: Awaitable[bool]) -> bool:
        try:
            return await work
        except Exception as fault:
            self.faults.put_nowait(fault)
            raise


def grouped(group: Group, interval: float = LONG, timeout: float = LONG) -> GroupedCommits:
    commits = GroupedCommits(
        group.commit, listener=group, supervise=group.supervise, interval_seconds=interval, timeout_seconds=timeout
    )
    commits.restart({A: 0, B: None})
    return commits


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 10))


def test_batches_that_wait_are_committed_together_in_the_interval_without_another_batch() -> None:
    async def story() -> None:
        group = Group()
        commits = grouped(group, SHORT)
        await commits.add({A: 3})
        await commits.add({A: 5, B: 2})
        assert group.commits == []
        await group.called.wait()
        assert (group.commits, group.calls) == ([{A: 5, B: 2}], ["committed"])

    run(story())


def test_with_an_interval_of_zero_each_batch_is_committed_before_it_counts_as_delivered() -> None:
    async def story() -> None:
        group = Group()
        commits = grouped(group, 0)
        assert await commits.add({A: 3})
        assert await commits.add({A: 5})
        assert group.commits == [{A: 3}, {A: 5}]

    run(story())


def test_a_flush_commits_what_waits_once_and_nothing_when_nothing_waits() -> None:
    async def story() -> None:
        group = Group()
        commits = grouped(group)
        await commits.add({A: 3})
        assert await commits.flush()
        assert await commits.flush()
        assert group.commits == [{A: 3}]

    run(story())


def test_a_flush_waits_for_the_commit_under_way_and_comes_after_it() -> None:
    async def story() -> None:
        group = Group()
        group.open.clear()
        commits = grouped(group)
        await commits.add({A: 3})
        first = asyncio.ensure_future(commits.flush())
        await asyncio.sleep(0)
        await commits.add({A: 5})
        second = asyncio.ensure_future(commits.flush())
        await asyncio.sleep(0)
        assert group.commits == [{A: 3}]
        group.open.set()
        await asyncio.gather(first, second)
        assert group.commits == [{A: 3}, {A: 5}]

    run(story())


@pytest.mark.parametrize("revoked", [True, False])
def test_what_waits_at_a_revocation_or_a_seek_is_reported_and_never_committed(revoked: bool) -> None:
    async def story() -> None:
        group = Group()
        commits = grouped(group)
        await commits.add({A: 3})
        await commits.add({A: 5})
        if revoked:
            commits.drop()
        else:
            commits.restart({A: 0})
        await commits.flush()
        assert (group.commits, group.calls) == ([], ["2 undone"])

    run(story())


def test_a_commit_that_a_rebalance_undid_is_reported_with_its_batches_and_moves_nothing() -> None:
    async def story() -> None:
        group = Group(answer=False)
        commits = grouped(group)
        await commits.add({A: 3})
        assert not await commits.add({A: 5}, now=True)
        assert (group.calls, commits.committed) == (["2 undone"], {A: 0, B: 0})

    run(story())


def test_only_a_commit_moves_the_committed_offsets_and_only_those_of_partitions_owned_now() -> None:
    async def story() -> None:
        group = Group()
        commits = grouped(group)
        await commits.add({A: 3})
        before = dict(commits.committed)
        commits.restart({B: 7})
        await commits.add({A: 3, B: 9}, now=True)
        assert (before, commits.committed) == ({A: 0, B: 0}, {B: 9})

    run(story())


def test_the_failure_of_a_commit_that_nobody_awaits_is_supervised() -> None:
    async def story() -> None:
        group = Group(answer=KafkaError())
        await grouped(group, SHORT).add({A: 3})
        assert isinstance(await group.faults.get(), DeliveryFailed)

    run(story())


def test_a_commit_that_takes_too_long_is_a_failed_delivery() -> None:
    async def story() -> None:
        group = Group()
        group.open.clear()
        with pytest.raises(DeliveryFailed, match=r"within 0\.001 s"):
            await grouped(group, timeout=SHORT).add({A: 3}, now=True)

    run(story())
