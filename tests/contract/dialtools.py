"""What the tests of leases and of the dialler share: people, campaigns, rules that are simple."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select

from ivr.store import attempts, leases, schema
from ivr.store.engine import make_engine
from ivr.store.ledger import Ledger

NOW = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def number(n: int) -> str:
    return f"+86138{n:08d}"


def seed(url: str, people: Mapping[str, int] | int, state: str = "running", **more: Any) -> None:
    """Campaigns and how many people each has; the same number for the same place in each."""
    campaigns = {"aftercare": people} if isinstance(people, int) else people
    tables = schema.metadata.tables
    with make_engine(url).begin() as connection:
        for name, count in campaigns.items():
            connection.execute(
                insert(tables["campaign"]),
                {"campaign": name, "title": name, "state": state, "version": 1, "priority": 5, "created_at": NOW},
            )
            ids = [f"{name}-{n}" for n in range(count)]
            who = [
                {"contact_id": each, "list": name, "number": number(n), "name": f"P{n}", "language": "zh"}
                | {"zone": "Asia/Shanghai", "consent": f"c{n}", "facts": "{}", "imported_at": NOW}
                for n, each in enumerate(ids)
            ]
            turn = [
                {"campaign": name, "contact_id": each, "number": number(n), "zone": "Asia/Shanghai"}
                | {"state": "waiting", "next_at": NOW - HOUR, "priority": 5, "attempts": 0, "fence": 0}
                | more
                for n, each in enumerate(ids)
            ]
            if who:
                connection.execute(insert(tables["contact"]), who)
                connection.execute(insert(tables["campaign_contact"]), turn)


def rows(url: str, table: str, **where: Any) -> list[dict[str, Any]]:
    found = schema.metadata.tables[table]
    with make_engine(url).connect() as connection:
        query = select(found).order_by(*found.primary_key)
        for name, value in where.items():
            query = query.where(found.c[name] == value)
        return [dict(row) for row in connection.execute(query).mappings()]


def change(url: str, table: str, values: Mapping[str, Any], **where: Any) -> None:
    found = schema.metadata.tables[table]
    with make_engine(url).begin() as connection:
        query = found.update().values(**values)
        for name, value in where.items():
            query = query.where(found.c[name] == value)
        connection.execute(query)


def add(url: str, table: str, **values: Any) -> None:
    with make_engine(url).begin() as connection:
        connection.execute(insert(schema.metadata.tables[table]), values)


def terms(campaign: str = "aftercare", **more: Any) -> leases.Terms:
    said: dict[str, Any] = {"version": 1, "consent_required": True, "per_day": 2, "gap": 2 * HOUR}
    return leases.Terms(campaign, **{**said, "day_began": lambda zone: NOW - 2 * HOUR, **more})


def go(person: leases.Candidate) -> leases.Verdict:
    return leases.Go("main", "+862112345678")


def ledger(url: str) -> Ledger:
    return Ledger(make_engine(url))


def take(book: Ledger, most: int = 10, owner: str = "a", now: datetime = NOW, **more: Any) -> list[leases.Lease]:
    judge = more.pop("judge", go)
    return leases.take(book, terms(**more), 5, owner=owner, most=most, now=now, judge=judge)[0]


def send(book: Ledger, some: list[leases.Lease], owner: str = "a", now: datetime = NOW) -> list[leases.Lease]:
    return leases.send(book, some, owner=owner, gap=2 * HOUR, now=now)


def call(book: Ledger, most: int = 10, owner: str = "a", now: datetime = NOW, **more: Any) -> list[leases.Lease]:
    """Leased and at once sent."""
    return send(book, take(book, most, owner, now, **more), owner, now)


def again(ended: attempts.Ended) -> attempts.Next:
    """Who was not reached is called again after an hour, who was not called at once."""
    if ended.outcome == "not_attempted":
        return attempts.Next(ended.ended_at)
    if ended.outcome in ("answered", "invalid"):
        return attempts.Next(None, everywhere=ended.outcome == "invalid")
    return attempts.Next(ended.ended_at + HOUR)


def finish(book: Ledger, lease: leases.Lease, outcome: str, now: datetime = NOW, **more: Any) -> list[attempts.Ended]:
    return attempts.finish(book, [attempts.Result(lease.attempt_id, outcome, now, **more)], again)
