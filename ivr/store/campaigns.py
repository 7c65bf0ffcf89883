"""Campaigns in the store: their state, their versions, and who did what when.

Law: every change is one transaction that locks the campaign's row, asks ``decide`` whether it may be, writes it and
its row of `campaign_audit`: of two people who press a key at once the second sees what the first did. What a state
means is ``campaign.life``'s. A version is written once.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, func, select, text, update
from sqlalchemy.exc import IntegrityError

from ivr.store.schema import campaign, campaign_audit, campaign_contact, campaign_version, survey_run

#: PostgreSQL tells listeners on this channel the name of a campaign whose state has changed.
CHANNEL: Final = "callweave_campaign"
#: The version that is not frozen yet.
DRAFT: Final = 0
#: state -> the state after the move; raises what it likes when there is none.
Decide = Callable[[str], str]


class CampaignError(ValueError):
    """The campaign is not there, or cannot be changed so; in words."""


class Taken(CampaignError):
    """There is a campaign of that name, in this state."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"there is a campaign {name} already, {state}")
        self.state = state


@dataclass(frozen=True)
class CampaignRow:
    name: str
    title: str
    state: str
    version: int
    priority: int
    created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Version:
    version: int
    json: Mapping[str, Any]  # campaign.model.Campaign
    launch: str
    content_hash: str
    by: str
    at: datetime | None


@dataclass(frozen=True)
class Audit:
    number: int
    at: datetime | None
    by: str
    what: str
    told: Mapping[str, Any]


@dataclass(frozen=True)
class Who:
    """Who does it, and when."""

    by: str
    at: datetime


# -- reading -------------------------------------------------------------------------------------------------------


def read(connection: Connection, name: str) -> CampaignRow:
    """Raises CampaignError."""
    row = connection.execute(select(campaign).where(campaign.c.campaign == name)).mappings().first()
    if row is None:
        raise CampaignError(f"there is no campaign {name}; ivr campaign list shows them")
    return _row(row)


def every(connection: Connection, *, archived: bool = False) -> list[CampaignRow]:
    """By priority, then the newest first."""
    query = select(campaign).order_by(campaign.c.priority, campaign.c.created_at.desc(), campaign.c.campaign)
    if not archived:
        query = query.where(campaign.c.state != "archived")
    return [_row(row) for row in connection.execute(query).mappings()]


def state_of(connection: Connection, name: str) -> str:
    """Nothing when there is none: what a dialler asks before each lease, one row by its key."""
    return connection.scalar(select(campaign.c.state).where(campaign.c.campaign == name)) or ""


def _row(row: Any) -> CampaignRow:
    return CampaignRow(
        *(row["campaign"], row["title"] or "", row["state"], row["version"] or 0, row["priority"] or 0),
        *(row["created_at"], row["started_at"], row["ended_at"]),
    )


def version(connection: Connection, name: str, number: int | None = None) -> Version:
    """The version of that number; None: the one that holds now, the draft before it was started."""
    if number is None:
        number = read(connection, name).version
    table = campaign_version.c
    query = select(campaign_version).where(table.campaign == name, table.version == number)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise CampaignError(f"campaign {name} has no version {number}")
    return _version(row)


def versions(connection: Connection, name: str) -> list[Version]:
    """Those that people were called with, the oldest first."""
    table = campaign_version.c
    query = select(campaign_version).where(table.campaign == name, table.version > DRAFT).order_by(table.version)
    return [_version(row) for row in connection.execute(query).mappings()]


def _version(row: Any) -> Version:
    held = json.loads(row["json"] or "{}")
    return Version(row["version"], held, row["launch"] or "", row["content_hash"] or "", row["by"] or "", row["at"])


def audit(connection: Connection, name: str) -> list[Audit]:
    """Everything that was done to it, the oldest first."""
    query = select(campaign_audit).where(campaign_audit.c.campaign == name).order_by(campaign_audit.c.number)
    return [audit_of(row) for row in connection.execute(query).mappings()]


def audit_of(row: Any) -> Audit:
    return Audit(row["number"], row["at"], row["by"] or "", row["what"] or "", json.loads(row["json"] or "{}"))


# -- changing ------------------------------------------------------------------------------------------------------


def create(engine: Engine, made: CampaignRow, draft: Version, who: Who) -> None:
    """A draft. Raises Taken when there is one of that name."""
    try:
        with engine.begin() as connection:
            row = {"campaign": made.name, "title": made.title, "state": made.state, "version": DRAFT}
            connection.execute(campaign.insert(), {**row, "priority": made.priority, "created_at": who.at})
            _write_version(connection, made.name, draft)
            _note(connection, made.name, who, "create", {"content": draft.content_hash})
    except IntegrityError:
        with engine.connect() as connection:
            there = state_of(connection, made.name)
        if not there:
            raise
        raise Taken(made.name, there) from None


def change(
    engine: Engine,
    name: str,
    what: str,
    who: Who,
    decide: Decide,
    told: Mapping[str, Any] | None = None,
    then: Callable[[Connection, CampaignRow], Mapping[str, Any]] | None = None,
) -> CampaignRow:
    """One move, with its row of the audit; gives the campaign as it is afterwards.

    ``then`` does what belongs to the move, in its transaction, and gives columns of `campaign` that change with it.
    Raises CampaignError and what ``decide`` and ``then`` raise; then nothing is changed.
    """
    with engine.begin() as connection:
        before = _locked(connection, name)
        after = decide(before.state)
        values: dict[str, Any] = {"state": after, **(then(connection, before) if then else {})}
        if after == "running" and before.started_at is None:
            values["started_at"] = who.at
        if after == "done":
            values["ended_at"] = who.at
        connection.execute(update(campaign).where(campaign.c.campaign == name).values(values))
        _note(connection, name, who, what, {"from": before.state, "to": after, **(told or {})})
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_notify(:channel, :name)"), {"channel": CHANNEL, "name": name})
        return read(connection, name)


def _locked(connection: Connection, name: str) -> CampaignRow:
    """On SQLite the transaction began IMMEDIATE: nobody else writes."""
    query = select(campaign).where(campaign.c.campaign == name).with_for_update()
    row = connection.execute(query).mappings().first()
    if row is None:
        raise CampaignError(f"there is no campaign {name}; ivr campaign list shows them")
    return _row(row)


def put_draft(connection: Connection, name: str, draft: Version) -> None:
    """Instead of the draft that was there. In a transaction of ``change``."""
    table = campaign_version
    connection.execute(table.delete().where(table.c.campaign == name, table.c.version == DRAFT))
    _write_version(connection, name, draft)


def put_version(connection: Connection, name: str, made: Version) -> None:
    """A version that people are called with. In a transaction of ``change``."""
    _write_version(connection, name, made)


def _write_version(connection: Connection, name: str, made: Version) -> None:
    row = {
        **{"campaign": name, "version": made.version, "json": json.dumps(made.json, ensure_ascii=False)},
        **{"launch": made.launch, "content_hash": made.content_hash, "by": made.by, "at": made.at},
    }
    connection.execute(campaign_version.insert(), row)


def _note(connection: Connection, name: str, who: Who, what: str, told: Mapping[str, Any]) -> None:
    last = connection.scalar(select(func.max(campaign_audit.c.number)).where(campaign_audit.c.campaign == name)) or 0
    row = {"campaign": name, "number": last + 1, "at": who.at, "by": who.by, "what": what}
    connection.execute(campaign_audit.insert(), {**row, "json": json.dumps(told, ensure_ascii=False)})


def left(connection: Connection, name: str) -> dict[str, int]:
    """How many people of the campaign are waiting, leased and done."""
    table = campaign_contact.c
    query = select(table.state, func.count()).where(table.campaign == name).group_by(table.state)
    found = {row[0]: row[1] for row in connection.execute(query)}
    return {state: found.get(state, 0) for state in ("waiting", "leased", "done")}


def anybody(connection: Connection, name: str) -> tuple[bool, bool]:
    """Whether anybody waits, and whether anybody is leased: two looks into an index, however many people there are."""
    table = campaign_contact.c

    def one(state: str) -> bool:
        query = select(table.contact_id).where(table.campaign == name, table.state == state).limit(1)
        return connection.execute(query).first() is not None

    return one("waiting"), one("leased")


def completes(connection: Connection, name: str) -> int:
    """Complete interviews of all its versions, those of people who called back too."""
    table = campaign_version.c
    names = connection.scalars(select(table.launch).where(table.campaign == name, table.launch != "")).all()
    run = survey_run.c
    query = select(func.count()).where(run.launch.in_(names), run.launch != "", run.status == "complete")
    return (connection.scalar(query) or 0) if names else 0


def next_version(connection: Connection, name: str) -> int:
    held = select(func.max(campaign_version.c.version)).where(campaign_version.c.campaign == name)
    return (connection.scalar(held) or 0) + 1


@contextmanager
def alone(engine: Engine, name: str, folder: Path) -> Iterator[None]:
    """Freezing and filling take longer than a transaction should: of two who start a campaign one is told so at once.

    The lock goes with its process. PostgreSQL keeps it for all machines; SQLite is of one machine, and there a file
    in ``folder`` does.
    """
    busy = f"somebody else starts or edits campaign {name} at this moment; look at ivr campaign status {name}"
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            key = {"name": f"campaign {name}"}
            if not connection.scalar(text("SELECT pg_try_advisory_lock(728933, hashtext(:name))"), key):
                raise CampaignError(busy)
            connection.commit()  # the lock is the session's, and no transaction stays open beside it
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(728933, hashtext(:name))"), key)
                connection.commit()
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CampaignError(busy) from None
        yield
