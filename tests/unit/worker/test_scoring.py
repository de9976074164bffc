"""A batch whose client store is unavailable waits for it, while the batch is ours, and is then decided whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from stream_app.errors import ClientStoreError, ClientStoreUnavailable, RegistryUnavailable
from stream_app.events import TopicPartition
from stream_app.steps.deduplicate import DecidedIds
from stream_app.transport import Assignment
from stream_app.worker import scoring
from stream_app.worker.metrics import ScorerMetrics
from stream_app.worker.scoring import Scoring, ages_seconds
from tests.builders.assignments import poll_of
from tests.builders.records import MODEL, TOY, Profiles, record, request, toy_pipeline

AWAY = ClientStoreUnavailable("Redis at h:1/0 cannot be reached.", do_next="Check the server.")
NEEDS_PROFILE = request(features={"amount": 5.0})


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "RETRY_SECONDS", 0.0)


class Flaky(Profiles):
    """Answers after having refused so often."""

    def __init__(self, refusals: int, fault: Exception = AWAY) -> None:
        super().__init__({"c1": {"employees": 1}})
        self.refusals, self.fault = refusals, fault

    def get_many(self, client_ids: Iterable[str]) -> dict[str, bytes]:
        if self.refusals:
            self.refusals -= 1
            raise self.fault
        return super().get_many(client_ids)


class Fleeting(Assignment):
    """Holds its epoch for so many looks."""

    def __init__(self, looks: float) -> None:
        super().__init__()
        self.looks = looks
        self.begin_epoch(1)

    def admits(self, *_: int) -> bool:
        return True

    def holds(self, _epoch: int | None) -> bool:
        self.looks -= 1
        return self.looks >= 0


class Lanes:
    """Delivers under an assignment that is revoked when it was looked at so often."""

    def __init__(self, looks: float = float("inf")) -> None:
        self.assignment: Assignment = Fleeting(looks)
        self.delivered: list[Any] = []

    async def deliver(self, records: Any, outputs: Any) -> bool:  # noqa: ARG002
        self.delivered += outputs
        return await self.delivery()

    async def delivery(self) -> bool:
        """What becomes of it."""
        return True


def handle(profiles: Profiles, wait_seconds: float, lanes: Lanes, memory: DecidedIds | None = None) -> Any:
    """Score one record; gives the counters afterwards."""
    registry = CollectorRegistry()
    metrics = ScorerMetrics(registry, MODEL, TOY)
    pipeline = toy_pipeline(profiles=profiles, decided_ids=memory)
    scorer = Scoring(pipeline, lanes, metrics, wait_seconds, memory)  # type: ignore[arg-type]  # a fake
    asyncio.run(scorer.handle(poll_of(lanes.assignment, {TopicPartition("loan.requests", 0): [record(NEEDS_PROFILE)]})))
    names = ("client_store_failures_total", "registry_failures_total", "requests_total", "repeated_requests_total")
    return {name: registry.get_sample_value("loan_scorer_" + name) or 0.0 for name in names}


def test_a_batch_is_decided_once_when_the_store_is_back() -> None:
    lanes = Lanes()
    counted = handle(Flaky(3), 60.0, lanes)
    assert [output.rejected for output in lanes.delivered] == [False]
    assert (counted["client_store_failures_total"], counted["requests_total"]) == (3, 1)


def test_a_batch_waits_for_its_schema_registry_in_the_same_way() -> None:
    lanes = Lanes()
    counted = handle(Flaky(3, RegistryUnavailable("The schema registry does not answer.")), 60.0, lanes)
    assert [output.rejected for output in lanes.delivered] == [False]
    assert (counted["registry_failures_total"], counted["client_store_failures_total"]) == (3, 0)
    with pytest.raises(RegistryUnavailable, match=r"registry does not answer.* committed"):
        handle(Flaky(1, RegistryUnavailable("The schema registry does not answer.")), 0.0, Lanes())


def test_when_the_wait_is_over_the_fault_says_what_was_kept() -> None:
    lanes = Lanes()
    with pytest.raises(ClientStoreUnavailable, match=r"Redis at h:1/0 cannot.* committed.*Check the server"):
        handle(Flaky(1_000), 0.0, lanes)
    assert lanes.delivered == []


def test_a_store_that_waiting_does_not_mend_ends_it_at_once() -> None:
    with pytest.raises(ClientStoreError, match="password"):
        handle(Flaky(1, ClientStoreError("Redis does not accept the password.")), 60.0, Lanes())


def test_a_batch_whose_partitions_are_revoked_while_it_waits_is_not_decided() -> None:
    lanes = Lanes(looks=2)
    assert handle(Flaky(2), 60.0, lanes)["requests_total"] == 0.0
    assert lanes.delivered == []


def test_a_request_decided_before_is_delivered_without_an_output_and_counted_as_repeated() -> None:
    lanes, memory = Lanes(), DecidedIds(10, 60.0)
    first, second = (handle(Flaky(0), 60.0, lanes, memory) for _ in range(2))
    assert [output is None for output in lanes.delivered] == [False, True]
    assert (first["requests_total"], first["repeated_requests_total"]) == (1, 0)
    assert (second["requests_total"], second["repeated_requests_total"]) == (0, 1)


def test_a_decision_is_remembered_while_its_delivery_is_under_way() -> None:
    memory = DecidedIds(10, 60.0)
    remembered = []

    class Slow(Lanes):
        async def delivery(self) -> bool:
            remembered.append(len(memory))
            return True

    handle(Flaky(0), 60.0, Slow(), memory)
    assert remembered == [1]


def test_nothing_is_remembered_of_a_batch_that_was_not_decided() -> None:
    """A second look at the client store must not find the requests of the first one decided."""
    lanes, memory = Lanes(looks=2), DecidedIds(10, 60.0)
    handle(Flaky(2), 60.0, lanes, memory)
    assert len(memory) == 0


def ages(*timestamps: int) -> list[float]:
    return ages_seconds([record(timestamp=timestamp) for timestamp in timestamps], 1_700_000_000.0)


def test_the_age_of_a_record_is_counted_from_its_time_stamp_in_milliseconds() -> None:
    assert ages(1_699_999_998_500, 1_700_000_000_000) == [1.5, 0.0]


def test_a_clock_that_is_ahead_of_ours_makes_an_age_of_zero() -> None:
    assert ages(1_700_000_010_000) == [0.0]


@pytest.mark.parametrize(
    "timestamp",
    [-1, 0, 1_700_000_000, 1_700_000_000_000_000, 2**63 - 1],
    ids=["none", "1970", "seconds", "microseconds", "the largest"],
)
def test_a_time_stamp_that_is_no_time_of_an_event_has_no_age(timestamp: int) -> None:
    assert ages(timestamp, 1_699_999_999_000) == [1.0]


def test_a_record_without_a_time_stamp_is_decided_and_its_age_not_counted() -> None:
    registry = CollectorRegistry()
    lanes = Lanes()
    scorer = Scoring(toy_pipeline(), lanes, ScorerMetrics(registry, MODEL, TOY))  # type: ignore[arg-type]  # a fake
    asyncio.run(
        _deliver(scorer, poll_of(lanes.assignment, {TopicPartition("loan.requests", 0): [record(timestamp=-1)]}))
    )
    values = [
        registry.get_sample_value(f"loan_scorer_{name}") for name in ("requests_total", "event_age_seconds_count")
    ]
    assert values == [1.0, 0.0]


async def _deliver(scorer: Scoring, poll: Any) -> None:
    await scorer.handle(poll)
    await scorer.delivered()
