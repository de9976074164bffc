"""The memory of decided ids: bounded by number and age, by partition; the fingerprint of a request's content."""

from __future__ import annotations

import datetime as dt
import json

from stream_app.events import fingerprint
from stream_app.steps.deduplicate import DecidedIds, PastDecision
from tests.builders.records import NOW, record, request, toy_pipeline

LATER = NOW + dt.timedelta(seconds=60)


def decoded(value: bytes) -> object:
    [found] = toy_pipeline()._decoder.decode([record(value)])
    return found


def content(**changes: object) -> bytes:
    return fingerprint(decoded(request(**changes)))  # type: ignore[arg-type]  # a request, as the test below would show


def test_an_id_is_known_in_its_partition_alone() -> None:
    memory = DecidedIds(10, 60.0)
    memory.remember({(1, "r"): b"d"}, NOW)
    assert memory.fingerprint((1, "r"), NOW) == b"d"
    assert memory.fingerprint((2, "r"), NOW) is None


def test_of_more_than_it_may_hold_the_oldest_goes() -> None:
    memory = DecidedIds(2, 60.0)
    memory.remember({(0, "a"): b"a", (0, "b"): b"b", (0, "c"): b"c", (1, "a"): b"a"}, NOW)
    assert [memory.fingerprint((0, each), NOW) for each in "abc"] == [None, b"b", b"c"]
    assert len(memory) == 3


def test_an_id_is_forgotten_at_its_age_and_let_go_with_the_next_decision() -> None:
    memory = DecidedIds(10, 60.0)
    memory.remember({(0, "a"): b"a"}, NOW)
    assert memory.fingerprint((0, "a"), LATER) == b"a"
    assert memory.fingerprint((0, "a"), LATER + dt.timedelta(milliseconds=1)) is None
    memory.remember({(1, "b"): b"b"}, LATER + dt.timedelta(milliseconds=1))
    assert len(memory) == 1


def test_an_id_decided_anew_is_as_young_as_its_last_decision() -> None:
    memory = DecidedIds(2, 60.0)
    for request_id in "aba":
        memory.remember({(0, request_id): b""}, NOW)
    memory.remember({(0, "c"): b""}, NOW)
    assert [memory.fingerprint((0, each), NOW) for each in "abc"] == [b"", None, b""]


def test_a_restart_leaves_nothing_of_before() -> None:
    memory = DecidedIds(2, 60.0)
    memory.remember({(0, "a"): b"a", (1, "a"): b"a"}, NOW)
    memory.restart({1: [(each, PastDecision(each.encode(), NOW.timestamp())) for each in "xyz"]})
    assert [memory.fingerprint((p, i), NOW) for p, i in [(0, "a"), (1, "a"), (1, "x"), (1, "y")]] == [
        None,
        None,
        None,
        b"y",
    ]


def test_the_digest_does_not_hang_on_how_the_json_is_written() -> None:
    body = json.loads(request())
    members = dict(reversed(body.items())) | {"features": dict(reversed(body["features"].items()))}
    rewritten = json.dumps(members, indent=3).encode()
    assert fingerprint(decoded(rewritten)) == content()


def test_the_fingerprint_hangs_on_every_part_of_the_content() -> None:
    features = {"amount": 50_000.0, "employees": 3, "home": "own"}
    others = [
        content(request_id="r2"),
        content(schema_version=3),
        content(requested_at="2026-01-01T00:00:01Z"),
        content(features=features | {"amount": 50_001}),
        content(features=features | {"home": None}),
        content(features={"amount": 50_000.0, "employees": 3}),
    ]
    assert len({content(), *others}) == 1 + len(others)
