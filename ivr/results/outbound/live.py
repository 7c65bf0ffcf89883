"""Live: how a campaign stands at this moment, for somebody who watches it.

Law: reads a few numbers, each by an index or over the attempts of the last minutes. A dialler keeps its breakers to
itself; what is said of a gateway here is what its last calls in the books say, by the same rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, and_, func, select

from ivr.campaign.outcomes import OF_THE_WAY
from ivr.results.outbound.attempts import GOING_ON, REACHED
from ivr.store import campaigns
from ivr.store.campaigns import CampaignRow
from ivr.store.schema import campaign, campaign_contact, dial_attempt

#: Rates are over so long.
LATELY: Final = timedelta(minutes=5)
#: So many calls in a row that failed on the way close a gateway.
FAILURES: Final = 5
#: A gateway that rested so long is tried again, whatever was before.
_REST: Final = timedelta(minutes=10)
_LOOKED_AT: Final = 20


@dataclass(frozen=True)
class GatewayNow:
    gateway: str
    going_on: int
    attempts: int
    reached: int
    failed: int  # on the way: not the people's doing
    breaker: str  # ok | failing | resting


@dataclass(frozen=True)
class Now:
    row: CampaignRow
    at: datetime
    left: Mapping[str, int]  # waiting | leased | done -> people
    due: int  # of those who wait: may be called by their next_at
    outcomes: Mapping[str, int]  # going_on among them
    going_on: int  # sent, not ended
    talking: int  # of those: answered
    per_minute: float  # calls started, over LATELY
    done_per_minute: float  # people done, as their last attempts ended
    gateways: Sequence[GatewayNow]

    @property
    def ends(self) -> datetime | None:
        """When nobody is left at this rate; None: nobody can say."""
        people = self.left["waiting"] + self.left["leased"]
        if self.row.state != "running" or not people or self.done_per_minute <= 0:
            return None
        return self.at + timedelta(minutes=people / self.done_per_minute)


def read(connection: Connection, name: str, now: datetime) -> Now:
    """Raises campaigns.CampaignError."""
    row = campaigns.read(connection, name)
    left = campaigns.left(connection, name)
    person, tried = campaign_contact.c, dial_attempt.c
    due = select(func.count()).where(person.campaign == name, person.state == "waiting", person.next_at <= now)
    by_gateway, withdrawn = _outcomes(connection, name), _withdrawn(connection, name)
    outcomes: dict[str, int] = {}
    for counts in by_gateway.values():
        for outcome, count in counts.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + count
    since = now - LATELY
    lately = and_(tried.campaign == name, tried.leased_at > since)
    started = connection.scalar(select(func.count()).where(lately, tried.sent_at.is_not(None))) or 0
    over = (
        select(func.count(func.distinct(tried.contact_id)))
        .select_from(
            dial_attempt.join(
                campaign_contact, and_(person.campaign == tried.campaign, person.contact_id == tried.contact_id)
            )
        )
        .where(lately, tried.ended_at.is_not(None), person.state == "done")
    )
    talking = select(func.count()).where(
        tried.campaign == name, tried.outcome.is_(None), tried.answered_at.is_not(None)
    )
    minutes = min(LATELY, max(timedelta(seconds=1), now - (row.started_at or since))).total_seconds() / 60
    return Now(
        row=row,
        at=now,
        left=left,
        due=connection.scalar(due) or 0,
        outcomes=outcomes,
        going_on=outcomes.get(GOING_ON, 0),
        talking=connection.scalar(talking) or 0,
        per_minute=started / minutes,
        done_per_minute=(connection.scalar(over) or 0) / minutes,
        gateways=[
            _gateway(connection, gateway, counts, withdrawn.get(gateway, 0), now)
            for gateway, counts in sorted(by_gateway.items())
        ],
    )


def _outcomes(connection: Connection, name: str) -> dict[str, dict[str, int]]:
    tried = dial_attempt.c
    outcome = func.coalesce(tried.outcome, GOING_ON).label("ended")
    gateway = func.coalesce(tried.gateway, "").label("way")
    found: dict[str, dict[str, int]] = {}
    query = select(gateway, outcome, func.count()).where(tried.campaign == name).group_by("way", "ended")
    for way, ended, count in connection.execute(query):
        found.setdefault(way, {})[ended] = count
    return found


def _withdrawn(connection: Connection, name: str) -> dict[str, int]:
    """Attempts that we gave up before any switch was told, by gateway: nothing that the gateway did."""
    tried = dial_attempt.c
    gateway = func.coalesce(tried.gateway, "").label("way")
    never_sent = and_(tried.campaign == name, tried.outcome == "not_attempted", tried.sent_at.is_(None))
    return {
        row[0]: row[1] for row in connection.execute(select(gateway, func.count()).where(never_sent).group_by("way"))
    }


def _gateway(
    connection: Connection, gateway: str, counts: Mapping[str, int], withdrawn: int, now: datetime
) -> GatewayNow:
    return GatewayNow(
        gateway,
        going_on=counts.get(GOING_ON, 0),
        attempts=sum(counts.values()),
        reached=sum(counts.get(outcome, 0) for outcome in REACHED),
        failed=sum(counts.get(outcome, 0) for outcome in OF_THE_WAY) - withdrawn,
        breaker=_breaker(_last(connection, gateway, now), now),
    )


def _last(connection: Connection, gateway: str, now: datetime) -> list[tuple[str, datetime]]:
    """The last calls of all campaigns over the gateway, the newest first."""
    tried = dial_attempt.c
    # The index on attempts begins with the campaign.
    of_all = tried.campaign.in_(select(campaign.c.campaign))
    lately = and_(of_all, tried.leased_at > now - timedelta(hours=1), tried.sent_at.is_not(None))
    query: Any = (
        select(tried.outcome, tried.ended_at)
        .where(lately, tried.gateway == gateway, tried.outcome.is_not(None), tried.outcome != "unknown")
        .order_by(tried.ended_at.desc())
        .limit(_LOOKED_AT)
    )
    return [(row[0], row[1]) for row in connection.execute(query) if row[1] is not None]


def _breaker(last: Sequence[tuple[str, datetime]], now: datetime) -> str:
    failures = next((n for n, (outcome, _) in enumerate(last) if outcome not in OF_THE_WAY), len(last))
    if not failures:
        return "ok"
    if failures < FAILURES:
        return "failing"
    return "resting" if now - last[0][1] < _REST else "ok"
