"""What both client stores can do, and which of them a setting means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from stream_app.clients.sqlite_store import SQLiteClients
from stream_app.errors import ClientStoreError

Row = tuple[str, bytes]
"""Client id and JSON object of features."""


class ClientStore(Protocol):
    """Where clients are kept. Safe to share between threads.

    Every method raises ClientStoreError; of the kind ClientStoreUnavailable when the same call may succeed later.
    """

    def get_many(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        """The stored profile of each known id; an unknown id is simply not in the answer."""

    def latest_applications(self, client_ids: Iterable[str]) -> Mapping[str, bytes]:
        """The latest application of each id that has one; a store of an older make has none."""

    def put_many(self, profiles: Iterable[Row], applications: Iterable[Row] = ()) -> int:
        """Store profiles and latest applications, replacing older ones, all or none. Returns how many profiles."""

    def count(self) -> int:
        """How many clients have a profile."""

    def close(self) -> None:
        """Let go of the file or the connections; what was put is kept."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None
    ) -> None: ...


def open_clients(where: str | Path, *, create: bool = False) -> ClientStore:
    """The store at ``where``: the path of an SQLite file, or ``redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER]``.

    ``create``: to load clients into it; else it must hold some already. Raises ClientStoreError.
    """
    scheme, separator, _ = str(where).partition("://")
    if not separator:
        return SQLiteClients(Path(where), create=create)
    if scheme not in ("redis", "rediss"):
        raise ClientStoreError(
            f"A client store cannot be at a {scheme}:// address.",
            do_next="Name an SQLite file or redis://HOST:PORT/NUMBER with STREAM_APP_CLIENTS.",
        )
    from stream_app.clients.redis_store import RedisClients  # noqa: PLC0415 - its library loads for who uses it

    return RedisClients(str(where), create=create)
