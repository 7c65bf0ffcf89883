"""Which diallers there are, so that each knows its share of the limits before it calls anybody."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = 200


def upgrade() -> None:
    op.create_table(
        "dialler",
        sa.Column("owner", sa.String(KEY), primary_key=True, autoincrement=False),
        sa.Column("campaign", sa.String(KEY)),
        sa.Column("beat", sa.Integer),
        sa.Column("at", sa.DateTime(timezone=True)),
    )


def downgrade() -> None:
    raise NotImplementedError("Callweave's schema only goes forward; restore a backup instead")
