"""Clients on a Redis server: two hashes, so that a batch of any size is one command and one round trip.

The hashes are ``stream-app:profiles`` and ``stream-app:applications``, field = client id, of the database the URL
names; ``stream-app:followed`` says how far they follow the topic of profiles. Works with every Redis from 4 on and with
servers that speak its protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from stream_app.clients.store import ClientStore, Followed, ProfileChanges, Row, being_filled, in_chunks
from stream_app.errors import ClientStoreError, ClientStoreUnavailable

PROFILES, APPLICATIONS, FOLLOWED = "stream-app:profiles", "stream-app:applications", "stream-app:followed"

LOOKUP_SECONDS, LOAD_SECONDS = 2.0, 120.0
"""Time-out of a lookup, for which the scorer's batch waits, and of a load. ``?socket_timeout=5`` in the URL wins."""

_ROWS_PER_COMMAND = 5_000
_STATE, _FILLING = "state", b'"filling":true'
_ASK_FOLLOWED = ("HMGET", FOLLOWED, _STATE)

_UNAVAILABLE = (
    (redis.TimeoutError, "does not answer in time"),
    (exceptions.BusyLoadingError, "is still loading its data"),  # a kind of ConnectionError
    (redis.ConnectionError, "cannot be reached"),
    (exceptions.ReadOnlyError, "is a replica and takes no clients"),
    (exceptions.OutOfMemoryError, "is out of memory"),
)


class RedisClients(ClientStore):
    """A client store on a Redis server. No message contains the password or a client id."""

    def __init__(self, url: str, *, create: bool = False) -> None:
        """Connect and check the keys.

        Raises ClientStoreError: server unreachable, wrong password, other data under the keys, or no clients there
        (unless ``create``).
        """
        self._place = _without_password(url)
        try:
            self._server = _client(url, LOAD_SECONDS if create else LOOKUP_SECONDS)
            with self._translated_errors():
                kinds = self._execute(("TYPE", PROFILES), ("TYPE", APPLICATIONS), ("TYPE", FOLLOWED))
        except (TypeError, ValueError):  # the library's text about a URL may quote the password
            raise _unusable_address() from None
        self._check(kinds, create)

    def get_many(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        """Raises ClientStoreUnavailable when all profiles are gone: after an emptied server every request would be
        rejected as ``unknown_client``.
        """
        return self._look_up(PROFILES, client_ids)

    def latest_applications(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        return self._look_up(APPLICATIONS, client_ids)

    def put_many(self, profiles: Iterable[Row], applications: Iterable[Row] = ()) -> int:
        """In one transaction, for which the server accepts up to 1 GB."""
        counts = {PROFILES: 0, APPLICATIONS: 0}
        with self._translated_errors("Either all of the load is stored or nothing of it."):
            load = self._server.pipeline(transaction=True)
            for key, rows in ((PROFILES, profiles), (APPLICATIONS, applications)):
                for chunk in in_chunks(rows, _ROWS_PER_COMMAND):
                    load.hset(key, mapping=dict(chunk))
                    counts[key] += len(chunk)
            load.execute()
        return counts[PROFILES]

    def remove_many(self, client_ids: Iterable[str]) -> int:
        ids = list(client_ids)
        if not ids:
            return 0
        with self._translated_errors():
            removal = self._server.pipeline(transaction=True)
            for key in (PROFILES, APPLICATIONS):
                removal.hdel(key, *ids)
            return int(removal.execute()[0])

    def followed(self) -> Followed | None:
        with self._translated_errors():
            return _decoded(self._execute(_ASK_FOLLOWED)[0])

    def follow(self, changes: ProfileChanges, before: Followed | None, after: Followed) -> bool:
        """In one transaction, which does not happen if the state was changed meanwhile.

        A server that forgets it (after a crash or a failover) forgets both, so that the changes are read again.
        """
        with self._translated_errors(), self._server.pipeline(transaction=True) as update:
            update.execute_command("WATCH", FOLLOWED)  # type: ignore[no-untyped-call]  # untyped in the library
            if _decoded(update.execute_command(*_ASK_FOLLOWED)) != before:  # type: ignore[no-untyped-call]
                return False
            update.multi()
            for key, rows in ((PROFILES, changes.profiles), (APPLICATIONS, changes.applications)):
                for chunk in in_chunks(rows.items(), _ROWS_PER_COMMAND):
                    update.hset(key, mapping=dict(chunk))
            for key, ids in ((PROFILES, changes.deleted), (APPLICATIONS, changes.without_application())):
                for gone in in_chunks(ids, _ROWS_PER_COMMAND):
                    update.hdel(key, *gone)
            update.hset(FOLLOWED, _STATE, msgspec.json.encode(after))
            try:
                update.execute()
            except redis.WatchError:
                return False
        return True

    def count(self) -> int:
        with self._translated_errors():
            return int(self._server.hlen(PROFILES))

    def close(self) -> None:
        self._server.close()

    def _look_up(self, key: str, client_ids: Iterable[str]) -> dict[str, bytes]:
        ids = list(client_ids)
        if not ids:
            return {}
        with self._translated_errors():
            commands = ("EXISTS", PROFILES), _ASK_FOLLOWED, ("HMGET", key, *ids)
            has_profiles, followed, values = self._execute(*commands)
        if followed[0] and _FILLING in followed[0]:
            raise being_filled(self._place)
        if not has_profiles and not followed[0]:
            raise self._no_clients()
        return {client_id: value for client_id, value in zip(ids, values, strict=True) if value is not None}

    def _execute(self, *commands: tuple[str, ...]) -> list[Any]:
        """The replies to commands that only read, in one round trip."""
        pipeline = self._server.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)  # type: ignore[no-untyped-call]  # untyped in the library
        return pipeline.execute()

    def _check(self, kinds: list[bytes], create: bool) -> None:
        for key, kind in zip((PROFILES, APPLICATIONS, FOLLOWED), kinds, strict=True):
            if kind not in (b"hash", b"none"):
                raise ClientStoreError(
                    f"{self._place} has something else under the key {key} (a {kind.decode()}, not a hash).",
                    kept="It was left as it is.",
                    do_next="Name another database, redis://HOST:PORT/NUMBER, with STREAM_APP_CLIENTS.",
                )
        if kinds[0] == kinds[2] == b"none" and not create:
            raise self._no_clients()
        if not create and (followed := self.followed()) and followed.filling:
            raise being_filled(self._place)

    def _no_clients(self) -> ClientStoreUnavailable:
        return ClientStoreUnavailable(
            f"{self._place} has no clients.",
            do_next="Load them with `stream-app clients load`, or name another store with STREAM_APP_CLIENTS.",
        )

    @contextmanager
    def _translated_errors(self, kept: str = "No profile was changed.") -> Iterator[None]:
        """``kept``: what an error says of the stored data. The library's text is left out: it quotes client ids."""
        try:
            yield
        except redis.RedisError as fault:
            raise _error(fault, self._place, kept) from None


def _decoded(values: list[bytes | None]) -> Followed | None:
    return None if values[0] is None else msgspec.json.decode(values[0], type=Followed)


def _error(fault: redis.RedisError, place: str, kept: str) -> ClientStoreError:
    """The error for a fault; ClientStoreUnavailable if the same call may succeed later."""
    if isinstance(fault, (redis.AuthenticationError, exceptions.AuthorizationError)):
        return ClientStoreError(
            f"{place} does not accept the user or the password.",
            kept=kept,
            do_next="Write them as redis://USER:PASSWORD@HOST:PORT/NUMBER into STREAM_APP_CLIENTS.",
        )
    if isinstance(fault, exceptions.NoPermissionError):
        return ClientStoreError(
            f"{place} does not allow this user to use the keys stream-app:*.",
            kept=kept,
            do_next="Allow it HMGET, HLEN, EXISTS and TYPE; for loading, following and erasing HSET, HDEL, WATCH, "
            "MULTI and EXEC too.",
        )
    code = _code(fault)
    if code == "WRONGTYPE":
        return ClientStoreError(
            f"{place} has something else under the keys of the client store.",
            kept=kept,
            do_next="Name another database with STREAM_APP_CLIENTS.",
        )
    other = f"refuses ({type(fault).__name__}, {code})"
    what = next((text for kind, text in _UNAVAILABLE if isinstance(fault, kind)), other)
    return ClientStoreUnavailable(
        f"{place} {what}.", kept=kept, do_next="Check the server and the address in STREAM_APP_CLIENTS."
    )


def _code(fault: redis.RedisError) -> str:
    """The first word of the server's reply, by convention its kind, in capitals; never a word that was sent."""
    reply = str(fault).rpartition("caused error: ")[2]  # the library puts the command before it
    word = reply.partition(" ")[0]
    return word if word.isalpha() and word.isupper() else "no code"


def _client(url: str, timeout_seconds: float) -> redis.Redis:
    """Reconnects once and at once, since a server may drop idle connections; further retries are the caller's."""
    return redis.Redis.from_url(
        url,
        protocol=2,
        socket_connect_timeout=LOOKUP_SECONDS,
        socket_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )


def _without_password(url: str) -> str:
    """Server and database, for messages."""
    try:
        parts = urlsplit(url)
        return f"Redis at {parts.hostname}:{parts.port or 6379}{parts.path.rstrip('/') or '/0'}"
    except ValueError:
        raise _unusable_address() from None


def _unusable_address() -> ClientStoreError:
    return ClientStoreError(
        "The address of the Redis server is not usable.",
        do_next="Write STREAM_APP_CLIENTS as redis://[USER:PASSWORD@]HOST:PORT/NUMBER, with %XX for characters in a "
        "password that are special in addresses.",
    )
