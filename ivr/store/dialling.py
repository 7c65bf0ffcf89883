"""What a dialler reads between two leases: the campaigns that run, and who has how many calls of them.

Law: reads. Raises the database's errors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from ivr.store.ledger import Ledger

_RUNNING: Final = "SELECT campaign, version FROM campaign WHERE state = 'running' ORDER BY priority, campaign"
_IN_USE: Final = (
    "SELECT campaign, owner, count(*) FROM campaign_contact WHERE state = 'leased' GROUP BY campaign, owner"
)
_VERSION: Final = "SELECT json, launch FROM campaign_version WHERE campaign = :campaign AND version = :version"
_LATEST: Final = "SELECT version FROM campaign WHERE campaign = :campaign"


@dataclass(frozen=True, slots=True)
class Standing:
    """``running``: (campaign, version), first first. ``in_use``: (campaign, owner) -> leases."""

    running: tuple[tuple[str, int], ...]
    in_use: dict[tuple[str, str], int]

    def others(self, owner: str) -> int:
        """How many other diallers have calls."""
        return len({each for _, each in self.in_use if each != owner})

    def calls(self, campaign: str) -> int:
        return sum(count for (name, _), count in self.in_use.items() if name == campaign)


def standing(ledger: Ledger) -> Standing:
    with ledger.transaction(read_only=True) as book:
        running = tuple((row[0], row[1]) for row in book.all(_RUNNING))
        return Standing(running, {(row[0], row[1]): row[2] for row in book.all(_IN_USE)})


def version(ledger: Ledger, campaign: str, number: int | None = None) -> tuple[dict[str, Any], str] | None:
    """What a version of the campaign says, and the launch that it calls with; ``number`` None: the present one."""
    with ledger.transaction(read_only=True) as book:
        if number is None:
            found = book.all(_LATEST, campaign=campaign)
            number = found[0][0] if found else 0
        rows = book.all(_VERSION, campaign=campaign, version=number)
    return (json.loads(rows[0][0]), rows[0][1] or "") if rows else None
