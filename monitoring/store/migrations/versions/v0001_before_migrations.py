"""The tables of stores that were written before there were migrations: nothing to do but to note the version."""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Nothing."""
