"""Questionnaires as they were asked: definitions, launches, quotas, alerts, and why an answer is missing."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = 200


def _key(name: str, kind: Any = None) -> sa.Column[Any]:
    return sa.Column(name, kind or sa.String(KEY), primary_key=True, autoincrement=False)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text) for name in names]


def upgrade() -> None:
    for table in ("answer", "answer_history"):
        op.add_column(table, sa.Column("missing", sa.Text))
        op.add_column(table, sa.Column("run", sa.Integer))
    for column in _texts("definition", "launch"):
        op.add_column("survey_run", column)
    op.add_column("survey_run", sa.Column("seed", sa.Integer))
    for column in _texts("agent", "queue", "resumed_from"):
        op.add_column("survey_run", column)
    of_launches = sa.text("launch <> ''")
    op.create_index(
        "ix_survey_run_launch",
        "survey_run",
        ["launch", "status"],
        sqlite_where=of_launches,
        postgresql_where=of_launches,
    )
    op.create_table(
        "survey_definition", _key("hash"), *_texts("survey", "version", "title", "json"), _time("first_seen")
    )
    op.create_table(
        "launch",
        _key("launch"),
        *_texts("survey", "definition", "program_hash", "content_hash"),
        sa.Column("sounds", sa.Integer),
        _time("created_at"),
        _time("closed_at"),
    )
    op.create_index("ix_launch_survey", "launch", ["survey"])
    op.create_table(
        "quota_complete",
        *(_key(name) for name in ("survey", "launch", "quota", "call_id")),
        _key("occurrence", sa.Integer()),
        _time("at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outbox",
        _key("call_id"),
        _key("survey"),
        _key("occurrence", sa.Integer()),
        _key("alert"),
        *_texts("kind", "json"),
        _time("at"),
        _time("done_at"),
        sqlite_with_rowid=False,
    )
    op.create_table("erasure", _key("erasure"), _time("at"), *_texts("caller_hash", "json"))


def downgrade() -> None:
    raise NotImplementedError("Callweave's schema only goes forward; restore a backup instead")
