"""The tables of the decision store; ``docs/reference/store.md`` shows how to query them by hand.

The table of labels is called ``outcomes`` and that of offsets ``positions``, as in the stores that exist.
A change here needs a migration (:mod:`monitoring.store.migrations`).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

METADATA = sa.MetaData()

VERSION = sa.Table("decision_store_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))
"""Alembic's note of the version, under a name of ours: others may use Alembic in the same PostgreSQL database."""

# SQLite counts only a column of type INTEGER up by itself.
_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# Byte order on both engines: the same sorting, and a faster index than a language's.
_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _column(name: str, kind: Any, nullable: bool = False, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, **options)


decisions = sa.Table(
    "decisions",
    METADATA,
    sa.Column("seq", _BIG, primary_key=True, autoincrement=True),
    _column("request_id", _ID, unique=True),
    _column("client_id", _ID),
    _column("requested_at_us", _BIG),
    _column("decided_at_us", _BIG),
    _column("outcome", sa.Text),
    _column("probability_of_default", sa.Double),
    _column("model_version", sa.Text),
    _column("late", sa.Boolean),
    _column("partition", sa.Integer),
    _column("topic_offset", _BIG),
    _column("record", sa.Text),  # last: SQLite reads what is before it without touching a long record's other pages
    # Holds all that counting a window's rows needs.
    sa.Index("decisions_by_time", "requested_at_us", "late"),
    sqlite_autoincrement=True,  # a number is never given twice, even after its row was removed
)

labels = sa.Table(
    "outcomes",
    METADATA,
    sa.Column("request_id", _ID, primary_key=True),
    _column("client_id", _ID),
    _column("defaulted", sa.Boolean),
    _column("observed_at_us", _BIG),
    _column("joined", sa.Boolean),
    _column("partition", sa.Integer),
    _column("topic_offset", _BIG),
    sqlite_with_rowid=False,
)
sa.Index(
    "outcomes_pending",
    labels.c.observed_at_us,
    sqlite_where=labels.c.joined.is_(sa.false()),
    postgresql_where=labels.c.joined.is_(sa.false()),
)

contradictions = sa.Table(
    "contradictions",
    METADATA,
    sa.Column("id", _BIG, primary_key=True, autoincrement=True),
    _column("request_id", _ID),
    _column("client_id", _ID),
    _column("defaulted", sa.Boolean),
    _column("observed_at_us", _BIG),
    _column("partition", sa.Integer),
    _column("topic_offset", _BIG),
    _column("other_client", sa.Boolean, server_default=sa.false()),
    sa.UniqueConstraint("request_id", "defaulted", "observed_at_us"),  # read again, it is the same statement
)

offsets = sa.Table(
    "positions",
    METADATA,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    _column("next_offset", _BIG),
    _column("latest_us", _BIG, nullable=True),
)

windows = sa.Table(
    "windows",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    _column("kind", sa.Text),
    _column("start_us", _BIG),
    _column("end_us", _BIG),
    _column("first_seq", _BIG, nullable=True),
    _column("last_seq", _BIG, nullable=True),
    _column("rows", _BIG),
    _column("late_rows", _BIG),
    _column("revision", sa.Integer, default=0),  # 0: closed and not computed yet
    _column("published_revision", sa.Integer, default=0),
    _column("labels_seen", _BIG, default=0),
    _column("labels_computed", _BIG, default=0),
    _column("verdict", sa.Text, nullable=True),
    _column("record", sa.Text, nullable=True),
    _column("report", sa.Text, nullable=True),
    _column("closed_at_us", _BIG),
    _column("published_at_us", _BIG, nullable=True),
    sa.Index("windows_by_start", "kind", "start_us"),
    sa.Index("windows_by_end", "end_us", "id"),
    sa.Index("windows_by_last_seq", "kind", "last_seq"),
    sa.Index("windows_by_revision", "revision"),
)
# Asked for twice a second, of windows that stay for ever, each with a record as long as a page of the file.
_stale, _unpublished = (
    windows.c.labels_seen > windows.c.labels_computed,
    windows.c.revision > windows.c.published_revision,
)
sa.Index("windows_stale", windows.c.end_us, windows.c.id, sqlite_where=_stale, postgresql_where=_stale)
sa.Index(
    "windows_unannounced", windows.c.end_us, windows.c.id, sqlite_where=_unpublished, postgresql_where=_unpublished
)

erasures = sa.Table(
    "erasures",
    METADATA,
    sa.Column("id", _BIG, primary_key=True, autoincrement=True),
    _column("subject", _ID),
    _column("erased_at_us", _BIG),
    _column("erased_by", sa.Text),
    _column("decisions", _BIG),
    _column("labels", _BIG),
    _column("contradictions", _BIG),
    _column("profiles", _BIG),
    _column("reports", _BIG),
    sa.Index("erasures_by_subject", "subject"),
)

meta = sa.Table(
    "meta",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    _column("value", sa.Text, nullable=True),
)


def insert_unless_known(db: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that leaves a row alone that is already there."""
    return _insert(db, table).on_conflict_do_nothing()


def insert_or_replace(db: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that writes over the row with the same primary key."""
    insert = _insert(db, table)
    others = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=others)


def _insert(db: sa.Connection, table: sa.Table) -> Any:
    """The engine's own INSERT: both have ON CONFLICT, and SQLAlchemy has a class for each."""
    return (sqlite if db.dialect.name == "sqlite" else postgresql).insert(table)
