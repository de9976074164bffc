"""The ledger: what was sent against what was read, whatever the order, and the figures drawn from it."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_app.demo.reconciliation import MIXED_UP, RECENT, Answer, Latency, Ledger, Sent, latency, percentile
from stream_app.tables.messages import DECISION

SOUND = Sent(index=0, sent_at=10.0, expected=DECISION, request_id="r")
DECIDED = Answer(read_at=10.5, kind=DECISION, request_id="r", outcome="approved", probability_of_default=0.02)


def booked(*, sent: dict[tuple[int, int], Sent], answers: list[tuple[tuple[int, int], Answer]]) -> Ledger:
    ledger = Ledger()
    for position, entry in sent.items():
        ledger.sent(position, entry)
    for position, answer in answers:
        ledger.answered(position, answer)
    return ledger


def test_an_empty_ledger_is_complete_only_if_nothing_was_wanted_and_has_no_latency_and_no_rate() -> None:
    account = Ledger().account(wanted=0)
    assert account.is_complete
    assert (account.requests, account.latency, account.seconds) == (0, Latency(None, None), 0.0)
    assert account.decisions_per_second == 0.0


@pytest.mark.parametrize(("wanted", "missing"), [(1, 0), (2, 1), (74_118, 74_117)])
def test_what_was_wanted_and_never_confirmed_is_missing(wanted: int, missing: int) -> None:
    account = booked(sent={(0, 0): SOUND}, answers=[((0, 0), DECIDED)]).account(wanted)
    assert (account.requests, account.missing, account.is_complete) == (wanted, missing, missing == 0)


def test_a_replay_of_which_nothing_was_confirmed_is_not_complete() -> None:
    account = Ledger().account(wanted=3)
    assert (account.requests, account.missing, account.is_complete) == (3, 3, False)


def test_an_output_for_a_request_the_broker_never_confirmed_does_not_make_it_complete() -> None:
    account = booked(sent={}, answers=[((0, 0), DECIDED)]).account(wanted=1)
    assert (account.missing, account.decisions, account.is_complete) == (1, 0, False)


def test_one_decision_for_one_request_is_complete() -> None:
    account = booked(sent={(0, 0): SOUND}, answers=[((0, 0), DECIDED)]).account(1)
    assert account.is_complete
    assert (account.requests, account.decisions, account.outcomes) == (1, 1, Counter(approved=1))


def test_a_request_without_an_output_is_missing() -> None:
    ledger = booked(sent={(0, 0): SOUND, (0, 1): SOUND}, answers=[((0, 1), DECIDED)])
    assert (ledger.outstanding, ledger.account(wanted=2).missing, ledger.account(wanted=2).is_complete) == (1, 1, False)


def test_each_output_after_the_first_is_a_duplicate_whatever_its_kind() -> None:
    rejected = Answer(read_at=11.0, kind="not_json")
    answers = [((0, 0), DECIDED), ((0, 0), DECIDED), ((0, 0), rejected)]
    account = booked(sent={(0, 0): SOUND}, answers=answers).account(1)
    assert (account.duplicates, account.decisions, account.missing, account.is_complete) == (2, 1, 0, False)


def test_the_same_offset_of_two_partitions_is_two_requests() -> None:
    account = booked(sent={(0, 5): SOUND, (1, 5): SOUND}, answers=[((0, 5), DECIDED), ((1, 5), DECIDED)]).account(2)
    assert (account.is_complete, account.decisions) == (True, 2)


def test_an_output_for_a_request_never_sent_is_a_duplicate_and_no_decision() -> None:
    account = booked(sent={(0, 0): SOUND}, answers=[((0, 0), DECIDED), ((3, 9), DECIDED)]).account(1)
    assert (account.duplicates, account.decisions, account.is_complete) == (1, 1, False)


def test_a_bad_request_that_gets_its_own_reason_is_as_expected() -> None:
    bad = Sent(index=0, sent_at=0.0, expected="not_json")
    account = booked(sent={(0, 0): bad}, answers=[((0, 0), Answer(read_at=1.0, kind="not_json"))]).account(1)
    assert account.is_complete
    assert (account.decisions, account.rejections) == (0, Counter(not_json=1))


@pytest.mark.parametrize(
    ("expected", "got"),
    [(DECISION, "unknown_client"), ("not_json", DECISION), ("not_json", "nan_literal")],
)
def test_an_output_of_another_kind_than_expected_is_named_with_both(expected: str, got: str) -> None:
    account = booked(
        sent={(0, 0): Sent(index=0, sent_at=0.0, expected=expected)}, answers=[((0, 0), Answer(read_at=1.0, kind=got))]
    ).account(1)
    assert (account.unexpected, account.is_complete) == (Counter({(expected, got): 1}), False)


def test_a_decision_that_names_another_request_is_not_what_was_expected() -> None:
    other = Answer(read_at=11.0, kind=DECISION, request_id="another")
    account = booked(sent={(0, 0): SOUND}, answers=[((0, 0), other)]).account(1)
    assert account.unexpected == Counter({(DECISION, MIXED_UP): 1})


def test_an_output_read_before_the_broker_confirmed_its_request_counts_the_same() -> None:
    ledger = Ledger()
    ledger.answered((0, 0), DECIDED)
    assert (ledger.answers, ledger.outstanding) == (1, 0)
    ledger.sent((0, 0), SOUND)
    account = ledger.account(1)
    assert account.is_complete
    assert account.latency.p50_ms == 500.0
    assert ledger.recent_latency() == account.latency


def test_the_rate_is_decisions_over_first_sent_to_last_read() -> None:
    sent = {(0, i): Sent(index=i, sent_at=float(i)) for i in range(3)}
    bad = {(0, 3): Sent(index=3, sent_at=3.0, expected="not_json")}
    answers = [((0, i), Answer(read_at=4.0, kind=DECISION)) for i in range(3)] + [
        ((0, 3), Answer(read_at=6.0, kind="not_json"))
    ]
    account = booked(sent=sent | bad, answers=answers).account(wanted=4)
    assert (account.seconds, account.decisions_per_second) == (6.0, 0.5)


def test_answers_come_in_the_order_of_the_replay_not_of_the_broker() -> None:
    sent = {(1, 0): Sent(index=2, sent_at=0.0), (0, 0): Sent(index=0, sent_at=0.0), (0, 1): Sent(index=1, sent_at=0.0)}
    ledger = booked(sent=sent, answers=[((1, 0), DECIDED), ((0, 0), DECIDED)])
    assert [index for index, _ in ledger.answers_in_order()] == [0, 2]


def test_running_percentiles_forget_old_answers() -> None:
    ledger = Ledger()
    for offset in range(RECENT + 1):
        ledger.sent((0, offset), Sent(index=offset, sent_at=0.0))
        ledger.answered((0, offset), Answer(read_at=100.0 if offset == 0 else 1.0, kind=DECISION))
    assert ledger.recent_latency() == Latency(1000.0, 1000.0)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7.0], 0.5, 7.0),
        ([1.0, 2.0], 0.5, 1.0),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
        ([1.0, 2.0], 0.0, 1.0),
        ([1.0, 2.0], 1.0, 2.0),
        ([float(i) for i in range(1, 101)], 0.99, 99.0),
        ([float(i) for i in range(1, 102)], 0.99, 100.0),
    ],
)
def test_a_percentile_is_the_value_of_the_nearest_rank(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_at_least_the_share_of_the_values_do_not_exceed_their_percentile(values: list[float], share: float) -> None:
    at = percentile(sorted(values), share)
    assert at in values
    assert sum(value <= at for value in values) >= math.floor(share * len(values))


def test_latency_does_not_depend_on_the_order_of_the_answers() -> None:
    assert latency([0.003, 0.001, 0.002]) == latency([0.001, 0.002, 0.003]) == Latency(2.0, 3.0)


POSITIONS = st.tuples(st.integers(0, 2), st.integers(0, 4))
KINDS = st.sampled_from([DECISION, "not_json"])


@given(
    st.dictionaries(POSITIONS, KINDS),
    st.lists(st.tuples(POSITIONS, KINDS)),
    st.randoms(use_true_random=False),
)
def test_every_output_is_one_answer_or_one_duplicate_whatever_the_order_of_events(
    expected: dict[tuple[int, int], str], outputs: list[tuple[tuple[int, int], str]], random: object
) -> None:
    sent = [(at, Sent(index=i, sent_at=0.0, expected=kind)) for i, (at, kind) in enumerate(expected.items())]
    read = [(at, Answer(read_at=1.0, kind=kind)) for at, kind in outputs]
    events: list[tuple[tuple[int, int], Sent | Answer]] = [*sent, *read]
    random.shuffle(events)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    ledger = Ledger()
    for at, event in events:
        ledger.sent(at, event) if isinstance(event, Sent) else ledger.answered(at, event)
    account = ledger.account(len(sent))
    answered = account.decisions + account.rejections.total()
    assert answered + account.duplicates == len(outputs)
    assert answered + account.missing == account.requests == len(expected)
    assert account.unexpected.total() <= answered
