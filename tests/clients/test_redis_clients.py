"""The Redis store: one round trip a batch, and errors that name the server, the remedy, and no password."""

from __future__ import annotations

import socket

import pytest

from stream_app.broker.ports import LOOPBACK
from stream_app.clients import open_clients
from stream_app.clients.redis_store import APPLICATIONS, PROFILES, RedisClients
from stream_app.errors import ClientStoreError, ClientStoreUnavailable
from tests.servers.redis import PASSWORD, RedisServer

pytestmark = pytest.mark.redis
LOGIN = "loans:not%2Ffor%3Alogs"


def loaded(server: RedisServer) -> RedisClients:
    with RedisClients(server.url(), create=True) as store:
        store.put_many([("a", b"{}")], [("a", b"{}")])
    return RedisClients(server.url())


def test_ten_lookups_arrive_together(redis_server: RedisServer) -> None:
    with loaded(redis_server) as store, redis_server.admin() as admin:
        ids = [str(number) for number in range(10)]
        assert store.get_many(ids) == {}  # connected by now
        before = int(admin.info("stats")["total_reads_processed"])
        assert store.get_many(ids) == {}
        assert int(admin.info("stats")["total_reads_processed"]) - before == 2  # the second is that of info()


def test_ten_thousand_lookups_are_three_commands(redis_server: RedisServer) -> None:
    """They take several packets, none of which waits for an answer to another."""
    with loaded(redis_server) as store, redis_server.admin() as admin:
        admin.config_resetstat()
        assert store.get_many(["a", *(str(number) for number in range(10_000))]) == {"a": b"{}"}
        calls = {name: stats["calls"] for name, stats in admin.info("commandstats").items()}
    assert {name: calls.get(name) for name in ("cmdstat_hmget", "cmdstat_exists")} == {
        "cmdstat_hmget": 2,
        "cmdstat_exists": 1,
    }
    assert set(calls) <= {"cmdstat_hmget", "cmdstat_exists", "cmdstat_config|resetstat"}


def test_a_server_that_restarts_is_read_again_by_the_same_store(redis_server: RedisServer) -> None:
    with loaded(redis_server) as store:
        redis_server.stop()
        with pytest.raises(ClientStoreUnavailable, match="cannot be reached"):
            store.get_many(["a"])
        redis_server.start()
        loaded(redis_server).close()
        assert store.get_many(["a"]) == {"a": b"{}"}


def test_a_server_that_came_back_empty_is_no_reason_to_call_anybody_unknown(redis_server: RedisServer) -> None:
    with loaded(redis_server) as store:
        redis_server.stop()
        redis_server.start()
        with pytest.raises(ClientStoreUnavailable, match="has no clients"):
            store.get_many(["a"])


def test_a_server_that_is_not_there_is_named_at_the_start(redis_server: RedisServer) -> None:
    redis_server.stop()
    with pytest.raises(ClientStoreUnavailable, match=rf"Redis at {LOOPBACK}:{redis_server.port}/0 cannot be reached"):
        open_clients(redis_server.url())


def test_a_server_that_never_answers_runs_into_the_time_out() -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ClientStoreUnavailable, match="does not answer in time"):
            open_clients(f"redis://{LOOPBACK}:{port}/0?socket_timeout=0.05")


def test_databases_of_one_server_are_stores_of_their_own(redis_server: RedisServer) -> None:
    loaded(redis_server).close()
    with pytest.raises(ClientStoreError, match=r"/3 has no clients"):
        open_clients(redis_server.url(3))


def test_somebody_elses_key_is_named_and_left_as_it_was(redis_server: RedisServer) -> None:
    with redis_server.admin() as admin:
        admin.set(APPLICATIONS, "theirs")
        for create in (False, True):
            with pytest.raises(ClientStoreError, match=rf"{APPLICATIONS} \(a string"):
                open_clients(redis_server.url(), create=create)
        assert admin.get(APPLICATIONS) == b"theirs"


def test_a_key_that_changes_its_kind_meanwhile_is_named_without_an_id(redis_server: RedisServer) -> None:
    with loaded(redis_server) as store, redis_server.admin() as admin:
        admin.delete(PROFILES)
        admin.set(PROFILES, "theirs")
        with pytest.raises(ClientStoreError, match="something else under the keys") as refused:
            store.get_many(["id-of-a-customer"])
    assert "id-of-a-customer" not in str(refused.value)
    assert refused.value.__cause__ is None


def with_user(server: RedisServer, *rights: str) -> None:
    with server.admin() as admin:
        admin.execute_command("ACL", "SETUSER", "loans", "on", f">{PASSWORD}", *rights)


def test_a_user_with_rights_on_our_keys_alone_can_load_and_read(redis_server: RedisServer) -> None:
    rights = "+hmget +hlen +exists +type +hset +multi +exec +select"
    with_user(redis_server, "~stream-app:*", *rights.split())
    with open_clients(redis_server.url(login=LOGIN), create=True) as store:
        store.put_many([("a", b"1")])
        assert (store.get_many(["a"]), store.count()) == ({"a": b"1"}, 1)


@pytest.mark.parametrize("login", ["loans:wrong-secret", "nobody:wrong-secret"])
def test_a_wrong_password_is_refused_without_quoting_it(redis_server: RedisServer, login: str) -> None:
    with_user(redis_server, "+@all", "~*")
    with pytest.raises(ClientStoreError, match="user or the password") as refused:
        open_clients(redis_server.url(login=login))
    assert not isinstance(refused.value, ClientStoreUnavailable)
    assert "wrong-secret" not in str(refused.value)


def test_a_missing_password_is_refused(redis_server: RedisServer) -> None:
    with redis_server.admin() as admin:
        admin.config_set("requirepass", PASSWORD)
        with pytest.raises(ClientStoreError, match="user or the password"):
            open_clients(redis_server.url())


def test_a_user_without_rights_gets_the_list_of_those_needed(redis_server: RedisServer) -> None:
    with_user(redis_server, "+@all", "~other:*")
    with pytest.raises(ClientStoreError, match="HMGET") as refused:
        open_clients(redis_server.url(login=LOGIN))
    assert PASSWORD not in str(refused.value)


def test_a_server_without_memory_for_more_keeps_what_it_has(redis_server: RedisServer) -> None:
    with loaded(redis_server) as store, redis_server.admin() as admin:
        admin.config_set("maxmemory", "1")
        with pytest.raises(ClientStoreUnavailable, match="out of memory") as refused:
            store.put_many([("id-of-a-customer", b"1")])
        admin.config_set("maxmemory", "0")
        assert store.count() == 1
    assert "id-of-a-customer" not in str(refused.value)


def test_a_load_without_an_answer_claims_nothing_it_does_not_know(redis_server: RedisServer) -> None:
    with open_clients(redis_server.url() + "?socket_timeout=0.05", create=True) as store, redis_server.admin() as admin:
        admin.execute_command("CLIENT", "PAUSE", "500", "WRITE")
        with pytest.raises(ClientStoreUnavailable, match="all of the load is stored or nothing"):
            store.put_many([("a", b"1")])


@pytest.mark.parametrize("url", ["redis://:se/cret@h:1/0", "redis://h:99999/0", "redis://h:1/0?secret=1", "redis://[h"])
def test_an_address_that_cannot_be_used_is_not_repeated(url: str) -> None:
    with pytest.raises(ClientStoreError, match="is not usable") as refused:
        open_clients(url)
    assert "cret" not in str(refused.value)
    assert refused.value.__cause__ is None
