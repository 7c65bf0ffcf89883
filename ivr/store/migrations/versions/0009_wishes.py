"""A person who asked to be called at a time is called at that time; and an index that no statement needs goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("campaign_contact", sa.Column("wished_at", sa.DateTime(timezone=True)))
    # A contact has one number for ever (its id is made of it), and by number attempts are found: every lease wrote
    # this index too.
    op.drop_index("ix_dial_attempt_contact", "dial_attempt")


def downgrade() -> None:
    raise NotImplementedError("Callweave's schema only goes forward; restore a backup instead")
