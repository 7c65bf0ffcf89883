"""People to call, whom not to call, campaigns, and every attempt."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = 200


def _key(name: str, kind: Any = None) -> sa.Column[Any]:
    return sa.Column(name, kind or sa.String(KEY), primary_key=True, autoincrement=False)


def _time(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text) for name in names]


def _words(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(KEY)) for name in names]


def _integer(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer)


def upgrade() -> None:
    op.create_table(
        "contact",
        _key("contact_id"),
        *_words("list", "number"),
        *_texts("name", "language", "zone", "consent", "facts"),
        _time("imported_at"),
    )
    op.create_index("ix_contact_list", "contact", ["list", "number"], unique=True)
    op.create_index("ix_contact_number", "contact", ["number"])
    op.create_table(
        "dnc",
        _key("scope"),
        _key("number"),
        _integer("is_prefix"),
        *_texts("reason", "source"),
        _time("at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "campaign",
        _key("campaign"),
        *_texts("title", "state"),
        _integer("version"),
        _integer("priority"),
        _time("created_at"),
        _time("started_at"),
        _time("ended_at"),
    )
    op.create_table(
        "campaign_version",
        _key("campaign"),
        _key("version", sa.Integer()),
        *_texts("json", "launch", "content_hash", "by"),
        _time("at"),
    )
    op.create_table(
        "campaign_contact",
        _key("campaign"),
        _key("contact_id"),
        *_words("number"),
        *_texts("zone", "state"),
        _time("next_at"),
        _integer("priority"),
        _integer("attempts"),
        *_texts("outcome", "owner"),
        _time("lease_until"),
        _integer("fence"),
        *_texts("attempt_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_campaign_contact_next", "campaign_contact", ["campaign", "state", "next_at"])
    op.create_index("ix_campaign_contact_number", "campaign_contact", ["number"])
    op.create_table(
        "dial_attempt",
        _key("attempt_id"),
        *_words("campaign", "contact_id", "number"),
        _integer("number_of"),
        _integer("version"),
        *_texts("gateway", "caller_id", "owner"),
        _integer("fence"),
        *_texts("consent"),
        *(_time(name) for name in ("leased_at", "sent_at", "answered_at", "ended_at")),
        *_texts("outcome", "cause"),
        _integer("sip_code"),
        _integer("billed_ms"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_dial_attempt_campaign", "dial_attempt", ["campaign", "leased_at"])
    op.create_index("ix_dial_attempt_number", "dial_attempt", ["number", "leased_at"])
    op.create_index("ix_dial_attempt_contact", "dial_attempt", ["contact_id"])
    op.create_table(
        "campaign_audit",
        _key("campaign"),
        _key("number", sa.Integer()),
        _time("at"),
        *_texts("by", "what", "json"),
    )


def downgrade() -> None:
    raise NotImplementedError("Callweave's schema only goes forward; restore a backup instead")
