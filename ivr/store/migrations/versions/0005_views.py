"""What the views need: questions and quotas as columns, the zone of their days, and what views mean and are made of."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = 200


def _key(name: str, kind: Any = None) -> sa.Column[Any]:
    return sa.Column(name, kind or sa.String(KEY), primary_key=True, autoincrement=False)


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text) for name in names]


def _numbers(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Float(53)) for name in names]


def _whole(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer)


def upgrade() -> None:
    op.create_table(
        "survey_question",
        _key("definition"),
        _key("question"),
        _whole("position"),
        *_texts("survey", "version", "kind", "measure", "label", "text", "labels_json", "texts_json", "values_json"),
        *_texts("low", "high", "direction"),
        _whole("top"),
        *_numbers("good_low", "good_high", "bad_low", "bad_high"),
        *_texts("section", "item", "base", "bank", "asked_when", "screen_out"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "survey_quota",
        _key("definition"),
        _key("quota"),
        *_texts("survey"),
        _whole("target"),
        *_texts("condition"),
        sqlite_with_rowid=False,
    )
    op.create_table("report_zone", _key("one", sa.Integer()), *_texts("zone"))
    op.create_table(
        "zone_offset",
        sa.Column("from_utc", sa.DateTime(timezone=True), primary_key=True),
        _whole("seconds"),
        sqlite_with_rowid=False,
    )
    op.create_table("v_help", _key("view_name"), _key("column_name"), _whole("position"), *_texts("text"))
    op.create_table("report_view", _key("view_name"), *_texts("survey", "made_of"), _whole("position"))
    if op.get_bind().dialect.name == "sqlite":
        op.drop_index("ix_survey_run_launch", "survey_run")
        op.create_index("ix_survey_run_launch", "survey_run", ["launch", "status"])


def downgrade() -> None:
    raise NotImplementedError("Callweave's schema only goes forward; restore a backup instead")
