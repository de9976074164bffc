"""One request id is asked once, whoever comes with it and however often."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from monitoring.store import Ids
from monitoring.store.pseudonyms import named
from stream_app.errors import BrokerAway, StoreUnavailable
from stream_app.gateway import idempotency
from stream_app.gateway.idempotency import RESEND_SECONDS, STORE_PAUSE_SECONDS, IdempotencyCache, IdempotentSender
from stream_app.gateway.loan_requests import RequestReader
from stream_app.gateway.problem_details import ProblemError
from stream_app.gateway.request_reply import Reply, RequestReply
from tests.builders.gateway import LocalStream, connected_stream, run
from tests.builders.records import TOY, Profiles, output_of, record, request, toy_pipeline

REQUESTS = RequestReader(TOY, max_bytes=2_000)
PSEUDONYM_KEY = b"k" * 32


class Stored:
    """The decision store in a dict; away when ``fault`` is set."""

    def __init__(self, decisions: Mapping[str, bytes] | None = None) -> None:
        self.decisions = dict(decisions or {})
        self.fault: Exception | None = None
        self.asked = 0
        self.with_client = Ids(PSEUDONYM_KEY).with_client

    async def get(self, request_id: str) -> bytes | None:
        self.asked += 1
        if self.fault:
            raise self.fault
        return self.decisions.get(request_id)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Service:
    """A sender and all it works with."""

    def __init__(self, stored: Mapping[str, bytes] | None = None, most: int = 10) -> None:
        self.clock, self.store, self.request_reply = Clock(), Stored(stored), RequestReply()
        self.profiles = Profiles()
        self.broker: LocalStream = connected_stream(self.request_reply, toy_pipeline(profiles=self.profiles))
        self.cache = IdempotencyCache(most, self.clock)
        self.sender = IdempotentSender(self.request_reply, self.cache, self.store, REQUESTS, 0.02, self.clock)  # type: ignore[arg-type]

    async def post(self, key: str | None = None, **changes: Any) -> Reply | None:
        return await self.sender.reply(REQUESTS.read(request(**changes), key), key)


def decision_on(value: bytes) -> bytes:
    return output_of(record(value)).value or b""


def conflicts(work: Any) -> bool:
    with pytest.raises(ProblemError) as caught:
        run(work)
    return (caught.value.problem.status, caught.value.problem.reason) == (409, "conflicting_id")


def test_the_same_request_again_gets_the_same_answer_and_is_sent_once() -> None:
    service = Service()

    async def twice() -> list[Reply | None]:
        return [await service.post(), await service.post()]

    first, second = run(twice())
    assert first is not None
    assert first == second
    assert len(service.broker.sent) == 1


def test_ten_at_once_with_one_id_are_one_request() -> None:
    service = Service()

    async def ten() -> list[Reply | None]:
        return list(await asyncio.gather(*(service.post() for _ in range(10))))

    assert len(set(run(ten()))) == 1
    assert len(service.broker.sent) == 1


def test_the_same_id_with_other_content_is_a_conflict() -> None:
    service = Service()

    async def other() -> None:
        await service.post()
        await service.post(features={"amount": 1.0})

    assert conflicts(other())
    assert len(service.broker.sent) == 1


def test_the_same_idempotency_key_with_other_content_is_a_conflict() -> None:
    service = Service()

    async def other() -> None:
        await service.post(key="k")
        await service.post(key="k", request_id="r2")

    assert conflicts(other())


def test_a_decision_from_before_is_the_answer_and_nothing_is_sent() -> None:
    service = Service({"r1": decision_on(request())})
    assert run(service.post()) == Reply(decision_on(request()))
    assert service.broker.sent == []


def test_a_decision_from_before_is_the_answer_where_the_store_has_a_pseudonym_of_the_client() -> None:
    decided = decision_on(request())
    service = Service({"r1": named(decided, client_id=Ids(PSEUDONYM_KEY).client("c1"))})
    assert run(service.post()) == Reply(decided)
    assert service.broker.sent == []


def test_a_decision_from_before_on_other_content_is_a_conflict_each_time() -> None:
    service = Service(
        {"r1": decision_on(request(client_id="c1", features={"amount": 7.0, "employees": 1, "home": None}))}
    )
    assert conflicts(service.post())
    assert conflicts(service.post())


def test_a_store_that_is_away_holds_nobody_up_and_is_left_alone_for_a_while() -> None:
    service = Service()
    service.store.fault = StoreUnavailable("locked")

    async def three() -> None:
        assert await service.post(request_id="a") is not None
        assert await service.post(request_id="b") is not None
        service.clock.now += STORE_PAUSE_SECONDS + 1
        assert await service.post(request_id="c") is not None

    run(three())
    assert service.store.asked == 2


def test_a_pending_request_is_waited_for_again_and_asked_again_when_it_is_overdue() -> None:
    service = Service()
    service.broker.running = False

    async def patient() -> tuple[int, int]:
        assert await service.post() is None
        assert await service.post() is None
        sent_before = len(service.broker.sent)
        service.clock.now += RESEND_SECONDS + 1
        assert await service.post() is None
        return sent_before, len(service.broker.sent)

    assert run(patient()) == (1, 2)


def test_a_request_that_the_scorers_pass_over_is_answered_when_its_decision_is_in_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They decided it before, for another gateway or for this one before it was started again."""
    monkeypatch.setattr(idempotency, "RECHECK_SECONDS", 0.001)
    service = Service()
    service.broker.running = False

    async def stored_meanwhile() -> Reply | None:
        asking = asyncio.create_task(service.post())
        while not service.broker.sent:
            await asyncio.sleep(0)
        service.store.decisions["r1"] = decision_on(request())
        return await asking

    assert run(stored_meanwhile()) == Reply(decision_on(request()))


def test_what_was_not_confirmed_and_comes_again_is_the_same_exchange_so_that_either_answer_is_its() -> None:
    service = Service()

    async def again() -> set[bytes]:
        service.broker.running = service.broker.confirming = False
        with pytest.raises(BrokerAway):
            await service.post()
        service.request_reply.fail_unconfirmed()
        service.broker.running = service.broker.confirming = True
        assert await service.post() is not None
        return {dict(record.headers)["correlation-id"] for record in service.broker.sent}

    assert len(run(again())) == 1


def test_a_rejected_request_is_asked_again_since_the_client_may_be_known_by_now() -> None:
    service = Service()

    async def later_known() -> tuple[str, bool]:
        first = await service.post(features={"amount": 5.0})
        service.profiles.profiles = {"c1": {"home": "own"}}
        second = await service.post(features={"amount": 5.0})
        assert first is not None
        assert second is not None
        return first.reason, second.decision is not None

    assert run(later_known()) == ("unknown_client", True)


def test_a_rejected_request_may_be_corrected_under_its_id() -> None:
    service = Service()

    async def corrected() -> Reply | None:
        await service.post(features={"amount": None, "employees": 1, "home": None})
        return await service.post()

    answer = run(corrected())
    assert answer is not None
    assert answer.decision is not None


def test_what_could_not_be_asked_is_asked_when_it_comes_again() -> None:
    service = Service()

    async def back() -> Reply | None:
        service.broker.reachable = False
        with pytest.raises(BrokerAway):
            await service.post()
        service.broker.reachable = True
        return await service.post()

    assert run(back()) is not None


def test_what_is_remembered_is_bounded_the_oldest_goes_first() -> None:
    service = Service(most=2)

    async def three() -> None:
        for name in ("a", "b", "c"):
            await service.post(key=f"key-{name}", request_id=name)

    run(three())
    assert [service.cache.get(name) is not None for name in ("a", "b", "c")] == [False, True, True]
    assert len(service.cache._by_key) == 2
