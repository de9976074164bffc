"""Which of the labels kept apart name another client than their request did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; what was kept apart before contradicts a label."""
    op.add_column("contradictions", sa.Column("other_client", sa.Boolean, nullable=False, server_default=sa.false()))
