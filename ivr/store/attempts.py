"""Attempts: what became of each call that was to be made, and what that means for the person.

Law: an attempt gets exactly one outcome. A result with an older fence changes nothing but its own attempt; one that
comes after `unknown` says what really was. What an outcome means for the person is the caller's ``plan``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from ivr.store.ledger import Book, Ledger, Row

#: Outcomes with which nobody was called.
UNCALLED: Final = "not_attempted"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Result:
    attempt_id: str
    outcome: str
    ended_at: datetime
    cause: str = ""
    sip_code: int | None = None
    answered_at: datetime | None = None
    billed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that has its outcome, and what was before it."""

    attempt_id: str
    campaign: str
    contact_id: str
    number: str
    zone: str
    outcome: str
    ended_at: datetime
    tries: Mapping[str, int] = field(default_factory=dict)  # outcomes of this person in this campaign, this one too
    everywhere: bool = False

    @property
    def attempts(self) -> int:
        return sum(count for outcome, count in self.tries.items() if outcome != UNCALLED)


@dataclass(frozen=True, slots=True)
class Next:
    """``at`` None: the person is done. ``everywhere``: waiting in no other campaign either."""

    at: datetime | None = None
    everywhere: bool = False


Plan = Callable[[Ended], Next]


@dataclass(frozen=True, slots=True)
class Open:
    """An attempt that somebody ceased to look after."""

    attempt_id: str
    campaign: str
    number: str
    gateway: str
    sent_at: datetime | None
    answered_at: datetime | None


_END: Final = """
UPDATE dial_attempt SET outcome = :outcome, ended_at = :ended, cause = :cause, sip_code = :sip, billed_ms = :billed,
  answered_at = coalesce(:answered, answered_at)
WHERE attempt_id = :attempt AND (outcome IS NULL OR (outcome = 'unknown' AND :outcome <> 'unknown'))
RETURNING campaign, contact_id, number, fence
"""
_TRIES: Final = """
SELECT outcome, count(*) FROM dial_attempt
WHERE number = :number AND contact_id = :contact AND campaign = :campaign AND outcome IS NOT NULL GROUP BY outcome
"""
_PERSON: Final = """
UPDATE campaign_contact SET state = :state, next_at = :at, outcome = :outcome, attempts = :attempts,
  owner = NULL, lease_until = NULL, attempt_id = NULL, wished_at = CASE WHEN :called = 1 THEN NULL ELSE wished_at END
WHERE campaign = :campaign AND contact_id = :contact AND fence = :fence
"""
_EXPIRED: Final = """
SELECT cc.attempt_id FROM campaign_contact cc
WHERE cc.state = 'leased' AND cc.lease_until < :now ORDER BY cc.lease_until LIMIT :most
"""
_ADOPT: Final = "UPDATE campaign_contact SET owner = :owner, lease_until = :until WHERE state = 'leased'"
_OPENED: Final = """
SELECT attempt_id, campaign, number, gateway, sent_at, answered_at FROM dial_attempt WHERE outcome IS NULL
"""
#: Leased, and the dialler died before it wrote an attempt: nobody was called.
_GIVE_BACK: Final = """
UPDATE campaign_contact SET state = 'waiting', next_at = :now, owner = NULL, lease_until = NULL, attempt_id = NULL
WHERE state = 'leased' AND NOT EXISTS (SELECT 1 FROM dial_attempt a WHERE a.attempt_id = campaign_contact.attempt_id)
"""
#: By campaign, because so it is in an index.
_LATEST: Final = """
SELECT max(latest) FROM (
  SELECT (SELECT max(leased_at) FROM dial_attempt a WHERE a.campaign = c.campaign) AS latest FROM campaign c) AS each
"""


def answered(ledger: Ledger, attempts: Mapping[str, datetime]) -> None:
    """When each was answered."""
    if attempts:
        rows = [{"attempt": attempt, "at": at} for attempt, at in attempts.items()]
        with ledger.transaction() as book:
            book.do_each(
                "UPDATE dial_attempt SET answered_at = coalesce(answered_at, :at) WHERE attempt_id = :attempt", rows
            )


def finish(ledger: Ledger, results: Sequence[Result], plan: Plan) -> list[Ended]:
    """Each attempt gets its outcome and its person what follows, in one transaction. Those that had one stay."""
    if not results:
        return []
    with ledger.transaction() as book:
        # In the order of their ids: two that finish the same ones do not wait in a circle.
        found = [_finish(book, result, plan) for result in sorted(results, key=lambda r: r.attempt_id)]
    done = [ended for ended in found if ended is not None]
    for ended in done:
        if ended.everywhere:
            done_everywhere(ledger, ended)
    return done


def _finish(book: Book, result: Result, plan: Plan) -> Ended | None:
    rows = book.all(
        _END,
        attempt=result.attempt_id,
        outcome=result.outcome,
        ended=result.ended_at,
        cause=result.cause,
        sip=result.sip_code,
        billed=result.billed_ms,
        answered=result.answered_at,
    )
    if not rows:
        return None
    campaign, contact, number, fence = rows[0]
    who: dict[str, Any] = {"campaign": campaign, "contact": contact}
    tries = {row[0]: row[1] for row in book.all(_TRIES, number=number, **who)}
    zones = book.all("SELECT zone FROM campaign_contact WHERE campaign = :campaign AND contact_id = :contact", **who)
    zone = (zones[0][0] or "") if zones else ""
    ended = Ended(result.attempt_id, campaign, contact, number, zone, result.outcome, result.ended_at, tries)
    then = plan(ended)
    state = "done" if then.at is None else "waiting"
    told = {"outcome": result.outcome, "called": int(result.outcome != UNCALLED), "attempts": ended.attempts}
    book.do(_PERSON, **who, **told, state=state, at=then.at, fence=fence)
    return replace(ended, everywhere=then.everywhere)


def adopt(ledger: Ledger, *, owner: str, now: datetime, until: datetime, most: int = 100) -> list[Open]:
    """Attempts whose lease ran out are the caller's from here on: to be looked for on the switches. Who was leased only
    waits again.
    """
    with ledger.transaction() as book:
        rows = book.all(_EXPIRED + (" FOR UPDATE OF cc SKIP LOCKED" if book.postgres else ""), now=now, most=most)
        if not rows:
            return []
        which, ids = book.among("attempt_id", "ids", [row[0] for row in rows])
        book.do(f"{_GIVE_BACK} AND {which}", now=now, **ids)
        book.do(f"{_ADOPT} AND {which}", owner=owner, until=until, **ids)
        return [_open(book, row) for row in book.all(f"{_OPENED} AND {which}", **ids)]


def _open(book: Book, row: Row) -> Open:
    return Open(row[0], row[1], row[2], row[3], book.time(row[4]), book.time(row[5]))


def campaigns_of(ledger: Ledger, attempts: Sequence[str]) -> set[str]:
    with ledger.transaction(read_only=True) as book:
        which, ids = book.among("attempt_id", "ids", attempts)
        return {row[0] for row in book.all(f"SELECT DISTINCT campaign FROM dial_attempt WHERE {which}", **ids)}


def latest(ledger: Ledger) -> datetime | None:
    """The latest moment that any attempt tells of: no clock may be before it."""
    with ledger.transaction(read_only=True) as book:
        return book.time(book.all(_LATEST)[0][0])


def told_by_calls(ledger: Ledger, attempts: Sequence[str]) -> dict[str, tuple[datetime | None, datetime | None]]:
    """attempt -> (answered_at, ended_at), of those that came to a flow: what the server of calls wrote."""
    if not attempts:
        return {}
    with ledger.transaction(read_only=True) as book:
        which, ids = book.among("call_id", "ids", attempts)
        rows = book.all(f"SELECT call_id, coalesce(answered_at, started_at), ended_at FROM call WHERE {which}", **ids)
        return {row[0]: (book.time(row[1]), book.time(row[2])) for row in rows}


def opted_out(ledger: Ledger, attempts: Mapping[str, str]) -> set[str]:
    """Of these attempts (with their numbers), those in whose call the number was put on the do-not-call list."""
    if not attempts:
        return set()
    with ledger.transaction(read_only=True) as book:
        which, numbers = book.among("number", "numbers", list(attempts.values()))
        rows = book.all(f"SELECT source FROM dnc WHERE scope = '-' AND {which}", **numbers)
    return {row[0] for row in rows if row[0] in attempts}


def done_everywhere(ledger: Ledger, ended: Ended) -> None:
    """The number waits in no campaign any more. In a transaction of its own: with :func:`finish` it could wait for
    one that takes leases, while that waits for the attempt to end."""
    sql = "UPDATE campaign_contact SET state = 'done', outcome = :outcome WHERE number = :number AND state = 'waiting'"
    with ledger.transaction() as book:
        book.do(sql, outcome=ended.outcome, number=ended.number)
