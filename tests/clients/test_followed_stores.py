"""A store that follows the topic of profiles: changes and how far they go are stored together, or neither is."""

from __future__ import annotations

import pytest

from stream_app.clients import ClientStore, open_clients
from stream_app.clients.store import Followed, ProfileChanges
from stream_app.errors import ClientStoreUnavailable

FIRST = Followed(next_offsets={0: 3, 1: 0}, current_at=0.0)
NEXT = Followed(next_offsets={0: 5, 1: 2}, current_at=1_700_000_000.25)
NOTHING = ProfileChanges()


def test_a_store_that_follows_nothing_says_so(store: ClientStore) -> None:
    assert store.followed() is None


def test_what_is_stored_comes_with_how_far_it_goes(store: ClientStore) -> None:
    assert store.follow(ProfileChanges(profiles={"a": b"1"}, applications={"a": b"2"}), None, FIRST)
    assert (store.get_many(["a"]), store.latest_applications(["a"]), store.followed()) == (
        {"a": b"1"},
        {"a": b"2"},
        FIRST,
    )


def test_a_change_is_all_that_is_known_of_a_client(store: ClientStore) -> None:
    store.put_many([("a", b"1"), ("b", b"1")], [("a", b"2"), ("b", b"2")])
    store.follow(ProfileChanges(profiles={"a": b"3"}), None, FIRST)
    assert store.get_many(["a", "b"]) == {"a": b"3", "b": b"1"}
    assert store.latest_applications(["a", "b"]) == {"b": b"2"}


def test_a_deleted_client_leaves_nothing(store: ClientStore) -> None:
    store.put_many([("a", b"1"), ("b", b"1")], [("a", b"2")])
    store.follow(ProfileChanges(deleted=frozenset({"a", "never known"})), None, FIRST)
    assert (store.get_many(["a", "b"]), store.latest_applications(["a"]), store.count()) == ({"b": b"1"}, {}, 1)


@pytest.mark.parametrize("before", [None, NEXT])
def test_a_store_that_moved_on_meanwhile_takes_nothing(store: ClientStore, before: Followed | None) -> None:
    assert store.follow(NOTHING, None, FIRST)
    assert not store.follow(ProfileChanges(profiles={"a": b"1"}), before, NEXT)
    assert (store.get_many(["a"]), store.followed()) == ({}, FIRST)
    assert store.follow(NOTHING, FIRST, NEXT)


def test_a_reader_sees_what_was_stored_and_how_current_it_is(store: ClientStore, where: str) -> None:
    store.put_many([("a", b"1")])
    with open_clients(where) as reader:
        assert (reader.get_many(["b"]), reader.followed()) == ({}, None)
        store.follow(ProfileChanges(profiles={"b": b"2"}, deleted=frozenset({"a"})), None, NEXT)
        assert (reader.get_many(["a", "b"]), reader.followed()) == ({"b": b"2"}, NEXT)


def test_a_store_that_is_filled_for_the_first_time_is_not_read(store: ClientStore, where: str) -> None:
    store.follow(ProfileChanges(profiles={"a": b"1"}), None, Followed(next_offsets={0: 1}, filling=True))
    with pytest.raises(ClientStoreUnavailable, match="is being filled from the topic"):
        open_clients(where)


def test_a_store_whose_last_client_was_deleted_is_a_store(store: ClientStore, where: str) -> None:
    store.follow(ProfileChanges(profiles={"a": b"1"}), None, FIRST)
    store.follow(ProfileChanges(deleted=frozenset({"a"})), FIRST, NEXT)
    with open_clients(where) as reader:
        assert reader.get_many(["a"]) == {}
