"""Request and reply over the topics, the topics being a list."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from stream_app.errors import BrokerAway, RegistryUnavailable
from stream_app.formats.json_format import Json
from stream_app.gateway.request_reply import MAX_PENDING, PendingReply, Reply, RequestReply
from tests.builders.gateway import LocalStream, connected_stream, run
from tests.builders.records import Record, request, toy_pipeline

SECONDS = 0.05


def exchanging() -> tuple[RequestReply, LocalStream]:
    request_reply = RequestReply()
    return request_reply, connected_stream(request_reply, toy_pipeline())


async def sent(request_reply: RequestReply, value: bytes | None = None) -> PendingReply:
    pending = PendingReply()
    await request_reply.send(pending, b"c1", request() if value is None else value)
    return pending


async def answer(request_reply: RequestReply, value: bytes | None = None) -> Reply | None:
    return await (await sent(request_reply, value)).within(SECONDS)


def test_the_answer_is_the_decision_as_it_is_on_the_topic() -> None:
    request_reply, _ = exchanging()
    got = run(answer(request_reply))
    assert got is not None
    assert b'"outcome":"approved"' in (got.decision or b"")


def test_the_answer_of_a_rejected_request_is_its_reason_and_message() -> None:
    request_reply, _ = exchanging()
    got = run(answer(request_reply, request(features={"amount": None, "employees": 1, "home": "own"})))
    assert got is not None
    assert (got.decision, got.reason) == (None, "missing_required_feature")
    assert "`features.amount`" in got.message


class Unknown(Json):
    """Decisions that nobody can read now."""

    def to_json(self, _value: bytes) -> bytes:
        raise RegistryUnavailable("The schema registry does not answer.")


def test_a_decision_that_cannot_be_read_now_is_no_answer_yet() -> None:
    request_reply = RequestReply(Unknown())
    connected_stream(request_reply, toy_pipeline())
    assert run(answer(request_reply)) is None


async def decision_within(reply: PendingReply) -> bytes:
    """The decision it gets in time; empty if it is none."""
    answer = await reply.within(SECONDS)
    return answer.decision or b"" if answer else b""


def test_each_caller_gets_the_answer_to_its_own_request_whatever_the_order() -> None:
    async def two() -> list[bool]:
        request_reply, broker = exchanging()
        broker.running = False
        first, second = [await sent(request_reply, request(request_id=name)) for name in ("first", "second")]
        broker.score(broker.sent[::-1])
        names = (b'"first"', b'"second"')
        decisions = [await decision_within(reply) for reply in (first, second)]
        return [name in decision for name, decision in zip(names, decisions, strict=True)]

    assert run(two()) == [True, True]


def test_answers_to_others_are_passed_over_and_their_values_not_looked_at() -> None:
    request_reply, _ = exchanging()
    foreign = [("reply-to", b"somebody"), ("correlation-id", b"1")]
    request_reply.on_records(False, [Record(b"\xff not even JSON", headers=foreign), Record(b"", headers=[])])
    assert run(answer(request_reply)) is not None


def headers_sent(broker: LocalStream) -> dict[str, bytes]:
    return dict(broker.sent[-1].headers)


@pytest.mark.parametrize(
    "changed",
    [
        {"correlation-id": b"1"},
        {"correlation-id": b"9" * 5_000},
        {"correlation-id": "²".encode()},
        {"correlation-id": None},
        {"reply-to": None},
    ],
)
def test_what_another_producer_calls_a_reply_gets_into_nobodys_wait(changed: dict[str, Any]) -> None:
    async def forged() -> Reply | None:
        request_reply, broker = exchanging()
        broker.running = False
        pending = await sent(request_reply)
        request_reply.on_records(False, [Record(b"forged", headers=list((headers_sent(broker) | changed).items()))])
        broker.score(broker.sent)
        return await pending.within(SECONDS)

    assert b'"outcome":"approved"' in (run(forged()).decision or b"")  # type: ignore[union-attr]


def test_a_decision_on_another_client_is_no_answer() -> None:
    async def forged() -> Reply | None:
        request_reply, broker = exchanging()
        broker.running = False
        pending = await sent(request_reply)
        request_reply.on_records(False, [Record(b"of somebody else", key=b"c2", headers=broker.sent[-1].headers)])
        broker.score(broker.sent)
        return await pending.within(SECONDS)

    assert b'"outcome":"approved"' in (run(forged()).decision or b"")  # type: ignore[union-attr]


def test_who_reads_all_answers_cannot_tell_the_next_requests_correlation_id() -> None:
    async def two() -> set[bytes]:
        request_reply, broker = exchanging()
        for _ in range(2):
            await answer(request_reply)
        return {dict(record.headers)["correlation-id"] for record in broker.sent}

    seen = run(two())
    assert [len(number) for number in seen] == [32, 32]


def test_a_rejection_whose_headers_have_no_values_is_one_of_no_known_reason() -> None:
    request_reply, _ = exchanging()
    request_reply.on_records(True, [Record(None, headers=[("rejection-reason", None), ("rejection-message", None)])])  # type: ignore[list-item]
    assert request_reply.rejections == {"other": 1}


def test_rejections_are_counted_by_reason_for_everybody_and_made_up_reasons_together() -> None:
    request_reply, _ = exchanging()
    reasons = (b"not_json", b"not_json", b"x" * 99)
    request_reply.on_records(True, [Record(None, headers=[("rejection-reason", reason)]) for reason in reasons])
    assert request_reply.rejections == {"not_json": 2, "other": 1}


def test_a_request_that_is_decided_twice_has_the_first_answer() -> None:
    async def twice() -> None:
        request_reply, broker = exchanging()
        pending = await sent(request_reply)
        await pending.within(SECONDS)
        broker.score(broker.sent)
        assert pending.reply.result().decision is not None

    run(twice())


def test_no_answer_in_time_is_none_and_may_still_come() -> None:
    async def late() -> None:
        request_reply, broker = exchanging()
        broker.running = False
        pending = await sent(request_reply)
        assert await pending.within(0.01) is None
        broker.score(broker.sent)
        assert await pending.within(SECONDS) is not None

    run(late())


def test_nothing_is_sent_while_the_broker_is_known_to_be_away() -> None:
    request_reply, broker = exchanging()
    broker.reachable = False
    with pytest.raises(BrokerAway, match="not passed on"):
        run(answer(request_reply))
    assert broker.sent == []


def test_a_request_the_broker_never_confirmed_is_no_pending_one() -> None:
    request_reply, broker = exchanging()
    broker.running = broker.confirming = False
    with pytest.raises(BrokerAway, match="did not confirm"):
        run(answer(request_reply))


def test_who_waits_for_a_confirmation_gets_503_as_soon_as_the_broker_is_found_to_be_away() -> None:
    async def lost() -> None:
        request_reply, broker = exchanging()
        broker.running = broker.confirming = False
        pending = await sent(request_reply)
        request_reply.fail_unconfirmed()
        await pending.within(60.0)

    with pytest.raises(BrokerAway):
        run(lost())


def test_a_confirmed_request_outlives_the_brokers_absence() -> None:
    async def kept() -> Reply | None:
        request_reply, broker = exchanging()
        broker.running = False
        pending = await sent(request_reply)
        await asyncio.sleep(0)
        request_reply.fail_unconfirmed()
        broker.score(broker.sent)
        return await pending.within(SECONDS)

    assert run(kept()) is not None


def test_a_producer_that_refuses_means_the_broker_is_away() -> None:
    class Refusing(LocalStream):
        async def send(self, *_: object) -> asyncio.Future[object]:
            raise KafkaConnectionError

    request_reply = RequestReply()
    request_reply.use(Refusing(toy_pipeline(), request_reply.on_records))
    with pytest.raises(BrokerAway):
        run(answer(request_reply))


def test_a_delivery_that_fails_later_means_the_same() -> None:
    class Failing(LocalStream):
        async def send(self, *_: object) -> asyncio.Future[object]:
            delivery: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            delivery.set_exception(KafkaConnectionError())
            return delivery

    request_reply = RequestReply()
    request_reply.use(Failing(toy_pipeline(), request_reply.on_records))
    with pytest.raises(BrokerAway):
        run(answer(request_reply))


def test_an_answer_after_all_replaces_the_failure_to_ask() -> None:
    async def late() -> bytes:
        request_reply, broker = exchanging()
        broker.running = broker.confirming = False
        reply = await sent(request_reply)
        request_reply.fail_unconfirmed()
        broker.score(broker.sent)
        return await decision_within(reply)

    assert b'"outcome":"approved"' in run(late())


def test_what_is_asked_again_unanswered_gets_the_answer_to_the_first_time_since_there_is_no_second() -> None:
    async def again() -> bytes:
        request_reply, broker = exchanging()
        broker.running = False
        first = await sent(request_reply)
        second = PendingReply(previous=first)
        await request_reply.send(second, b"c1", request())
        broker.score(broker.sent[:1])
        return await decision_within(second)

    assert b'"outcome":"approved"' in run(again())


@pytest.mark.parametrize(("by_content", "answers"), [(True, False), (False, True)])
def test_a_conflict_answers_whoever_chose_the_id_and_not_who_derived_it_from_the_content(
    by_content: bool, answers: bool
) -> None:
    async def conflict() -> bool:
        request_reply, broker = exchanging()
        broker.running = False
        pending = PendingReply(by_content)
        await request_reply.send(pending, b"c1", request())
        headers = [*broker.sent[0].headers, ("rejection-reason", b"conflicting_request"), ("rejection-message", b"")]
        request_reply.on_records(True, [Record(request(), key=b"c1", headers=headers)])
        return await pending.settled(0.01)

    assert run(conflict()) is answers


def test_what_waits_for_ever_is_bounded() -> None:
    async def many() -> int:
        request_reply, broker = exchanging()
        broker.running = False
        for _ in range(MAX_PENDING + 5):
            request_reply._expect(PendingReply())
        return len(request_reply._pending)

    assert run(many()) == MAX_PENDING
