"""Who erased what, and whether ids are pseudonyms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table and the facts. Older programs would store again what was erased: release 0.1's look at
    ``schema_version``, and refuse what they do not know.
    """
    counts = ("decisions", "labels", "contradictions", "profiles", "reports")
    op.create_table(
        "erasures",
        sa.Column("id", _BIG, primary_key=True, autoincrement=True),
        sa.Column("subject", _ID, nullable=False),
        sa.Column("erased_at_us", _BIG, nullable=False),
        sa.Column("erased_by", sa.Text, nullable=False),
        *(sa.Column(name, _BIG, nullable=False) for name in counts),
        sa.Index("erasures_by_subject", "subject"),
    )
    meta = sa.table("meta", sa.column("name"), sa.column("value"))
    op.bulk_insert(meta, [{"name": "ids_check", "value": ""}, {"name": "erasure_key", "value": ""}])
    op.execute(meta.update().where(meta.c.name == "schema_version").values(value="2"))
