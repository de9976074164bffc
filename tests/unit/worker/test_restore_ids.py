"""The memory around a seek: lanes first, then what the broker says, taken over with the epoch; or the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from stream_app.errors import RecallFailed
from stream_app.steps.decided import DecidedIds, Entry
from stream_app.transport.poll import SeekGivenUp
from stream_app.worker import restore_ids
from stream_app.worker.decision_tail import Named
from stream_app.worker.restore_ids import Recall
from tests.builders.records import NOW

ASSIGNED = {TP("loan.requests", 1)}


class Lanes:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def open(self, partitions: set[TP]) -> Mapping[TP, int] | None:  # noqa: ARG002
        self.told.append("open")
        return {TP("loan.requests", 1): 5}

    def resume(self, committed: Mapping[TP, int | None], epoch: int) -> None:
        self.told.append(f"resume {dict(committed)[TP('loan.requests', 1)]} in {epoch}")

    async def settle(self) -> None:
        self.told.append("settle")

    def forget(self) -> None:
        self.told.append("forget")


class Story:
    """A memory that knows what it should not, beside lanes, before a broker that knows the id ``decided``."""

    def __init__(self, fault: Exception | None = None, timeout_seconds: float = 5.0) -> None:
        self.lanes, self.memory, self.fault = Lanes(), DecidedIds(10, 60.0), fault
        self.memory.remember({(1, "never delivered"): b"", (2, "somebody else's"): b""}, NOW)
        self.recall = Recall(self.lanes, self.memory, self.read, guard=self.guard, timeout_seconds=timeout_seconds)
        self.guarded = False

    async def read(self, partitions: Iterable[int]) -> Mapping[int, list[Named]]:
        self.lanes.told.append(f"read {sorted(partitions)}")
        if self.fault:
            raise self.fault
        return {1: [(7, "decided", Entry(b"d", NOW.timestamp()))]}

    async def guard(self, work: Awaitable[Any]) -> Any:
        self.guarded = True
        return await work

    def known(self) -> set[str]:
        keys = [(1, "never delivered"), (2, "somebody else's"), (1, "decided")]
        return {key[1] for key in keys if self.memory.digest(key, NOW) is not None}


def test_the_lanes_are_opened_before_the_decisions_are_read() -> None:
    story = Story()
    assert asyncio.run(story.recall.open(ASSIGNED)) == {TP("loan.requests", 1): 5}
    assert story.lanes.told == ["open", "read [1]"]


def test_what_was_read_replaces_all_that_was_remembered_when_the_epoch_begins_and_not_before() -> None:
    """A batch of the old epoch may still be judged meanwhile: it must not leave ids that are never delivered."""
    story = Story()
    asyncio.run(story.recall.open(ASSIGNED))
    assert story.known() == {"never delivered", "somebody else's"}
    story.recall.resume({TP("loan.requests", 1): 5}, 3)
    assert story.known() == {"decided"}
    assert story.lanes.told[-1] == "resume 5 in 3"


def test_partitions_given_away_are_forgotten() -> None:
    story = Story()
    story.recall.forget()
    assert story.known() == set()
    assert story.lanes.told == ["forget"]


def test_a_batch_in_hand_is_settled_by_the_lanes() -> None:
    story = Story()
    asyncio.run(story.recall.settle())
    assert story.lanes.told == ["settle"]


@pytest.mark.parametrize("fault", [KafkaConnectionError(), OSError()])
def test_a_broker_that_refuses_is_asked_until_the_deadline_and_then_the_guard_ends_the_process(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore_ids, "ASK_AGAIN_SECONDS", 0.001)
    story = Story(fault, timeout_seconds=0.05)
    with pytest.raises(RecallFailed, match=r"within 0\.05 s\..*Nothing was decided or committed.*Check the broker"):
        asyncio.run(story.recall.open(ASSIGNED))
    assert story.guarded
    assert story.lanes.told.count("read [1]") > 1


def test_reading_ends_when_the_partitions_are_to_be_given_away() -> None:
    async def whole() -> None:
        story = Story()
        story.recall._read = lambda _: asyncio.sleep(60, {})
        reading = asyncio.ensure_future(story.recall.open(ASSIGNED))
        await asyncio.sleep(0)
        await story.recall.settle()
        with pytest.raises(SeekGivenUp):
            await reading

    asyncio.run(whole())


def test_reading_has_a_deadline() -> None:
    story = Story(timeout_seconds=0.01)
    story.recall._read = lambda _: asyncio.sleep(60, {})
    with pytest.raises(RecallFailed, match=r"within 0\.01 s\."):
        asyncio.run(story.recall.open(ASSIGNED))
