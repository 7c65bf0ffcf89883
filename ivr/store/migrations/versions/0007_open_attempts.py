"""One attempt at a number at a time, by the database's own rule; who is due is found without reading who is not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _partial(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    rule = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=rule, postgresql_where=rule)


def upgrade() -> None:
    _partial("ix_campaign_contact_due", "campaign_contact", ["campaign", "priority", "next_at"], "state = 'waiting'")
    _partial("ix_campaign_contact_lease", "campaign_contact", ["lease_until"], "state = 'leased'")
    _partial("ix_dnc_prefix", "dnc", ["number"], "is_prefix = 1")
    _partial("ux_dial_attempt_open", "dial_attempt", ["number"], "outcome IS NULL", unique=True)


def downgrade() -> None:
    raise NotImplementedError("Callweave's schema only goes forward; restore a backup instead")
