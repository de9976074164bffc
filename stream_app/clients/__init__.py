"""The client store: profile and latest application by client id, looked up once per batch.

A profile is what is known of a client beforehand; the latest application is what the client last asked for. Both are
JSON objects of the contract's features. Two stores keep them, one SQLite file (embedded) or a Redis server, behind one
protocol; a worker only reads, ``stream-app clients load`` writes, and both may happen at once.
"""

from __future__ import annotations

from pathlib import Path

from stream_app.clients.sqlite_store import SQLiteClients
from stream_app.clients.store import ClientStore
from stream_app.errors import ClientStoreError

__all__ = ["ClientStore", "SQLiteClients", "open_clients"]


def open_clients(address: str | Path, *, create: bool = False) -> ClientStore:
    """The store at ``address``: the path of an SQLite file, or ``redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER]``.

    ``create``: to load clients into it; without it, the store must already hold some. Raises ClientStoreError.
    """
    scheme, separator, _ = str(address).partition("://")
    if not separator:
        return SQLiteClients(Path(address), create=create)
    if scheme not in ("redis", "rediss"):
        raise ClientStoreError(
            f"A client store cannot be at a {scheme}:// address.",
            do_next="Name an SQLite file or redis://HOST:PORT/NUMBER with STREAM_APP_CLIENTS.",
        )
    from stream_app.clients.redis_store import RedisClients  # noqa: PLC0415 - its library is loaded only where it is used

    return RedisClients(str(address), create=create)
