"""Opening a decision store: from its URL to tables that are there and connections that behave.

**SQLite** (a path, or ``sqlite:///PATH``; the default). Write-ahead log, so that readers and the writer do not wait for
each other; one writer at a time, who waits at most five seconds for another. ``synchronous=NORMAL``: a commit does not
wait for the disk, only a checkpoint does. A crash of the process loses nothing; a power cut may lose the last
transactions, whole, and the offsets with them, so those records are read from the topics again. The file must lie on
a local disk, since the log needs shared memory. A writer that is stopped (SIGSTOP) in the middle of its turn keeps all
others waiting until it goes on or is killed. The file never shrinks: what the retention removes makes room for
new rows. If the file is moved away, nothing is written into what is left of it: every step raises StoreUnavailable
until it is back. Another file in its place is refused for good, because its offsets are not ours; start again then.

**PostgreSQL** (``postgresql://USER:PASSWORD@HOST/DATABASE``, psycopg 3). Writers take turns by one advisory lock a
transaction, so that several monitors may share a store; one that hangs in the middle of its turn loses it after half a
minute. Waiting for a lock ends after five seconds, a connection that died is noticed before it is used and opened anew.

Raises StoreError when it is no store or one of another version, StoreUnavailable when it does not answer.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import exc

from monitoring.store.connection import FileGuard, StoreConnection
from monitoring.store.engines import make_sqlite_file, postgresql_engine, sqlite_engine
from monitoring.store.errors import as_store_errors
from monitoring.store.schema import check_schema, prepare_schema
from stream_app.errors import StoreError

WAIT_SECONDS = 5.0


def open_connection(
    url: str, *, read_only: bool, create: bool = False, wait_seconds: float = WAIT_SECONDS
) -> StoreConnection:
    """Open the store at this path or URL. ``wait_seconds``: for a lock or a connection."""
    place = _parse(url)
    if place.get_backend_name() == "sqlite":
        return _open_sqlite(place, read_only, create, wait_seconds)
    return _prepared(StoreConnection(postgresql_engine(place, read_only, wait_seconds), shown(place), None), create)


def shown(place: sa.URL) -> str:
    """For people: no password, nor options, where one may hide too."""
    if place.get_backend_name() == "sqlite":
        return str(Path(str(place.database)).absolute())
    return place.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def _parse(url: str) -> sa.URL:
    if "://" not in url:
        return sa.URL.create("sqlite", database=url)
    try:
        place = sa.make_url(url)
    except (exc.ArgumentError, ValueError):
        raise _not_understood() from None  # its text might hold the password
    if place.get_backend_name() in ("postgresql", "postgres"):
        return place.set(drivername="postgresql+psycopg")
    if place.drivername != "sqlite" or place.database in (None, "", ":memory:") or place.query:
        raise _not_understood()
    return place


def _not_understood() -> StoreError:
    return StoreError(
        "The decision store is not named in a way that is understood.",
        do_next="Give the path of an SQLite file, sqlite:///PATH, or postgresql://USER:PASSWORD@HOST/DATABASE with "
        "special characters percent-encoded.",
    )


def _open_sqlite(place: sa.URL, read_only: bool, create: bool, wait_seconds: float) -> StoreConnection:
    path = Path(str(place.database)).absolute()
    name = shown(place)
    if not create and not path.is_file():
        raise StoreError(
            f"There is no decision store at {name}.",
            do_next="`stream-app monitor` makes one; name another with STREAM_APP_STORE.",
        )
    if not path.parent.is_dir():
        raise StoreError(f"There is no folder {path.parent}.", do_next="Make it, or name another place for the store.")
    if create:
        with as_store_errors(name):
            make_sqlite_file(path, wait_seconds)
    engine = sqlite_engine(path, read_only, wait_seconds)
    return _prepared(StoreConnection(engine, name, FileGuard(path, name)), create)


def _prepared(connection: StoreConnection, create: bool) -> StoreConnection:
    try:
        if create:
            with connection.writing() as db:
                prepare_schema(db, connection.name)
        else:
            with connection.reading() as db:
                check_schema(db, connection.name)
    except BaseException:
        connection.close()
        raise
    return connection
