"""Trace context by the rules of the W3C recommendation: what is carried, and what is dropped."""

from __future__ import annotations

import pytest

from stream_app.trace_context import Header, TraceContext, carried_headers, read_context
from tests.builders.records import Record, output_of, record, request

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01".encode()


def carried(parent: bytes, *states: bytes) -> list[Header]:
    return carried_headers([("traceparent", parent), *(("tracestate", state) for state in states)])


def test_a_valid_context_is_read_and_carried_word_for_word() -> None:
    headers = [("traceparent", PARENT), ("tracestate", b"congo=t61rcWkgMzE,tenant@vendor=1")]
    assert read_context(headers) == TraceContext(TRACE, SPAN, 1, b"congo=t61rcWkgMzE,tenant@vendor=1")
    assert carried_headers(headers) == headers


@pytest.mark.parametrize(
    "parent",
    [
        b"",
        b"00-ab",
        PARENT.upper(),
        PARENT + b"-extra",
        PARENT + b"\n",
        b" " + PARENT,
        PARENT[:-1],
        PARENT.replace(b"00-", b"ff-", 1),
        PARENT.replace(b"00-", b"0-", 1),
        PARENT.replace(TRACE.encode(), b"0" * 32),
        PARENT.replace(SPAN.encode(), b"0" * 16),
        PARENT.replace(b"-01", b"-0g"),
        PARENT.replace(b"-", b"_"),
        b"01" + PARENT[2:] + b"extra",
        b"01" + PARENT[2:] + b"-" + b"x" * 512,
        b"\xff" * 55,
    ],
)
def test_a_malformed_parent_is_dropped_with_its_state(parent: bytes) -> None:
    assert carried(parent, b"a=1") == []


def test_two_parents_are_none() -> None:
    assert carried_headers([("traceparent", PARENT), ("traceparent", PARENT)]) == []


def test_a_state_without_a_parent_is_dropped() -> None:
    assert carried_headers([("tracestate", b"a=1")]) == []


@pytest.mark.parametrize("rest", [b"", b"-what-is-to-come"])
def test_of_a_later_version_what_this_one_knows_is_carried(rest: bytes) -> None:
    assert carried(b"cc" + PARENT[2:-2] + b"ff" + rest) == [("traceparent", PARENT)]


def test_several_states_are_one_list() -> None:
    assert carried(PARENT, b"a=1 , b=2", b"", b"c=3")[1:] == [("tracestate", b"a=1,b=2,c=3")]


@pytest.mark.parametrize(
    "state",
    [
        b"a",
        b"=1",
        b"A=1",
        b"a=1,a=2",
        b"a=1,b",
        b"a=1;b=2=3",
        b"a=\xe9",
        b"a=1\nb=2",
        b"a=" + b"x" * 257,
        b"a" * 257 + b"=1",
        b",".join(b"k%d=1" % i for i in range(33)),
        b",".join(b"k%d=" % i + b"x" * 200 for i in range(3)),
    ],
)
def test_a_malformed_or_large_state_is_dropped_alone(state: bytes) -> None:
    assert carried(PARENT, state) == [("traceparent", PARENT)]


def test_header_values_may_be_null() -> None:
    assert carried_headers([("traceparent", None), ("tracestate", None)]) == []


def test_a_decision_and_a_rejection_carry_the_context_of_their_request() -> None:
    sent = [("traceparent", PARENT), ("tracestate", b"a=1")]
    decision, rejection = output_of(record(headers=sent)), output_of(Record(b"{", headers=sent))
    assert (decision.rejected, rejection.rejected) == (False, True)
    for output in (decision, rejection):
        assert carried_headers(output.headers) == sent


def test_a_decision_carries_no_malformed_context_and_a_rejection_stays_as_its_request_was() -> None:
    sent = [("traceparent", b"00-ab"), ("tracestate", b"a=1"), ("h", b"1")]
    assert output_of(record(headers=sent)).headers[:2] == [("h", b"1"), ("source-topic", b"loan.requests")]
    assert output_of(record(request(request_id=""), headers=sent)).headers[:3] == sent
