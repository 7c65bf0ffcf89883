"""Calls, programs, attempts, answers with their history, survey runs."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _keys(*texts: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(200), nullable=False) for name in texts]


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text()) for name in names]


def _times(*names: str, nullable: bool = True) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name in names]


def _numbers(*names: str, nullable: bool = True) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Integer(), nullable=nullable) for name in names]


def _given() -> list[sa.Column[Any]]:
    return [
        *_texts("survey", "value"),
        sa.Column("value_number", sa.Float(53)),
        *_texts("keys", "language"),
    ]


def upgrade() -> None:
    op.create_table(
        "call",
        *_keys("call_id"),
        *_texts("flow", "program_hash", "caller", "called", "language"),
        *_times("started_at", "answered_at", "ended_at"),
        *_texts("ended_by", "end_node", "cause", "status"),
        sa.PrimaryKeyConstraint("call_id"),
    )
    op.create_index("ix_call_started_at", "call", ["started_at"])
    op.create_index("ix_call_flow", "call", ["flow", "started_at"])
    op.create_table(
        "program",
        *_keys("hash"),
        *_texts("flow", "json"),
        *_times("first_seen"),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "attempt",
        *_keys("call_id", "question"),
        *_numbers("occurrence", "attempt", nullable=False),
        *_texts("node", "outcome", "keys"),
        *_numbers("key_count"),
        *_texts("timer", "survey", "language"),
        *_times("started_at", "ended_at"),
        sa.PrimaryKeyConstraint("call_id", "question", "occurrence", "attempt"),
    )
    op.create_index("ix_attempt_question", "attempt", ["question", "survey"])
    op.create_table(
        "answer",
        *_keys("call_id", "question"),
        *_numbers("occurrence", nullable=False),
        *_given(),
        *_times("at"),
        sa.PrimaryKeyConstraint("call_id", "question", "occurrence"),
    )
    op.create_index("ix_answer_question", "answer", ["question", "survey"])
    op.create_table(
        "answer_history",
        *_keys("call_id", "question"),
        *_numbers("occurrence", nullable=False),
        *_times("at", nullable=False),
        *_given(),
        sa.PrimaryKeyConstraint("call_id", "question", "occurrence", "at"),
    )
    op.create_table(
        "survey_run",
        *_keys("call_id", "survey"),
        *_numbers("occurrence", nullable=False),
        *_texts("status", "last_question"),
        *_numbers("answered", "asked"),
        *_times("begun_at", "at"),
        sa.PrimaryKeyConstraint("call_id", "survey", "occurrence"),
    )
    op.create_index("ix_survey_run_survey", "survey_run", ["survey", "status"])


def downgrade() -> None:
    raise NotImplementedError("Callweave's schema only goes forward; restore a backup instead")
