"""Attempts: how calls of campaigns ended, counted by whatever they are asked for.

Law: one statement a question, grouped in the database: a million attempts become a few hundred rows. Every attempt is
counted once, also while it goes on (outcome ``going_on``), so that the totals add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Integer, and_, case, cast, func, or_, select

from ivr.campaign.windows import zone_info
from ivr.store.schema import (
    call,
    campaign,
    campaign_contact,
    campaign_version,
    contact,
    dial_attempt,
    launch,
    survey_run,
)

GOING_ON: Final = "going_on"
#: Outcomes with which somebody was there and listened. More than the outcome `answered`.
REACHED: Final = ("answered", "opted_out")
_QUARTER_S: Final = 900


@dataclass
class Tally:
    """Attempts of one kind."""

    outcomes: dict[str, int] = field(default_factory=dict)
    complete: int = 0
    billed_ms: int = 0

    @property
    def attempts(self) -> int:
        return sum(self.outcomes.values())

    @property
    def dialled(self) -> int:
        """Where somebody was called."""
        return self.attempts - self.outcomes.get("not_attempted", 0)

    @property
    def reached(self) -> int:
        return sum(self.outcomes.get(outcome, 0) for outcome in REACHED)

    def add(self, outcome: str, count: int, complete: int, billed_ms: int) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count
        self.complete += complete
        self.billed_ms += billed_ms


def outcome() -> ColumnElement[str]:
    return func.coalesce(dial_attempt.c.outcome, GOING_ON)


def completed() -> ColumnElement[bool]:
    """The flow came to its end with the person: a questionnaire was complete, or, where none was asked, the flow
    itself ended the call."""
    run = survey_run.c
    of_call = run.call_id == dial_attempt.c.attempt_id
    full = select(run.call_id).where(of_call, run.status == "complete").exists()
    asked = select(run.call_id).where(of_call).exists()
    ended = (
        select(call.c.call_id)
        .where(call.c.call_id == dial_attempt.c.attempt_id, call.c.ended_by.in_(["flow", "transferred"]))
        .exists()
    )
    how = func.coalesce(dial_attempt.c.outcome, "")
    by_flow = and_(how == "answered", ~asked, ended, ~_of_survey())
    return or_(and_(how.in_(["answered", "opted_out"]), full), by_flow)


def _of_survey() -> ColumnElement[bool]:
    """The campaign asks a questionnaire: then a call without a run of it was not completed."""
    version = and_(
        campaign_version.c.campaign == dial_attempt.c.campaign, campaign_version.c.version == dial_attempt.c.version
    )
    joined = campaign_version.join(launch, launch.c.launch == campaign_version.c.launch)
    return select(launch.c.launch).select_from(joined).where(version, launch.c.survey != "").exists()


def by(connection: Connection, name: str, *columns: ColumnElement[Any]) -> dict[tuple[Any, ...], Tally]:
    """Attempts of a campaign, by the values of ``columns`` (of dial_attempt, campaign_contact, contact)."""
    keys = [column.label(f"key{n}") for n, column in enumerate(columns)]
    ended = outcome().label("ended")
    inner = (
        select(
            *keys,
            ended,
            case((completed(), 1), else_=0).label("complete"),
            func.coalesce(dial_attempt.c.billed_ms, 0).label("billed"),
        )
        .select_from(
            dial_attempt.outerjoin(
                campaign_contact,
                and_(
                    campaign_contact.c.campaign == dial_attempt.c.campaign,
                    campaign_contact.c.contact_id == dial_attempt.c.contact_id,
                ),
            ).outerjoin(contact, contact.c.contact_id == dial_attempt.c.contact_id)
        )
        .where(dial_attempt.c.campaign == name)
        .subquery()
    )
    groups = [inner.c[f"key{n}"] for n in range(len(columns))] + [inner.c.ended]
    query = select(*groups, func.count(), func.sum(inner.c.complete), func.sum(inner.c.billed)).group_by(*groups)
    found: dict[tuple[Any, ...], Tally] = {}
    for *key, ended_as, count, complete, billed in connection.execute(query):
        found.setdefault(tuple(key), Tally()).add(ended_as, count, int(complete or 0), int(billed or 0))
    return found


def total(connection: Connection, name: str) -> Tally:
    return by(connection, name).get((), Tally())


def by_gateway(connection: Connection, name: str) -> dict[str, Tally]:
    found = by(connection, name, func.coalesce(dial_attempt.c.gateway, ""))
    return {key[0]: tally for key, tally in sorted(found.items())}


def by_list(connection: Connection, name: str) -> dict[str, Tally]:
    """Under "" those whose contact was removed since."""
    found = by(connection, name, func.coalesce(contact.c.list, ""))
    return {key[0]: tally for key, tally in sorted(found.items())}


def by_number_of(connection: Connection, name: str) -> dict[int, Tally]:
    """The first call to each person, the second ..."""
    found = by(connection, name, func.coalesce(dial_attempt.c.number_of, 0))
    return {key[0]: tally for key, tally in sorted(found.items())}


def by_local_hour(connection: Connection, name: str, default_zone: str) -> dict[int, Tally]:
    """By the hour, 0 to 23, in the called party's own zone: by the quarter of an hour in UTC, because no zone of today
    is off by less, and from there by the zone's rules."""
    at = dial_attempt.c.sent_at
    zone = func.coalesce(func.nullif(campaign_contact.c.zone, ""), default_zone)
    found = by(connection, name, zone, _quarter(connection, at))
    hours: dict[int, Tally] = {}
    for (place, quarter), tally in found.items():
        if quarter is None:
            continue  # never sent
        where = zone_info(place or "") or UTC
        hour = datetime.fromtimestamp(int(quarter) * _QUARTER_S, UTC).astimezone(where).hour
        into = hours.setdefault(hour, Tally())
        for ended_as, count in tally.outcomes.items():
            into.add(ended_as, count, 0, 0)
        into.complete += tally.complete
        into.billed_ms += tally.billed_ms
    return dict(sorted(hours.items()))


def _quarter(connection: Connection, at: ColumnElement[Any]) -> ColumnElement[Any]:
    if connection.dialect.name == "postgresql":
        return func.floor(func.extract("epoch", at) / _QUARTER_S)
    return cast(func.strftime("%s", at), Integer).op("/", return_type=Integer())(_QUARTER_S)


@dataclass(frozen=True)
class Past:
    """What calls of earlier campaigns came to."""

    campaigns: Sequence[str]
    outcomes: Mapping[str, int]
    talk_s: float
    complete: int


def past(connection: Connection, but: str, *, most: int = 3, least_calls: int = 200) -> Past | None:
    """Of the newest campaigns that were started, until they have enough calls; None when they have not."""
    table = campaign.c
    query = select(table.campaign).where(table.started_at.is_not(None), table.campaign != but)
    names = connection.scalars(query.order_by(table.started_at.desc(), table.campaign).limit(most)).all()
    outcomes: dict[str, int] = {}
    complete = billed = 0
    for name in names:
        for ended_as, tally in ((key[0], t) for key, t in by(connection, name, outcome()).items()):
            if ended_as in (GOING_ON, "not_attempted", "unknown"):
                continue
            outcomes[ended_as] = outcomes.get(ended_as, 0) + tally.attempts
            complete += tally.complete
            billed += tally.billed_ms if ended_as == "answered" else 0
    if sum(outcomes.values()) < least_calls:
        return None
    answered = outcomes.get("answered", 0)
    return Past(names, outcomes, billed / answered / 1000 if answered else 0.0, complete)
