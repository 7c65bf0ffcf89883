"""Diallers killed at random moments: ``python -m tests.contract.dial_kills --kills 1000``.

Eight diallers work at one campaign through one scripted switch over TCP; one of them is killed (SIGKILL) at a random
moment, again and again, and another takes its place. Afterwards: no attempt rang twice, no number was in two calls at
once, every attempt has its outcome, and whatever rang is written down as sent.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import secrets
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from dialtools import rows  # noqa: E402
from simtools import campaign, launch  # noqa: E402
from sqlalchemy import text  # noqa: E402

from ivr.campaign.model import Attempts, Gateway, Retry  # noqa: E402
from ivr.hosts.dialler.dialler import Settings  # noqa: E402
from ivr.hosts.dialler.gates import Limits  # noqa: E402
from ivr.hosts.dialler.presence import Timing  # noqa: E402
from ivr.store.engine import make_engine  # noqa: E402
from ivr.store.upgrade import upgrade  # noqa: E402

WORKERS = 8
LEASE_S = 1.5
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
#: Everybody is called over and over: nothing keeps a person from the next attempt but the lease.
RETRY = {
    "busy": Retry(1, 10**6),
    "answered": Retry(1, 10**6),
    "short": Retry(1, 10**6),
    "no_answer": Retry(1, 10**6),
    "unknown": Retry(1, 10**6),
    "not_attempted": Retry(1, 10**6),
}
AGAIN = Attempts(each=10**6, per_day=10**6, gap_ms=0, retry=RETRY)


@dataclass
class Report:
    kills: int
    attempts: int = 0
    rang: int = 0
    rang_twice: int = 0  # attempts whose telephone rang more than once
    at_once: int = 0  # numbers that were in two calls at the same time
    unwritten: int = 0  # telephones that rang without an attempt that says so
    lost: int = 0  # attempts without an outcome at the end
    outcomes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return not (self.rang_twice or self.at_once or self.unwritten or self.lost)


def _switch(pipe: int, people_file: Path) -> None:
    """The switch's own process: tells its port, writes down whose telephone rang, when, and until when."""
    from ivr.hosts.switch.exchange import Exchange, Party
    from ivr.hosts.switch_exchange import ExchangeServer

    parties = {
        "1": Party("busy", 80),
        "2": Party("answers", 60, 40),
        "3": Party("invalid", 50),
        "4": Party("no_answer", 50),
    }
    out = people_file.open("a", buffering=1)

    class Writing(Exchange):
        def _event(self, name: str, digits: str, channel: Any) -> None:
            out.write(f"{name} {channel.uuid} {digits} {len([c for c in self.calls.values() if c.digits == digits])}\n")
            super()._event(name, digits, channel)

    def party(digits: str) -> Party:
        found = parties.get(digits[-1], Party("answers", 50, 150))
        return Party("busy", 100) if found.behaviour in ("invalid", "no_answer") else found

    server = ExchangeServer(Writing(party))
    os.write(pipe, f"{server.address[1]}\n".encode())
    os.close(pipe)
    import gevent

    while True:
        gevent.sleep(3600)


def _dialler(url: str, port: int, log: Path) -> None:
    from ivr.hosts.dialler.service import DiallerService, owner_name
    from ivr.hosts.dialler.wires import Address
    from ivr.ops.logs import open_log

    trusting = Limits(failures=10**9, least=10**9)
    # They do not live long enough to wait for each other; what is shared is shared with those that were just killed.
    at_once = Timing(gone_s=4.0, wait_s=0.0)
    settings = Settings(owner_name(), ("127.0.0.1:1",), limits=trusting, lease_s=LEASE_S, timing=at_once)
    stream = log.open("a")
    DiallerService(url, settings, {"one": Address("127.0.0.1", port, "ClueCon")}, open_log(stream=stream)).run()


def _fork(work: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            work()
        except BaseException:  # noqa: BLE001 - a child of a fork must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(1)
    return pid


def run(url: str, kills: int, folder: Path, *, seed: int = 1) -> Report:
    """``url``: an empty database with Callweave's tables. Forks: call it before anything started a thread or a hub."""
    chance = random.Random(seed)
    began = time.monotonic()
    gateway = Gateway("main", "sofia/gateway/main", ())
    launch(
        url,
        campaign(gateways=(gateway,), per_second=900, at_once=400, attempts=AGAIN, ring_ms=1000),
        300 + 12 * kills,
        next_at=LONG_AGO,
    )
    rang = folder / "rang.txt"
    rang.touch()
    read_end, write_end = os.pipe()
    switch = _fork(lambda: _switch(write_end, rang))
    port = int(os.read(read_end, 20))
    log = folder / "diallers.log"
    diallers = [_fork(lambda: _dialler(url, port, log)) for _ in range(WORKERS)]
    engine = make_engine(url)
    try:
        _until(lambda: rang.stat().st_size > 0, 60)
        for _ in range(kills):
            time.sleep(chance.uniform(0.02, 0.25))
            victim = chance.randrange(len(diallers))
            os.kill(diallers[victim], signal.SIGKILL)
            os.waitpid(diallers[victim], 0)
            diallers[victim] = _fork(lambda: _dialler(url, port, log))
        with engine.begin() as connection:
            connection.execute(text("UPDATE campaign SET state = 'paused'"))
        time.sleep(1)  # who has not seen it yet leases people, and lets them go
        _until(lambda: not _open(engine), 90)
    finally:
        for pid in (*diallers, switch):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(read_end)
        os.close(write_end)
    return _report(url, rang, kills, time.monotonic() - began)


def _until(done: Callable[[], bool], limit_s: float) -> None:
    until = time.monotonic() + limit_s
    while time.monotonic() < until and not done():
        time.sleep(0.2)


def _open(engine: Any) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM dial_attempt WHERE outcome IS NULL")).scalar())


def _report(url: str, rang: Path, kills: int, seconds: float) -> Report:
    found = Report(kills, seconds=round(seconds, 1))
    attempts = {row["attempt_id"]: row for row in rows(url, "dial_attempt")}
    created: dict[str, int] = {}
    for line in rang.read_text().splitlines():
        name, uuid, _, beside = line.split(" ")
        if name == "CHANNEL_CREATE":
            created[uuid] = created.get(uuid, 0) + 1
            found.at_once += int(beside) > 1
    found.attempts, found.rang = len(attempts), sum(created.values())
    found.rang_twice = sum(count > 1 for count in created.values())
    found.unwritten = sum(uuid not in attempts or attempts[uuid]["sent_at"] is None for uuid in created)
    for uuid, row in attempts.items():
        outcome = row["outcome"] or "open"
        found.lost += outcome == "open"
        found.outcomes[outcome] = found.outcomes.get(outcome, 0) + 1
        found.unwritten += uuid in created and outcome == "not_attempted"
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.dial_kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="postgresql://postgres@127.0.0.1:5432/postgres", help="a server")
    args = parser.parse_args()
    import tempfile

    import psycopg

    name = f"callweave_kills_{secrets.token_hex(4)}"
    base = make_engine(args.database).url
    plain = base.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}".encode())
        try:
            url = base.set(database=name).render_as_string(hide_password=False)
            upgrade(url)
            with tempfile.TemporaryDirectory() as folder:
                report = run(url, args.kills, Path(folder), seed=args.seed)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
    print(json.dumps({**report.__dict__, "good": report.good}, indent=1))
    return int(not report.good)


if __name__ == "__main__":
    sys.exit(main())
