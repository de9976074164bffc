"""Alembic's migrations of the decision store, one file a version in ``versions``, numbered in their order.

A new store is created with today's tables and needs none. A migration that older programs cannot live with changes the
fact ``schema_version`` in ``meta`` too, which is what programs before version 0002 look at.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command
from alembic.config import Config


def upgrade(db: sa.Connection, version: str = "head") -> None:
    """Bring the tables to this version, in the caller's transaction."""
    config = Config(attributes={"connection": db})
    config.set_main_option("script_location", "monitoring.store:migrations")
    command.upgrade(config, version)
