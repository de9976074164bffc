"""Records of the topic of profiles become changes of a store; a bad one changes nothing and is named by its offset."""

from __future__ import annotations

import pytest

from models.contract import Contract
from models.datasets.sba import CONTRACT_FILE
from stream_app.clients.store import ProfileChanges
from stream_app.events import Unreadable
from stream_app.profile_events.changes import BadRecord, Fault, ProfileDecoder
from tests.builders.records import Record

DECODER = ProfileDecoder(Contract.read(CONTRACT_FILE))
PROFILE = b'{"state":"CA","employees":7}'
SECRET = "Pat-Doe"


def changes(*records: Record) -> ProfileChanges:
    changed, bad = DECODER.changes(records)
    assert bad == []
    return changed


def test_a_value_is_the_clients_profile() -> None:
    assert changes(Record(PROFILE, b"acme")) == ProfileChanges(profiles={"acme": PROFILE})


def test_request_features_are_the_latest_application_too() -> None:
    value = b'{"state":"CA","amount_requested":70000.0}'
    applications = {"acme": b'{"amount_requested":70000.0}'}
    assert changes(Record(value, b"acme")) == ProfileChanges(profiles={"acme": value}, applications=applications)


def test_null_deletes_the_client() -> None:
    assert changes(Record(None, b"acme")) == ProfileChanges(deleted=frozenset({"acme"}))


def test_of_several_records_of_a_client_the_last_counts() -> None:
    back = changes(Record(None, b"a"), Record(PROFILE, b"a"), Record(PROFILE, b"b"), Record(None, b"b"))
    assert back == ProfileChanges(profiles={"a": PROFILE}, deleted=frozenset({"b"}))


def test_who_has_no_application_any_more_is_named() -> None:
    records = Record(PROFILE, b"a"), Record(None, b"b"), Record(b'{"low_doc":"Y"}', b"c")
    assert sorted(changes(*records).without_application()) == ["a", "b"]


@pytest.mark.parametrize(
    ("key", "value", "fault"),
    [
        (None, PROFILE, Fault.BAD_KEY),
        (b"", PROFILE, Fault.BAD_KEY),
        (b"\xff", PROFILE, Fault.BAD_KEY),
        (b"x" * 65, None, Fault.BAD_KEY),
        (b"acme", b"", Fault.BAD_PROFILE),
        (b"acme", b"[]", Fault.BAD_PROFILE),
        (b"acme", b"\xff", Fault.BAD_PROFILE),
        (b"acme", b'{"staet":"CA"}', Fault.BAD_PROFILE),
        (b"acme", b'{"employees":-1}', Fault.BAD_PROFILE),
        (b"acme", b'{"employees":NaN}', Fault.BAD_PROFILE),
        (b"acme", b"[" * 100_000, Fault.BAD_PROFILE),
        (b"acme", Unreadable(b"x", "bad checksum"), Fault.UNREADABLE),
    ],
)
def test_a_bad_record_is_named_by_its_offset_and_those_around_it_count(
    key: bytes | None, value: bytes | None, fault: Fault
) -> None:
    good, bad = Record(PROFILE, b"good"), Record(value, key, partition=3, offset=7)
    assert DECODER.changes([good, bad, Record(None, b"gone")]) == (
        ProfileChanges(profiles={"good": PROFILE}, deleted=frozenset({"gone"})),
        [BadRecord(3, 7, fault)],
    )
