"""Run by Alembic around the migrations: on the connection it was handed, in the transaction that is open there."""

from __future__ import annotations

from alembic import context

from monitoring.store.tables import VERSION

context.configure(connection=context.config.attributes["connection"], version_table=VERSION.name)
with context.begin_transaction():
    context.run_migrations()
