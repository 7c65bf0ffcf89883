"""Leases: who is called next, by whom, and that it is written down before anybody is called.

Law: one transaction takes a batch of people and writes their attempts; another, just before the switch is told, says
once more of each that it may be called now. What a rule says (consent, do-not-call, the gap, the day's attempts) is
looked up here, in that transaction; when and over which gateway is the caller's ``judge``. What becomes of an attempt
is ``store.attempts``'s.

Two attempts at one number are never open at once: a unique index over open attempts refuses the second, whatever
campaign it is of. A dialler that slept through its lease is refused by :func:`send`, which needs the attempt open and
the lease its own; so nobody is called by two.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
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
    """``outcome`` of the person as a whole: do_not_call | no_consent | ..."""

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
    until: datetime
    person: Candidate

    @property
    def fence(self) -> int:
        return self.person.fence + 1


def listed(number: str, campaign: str, postgres: bool) -> str:
    """SQL: the number, or a beginning of it, is on the do-not-call list of all campaigns or of this one.

    Only beginnings as long as some prefix that is listed are looked up: two or three keys of the table's index.
    """
    if postgres:
        lengths = "(SELECT array_agg(DISTINCT length(number)) FROM dnc WHERE is_prefix = 1)"
        among = f"= ANY(ARRAY(SELECT substr({number}, 1, l) FROM unnest({lengths}) l))"
    else:
        lengths = "(SELECT DISTINCT length(number) AS l FROM dnc WHERE is_prefix = 1)"
        among = f"IN (SELECT substr({number}, 1, l) FROM {lengths})"
    # Asked apart: each is one look into one index, the second into that of the few prefixes.
    scope = f"dnc.scope IN ('-', {campaign})"
    return (
        f"(EXISTS (SELECT 1 FROM dnc WHERE {scope} AND dnc.number = {number})"
        f" OR EXISTS (SELECT 1 FROM dnc WHERE dnc.is_prefix = 1 AND dnc.number {among} AND {scope}))"
    )


_PRIORITIES: Final = """
WITH RECURSIVE p(v) AS (
  SELECT min(priority) FROM campaign_contact WHERE campaign = :campaign AND state = 'waiting'
  UNION ALL
  SELECT (SELECT min(priority) FROM campaign_contact
          WHERE campaign = :campaign AND state = 'waiting' AND priority > p.v) FROM p WHERE p.v IS NOT NULL
) SELECT v FROM p WHERE v IS NOT NULL
"""
_DUE: Final = """
SELECT cc.contact_id, cc.number, cc.zone, cc.attempts, cc.fence, c.consent, c.language, c.name, c.facts,
       {listed},
       {recent},
       cc.wished_at IS NOT NULL
FROM campaign_contact cc JOIN contact c ON c.contact_id = cc.contact_id
WHERE cc.campaign = :campaign AND cc.state = 'waiting' AND cc.priority = :priority AND cc.next_at <= :now
ORDER BY cc.next_at LIMIT {look} {lock}
"""
_RECENT: Final = (
    "FROM dial_attempt a WHERE a.number = cc.number AND a.leased_at > :since"
    " AND (a.outcome IS NULL OR a.outcome <> 'not_attempted')"
)


@lru_cache(maxsize=64)
def _due(look: int, postgres: bool) -> str:
    """``look`` stands in the statement: so its plan can be kept, and is the right one."""
    if postgres:
        recent, lock = f"ARRAY(SELECT a.leased_at {_RECENT})", "FOR UPDATE OF cc SKIP LOCKED"
    else:
        recent, lock = f"(SELECT group_concat(a.leased_at, '|') {_RECENT})", ""
    return _DUE.format(listed=listed("cc.number", "cc.campaign", postgres), recent=recent, look=int(look), lock=lock)


_COLUMNS: Final = "attempt_id, campaign, contact_id, number, number_of, version, gateway, caller_id, owner, fence"
_LEASED: Final = "state = 'leased', owner = :owner, lease_until = :until"
#: In the order of numbers: two that want the same ones wait for each other in turn, and never in a circle. Rows are
#: found by an array of keys: joined with `claimed`, all people of the campaign were read for ten of them.
_CLAIM_POSTGRES: Final = f"""
WITH given AS (
  SELECT * FROM json_to_recordset(CAST(:given AS json)) AS g(attempt_id text, contact_id text, number text, nth int,
    gateway text, caller_id text, fence int, consent text)
), claimed AS (
  INSERT INTO dial_attempt ({_COLUMNS}, consent, leased_at)
  SELECT attempt_id, :campaign, contact_id, number, nth, :version, gateway, caller_id, :owner, fence, consent, :now
  FROM given ORDER BY number
  ON CONFLICT (number) WHERE outcome IS NULL DO NOTHING
  RETURNING attempt_id, contact_id, fence
)
UPDATE campaign_contact cc SET {_LEASED},
  (fence, attempt_id) = (SELECT fence, attempt_id FROM claimed WHERE claimed.contact_id = cc.contact_id)
WHERE cc.campaign = :campaign AND cc.contact_id = ANY(ARRAY(SELECT contact_id FROM claimed))
RETURNING cc.attempt_id
"""
_CLAIM_SQLITE: Final = f"""
INSERT INTO dial_attempt ({_COLUMNS}, consent, leased_at)
VALUES (:attempt, :campaign, :contact, :number, :nth, :version, :gateway, :caller, :owner, :fence, :consent, :now)
ON CONFLICT (number) WHERE outcome IS NULL DO NOTHING
"""
_LEASE_SQLITE: Final = f"""
UPDATE campaign_contact SET {_LEASED}, fence = :fence, attempt_id = :attempt
WHERE campaign = :campaign AND contact_id = :contact
"""
_MOVE: Final = """
UPDATE campaign_contact SET state = :state, next_at = :at, outcome = coalesce(:outcome, outcome)
WHERE campaign = :campaign AND contact_id = :contact
"""
_SEND: Final = """
UPDATE dial_attempt SET sent_at = :now
WHERE sent_at IS NULL AND outcome IS NULL AND owner = :owner
  AND EXISTS (SELECT 1 FROM campaign WHERE campaign.campaign = dial_attempt.campaign AND campaign.state = 'running')
  AND EXISTS (SELECT 1 FROM campaign_contact cc WHERE cc.campaign = dial_attempt.campaign
    AND cc.contact_id = dial_attempt.contact_id AND cc.state = 'leased' AND cc.fence = dial_attempt.fence
    AND cc.owner = :owner AND cc.lease_until > :now)
  AND NOT {listed}
  AND (NOT EXISTS (SELECT 1 FROM dial_attempt other WHERE other.number = dial_attempt.number
      AND other.attempt_id <> dial_attempt.attempt_id AND other.sent_at > :since AND other.outcome <> 'not_attempted')
    OR EXISTS (SELECT 1 FROM campaign_contact cc WHERE cc.campaign = dial_attempt.campaign
      AND cc.contact_id = dial_attempt.contact_id AND cc.wished_at IS NOT NULL))
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
        wanted: list[Lease] = []
        moved: list[tuple[Candidate, Later | Never]] = []
        taken: set[str] = set()
        for row in rows:
            if len(wanted) == most:
                break
            person = _person(row)
            beside = Later(now + timedelta(seconds=BESIDE_S)) if person.number in taken else None
            # Who asked to be called at this time is: gap and attempts a day protect from calls that nobody asked for.
            recent = [] if row[11] else _times(book, row[10])
            verdict = beside or _ruled(person, bool(row[9]), recent, terms, now) or judge(person)
            if isinstance(verdict, Go):
                taken.add(person.number)
                wanted.append(_lease(person, verdict, terms, now))
            else:
                moved.append((person, verdict))
        leases = _claim(book, terms, owner, now, wanted) if wanted else []
        if len(leases) < len(wanted):
            got = {lease.attempt_id for lease in leases}
            again = Later(now + timedelta(seconds=BESIDE_S))
            moved += [(lease.person, again) for lease in wanted if lease.attempt_id not in got]
        book.do_each(_MOVE, [_move(terms.campaign, person, verdict) for person, verdict in moved])
    return leases, len(rows)


def send(ledger: Ledger, leases: Sequence[Lease], *, owner: str, gap: timedelta, now: datetime) -> list[Lease]:
    """Those that are to be called this very moment: written down as sent. The others must not be.

    Not sent are: a campaign that is not running any more, a number that was put on the do-not-call list, one that was
    called meanwhile, a lease that ran out. Raises the database's errors; then none may be called.
    """
    if not leases:
        return []
    with ledger.transaction() as book:
        which, ids = book.among("attempt_id", "ids", [lease.attempt_id for lease in leases])
        may_call = _SEND.format(listed=listed("dial_attempt.number", "dial_attempt.campaign", book.postgres))
        sql = f"{may_call} AND {which} RETURNING attempt_id"
        rows = book.all(sql, owner=owner, now=now, since=now - gap, **ids)
    sent = {row[0] for row in rows}
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
    contact_id, number, zone, attempts, fence, consent, language, name, facts = row[:9]
    return Candidate(
        contact_id,
        number,
        zone or "",
        attempts or 0,
        fence or 0,
        consent or "",
        language or "",
        name or "",
        facts or "",
    )


def _lease(person: Candidate, go: Go, terms: Terms, now: datetime) -> Lease:
    attempt_id = str(uuid.uuid4())
    return Lease(attempt_id, terms.campaign, terms.version, go.gateway, go.caller_id, now + terms.lease, person)


def _claim(book: Book, terms: Terms, owner: str, now: datetime, wanted: Sequence[Lease]) -> list[Lease]:
    """Those whose number nobody else has."""
    shared = {"campaign": terms.campaign, "version": terms.version, "owner": owner, "now": now}
    if book.postgres:
        given = [
            {"attempt_id": each.attempt_id, "contact_id": each.person.contact_id, "number": each.person.number}
            | {"nth": each.person.attempts + 1, "gateway": each.gateway, "caller_id": each.caller_id}
            | {"fence": each.fence, "consent": each.person.consent}
            for each in wanted
        ]
        rows = book.all(_CLAIM_POSTGRES, until=now + terms.lease, given=json.dumps(given), **shared)
        got = {row[0] for row in rows}
        return [lease for lease in wanted if lease.attempt_id in got]
    leases = []
    for each in wanted:
        row: dict[str, Any] = {"attempt": each.attempt_id, "contact": each.person.contact_id, "fence": each.fence}
        more = {"number": each.person.number, "nth": each.person.attempts + 1, "gateway": each.gateway}
        more |= {"caller": each.caller_id, "consent": each.person.consent}
        if book.do(_CLAIM_SQLITE, **row, **more, **shared):
            book.do(_LEASE_SQLITE, **row, campaign=terms.campaign, owner=owner, until=now + terms.lease)
            leases.append(each)
    return leases


def _move(campaign: str, person: Candidate, verdict: Later | Never) -> dict[str, Any]:
    row: dict[str, Any] = {"campaign": campaign, "contact": person.contact_id}
    if isinstance(verdict, Never):
        return {**row, "state": "done", "at": None, "outcome": verdict.outcome}
    return {**row, "state": "waiting", "at": verdict.at, "outcome": None}
