"""Callbacks in the store: wishes of the outbox become the time of a person's next attempt.

Law: one transaction moves the person and ticks the wish off; a person who is being called is waited for, so that the
call's own end does not undo it. Doing it twice does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from ivr.store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Wish:
    """``told``: what the flow noted, `after_ms` or `at`. ``zone``: of the person, "" where it is not known."""

    call_id: str
    occurrence: int
    alert: str
    told: dict[str, Any]
    asked_at: datetime
    campaign: str
    contact_id: str
    zone: str


#: Of calls that a campaign made, and of people it has tried to reach who called themselves. In a campaign that calls
#: nobody any more nobody can wait: the wish stays open, for a person to see.
_OPEN: Final = """
SELECT o.call_id, o.occurrence, o.alert, o.json, o.at, p.campaign, p.contact_id, p.zone
FROM outbox o
LEFT JOIN dial_attempt a ON a.attempt_id = o.call_id
LEFT JOIN call c ON c.call_id = o.call_id
JOIN campaign_contact p ON (p.campaign = a.campaign AND p.contact_id = a.contact_id)
    OR (a.attempt_id IS NULL AND p.number = c.caller)
WHERE o.survey = '-' AND o.kind = 'call_back' AND o.done_at IS NULL AND p.state <> 'leased'
  AND p.campaign IN (SELECT campaign FROM campaign WHERE state IN ('scheduled', 'running', 'paused'))
"""
_FIRST: Final = " ORDER BY o.at LIMIT 100"
_OF_CAMPAIGN: Final = " AND p.campaign = :campaign"
_MOVE: Final = """
UPDATE campaign_contact SET state = 'waiting', next_at = :due, wished_at = :due, outcome = NULL
WHERE campaign = :campaign AND contact_id = :contact_id AND state <> 'leased'
"""
_DONE: Final = """
UPDATE outbox SET done_at = :now
WHERE call_id = :call_id AND survey = '-' AND occurrence = :occurrence AND alert = :alert AND done_at IS NULL
"""


def wishes(ledger: Ledger) -> list[Wish]:
    """Those that can be met now: whose person is not being called. Raises the database's errors."""
    with ledger.transaction(read_only=True) as book:
        found = []
        for row in book.all(_OPEN + _FIRST):
            told, at = json.loads(row[3] or "{}"), book.time(row[4])
            if at is not None and _means(told, row[5]):
                found.append(Wish(row[0], row[1], row[2], told, at, row[5], row[6], row[7] or ""))
        return found


def any_open(connection: Connection, campaign: str) -> bool:
    """Whether somebody of the campaign is to be called again, who does not wait for it yet."""
    found = connection.execute(text(_OPEN + _OF_CAMPAIGN), {"campaign": campaign})
    return any(_means(json.loads(row[3] or "{}"), campaign) for row in found)


def _means(told: dict[str, Any], campaign: str) -> bool:
    """A wish of no campaign is for each that has the person."""
    return told.get("campaign") in ("", None, campaign)


def meet(ledger: Ledger, some: Sequence[tuple[Wish, datetime]], now: datetime) -> int:
    """Each with the time it is due; gives how many people wait for a call now."""
    met = 0
    with ledger.transaction() as book:
        for wish, due in some:
            moved = book.do(_MOVE, due=due, campaign=wish.campaign, contact_id=wish.contact_id)
            if moved:
                met += 1
                book.do(_DONE, now=now, call_id=wish.call_id, occurrence=wish.occurrence, alert=wish.alert)
    return met
