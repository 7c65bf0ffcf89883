"""What a dialler reads between two leases: the campaigns that run, the other diallers, and who has how many calls; and
how it says that it is there.

Law: no rules. Raises the database's errors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ivr.store.ledger import Ledger

#: A dialler that was killed leaves its row: removed when another begins and it is so old.
OLD: Final = timedelta(days=1)

_RUNNING: Final = "SELECT campaign, version FROM campaign WHERE state = 'running' ORDER BY priority, campaign"
_IN_USE: Final = """
SELECT cc.campaign, cc.owner, count(*), count(a.answered_at)
FROM campaign_contact cc LEFT JOIN dial_attempt a ON a.attempt_id = cc.attempt_id
WHERE cc.state = 'leased' GROUP BY cc.campaign, cc.owner
"""
_DIALLERS: Final = "SELECT owner, campaign, beat FROM dialler"
_VERSION: Final = "SELECT json, launch FROM campaign_version WHERE campaign = :campaign AND version = :version"
_LATEST: Final = "SELECT version FROM campaign WHERE campaign = :campaign"
_BEAT: Final = """
INSERT INTO dialler (owner, campaign, beat, at) VALUES (:owner, :campaign, :beat, :now)
ON CONFLICT (owner) DO UPDATE SET beat = :beat, at = :now
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A dialler as its row has it. ``campaign``: the only one it calls for; "": all."""

    campaign: str
    beat: int  # grows while it lives


@dataclass(frozen=True, slots=True)
class Standing:
    """``running``: (campaign, version), first first. ``in_use``, ``answered``: (campaign, owner) -> leases, and those
    of them whose call was answered.
    """

    running: tuple[tuple[str, int], ...]
    in_use: dict[tuple[str, str], int]
    answered: dict[tuple[str, str], int] = field(default_factory=dict)
    diallers: dict[str, Seen] = field(default_factory=dict)

    def elsewhere(self, campaign: str, owner: str) -> int:
        """Leases that others have."""
        return sum(count for (name, who), count in self.in_use.items() if name == campaign and who != owner)


def standing(ledger: Ledger) -> Standing:
    with ledger.transaction(read_only=True) as book:
        diallers = {row[0]: Seen(row[1] or "", row[2] or 0) for row in book.all(_DIALLERS)}
        running = tuple((row[0], row[1]) for row in book.all(_RUNNING))
        rows = book.all(_IN_USE)
    in_use = {(row[0], row[1]): row[2] for row in rows}
    return Standing(running, in_use, {(row[0], row[1]): row[3] for row in rows}, diallers)


def beat(ledger: Ledger, owner: str, campaign: str, number: int, now: datetime) -> None:
    """The dialler is there, and means to call. ``number`` grows each time: others watch it change, by their clocks."""
    with ledger.transaction() as book:
        if number == 1:
            book.do("DELETE FROM dialler WHERE at < :old", old=now - OLD)
        book.do(_BEAT, owner=owner, campaign=campaign, beat=number, now=now)


def leave(ledger: Ledger, owner: str) -> None:
    """It begins no more calls."""
    with ledger.transaction() as book:
        book.do("DELETE FROM dialler WHERE owner = :owner", owner=owner)


def version(ledger: Ledger, campaign: str, number: int | None = None) -> tuple[dict[str, Any], str] | None:
    """What a version of the campaign says, and the launch that it calls with; ``number`` None: the present one."""
    with ledger.transaction(read_only=True) as book:
        if number is None:
            found = book.all(_LATEST, campaign=campaign)
            number = found[0][0] if found else 0
        rows = book.all(_VERSION, campaign=campaign, version=number)
    return (json.loads(rows[0][0]), rows[0][1] or "") if rows else None
