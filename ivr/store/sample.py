"""Sample: everybody on a campaign's lists, with what the database knows that bears on whether they may be called; and
how they become the campaign's.

Law: read in the order of numbers, a few thousand at a time, so that memory stays flat and a number that is on two
lists stands beside itself. What follows from it is ``campaign.scrub``'s.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, false, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ivr.store.schema import campaign_contact, contact, dial_attempt, dnc

#: People that are read, or written, at once.
CHUNK: Final = 2_000
#: Longer than any local day.
_DAY: Final = timedelta(hours=26)
#: With this outcome nobody was called.
_UNCALLED: Final = "not_attempted"


_TEXTS: Final = ("list", "name", "language", "zone", "consent", "facts")


@dataclass(frozen=True, slots=True)
class Known:
    """A contact, and what is known of its number."""

    contact_id: str
    list: str
    number: str
    name: str
    language: str
    zone: str
    consent: str
    facts: str  # JSON
    state: str = ""  # in this campaign; "": not in it yet
    outcome: str = ""
    next_at: datetime | None = None
    attempts: int = 0
    listed: str = ""  # "scope: reason" of the do-not-call list, "" when it is not on it
    never: str = ""  # outcome for which no campaign calls the number again
    #: Attempts at the number within the last day or the gap, over all campaigns; none where the next call is one that
    #: the person asked for, which neither holds up.
    recent: tuple[datetime, ...] = ()


def count(connection: Connection, lists: Sequence[str]) -> int:
    return connection.scalar(select(func.count()).select_from(contact).where(_on(lists))) or 0


def by_list(connection: Connection, lists: Sequence[str]) -> dict[str, int]:
    query = select(contact.c.list, func.count()).where(_on(lists)).group_by(contact.c.list)
    return {row[0]: row[1] for row in connection.execute(query)}


def facts(connection: Connection, lists: Sequence[str]) -> Iterator[str]:
    """The facts of everybody, as JSON, in no order; who reads on no further costs no more."""
    query = select(contact.c.facts).where(_on(lists)).execution_options(yield_per=CHUNK)
    with connection.execute(query) as found:
        yield from found.scalars()


def _on(lists: Sequence[str]) -> Any:
    """Of no lists: everybody."""
    return contact.c.list.in_(list(lists)) if lists else contact.c.contact_id != ""


def everybody(
    connection: Connection, campaign: str, lists: Sequence[str], final: Sequence[str], now: datetime, gap: timedelta
) -> Iterator[list[Known]]:
    """In chunks, by number. ``final``: outcomes for which no campaign calls a number again."""
    prefixes = _prefixes(connection, campaign)
    streams = [_of_list(connection, name) for name in sorted(lists or by_list(connection, lists))]
    rows = heapq.merge(*streams, key=lambda row: str(row["number"]))
    while held := list(islice(rows, CHUNK)):
        numbers = [row["number"] for row in held]
        mine = _mine(connection, campaign, [row["contact_id"] for row in held])
        listed = _listed(connection, campaign, numbers)
        recent = _recent(connection, numbers, now - max(gap, _DAY))
        never = _never(connection, numbers, final)
        yield [
            _known(
                row,
                mine.get(row["contact_id"]),
                listed.get(row["number"]) or _by_prefix(row["number"], prefixes),
                never.get(row["number"], ""),
                recent.get(row["number"], ()),
            )
            for row in held
        ]


def _of_list(connection: Connection, name: str) -> Iterator[Any]:
    """People of one list by number, which the index of lists and numbers has ready: nothing is ever sorted."""
    query = select(contact).where(contact.c.list == name).order_by(contact.c.number).limit(CHUNK)
    last = ""
    while rows := connection.execute(query.where(contact.c.number > last)).mappings().all():
        yield from rows
        last = rows[-1]["number"]


# What else is known is asked by key, for a chunk at a time: of a join PostgreSQL makes whole tables, chunk by chunk,
# as long as it has no statistics of a campaign that is just being filled.


def _mine(connection: Connection, campaign: str, ids: Sequence[str]) -> dict[str, Any]:
    table = campaign_contact.c
    of = (table.contact_id, table.state, table.outcome, table.next_at, table.attempts, table.wished_at)
    query = select(*of).where(table.campaign == campaign, table.contact_id.in_(ids))
    return {row.contact_id: row for row in connection.execute(query)}


def _listed(connection: Connection, campaign: str, numbers: Sequence[str]) -> dict[str, str]:
    """Of one that is listed for all campaigns and for this one, all campaigns is said."""
    query = select(dnc.c.scope, dnc.c.number, dnc.c.reason).where(
        dnc.c.scope.in_(["-", campaign]), dnc.c.number.in_(numbers)
    )
    found = sorted(connection.execute(query).all(), key=lambda row: row.scope == "-")
    return {row.number: _told(row.scope, row.reason) for row in found}


def _never(connection: Connection, numbers: Sequence[str], final: Sequence[str]) -> dict[str, str]:
    table = dial_attempt.c
    query = select(table.number, table.outcome).where(table.number.in_(numbers), table.outcome.in_(list(final)))
    return {row.number: row.outcome for row in connection.execute(query)}


def _by_prefix(number: str, prefixes: dict[str, str]) -> str:
    if not prefixes:
        return ""
    beginning = next((number[:n] for n in range(len(number), 0, -1) if number[:n] in prefixes), "")
    return f"{prefixes[beginning]} (numbers that begin with {beginning})" if beginning else ""


def _prefixes(connection: Connection, campaign: str) -> dict[str, str]:
    """Beginnings of numbers that are not called -> "scope: reason". There are few of them: they fit in memory."""
    query = select(dnc.c.number, dnc.c.scope, dnc.c.reason).where(
        dnc.c.is_prefix == 1, dnc.c.scope.in_(["-", campaign])
    )
    return {row[0]: _told(row[1], row[2]) for row in connection.execute(query)}


def _told(scope: str, reason: str | None) -> str:
    return f"{'all campaigns' if scope == '-' else 'this campaign'}: {reason or 'no reason given'}"


def _recent(connection: Connection, numbers: Sequence[str], since: datetime) -> dict[str, list[datetime]]:
    found: dict[str, list[datetime]] = {}
    if numbers:
        table = dial_attempt.c
        counted = or_(table.outcome.is_(None), table.outcome != _UNCALLED)
        query = select(table.number, table.leased_at).where(
            table.number.in_(list(numbers)), table.leased_at > since, counted
        )
        for number, at in connection.execute(query.order_by(table.leased_at)):
            found.setdefault(number, []).append(at)
    return found


def _known(row: Any, mine: Any, listed: str, never: str, recent: Sequence[datetime]) -> Known:
    return Known(
        contact_id=row["contact_id"],
        number=row["number"],
        **{name: row[name] or "" for name in _TEXTS},
        state=(mine.state or "") if mine else "",
        outcome=(mine.outcome or "") if mine else "",
        next_at=mine.next_at if mine else None,
        attempts=(mine.attempts or 0) if mine else 0,
        listed=listed,
        never=never,
        recent=() if mine and mine.wished_at else tuple(recent),
    )


# -- into the campaign -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """How a contact stands in the campaign from now on: waiting from ``next_at`` on, or done with ``outcome``."""

    contact_id: str
    number: str
    zone: str
    next_at: datetime | None
    outcome: str = ""


def put(engine: Engine, campaign: str, priority: int, places: Sequence[Place], again: Sequence[str] = ()) -> int:
    """Those who are not in it yet; gives how many there are. Those who wait and were never called, or are done with an
    outcome of ``again`` (they were left out), stand as ``places`` says; all others stay. Harmless to repeat."""
    if not places:
        return 0
    table = campaign_contact
    rows = [
        {
            **{"campaign": campaign, "contact_id": p.contact_id, "number": p.number, "zone": p.zone},
            **{"state": "done" if p.next_at is None else "waiting", "next_at": p.next_at, "priority": priority},
            **{"attempts": 0, "outcome": p.outcome or None, "fence": 0},
        }
        for p in places
    ]
    with engine.begin() as connection:
        postgres = connection.dialect.name == "postgresql"
        adding: Any = (postgresql.insert if postgres else sqlite.insert)(table)
        before = _held(connection, campaign, rows)
        adding = adding.on_conflict_do_update(
            index_elements=["campaign", "contact_id"],
            set_={name: adding.excluded[name] for name in ("state", "next_at", "priority", "zone", "outcome")}
            | {"wished_at": None},
            where=or_(
                # Who asked to be called at a time is called then, whatever is edited meanwhile.
                and_(table.c.state == "waiting", table.c.attempts == 0, table.c.wished_at.is_(None)),
                # Not IN: SQLAlchemy has no lists in a statement of many rows.
                and_(table.c.state == "done", or_(false(), *(table.c.outcome == word for word in again))),
            ),
        )
        connection.execute(adding, rows)
        return len(rows) - before


def _held(connection: Connection, campaign: str, rows: Sequence[dict[str, Any]]) -> int:
    table = campaign_contact.c
    ids = [row["contact_id"] for row in rows]
    query = select(func.count()).where(table.campaign == campaign, table.contact_id.in_(ids))
    return connection.scalar(query) or 0


def leave_out(engine: Engine, campaign: str, contacts: Sequence[str], outcome: str) -> int:
    """Those of ``contacts`` who wait in the campaign wait no more; gives how many there were."""
    if not contacts:
        return 0
    table = campaign_contact
    waiting = and_(table.c.campaign == campaign, table.c.state == "waiting", table.c.contact_id.in_(list(contacts)))
    with engine.begin() as connection:
        return connection.execute(update(table).where(waiting).values(state="done", outcome=outcome)).rowcount


def leave_out_lists(engine: Engine, campaign: str, lists: Sequence[str], outcome: str) -> int:
    """The same of everybody who is on none of ``lists``, or on no list any more."""
    if not lists:
        return 0
    table = campaign_contact
    on = select(contact.c.contact_id).where(contact.c.contact_id == table.c.contact_id, _on(lists)).exists()
    waiting = and_(table.c.campaign == campaign, table.c.state == "waiting", ~on)
    with engine.begin() as connection:
        return connection.execute(update(table).where(waiting).values(state="done", outcome=outcome)).rowcount


def set_priority(connection: Connection, campaign: str, priority: int) -> None:
    table = campaign_contact
    others = and_(table.c.campaign == campaign, table.c.state == "waiting", table.c.priority != priority)
    connection.execute(update(table).where(others).values(priority=priority))
