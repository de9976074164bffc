"""Creates the tables of an empty database, upgrades those of an older store, refuses what is no store of ours."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from monitoring.store.meta import write_first_facts
from monitoring.store.tables import METADATA, VERSION
from stream_app.errors import StoreError, StoreOutdated
from stream_app.private_files import create_private

log = logging.getLogger(__name__)

NEWEST: Final = "0004"
"""The version of the tables this program reads and writes: the newest migration's."""

_FIRST: Final = "0001"
"""Of a store that notes no version: it was written before there were migrations."""

_SINCE: Final = {"erasures": "0003"}
"""Tables that older stores do not have."""


def prepare_schema(db: sa.Connection, name: str) -> None:
    """Create the tables if there are none yet, or upgrade them in place. Raises as :func:`check_schema` does.

    An SQLite file is ours alone, in a PostgreSQL database others may have tables beside ours.
    """
    tables = set(sa.inspect(db).get_table_names())
    if not tables & METADATA.tables.keys() and not (tables and db.dialect.name == "sqlite"):
        METADATA.create_all(db)
        VERSION.create(db)
        db.execute(sa.insert(VERSION).values(version_num=NEWEST))
        write_first_facts(db)
    elif (version := _version(db, name)) != NEWEST:
        _upgrade(db, name, version)


def check_schema(db: sa.Connection, name: str) -> None:
    """Raises StoreError when this is not a decision store, or one of another version: StoreOutdated of an older one."""
    if (version := _version(db, name)) != NEWEST:
        raise StoreOutdated(
            f"The decision store {name} has tables of version {version}, this program needs version {NEWEST}.",
            kept="It was left as it was.",
            do_next="Start `stream-app monitor` of this program on it: it upgrades the store in place and keeps every "
            f"row. {'It makes a copy first.' if db.dialect.name == 'sqlite' else _pg_dump_line(name, version)}",
        )


def _version(db: sa.Connection, name: str) -> str:
    tables = set(sa.inspect(db).get_table_names())
    noted = db.execute(sa.select(VERSION.c.version_num)).scalar() if VERSION.name in tables else None
    version = str(noted or _FIRST)
    if not {table for table in METADATA.tables if _SINCE.get(table, _FIRST) <= version} <= tables:
        raise StoreError(
            f"{name} is not a decision store: it holds other tables, or not all of ours.",
            kept="It was left as it was.",
            do_next="Name another one with STREAM_APP_STORE.",
        )
    if version > NEWEST:
        raise StoreError(
            f"The decision store {name} has tables of version {version}, written by a newer program; this one knows "
            f"version {NEWEST}.",
            kept="It was left as it was.",
            do_next="Use the newer program, or restore the copy that was made before the upgrade.",
        )
    return version


def _upgrade(db: sa.Connection, name: str, version: str) -> None:
    from monitoring.store.migrations import upgrade  # noqa: PLC0415 - Alembic, for who upgrades

    is_sqlite = db.dialect.name == "sqlite"
    copied = f"A copy of it as it was is {_copied(db, name, version)}." if is_sqlite else _pg_dump_line(name, version)
    log.warning("The decision store %s is upgraded from version %s to %s. %s", name, version, NEWEST, copied)
    upgrade(db)


def _pg_dump_line(name: str, version: str) -> str:
    place = name.replace(":***@", "@")
    return f"No copy is made; this makes one: pg_dump --format=custom --file=store-{version}.dump --dbname={place}"


def _copied(db: sa.Connection, name: str, version: str) -> Path:
    """Copies the file to one beside it, whose path is returned. Other writers wait; an older copy is replaced."""
    path = Path(db.exec_driver_sql("PRAGMA database_list").all()[0][2])
    copy, part = path.with_name(f"{path.name}.version-{version}"), path.with_name(f"{path.name}.version-{version}.part")
    try:
        create_private(part)
        with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(part)) as target:
            source.backup(target)
        part.replace(copy)
    except (sqlite3.Error, OSError) as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise StoreError(
            f"The decision store {name} has tables of version {version}, and no copy of it can be made at "
            f"{copy} before they are upgraded ({error}).",
            kept="It was left as it was.",
            do_next="Make room there, about as much as the store takes, and start again.",
        ) from error
    return copy
