"""Leases: who is called next, by whom, and that it is written down before anybody is called.

Law: one transaction takes a batch of people; another, just before the switch is told, says once more of each that it
may be called now, and writes the attempt. What a rule says (consent, do-not-call, the gap, the day's attempts) is
looked up here, in both; when and over which gateway is the caller's ``judge``. What becomes of an attempt is
``store.attempts``'s.

Two attempts at one number are never open at once: a unique index over open attempts refuses the second, whatever
campaign it is of. A dialler that slept through its lease is refused by :func:`send`, which holds the lease while it
writes; so nobody is called by two.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from ivr.store.ledger import Book, Ledger, Row

#: A person whose number is in another attempt is looked at again after this.
BESIDE_S: Final = 60
#: As `per_day` counts: longer than any local day.
DAY_H: Final = 26


@dataclass(frozen=True, slots=True)
class Terms:
    """A campaign's rules, as far as they are looked up in the database."""

    campaign: str
    version: int
    consent_required: bool
    per_day: int
    gap: timedelta
    day_began: Callable[[str], datetime]  # zone of a contact -> when its local day began
    lease: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Candidate:
    contact_id: str
    number: str
    zone: str
    attempts: int
    fence: int
    consent: str
    language: str
    name: str
    facts: str  # JSON


@dataclass(frozen=True, slots=True)
class Go:
    gateway: str
    caller_id: str


@dataclass(frozen=True, slots=True)
class Later:
    at: datetime


@dataclass(frozen=True, slots=True)
class Never:
    """``outcome`` of the person as a whole: do_not_call | no_consent | removed | ..."""

    outcome: str


Verdict = Go | Later | Never
Judge = Callable[[Candidate], Verdict]


@dataclass(frozen=True, slots=True)
class Lease:
    attempt_id: str
    campaign: str
    version: int
    gateway: str
    caller_id: str
    leased_at: datetime
    person: Candidate

    @property
    def fence(self) -> int:
        return self.person.fence + 1


def listed(number: str, campaign: str, postgres: bool) -> str:
    """SQL: the number, or a beginning of it, is on the do-not-call list of all campaigns or of this one.

    Only beginnings as long as some prefix that is listed are looked up: two or three keys of the index, and none
    where no prefix is listed.
    """
    if postgres:
        lengths = "(SELECT array_agg(DISTINCT length(number)) FROM dnc WHERE is_prefix = 1)"
        among = f"= ANY(ARRAY(SELECT substr({number}, 1, l) FROM unnest({lengths}) l))"
        some = "EXISTS (SELECT 1 FROM dnc WHERE is_prefix = 1) AND "
    else:
        lengths = "(SELECT DISTINCT length(number) AS l FROM dnc WHERE is_prefix = 1)"
        among = f"IN (SELECT substr({number}, 1, l) FROM {lengths})"
        some = ""
    # Asked apart: each is one look into one index, the second into that of the few prefixes. With OFFSET, PostgreSQL
    # cannot make of the first a table of the whole list in memory, as it did for ten numbers.
    alone = " OFFSET 0" if postgres else ""
    scope = f"dnc.scope IN ('-', {campaign})"
    return (
        f"(EXISTS (SELECT 1 FROM dnc WHERE {scope} AND dnc.number = {number}{alone})"
        f" OR {some}EXISTS (SELECT 1 FROM dnc WHERE dnc.is_prefix = 1 AND dnc.number {among} AND {scope}))"
    )


_PRIORITIES: Final = """
WITH RECURSIVE p(v) AS (
  SELECT min(priority) FROM campaign_contact WHERE campaign = :campaign AND state = 'waiting'
  UNION ALL
  SELECT (SELECT min(priority) FROM campaign_contact
          WHERE campaign = :campaign AND state = 'waiting' AND priority > p.v) FROM p WHERE p.v IS NOT NULL
) SELECT v FROM p WHERE v IS NOT NULL
"""
#: Locked before anything is looked up: what others hold is skipped, and costs nothing more.
_HELD_POSTGRES: Final = """
WITH cc AS MATERIALIZED (SELECT ctid AS key, contact_id, number, zone, attempts, fence, campaign, next_at, wished_at
FROM campaign_contact WHERE {waits} ORDER BY next_at LIMIT {look} FOR UPDATE SKIP LOCKED)
"""
_WAITS: Final = "campaign = :campaign AND state = 'waiting' AND priority = :priority AND next_at <= :now"
_DUE: Final = """
SELECT cc.{key}, cc.contact_id, cc.number, cc.zone, cc.attempts, cc.fence, c.consent, c.language, c.name, c.facts,
       {listed},
       {recent},
       cc.wished_at IS NOT NULL,
       c.contact_id IS NULL
FROM {held} LEFT JOIN contact c ON c.contact_id = cc.contact_id
ORDER BY cc.next_at
"""
_RECENT: Final = (
    "FROM dial_attempt a WHERE a.number = cc.number AND a.leased_at > :since"
    " AND (a.outcome IS NULL OR a.outcome <> 'not_attempted')"
)


@lru_cache(maxsize=64)
def _due(look: int, postgres: bool) -> str:
    """``look`` stands in the statement: so its plan can be kept, and is the right one."""
    said = listed("cc.number", "cc.campaign", postgres)
    if postgres:
        recent = f"ARRAY(SELECT a.leased_at {_RECENT})"
        held = _HELD_POSTGRES.format(waits=_WAITS, look=int(look))
        return held + _DUE.format(key="key", listed=said, recent=recent, held="cc")
    recent = f"(SELECT group_concat(a.leased_at, '|') {_RECENT})"
    held = f"(SELECT * FROM campaign_contact WHERE {_WAITS} ORDER BY next_at LIMIT {int(look)}) cc"
    return _DUE.format(key="contact_id", listed=said, recent=recent, held=held)


_LEASED: Final = "state = 'leased', owner = :owner, lease_until = :until, fence = fence + 1"
#: By the places of rows, which :data:`_DUE` has locked: they cannot move meanwhile, and no index is asked again.
_LEASE_POSTGRES: Final = f"""
UPDATE campaign_contact SET {_LEASED}, attempt_id = gen_random_uuid()::text
WHERE ctid = ANY(CAST(:keys AS tid[])) RETURNING contact_id, attempt_id
"""
_LEASE_SQLITE: Final = f"""
UPDATE campaign_contact SET {_LEASED}, attempt_id = :attempt WHERE campaign = :campaign AND contact_id = :key
"""
_MOVE: Final = """
UPDATE campaign_contact SET state = :state, next_at = :at, outcome = coalesce(:outcome, outcome)
WHERE campaign = :campaign AND contact_id = :contact
"""
#: Nobody adopts them while they are held. Whether they may be is a column: as a condition, it made the database read
#: all that are leased rather than these.
_HOLD: Final = """
SELECT attempt_id, wished_at IS NOT NULL, state = 'leased' AND owner = :owner AND lease_until > :now
  AND EXISTS (SELECT 1 FROM campaign WHERE campaign = :campaign AND state = 'running')
FROM campaign_contact WHERE campaign = :campaign
"""
_COLUMNS: Final = (
    "attempt_id, campaign, contact_id, number, number_of, version, gateway, caller_id, owner, fence, consent"
)
_TIMES: Final = "leased_at, sent_at"
#: In the order of numbers: two that want the same ones wait for each other in turn, and never in a circle.
_WRITE_POSTGRES: Final = f"""
INSERT INTO dial_attempt ({_COLUMNS}, {_TIMES})
SELECT attempt_id, :campaign, contact_id, number, nth, version, gateway, caller_id, :owner, fence, consent,
  :leased, :now
FROM json_to_recordset(CAST(:given AS json)) AS given(attempt_id text, contact_id text, number text, nth int,
  version int, gateway text, caller_id text, fence int, consent text)
WHERE NOT {listed("given.number", ":campaign", postgres=True)}
ORDER BY number
ON CONFLICT (number) WHERE outcome IS NULL DO NOTHING
RETURNING attempt_id
"""
_WRITE_SQLITE: Final = f"""
INSERT INTO dial_attempt ({_COLUMNS}, {_TIMES})
SELECT :attempt_id, :campaign, :contact_id, :number, :nth, :version, :gateway, :caller_id, :owner, :fence, :consent,
  :leased, :now
WHERE NOT {listed(":number", ":campaign", postgres=False)}
ON CONFLICT (number) WHERE outcome IS NULL DO NOTHING
"""
#: After they were written, because from then on nobody else begins an attempt at these numbers: whatever was called
#: before, or since the rules were looked up for the lease, is seen by now.
_TAKE_BACK: Final = """
DELETE FROM dial_attempt WHERE EXISTS (SELECT 1 FROM dial_attempt other WHERE other.number = dial_attempt.number
  AND other.attempt_id <> dial_attempt.attempt_id AND other.sent_at > :since AND other.outcome <> 'not_attempted')
"""
#: Looked at again at once; who is in another attempt, when that may be over.
_GIVE_BACK: Final = """
UPDATE campaign_contact SET state = 'waiting', owner = NULL, lease_until = NULL, attempt_id = NULL, next_at =
  CASE WHEN EXISTS (SELECT 1 FROM dial_attempt a WHERE a.number = campaign_contact.number AND a.outcome IS NULL)
  THEN :beside ELSE :now END
WHERE campaign = :campaign AND state = 'leased' AND owner = :owner
  AND NOT EXISTS (SELECT 1 FROM dial_attempt a WHERE a.attempt_id = campaign_contact.attempt_id)
"""
_RENEW: Final = "UPDATE campaign_contact SET lease_until = :until WHERE state = 'leased' AND owner = :owner"


def priorities(ledger: Ledger, campaign: str) -> list[int]:
    """Those that waiting people of the campaign have, first first: a few steps in an index, however many wait."""
    with ledger.transaction(read_only=True) as book:
        return [row[0] for row in book.all(_PRIORITIES, campaign=campaign)]


def take(
    ledger: Ledger, terms: Terms, priority: int, *, owner: str, most: int, now: datetime, judge: Judge, look: int = 0
) -> tuple[list[Lease], int]:
    """Up to ``most`` leases, and how many people were looked at (``look`` at most, where that is more than ``most``):
    those who may not be called now are moved on.

    Raises the database's errors; then nothing was leased.
    """
    with ledger.transaction() as book:
        since = now - max(terms.gap, timedelta(hours=DAY_H))
        sql = _due(max(most, look), book.postgres)
        rows = book.all(sql, campaign=terms.campaign, priority=priority, now=now, since=since)
        if not rows:
            return [], 0
        wanted: list[tuple[str, Candidate, Go]] = []
        moved: list[tuple[Candidate, Later | Never]] = []
        taken: set[str] = set()
        for key, *of_person, is_listed, found, wished, is_gone in rows:
            if len(wanted) == most:
                break
            person = _person(of_person)
            if is_gone:  # from the list, while a call was made
                moved.append((person, Never("removed")))
                continue
            beside = Later(now + timedelta(seconds=BESIDE_S)) if person.number in taken else None
            # Who asked to be called at this time is: gap and attempts a day protect from calls that nobody asked for.
            recent = [] if wished else _times(book, found)
            verdict = beside or _ruled(person, bool(is_listed), recent, terms, now) or judge(person)
            if isinstance(verdict, Go):
                taken.add(person.number)
                wanted.append((key, person, verdict))
            else:
                moved.append((person, verdict))
        leases = _lease(book, terms, owner, now, wanted) if wanted else []
        book.do_each(_MOVE, [_move(terms.campaign, person, verdict) for person, verdict in moved])
    return leases, len(rows)


def send(ledger: Ledger, leases: Sequence[Lease], *, owner: str, gap: timedelta, now: datetime) -> list[Lease]:
    """Those of one campaign that are to be called this very moment: their attempts are written. The others must not be
    called, and wait again.

    Not sent are: a campaign that is not running any more, a number that was put on the do-not-call list, one that is
    being called or was called meanwhile, a lease that ran out. Raises the database's errors; then none may be called.
    """
    if not leases:
        return []
    by_id = {lease.attempt_id: lease for lease in leases}
    shared = {"campaign": leases[0].campaign, "owner": owner, "now": now}
    with ledger.transaction() as book:
        which, people = book.among("contact_id", "people", [lease.person.contact_id for lease in leases])
        hold = f"{_HOLD} AND {which}{' FOR KEY SHARE' if book.postgres else ''}"
        held = [row for row in book.all(hold, **shared, **people) if row[2] and row[0] in by_id]
        sent = _write(book, [by_id[row[0]] for row in held], shared)
        if unasked := [row[0] for row in held if row[0] in sent and not row[1]]:
            these, names = book.among("attempt_id", "ids", unasked)
            since = min(now - gap, *(lease.leased_at for lease in leases))
            found = book.all(f"{_TAKE_BACK} AND {these} RETURNING attempt_id", since=since, **names)
            sent -= {row[0] for row in found}
        if unsent := [attempt_id for attempt_id in by_id if attempt_id not in sent]:
            these, names = book.among("attempt_id", "ids", unsent)
            book.do(f"{_GIVE_BACK} AND {these}", **shared, beside=now + timedelta(seconds=BESIDE_S), **names)
    return [lease for lease in leases if lease.attempt_id in sent]


def renew(ledger: Ledger, attempts: Sequence[str], *, owner: str, until: datetime) -> None:
    """Calls that go on keep their lease."""
    if attempts:
        with ledger.transaction() as book:
            which, ids = book.among("attempt_id", "ids", attempts)
            book.do(f"{_RENEW} AND {which}", owner=owner, until=until, **ids)


# -- the parts of `take` -------------------------------------------------------------------------------------------


def _ruled(
    person: Candidate, is_listed: bool, recent: Sequence[datetime], terms: Terms, now: datetime
) -> Later | Never | None:
    """What the rules of the store say; None: they have nothing against it."""
    if is_listed:
        return Never("do_not_call")
    if terms.consent_required and not person.consent:
        return Never("no_consent")
    if not recent:
        return None
    if (free_at := max(recent) + terms.gap) > now:
        return Later(free_at)
    began = terms.day_began(person.zone)
    if sum(at >= began for at in recent) >= terms.per_day:
        return Later(began + timedelta(days=1, hours=1))  # after a day of 25 hours too; the judge knows the window
    return None


def _times(book: Book, found: Any) -> list[datetime]:
    if not found:
        return []
    times = [book.time(each) for each in (found if book.postgres else found.split("|"))]
    return [at for at in times if at is not None]


def _person(row: Row) -> Candidate:
    contact_id, number, zone, attempts, fence, consent, language, name, facts = row
    return Candidate(
        *(contact_id, number, zone or "", attempts or 0, fence or 0),
        *(consent or "", language or "", name or "", facts or ""),
    )


def _lease(
    book: Book, terms: Terms, owner: str, now: datetime, wanted: Sequence[tuple[str, Candidate, Go]]
) -> list[Lease]:
    shared = {"owner": owner, "until": now + terms.lease}
    if book.postgres:
        keys = '","'.join(key for key, _, _ in wanted)  # the driver takes longer to write an array than to send it
        rows = book.all(_LEASE_POSTGRES, **shared, keys=f'{{"{keys}"}}')
        ids: dict[str, str] = {row[0]: row[1] for row in rows}
    else:
        ids = {person.contact_id: str(uuid.uuid4()) for _, person, _ in wanted}
        book.do_each(
            _LEASE_SQLITE, [{**shared, "campaign": terms.campaign, "key": k, "attempt": a} for k, a in ids.items()]
        )
    return [
        Lease(ids[person.contact_id], terms.campaign, terms.version, go.gateway, go.caller_id, now, person)
        for _, person, go in wanted
        if person.contact_id in ids
    ]


def _write(book: Book, leases: Sequence[Lease], shared: Mapping[str, Any]) -> set[str]:
    """Which attempts were written: those whose number may be called, and is in no other attempt."""
    if not leases:
        return set()
    given = [
        {"attempt_id": each.attempt_id, "contact_id": each.person.contact_id, "number": each.person.number}
        | {"nth": each.person.attempts + 1, "version": each.version, "gateway": each.gateway}
        | {"caller_id": each.caller_id, "fence": each.fence, "consent": each.person.consent}
        for each in leases
    ]
    if book.postgres:
        leased = min(each.leased_at for each in leases)
        return {row[0] for row in book.all(_WRITE_POSTGRES, **shared, leased=leased, given=json.dumps(given))}
    return {
        lease.attempt_id
        for lease, row in zip(leases, given, strict=True)
        if book.do(_WRITE_SQLITE, **shared, leased=lease.leased_at, **row)
    }


def _move(campaign: str, person: Candidate, verdict: Later | Never) -> dict[str, Any]:
    row: dict[str, Any] = {"campaign": campaign, "contact": person.contact_id}
    if isinstance(verdict, Never):
        return {**row, "state": "done", "at": None, "outcome": verdict.outcome}
    return {**row, "state": "waiting", "at": verdict.at, "outcome": None}
