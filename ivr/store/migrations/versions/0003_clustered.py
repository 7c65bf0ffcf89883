"""Rows of one call lie together, and only what is looked up is indexed.

On SQLite a table with a text key is two trees, one by row number and one by key; WITHOUT ROWID it is one, so a stored
answer touches half the pages. No query asks for a question of any survey or none; those of surveys have an index.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("call", "call_state", "attempt", "answer", "answer_history", "survey_run")
INDEXES = {
    "ix_call_started_at": ("call", "started_at"),
    "ix_call_flow": ("call", "flow", "started_at"),
    "ix_survey_run_survey": ("survey_run", "survey", "status"),
}


def upgrade() -> None:
    op.drop_index("ix_attempt_question", "attempt")
    op.drop_index("ix_answer_question", "answer")
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            _cluster(table)
        for name, (table, *columns) in INDEXES.items():
            op.create_index(name, table, columns)
    of_surveys = sa.text("survey <> ''")
    op.create_index(
        "ix_answer_survey",
        "answer",
        ["survey", "question"],
        sqlite_where=of_surveys,
        postgresql_where=of_surveys,
    )


def _cluster(table: str) -> None:
    """The same table without row numbers; SQLite has no ALTER for it."""
    found = op.get_bind().execute(sa.text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": table})
    made = str(found.scalar_one())
    new = f"{table}_clustered"
    op.execute(f"CREATE TABLE {new} {made[made.index('(') :]} WITHOUT ROWID")
    op.execute(f"INSERT INTO {new} SELECT * FROM {table}")
    op.execute(f"DROP TABLE {table}")
    op.execute(f"ALTER TABLE {new} RENAME TO {table}")


def downgrade() -> None:
    raise NotImplementedError("Callweave's schema only goes forward; restore a backup instead")
