"""``python -m benchmarks.leases``: leases per second by four diallers on PostgreSQL, against the bare statement.

Law: the same people, indexes, batches and processes, in the same run by turns. *Bare* is the statement that the whole
world writes: UPDATE ... IN (SELECT ... FOR UPDATE SKIP LOCKED LIMIT n) RETURNING, committed: it knows no do-not-call
list, no consent, no gap and no attempt. *Callweave* is ``store.leases.take``, as a dialler calls it; *sent* is that and
``store.leases.send``, after which there are attempts: all that a dialler writes before it calls.
"""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from ivr.store import leases
from ivr.store.engine import make_engine, parse_url
from ivr.store.ledger import Ledger
from ivr.store.upgrade import upgrade

PROCESSES = 4
NOW = datetime(2026, 12, 1, 10, tzinfo=UTC)
TARGET = 0.5
NAMES = ("bare", "ours", "sent")
BARE = """
UPDATE campaign_contact SET state = 'leased', owner = %s, lease_until = %s, fence = fence + 1, attempt_id = %s
WHERE campaign = 'bench' AND contact_id IN (
  SELECT contact_id FROM campaign_contact
  WHERE campaign = 'bench' AND state = 'waiting' AND priority = 5 AND next_at <= %s
  ORDER BY next_at LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING contact_id, number
"""


@dataclass(frozen=True)
class Leased:
    batch: int
    people: int
    bare: tuple[float, ...]  # leases per second, by round
    ours: tuple[float, ...]
    sent: tuple[float, ...]  # leased, and sent
    duplicates: int

    @property
    def share(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.bare)


def measure(beside: str, batch: int, people: int, rounds: int) -> Leased:
    """In an empty database beside the one of the URL."""
    people = min(people, 4000 * batch)  # one at a time, more would take minutes and say the same
    rates: dict[str, list[float]] = {name: [] for name in NAMES}
    duplicates = 0
    with _database(beside) as url:
        _run(url)
        for n in range(rounds):
            for name in NAMES if n % 2 else reversed(NAMES):
                _fill(url, people)
                rate, got = _round(url, name, batch)
                duplicates += len(got) - len(set(got))
                if len(got) != people:
                    raise RuntimeError(f"{name}: {len(got)} of {people} were leased")
                rates[name].append(rate)
    return Leased(batch, people, tuple(rates["bare"]), tuple(rates["ours"]), tuple(rates["sent"]), duplicates)


def _round(url: str, name: str, batch: int) -> tuple[float, list[str]]:
    context = multiprocessing.get_context("spawn")
    ready, told = context.Barrier(PROCESSES + 1), context.Queue()
    work = [context.Process(target=_work, args=(url, name, batch, n, ready, told)) for n in range(PROCESSES)]
    for each in work:
        each.start()
    ready.wait(60)
    began = time.perf_counter()
    got: list[str] = []
    ends = began
    for _ in work:
        some, ended_s = told.get(timeout=120)
        got += some
        ends = max(ends, began + ended_s)
    for each in work:
        each.join()
    return len(got) / (ends - began), got


def _work(url: str, name: str, batch: int, number: int, ready: Any, told: Any) -> None:
    owner = f"dialler-{number}"
    take = _bare(url, batch, owner) if name == "bare" else _ours(url, batch, owner, send=name == "sent")
    got: list[str] = []
    ready.wait(60)
    began = time.perf_counter()
    while some := take():
        got += some
    told.put((got, time.perf_counter() - began))


def _bare(url: str, batch: int, owner: str) -> Callable[[], list[str]]:
    connection = psycopg.connect(_plain(url), options="-c timezone=UTC")
    cursor = connection.cursor()
    until = NOW + timedelta(seconds=60)

    def take() -> list[str]:
        cursor.execute(BARE, (owner, until, secrets.token_hex(16), NOW, batch))
        rows = cursor.fetchall()
        connection.commit()
        return [row[0] for row in rows]

    return take


def _ours(url: str, batch: int, owner: str, send: bool) -> Callable[[], list[str]]:
    ledger = Ledger(make_engine(url))
    terms = leases.Terms("bench", 1, True, 2, timedelta(hours=2), lambda zone: NOW - timedelta(hours=10))
    going = leases.Go("main", "+862112345678")

    def take() -> list[str]:
        got, looked = leases.take(ledger, terms, 5, owner=owner, most=batch, now=NOW, judge=lambda person: going)
        if looked and not got:
            raise RuntimeError("people were looked at, and none was leased")
        if send and got != leases.send(ledger, got, owner=owner, gap=terms.gap, now=NOW):
            raise RuntimeError("some were leased and not sent")
        return [lease.person.contact_id for lease in got]

    return take


def _run(url: str) -> None:
    with psycopg.connect(_plain(url), autocommit=True) as server:
        server.execute("INSERT INTO campaign (campaign, state, version, priority) VALUES ('bench', 'running', 1, 5)")


def _fill(url: str, people: int) -> None:
    """Everybody waits again, with a do-not-call list and attempts of other days beside."""
    with psycopg.connect(_plain(url), autocommit=True) as server:
        server.execute("TRUNCATE contact, campaign_contact, dial_attempt, dnc")
        server.execute(
            "INSERT INTO contact SELECT 'c' || n, 'l', '+86138' || lpad(n::text, 8, '0'), 'P' || n, 'zh',"
            " 'Asia/Shanghai', 'consent-' || n, '{}', %s FROM generate_series(1, %s) n",
            (NOW, people),
        )
        server.execute(
            "INSERT INTO campaign_contact (campaign, contact_id, number, zone, state, next_at, priority, attempts,"
            " fence) SELECT 'bench', contact_id, number, zone, 'waiting', %s - random() * interval '1 day', 5, 0, 0"
            " FROM contact",
            (NOW,),
        )
        server.execute(
            "INSERT INTO dnc SELECT '-', '+86139' || lpad(n::text, 8, '0'), 0, 'import', 'f', %s"
            " FROM generate_series(1, %s) n",
            (NOW, people),
        )
        server.execute(
            "INSERT INTO dial_attempt (attempt_id, campaign, contact_id, number, fence, leased_at, sent_at, outcome)"
            " SELECT 'old-' || contact_id, 'old', contact_id, number, 1, %s, %s, 'busy' FROM contact",
            (NOW - timedelta(days=9), NOW - timedelta(days=9)),
        )
        server.execute("VACUUM ANALYZE contact, campaign_contact, dial_attempt, dnc")


def _plain(url: str) -> str:
    return parse_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def _database(beside: str) -> Iterator[str]:
    name = f"callweave_leases_{secrets.token_hex(4)}"
    parsed = parse_url(beside)
    with psycopg.connect(_plain(beside), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
        try:
            url = parsed.set(database=name).render_as_string(hide_password=False)
            upgrade(url)
            yield url
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leases", description=__doc__)
    parser.add_argument("--database", default="postgresql://postgres@127.0.0.1:5432/postgres", help="a server")
    parser.add_argument("--people", type=int, default=20_000, help="4,000 for each of a batch at most")
    parser.add_argument("--batch", type=int, action="append", help="leases in one transaction; may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    good = True
    for batch in args.batch or [10, 50]:
        found = measure(args.database, batch, args.people, args.rounds)
        bare, ours, sent = (statistics.median(rates) for rates in (found.bare, found.ours, found.sent))
        print(
            f"batches of {batch}: bare {bare:,.0f}/s, callweave {ours:,.0f}/s, {found.share:.0%} of it"
            f" (target {TARGET:.0%}), leased and sent {sent:,.0f}/s, {found.duplicates} duplicates;"
            f" rounds: bare {[round(r) for r in found.bare]}, callweave {[round(r) for r in found.ours]},"
            f" and sent {[round(r) for r in found.sent]}",
            flush=True,
        )
        good = good and found.share >= TARGET and not found.duplicates
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
