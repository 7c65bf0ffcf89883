"""Alembic's entry: runs the migrations on the connection that ``store.upgrade`` hands over.

Law: opens nothing itself and commits nothing: one transaction holds the whole upgrade, or none of it.
"""

from alembic import context

from ivr.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
context.run_migrations()
