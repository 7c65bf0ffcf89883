"""Selection: which runs are meant, by survey or launch, how they ended and when they began.

Law: names and conditions of SQL; reads names only, no answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from ivr.store.rows import RANKS
from ivr.store.schema import call, launch, survey_definition, survey_run

#: A run that another call went on with: that call's run has its answers again.
RESUMED = "resumed"
STATUSES = tuple(RANKS)


class NothingToExport(ValueError):
    """The name is of no survey and no launch, or of both; the message says what to write."""


@dataclass(frozen=True)
class Selection:
    """Empty means all. Without ``statuses`` every run but those that another call went on with."""

    survey: str = ""
    launch: str = ""
    statuses: tuple[str, ...] = ()
    since: datetime | None = None

    def runs(self) -> ColumnElement[bool]:
        conditions: list[ColumnElement[bool]] = []
        if self.survey:
            conditions.append(survey_run.c.survey == self.survey)
        if self.launch:
            # The index on launches leaves out the runs without one; the second condition lets SQLite see that it fits.
            conditions += [survey_run.c.launch == self.launch, survey_run.c.launch != ""]
        conditions.append(status().in_(self.statuses) if self.statuses else survey_run.c.status != RESUMED)
        if self.since:
            conditions.append(func.coalesce(survey_run.c.begun_at, survey_run.c.at) >= self.since)
        return and_(*conditions)


def status() -> ColumnElement[str]:
    """How a run ended; one whose call is over without an end of its own counts as partial. Needs ``call`` joined."""
    over = and_(survey_run.c.status == "begun", call.c.ended_at.is_not(None))
    return case((over, "partial"), else_=survey_run.c.status).label("status")


def named(connection: Connection, name: str) -> Selection:
    """The survey or the launch that ``name`` is. ``survey:x`` and ``launch:x`` say which. Raises NothingToExport."""
    kind, colon, rest = name.partition(":")
    if colon and kind in ("survey", "launch"):
        found = {kind} if kind in _kinds(connection, rest) else set()
        name = rest
    else:
        found = _kinds(connection, name)
    if len(found) > 1:
        raise NothingToExport(f"{name!r} is a survey and a launch; write survey:{name} or launch:{name}")
    if not found:
        raise NothingToExport(f"no survey and no launch {name!r} in this database{_known(connection)}")
    return Selection(launch=name) if found == {"launch"} else Selection(survey=name)


def _kinds(connection: Connection, name: str) -> set[str]:
    places = {
        "survey": (survey_run.c.survey == name, survey_definition.c.survey == name),
        "launch": (and_(survey_run.c.launch == name, survey_run.c.launch != ""), launch.c.launch == name),
    }
    return {
        kind
        for kind, conditions in places.items()
        if name and any(connection.execute(select(1).where(where).limit(1)).first() for where in conditions)
    }


def _known(connection: Connection) -> str:
    surveys = connection.scalars(select(survey_definition.c.survey).distinct().order_by("survey").limit(10)).all()
    return f"; there are {', '.join(filter(None, surveys))}" if any(surveys) else ""
