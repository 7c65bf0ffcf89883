"""Returning callers: people whom a campaign has tried to reach, and who call.

Law: reads. That a person has been asked is a row of the recorder's, `reached`, as safe as an answer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, and_, select

from ivr.store.schema import campaign, campaign_contact, campaign_version, contact


@dataclass(frozen=True)
class Returning:
    """Whom a campaign still wants, and what it calls with."""

    campaign: str
    contact_id: str
    launch: str
    language: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


def find(engine: Engine, number: str) -> Returning | None:
    """The campaign that wants this number (E.164) most, of those that have tried it before.

    Raises the database's errors.
    """
    person, version = campaign_contact, campaign_version
    query = (
        select(person.c.campaign, person.c.contact_id, version.c.launch, contact.c.language, contact.c.facts)
        .join_from(person, campaign, campaign.c.campaign == person.c.campaign)
        .join(version, and_(version.c.campaign == campaign.c.campaign, version.c.version == campaign.c.version))
        .join(contact, contact.c.contact_id == person.c.contact_id, isouter=True)
        .where(
            person.c.number == number,
            person.c.state == "waiting",
            person.c.attempts > 0,
            campaign.c.state.in_(("running", "paused", "draining")),
        )
        .order_by(campaign.c.priority, person.c.next_at, person.c.campaign)
        .limit(1)
    )
    with engine.connect().execution_options(read_only=True) as connection:
        row = connection.execute(query).first()
    if row is None or not row[2]:
        return None
    facts = json.loads(row[4] or "{}")
    return Returning(row[0], row[1], row[2], row[3] or "", facts if isinstance(facts, dict) else {})
