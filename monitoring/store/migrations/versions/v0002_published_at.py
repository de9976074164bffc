"""When a window's drift event was last published: revisions by late labels are published at most once an interval."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column; null for what was published before."""
    op.add_column("windows", sa.Column("published_at_us", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
