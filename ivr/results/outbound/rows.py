"""Rows: every attempt of a campaign as a row, for exports.

Law: streamed in the order of their time; numbers leave masked, or as pseudonyms.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Connection, and_, case, select

from ivr.results.export.codebook import Codebook
from ivr.results.export.people import respondents
from ivr.results.export.table import Table
from ivr.results.export.wide import Column
from ivr.results.outbound.attempts import completed
from ivr.store.schema import campaign_contact, contact, dial_attempt, survey_run

#: name -> what it is.
COLUMNS: Final = {
    **dict.fromkeys(("attempt_id", "campaign", "contact_id", "respondent", "list", "zone"), "text"),
    **dict.fromkeys(("number_of", "version"), "whole"),
    **dict.fromkeys(("gateway", "caller_id", "consent"), "text"),
    **dict.fromkeys(("leased_at", "sent_at", "answered_at", "ended_at"), "time"),
    **dict.fromkeys(("outcome", "cause"), "text"),
    "sip_code": "whole",
    "billed_s": "number",
    "complete": "flag",
    "survey": "text",
    "survey_status": "text",
}
_CHUNK: Final = 5_000


def attempts_table(connection: Connection, name: str, key: bytes | None) -> Table:
    """With a key numbers are pseudonyms, without one masked. One that goes on has no outcome."""
    columns = [Column(column, column, kind) for column, kind in COLUMNS.items()]
    return Table(columns, _records(connection, name, key), Codebook({}), name, rows="attempts")


def _records(connection: Connection, name: str, key: bytes | None) -> Iterator[tuple[Any, ...]]:
    respondent = respondents(key)
    tried, person, run = dial_attempt.c, campaign_contact.c, survey_run.c
    # Of several runs of one call the first stands for it.
    first = and_(run.call_id == tried.attempt_id, run.occurrence == 1)
    survey, status = (
        select(column).where(first).order_by(run.survey).limit(1).scalar_subquery()
        for column in (run.survey, run.status)
    )
    query = (
        select(
            *(dial_attempt, contact.c.list, person.zone),
            case((completed(), 1), else_=0).label("complete"),
            survey.label("survey"),
            status.label("survey_status"),
        )
        .select_from(
            dial_attempt.outerjoin(
                campaign_contact, and_(person.campaign == tried.campaign, person.contact_id == tried.contact_id)
            ).outerjoin(contact, contact.c.contact_id == tried.contact_id)
        )
        .where(tried.campaign == name)
        .order_by(tried.leased_at, tried.attempt_id)
        .execution_options(yield_per=_CHUNK)
    )
    for row in connection.execute(query).mappings():
        given = {
            **row,
            "respondent": respondent(row["number"] or ""),
            "billed_s": None if row["billed_ms"] is None else row["billed_ms"] / 1000,
        }
        yield tuple(given[column] for column in COLUMNS)
