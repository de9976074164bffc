"""Both client stores keep the same promises: lookups by the batch, all-or-nothing loads, one reader beside a loader."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from stream_app.clients import ClientStore, open_clients
from stream_app.errors import ClientStoreError


def test_known_clients_are_found_and_unknown_ones_are_not_in_the_result(store: ClientStore) -> None:
    store.put_many([("a", b"{}"), ("é", b'{"x":1}')])
    assert store.get_many(["a", "é", "b"]) == {"a": b"{}", "é": b'{"x":1}'}


def test_no_ids_give_an_empty_result(store: ClientStore) -> None:
    assert store.get_many([]) == {}


def test_ten_thousand_lookups_are_one_call(store: ClientStore) -> None:
    everybody = [(str(i), b"%d" % i) for i in range(10_000)]
    assert store.put_many(everybody) == 10_000
    assert store.get_many(client_id for client_id, _ in everybody) == dict(everybody)


def test_a_later_profile_replaces_the_earlier(store: ClientStore) -> None:
    store.put_many([("a", b"1")])
    store.put_many([("a", b"2")])
    assert (store.get_many(["a"]), store.count()) == ({"a": b"2"}, 1)


def test_a_latest_application_is_kept_beside_the_profile(store: ClientStore) -> None:
    store.put_many([("a", b"1"), ("b", b"2")], [("a", b"3")])
    assert store.latest_applications(["a", "b", "c"]) == {"a": b"3"}
    assert store.get_many(["a"]) == {"a": b"1"}


def test_who_is_removed_has_neither_profile_nor_application_and_others_stay(store: ClientStore) -> None:
    store.put_many([("a", b"1"), ("b", b"2")], [("a", b"3"), ("b", b"4")])
    assert (store.remove_many(["a", "nobody"]), store.remove_many(["a"]), store.remove_many([])) == (1, 0, 0)
    assert (store.get_many(["a", "b"]), store.latest_applications(["a", "b"])) == ({"b": b"2"}, {"b": b"4"})


def test_only_who_has_a_profile_is_counted(store: ClientStore) -> None:
    assert store.put_many([("a", b"1")], [("a", b"2"), ("b", b"3")]) == 1
    assert store.count() == 1


def test_a_client_keeps_the_application_when_a_load_brings_none(store: ClientStore) -> None:
    store.put_many([("a", b"1")], [("a", b"2")])
    store.put_many([("a", b"3")])
    assert store.latest_applications(["a"]) == {"a": b"2"}


def test_a_load_that_fails_midway_changes_nothing(store: ClientStore) -> None:
    def rows() -> Iterator[tuple[str, bytes]]:
        yield "a", b"1"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.put_many(rows())
    with pytest.raises(RuntimeError):
        store.put_many([("a", b"1")], rows())
    assert store.count() == 0


def test_a_reader_sees_what_another_connection_loaded_meanwhile(store: ClientStore, where: str) -> None:
    store.put_many([("a", b"1")])
    with open_clients(where) as reader:
        assert reader.get_many(["b"]) == {}
        store.put_many([("b", b"2")])
        assert reader.get_many(["b"]) == {"b": b"2"}


def test_threads_may_share_a_store(store: ClientStore) -> None:
    store.put_many([("a", b"1")], [("a", b"2")])
    results = []
    threads = [threading.Thread(target=lambda: results.append(store.latest_applications(["a"]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{"a": b"2"}] * 4


def test_opening_a_store_without_clients_names_the_command_that_loads_them(where: str) -> None:
    with pytest.raises(ClientStoreError, match="stream-app clients load"):
        open_clients(where)


@pytest.mark.parametrize("address", ["postgresql://u:secret@h/d", "http://h", "redi://h:1/0"])
def test_an_address_of_another_kind_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(ClientStoreError, match="redis://HOST:PORT/NUMBER") as refused:
        open_clients(address)
    assert "secret" not in str(refused.value)
