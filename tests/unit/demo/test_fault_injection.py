"""Bad input on purpose: each kind earns exactly the rejection it is made for, and the mix is even and repeatable."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE
from stream_app.demo.fault_injection import FAULTS, spoilt, with_faults
from stream_app.demo.loan_book import Replay, read_replay
from stream_app.events import Rejection, RejectionReason
from stream_app.pipeline import Pipeline
from stream_app.tables.messages import DECISION, Message, request_message
from tests.builders.records import MODEL, NOW, POLICY, FormulaScorer, Record

CONTRACT = Contract.read(CONTRACT_FILE)
LIMIT = 4_096
NOT_OF_A_MESSAGE = {
    RejectionReason.UNREADABLE,
    RejectionReason.CONFLICTING_REQUEST,
    RejectionReason.NOT_AVRO,  # the bad ones are JSON
    RejectionReason.UNKNOWN_SCHEMA_ID,
    RejectionReason.INCOMPATIBLE_SCHEMA,
    RejectionReason.INVALID_PROFILE,
    RejectionReason.INTERNAL_ERROR,
}


@pytest.fixture(scope="module")
def replay() -> Replay:
    return read_replay(CONTRACT, limit=1_000)


class Known:
    """The profiles of the replay."""

    def __init__(self, replay: Replay) -> None:
        self._profiles = dict(replay.profiles)

    def get_many(self, client_ids: object) -> dict[str, bytes]:
        return {i: self._profiles[i] for i in client_ids if i in self._profiles}  # type: ignore[attr-defined]


def verdict(message: Message, replay: Replay) -> str:
    """What the pipeline makes of a message: ``DECISION`` or the rejection reason."""
    pipeline = Pipeline(
        contract=CONTRACT,
        scorer=FormulaScorer(),
        policy=POLICY,
        model=MODEL,
        profiles=Known(replay),
        max_request_bytes=LIMIT,
    )
    [judged] = pipeline.judge([Record(value=message.value, key=message.key)], NOW).verdicts
    return judged.reason.value if isinstance(judged, Rejection) else DECISION


@pytest.mark.parametrize("kind", FAULTS)
def test_each_kind_of_fault_earns_the_rejection_it_is_made_for(kind: RejectionReason, replay: Replay) -> None:
    for request in replay.requests[:20]:
        message = spoilt(request, kind, LIMIT)
        assert verdict(message, replay) == message.expected == kind


def test_a_sound_message_earns_a_decision(replay: Replay) -> None:
    message = request_message(replay.requests[0])
    assert verdict(message, replay) == message.expected == DECISION


def test_there_is_a_fault_for_every_reason_a_message_can_be_rejected_for() -> None:
    assert set(FAULTS) == set(RejectionReason) - NOT_OF_A_MESSAGE


def kinds(replay: Replay, share: float, seed: int = 1) -> list[str]:
    return [message.expected for message in with_faults(replay.requests, share, seed, LIMIT)]


def test_every_request_gives_one_message_in_the_same_order(replay: Replay) -> None:
    messages = list(with_faults(replay.requests, 0.5, 1, LIMIT))
    assert len(messages) == len(replay)
    ids = [request.request_id for request in replay.requests]
    good = [message.request_id for message in messages if message.expected == DECISION]
    assert all(ids.index(earlier) < ids.index(later) for earlier, later in pairwise(good))


@pytest.mark.parametrize(("share", "bad"), [(0.0, 0), (0.005, 5), (0.0001, 1), (0.5, 500), (1.0, 1_000)])
def test_the_share_is_exact_and_never_rounds_down_to_none(share: float, bad: int, replay: Replay) -> None:
    assert sum(kind != DECISION for kind in kinds(replay, share)) == bad


def test_the_kinds_take_turns(replay: Replay) -> None:
    counts = Counter(kind for kind in kinds(replay, 0.4) if kind != DECISION)
    assert set(counts) == set(FAULTS)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_the_same_seed_gives_the_same_messages_and_another_seed_others(replay: Replay) -> None:
    first, again, other = (list(with_faults(replay.requests, 0.1, seed, LIMIT)) for seed in (1, 1, 2))
    assert first == again != other
