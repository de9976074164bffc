"""Makes the tables of an empty database, and knows a store of ours from anything else."""

from __future__ import annotations

import sqlalchemy as sa

from monitoring.store.meta import write_first_facts
from monitoring.store.tables import METADATA, SCHEMA_VERSION, meta
from stream_app.errors import StoreError


def prepare_schema(db: sa.Connection, name: str) -> None:
    """Make the tables if there are none yet; otherwise the same as :func:`check_schema`.

    An SQLite file is ours alone, in a PostgreSQL database others may have tables beside ours.
    """
    found = set(sa.inspect(db).get_table_names())
    if found & METADATA.tables.keys() or (found and db.dialect.name == "sqlite"):
        check_schema(db, name)
        return
    METADATA.create_all(db)
    write_first_facts(db)


def check_schema(db: sa.Connection, name: str) -> None:
    """Raises StoreError when this is not a decision store, or one of another version."""
    if not METADATA.tables.keys() <= set(sa.inspect(db).get_table_names()):
        raise StoreError(
            f"{name} is not a decision store: it holds other tables, or not all of ours.",
            kept="It was left as it was.",
            do_next="Name another one with STREAM_APP_STORE.",
        )
    version = db.execute(sa.select(meta.c.value).where(meta.c.name == "schema_version")).scalar()
    if version != str(SCHEMA_VERSION):
        raise StoreError(
            f"The decision store {name} has tables of version {version}, this program writes version {SCHEMA_VERSION}.",
            kept="It was left as it was.",
            do_next="Name a new store: the monitor fills it from the topics again.",
        )
