"""What a Redis server refuses, in words for people. Never its own words: they may quote what was sent."""

from __future__ import annotations

import redis

from stream_app.errors import ClientStoreError, ClientStoreUnavailable


def told(fault: redis.RedisError, place: str, kept: str) -> ClientStoreError:
    """The error that fits, Unavailable when the same call may succeed later. ``kept``: what became of the data."""
    if isinstance(fault, (redis.AuthenticationError, redis.exceptions.AuthorizationError)):
        return ClientStoreError(
            f"{place} does not accept the user or the password.",
            kept=kept,
            do_next="Write them as redis://USER:PASSWORD@HOST:PORT/NUMBER into STREAM_APP_CLIENTS.",
        )
    if isinstance(fault, redis.exceptions.NoPermissionError):
        return ClientStoreError(
            f"{place} does not allow this user to use the keys stream-app:*.",
            kept=kept,
            do_next="Allow it HMGET, HLEN, EXISTS and TYPE, for loading HSET, MULTI and EXEC too.",
        )
    if _code(fault) == "WRONGTYPE":
        return ClientStoreError(
            f"{place} has something else under the keys of the client store.",
            kept=kept,
            do_next="Name another database with STREAM_APP_CLIENTS.",
        )
    return _unavailable(fault, place, kept)


def _unavailable(fault: redis.RedisError, place: str, kept: str) -> ClientStoreError:
    if isinstance(fault, redis.TimeoutError):
        what = "does not answer in time"
    elif isinstance(fault, redis.exceptions.BusyLoadingError):
        what = "is still loading its data"
    elif isinstance(fault, redis.ConnectionError):
        what = "cannot be reached"
    elif isinstance(fault, redis.exceptions.ReadOnlyError):
        what = "is a replica and takes no clients"
    elif isinstance(fault, redis.exceptions.OutOfMemoryError):
        what = "is out of memory"
    else:
        what = f"refuses ({type(fault).__name__}, {_code(fault)})"
    return ClientStoreUnavailable(
        f"{place} {what}.", kept=kept, do_next="Check the server and the address in STREAM_APP_CLIENTS."
    )


def _code(fault: redis.RedisError) -> str:
    """The first word of the server's answer, by custom its kind; nothing that could have been sent."""
    answer = str(fault).rpartition("caused error: ")[2]  # where the library puts the command before it
    word = answer.partition(" ")[0]
    return word if word.isalpha() and word.isupper() else "no code"
