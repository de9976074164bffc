"""Clients on a Redis server: two hashes, so that a batch of any size is one command and one round trip.

The hashes are ``stream-app:profiles`` and ``stream-app:applications``, field = client id, of the database the URL
names. Works with every Redis from 4 on and with servers that speak its protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stream_app.clients.redis_errors import told
from stream_app.errors import ClientStoreError, ClientStoreUnavailable

PROFILES, APPLICATIONS = "stream-app:profiles", "stream-app:applications"
ANSWER_SECONDS, LOADED_SECONDS = 2.0, 120.0
"""For an answer: to a lookup, as the scorer does nothing else meanwhile, and to a load. ``?socket_timeout=5`` wins."""

_ROWS_PER_COMMAND = 5_000


class RedisClients:
    """A client store (:class:`~stream_app.clients.ClientStore`) on a Redis server. No text names the password."""

    def __init__(self, url: str, *, create: bool = False) -> None:
        """Connect and look. Raises ClientStoreError: unreachable, password, no clients there (unless ``create``), or
        something else's keys.
        """
        self._place = _place_of(url)
        try:
            self._server = _client(url, LOADED_SECONDS if create else ANSWER_SECONDS)
            with self._faults_told():
                kinds = self._ask(("TYPE", PROFILES), ("TYPE", APPLICATIONS))
        except (TypeError, ValueError):  # what the library says of a URL may quote the password
            raise _unusable() from None
        self._check(kinds, create)

    def get_many(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        """Raises ClientStoreUnavailable when all profiles are gone: an emptied server knows nobody, and every request
        would be answered with a wrong ``unknown_client``.
        """
        return self._found(PROFILES, client_ids)

    def latest_applications(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        return self._found(APPLICATIONS, client_ids)

    def put_many(self, profiles: Iterable[tuple[str, bytes]], applications: Iterable[tuple[str, bytes]] = ()) -> int:
        """One transaction, which the server takes up to 1 GB of."""
        count = 0
        with self._faults_told("Either all of the load is stored or nothing of it."):
            load = self._server.pipeline(transaction=True)
            for run in _in_runs(profiles):
                load.hset(PROFILES, mapping=_fields(run))
                count += len(run)
            for run in _in_runs(applications):
                load.hset(APPLICATIONS, mapping=_fields(run))
            load.execute()
        return count

    def count(self) -> int:
        with self._faults_told():
            return int(self._server.hlen(PROFILES))

    def close(self) -> None:
        self._server.close()

    def __enter__(self) -> RedisClients:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _found(self, name: str, client_ids: Iterable[str]) -> dict[str, bytes]:
        ids = list(client_ids)
        if not ids:
            return {}
        with self._faults_told():
            known, found = self._ask(("EXISTS", PROFILES), ("HMGET", name, *ids))
        if not known:
            raise self._empty()
        return {each: value for each, value in zip(ids, found, strict=True) if value is not None}

    def _ask(self, *commands: tuple[str, ...]) -> list[Any]:
        """Send commands that only read together and read their answers: one round trip."""
        together = self._server.pipeline(transaction=False)
        for command in commands:
            together.execute_command(*command)  # type: ignore[no-untyped-call]  # untyped in the library
        return together.execute()

    def _check(self, kinds: list[bytes], create: bool) -> None:
        for name, kind in zip((PROFILES, APPLICATIONS), kinds, strict=True):
            if kind not in (b"hash", b"none"):
                raise ClientStoreError(
                    f"{self._place} has something else under the key {name} (a {kind.decode()}, not a hash).",
                    kept="It was left as it is.",
                    do_next="Name another database, redis://HOST:PORT/NUMBER, with STREAM_APP_CLIENTS.",
                )
        if kinds[0] == b"none" and not create:
            raise self._empty()

    def _empty(self) -> ClientStoreUnavailable:
        return ClientStoreUnavailable(
            f"{self._place} has no clients.",
            do_next="Load them with `stream-app clients load`, or name another store with STREAM_APP_CLIENTS.",
        )

    @contextmanager
    def _faults_told(self, kept: str = "No profile was changed.") -> Iterator[None]:
        try:
            yield
        except redis.RedisError as fault:
            raise told(fault, self._place, kept) from None  # its text quotes commands, and they hold client ids


def _client(url: str, answer_seconds: float) -> redis.Redis:
    """Reconnects once at once, for a server may drop idle connections; all other waiting is the caller's."""
    return redis.Redis.from_url(
        url,
        protocol=2,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=answer_seconds,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


def _place_of(url: str) -> str:
    """The server and database for people, without user and password."""
    try:
        parts = urlsplit(url)
        return f"Redis at {parts.hostname}:{parts.port or 6379}{parts.path.rstrip('/') or '/0'}"
    except ValueError:
        raise _unusable() from None


def _unusable() -> ClientStoreError:
    return ClientStoreError(
        "The address of the Redis server is not usable.",
        do_next="Write STREAM_APP_CLIENTS as redis://[USER:PASSWORD@]HOST:PORT/NUMBER, with %XX for signs in a "
        "password that are special in addresses.",
    )


def _fields(rows: list[tuple[str, bytes]]) -> Any:
    return dict(rows)


def _in_runs(rows: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    rest = iter(rows)
    while run := list(islice(rest, _ROWS_PER_COMMAND)):
        yield run
