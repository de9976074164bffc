"""Restoring decided ids at a seek: after the lanes, in force with the new epoch; or the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from stream_app.errors import RestoreFailed
from stream_app.events import Offsets, TopicPartition
from stream_app.steps.deduplicate import DecidedIds, PastDecision
from stream_app.transport import Assignment, AssignmentRevoked
from stream_app.worker import restore_ids
from stream_app.worker.decision_tail import DecisionsByPartition
from stream_app.worker.restore_ids import RestoreIds
from tests.builders.assignments import assigned
from tests.builders.records import NOW

SECOND = TopicPartition("loan.requests", 1)


class Lanes:
    """Records its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def before_seek(self, assignment: Assignment) -> Offsets | None:  # noqa: ARG002
        self.calls.append("before seek")
        return {SECOND: 5}

    def after_seek(self, committed: Mapping[TopicPartition, int | None]) -> None:
        self.calls.append(f"after seek to {committed[SECOND]}")

    async def before_revocation(self) -> None:
        self.calls.append("before revocation")

    def after_revocation(self) -> None:
        self.calls.append("after revocation")


class Story:
    """A memory that knows what it should not, beside lanes, before a broker that knows the id ``decided``."""

    def __init__(self, fault: Exception | None = None, timeout_seconds: float = 5.0) -> None:
        self.lanes, self.memory, self.fault = Lanes(), DecidedIds(10, 60.0), fault
        self.memory.remember({(1, "never delivered"): b"", (2, "somebody else's"): b""}, NOW)
        self.restore = RestoreIds(
            self.lanes, self.memory, self.read, supervise=self.supervise, timeout_seconds=timeout_seconds
        )
        self.supervised = False

    async def read(self, partitions: Iterable[int]) -> DecisionsByPartition:
        self.lanes.calls.append(f"read {sorted(partitions)}")
        if self.fault:
            raise self.fault
        return {1: [("decided", PastDecision(b"d", NOW.timestamp()))]}

    async def supervise(self, work: Awaitable[Any]) -> Any:
        self.supervised = True
        return await work

    def known(self) -> set[str]:
        keys = [(1, "never delivered"), (2, "somebody else's"), (1, "decided")]
        return {key[1] for key in keys if self.memory.fingerprint(key, NOW) is not None}


def test_the_lanes_are_opened_before_the_decisions_are_read() -> None:
    story = Story()
    assert asyncio.run(story.restore.before_seek(assigned(SECOND))) == {SECOND: 5}
    assert story.lanes.calls == ["before seek", "read [1]"]


def test_what_was_read_replaces_all_that_was_remembered_when_the_epoch_begins_and_not_before() -> None:
    """A batch of the old epoch may still be judged meanwhile: it must not leave ids that are never delivered."""
    story = Story()
    asyncio.run(story.restore.before_seek(assigned(SECOND)))
    assert story.known() == {"never delivered", "somebody else's"}
    story.restore.after_seek({SECOND: 5})
    assert story.known() == {"decided"}
    assert story.lanes.calls[-1] == "after seek to 5"


def test_what_was_remembered_goes_with_the_revoked_partitions() -> None:
    story = Story()
    story.restore.after_revocation()
    assert story.known() == set()
    assert story.lanes.calls == ["after revocation"]


def test_the_lanes_commit_what_waits_before_a_revocation() -> None:
    story = Story()
    asyncio.run(story.restore.before_revocation())
    assert story.lanes.calls == ["before revocation"]


@pytest.mark.parametrize("fault", [KafkaConnectionError(), OSError()])
def test_a_broker_that_refuses_is_asked_until_the_deadline_and_then_the_process_ends(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore_ids, "RETRY_SECONDS", 0.001)
    story = Story(fault, timeout_seconds=0.05)
    with pytest.raises(RestoreFailed, match=r"within 0\.05 s\..*Nothing was decided or committed.*Check the broker"):
        asyncio.run(story.restore.before_seek(assigned(SECOND)))
    assert story.supervised
    assert story.lanes.calls.count("read [1]") > 1


def test_reading_ends_when_the_partitions_are_revoked() -> None:
    async def whole() -> None:
        story = Story()
        story.restore._read_decisions = lambda _: asyncio.sleep(60, {})
        ours = assigned(SECOND)
        reading = asyncio.ensure_future(story.restore.before_seek(ours))
        await asyncio.sleep(0)
        await ours.settle()
        with pytest.raises(AssignmentRevoked):
            await reading

    asyncio.run(whole())


def test_reading_has_a_deadline() -> None:
    story = Story(timeout_seconds=0.01)
    story.restore._read_decisions = lambda _: asyncio.sleep(60, {})
    with pytest.raises(RestoreFailed, match=r"within 0\.01 s\."):
        asyncio.run(story.restore.before_seek(assigned(SECOND)))
