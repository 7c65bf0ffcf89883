"""Where each live call is, so that another worker can go on with it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_state",
        sa.Column("call_id", sa.String(200), nullable=False),
        sa.Column("program_hash", sa.Text()),
        sa.Column("json", sa.Text()),
        sa.Column("at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("call_id"),
    )


def downgrade() -> None:
    op.drop_table("call_state")
