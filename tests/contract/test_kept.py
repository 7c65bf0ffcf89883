"""What a caller answered is kept: kill -9 of the worker at any point, a database that is away or loses its replies.

Whole worker processes, callers over TCP. An answer counts as acknowledged 50 ms after the next prompt has begun.
"""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.server import StreamServer
from servertools import Site, Worker, answers, held_up, until, watched
from sqlalchemy import make_url, text

from ivr.hosts.caller import Hears, Pause, Press
from ivr.hosts.switch_client import place_call, run_calls
from ivr.store.engine import make_engine
from ivr.store.upgrade import upgrade

ACKNOWLEDGED_MS = 50
KEYS = "738"


class Proxy:
    """Stands between a worker and PostgreSQL. ``away``: it hangs up on everyone. ``mute``: replies are lost.
    ``late_s``: so many seconds a reply takes."""

    def __init__(self, url: str) -> None:
        target = make_url(url)
        self._target = (target.host or "127.0.0.1", target.port or 5432)
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.url = target.set(host="127.0.0.1", port=self._server.address[1]).render_as_string(hide_password=False)
        self.away = self.mute = False
        self.late_s = 0.0
        self.late = 0
        self.refused = 0
        self.lost = 0
        self._open: set[socket.socket] = set()

    def go_away(self) -> None:
        self.away = True
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.close()
        self.go_away()

    def _serve(self, client: socket.socket, _peer: Any) -> None:
        if self.away:
            self.refused += 1
            client.close()
            return
        with socket.create_connection(self._target) as server:
            both = {client, server}
            self._open |= both
            ways = [gevent.spawn(self._pass, client, server, False), gevent.spawn(self._pass, server, client, True)]
            gevent.joinall(ways, count=1)
            for one in both:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            gevent.joinall(ways)
            self._open -= both

    def _pass(self, source: socket.socket, sink: socket.socket, replies: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if replies and self.mute:
                    self.lost += 1
                    return
                if replies and self.late_s:
                    self.late += 1
                    gevent.sleep(self.late_s)
                sink.sendall(data)


@pytest.fixture
def proxy(postgres_database: str) -> Iterator[Proxy]:
    upgrade(postgres_database)
    one = Proxy(postgres_database)
    yield one
    one.close()


@pytest.fixture
def rows(postgres_database: str) -> Callable[..., list[tuple[Any, ...]]]:
    engine = make_engine(postgres_database)

    def read(query: str, **values: Any) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), values)]

    return read


KEPT = "SELECT question, occurrence, value FROM answer WHERE call_id = :call ORDER BY question"
TRIED = "SELECT question, occurrence, attempt FROM attempt WHERE call_id = :call ORDER BY question"


def expected(count: int) -> list[tuple[str, int, str]]:
    return [(f"q{n}", 1, KEYS[n - 1]) for n in range(1, count + 1)]


def folders(tmp_path: Path, count: int) -> list[Path]:
    found = [tmp_path / str(n) for n in range(count)]
    for folder in found:
        folder.mkdir()
    return found


def killed(site: Site, worker: Worker, call: str, answered: int, after_ms: int) -> None:
    """The worker dies when so many answers are given and the next prompt began ``after_ms`` ago."""
    script = [*answers(KEYS[:answered]), Hears(f"Question {answered + 1}"), Pause(after_ms), Pause(60_000)]
    switch = site.call(call, script)
    talk = gevent.spawn(place_call, "127.0.0.1", worker.port, switch, limit_s=60)
    until(lambda: switch.caller.waiting == "wait 60s", f"{answered} answers are given")
    worker.end(signal.SIGKILL)
    talk.kill()


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_row_72_every_acknowledged_answer_outlives_kill_9(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """On SQLite, and with PostgreSQL away so that rows are in the spool only. Four points, a site for each."""
    proxy: Proxy | None = request.getfixturevalue("proxy") if database == "postgresql" else None
    url = proxy.url if proxy else ""
    if proxy:
        proxy.go_away()
    sites = [Site(folder) for folder in folders(tmp_path, 4)]
    first = [Worker(site, database=url) for site in sites]
    deaths = [
        gevent.spawn(killed, site, worker, f"{database}{n}", n, ACKNOWLEDGED_MS)
        for n, (site, worker) in enumerate(zip(sites, first, strict=True))
    ]
    gevent.joinall(deaths, raise_error=True)  # each waits for a while only; a disk that stalls holds a dying process
    assert all(worker.process.poll() is not None for worker in first)
    if proxy:
        proxy.away = False
    second = [Worker(site, database=url) for site in sites]  # the same name: the same spool
    # Not by the proxy, which is a greenlet of this thread.
    there = request.getfixturevalue("postgres_database") if proxy else ""
    engines = [make_engine(there or site.database) for site in sites]

    def read(n: int, query: str) -> list[tuple[Any, ...]]:
        with engines[n].connect() as connection:
            return [tuple(row) for row in connection.execute(text(query), {"call": f"{database}{n}"})]

    for n, worker in enumerate(second):
        assert worker.port
        until(lambda n=n: len(read(n, KEPT)) >= n, f"{n} answers are back")
        assert worker.end() == 0
        assert read(n, KEPT) == expected(n)
        tried = read(n, TRIED)
        assert tried == [(f"q{i}", 1, 1) for i in range(1, n + 1)]


def place(site: Site, call: str) -> tuple[int, list[str]]:
    """The question at which another worker would go on (0: it knows nothing, it begins anew), and what is answered."""
    stored = site.rows(f"SELECT json FROM call_state WHERE call_id = '{call}'")
    given = site.rows(f"SELECT question, value FROM answer WHERE call_id = '{call}' ORDER BY question")
    assert [value for _, value in given] == list((KEYS + "1")[: len(given)])
    assert [question for question, _ in given] == [f"q{n}" for n in range(1, len(given) + 1)]
    return (int(json.loads(stored[0][0])["node"][1:]) if stored else 0), [question for question, _ in given]


def test_row_72_among_fifty_busy_calls_no_question_is_skipped_after_kill_9(tmp_path: Path) -> None:
    """Groups follow each other, so up to 100 ms of answers are lost: with them goes the place behind them."""
    site = Site(tmp_path)
    worker = Worker(site)
    keys, count = KEYS + "1", 50
    switches = [site.call(f"b{n}", [*answers(keys), Hears("Goodbye."), Pause(60_000)]) for n in range(count)]
    busy = gevent.spawn(run_calls, "127.0.0.1", worker.port, switches, concurrency=count, every_s=0.012, limit_s=60)
    # About a third of all answers: some calls have begun, some are in the middle.
    until(lambda: sum(len(s.caller.heard) for s in switches) > count * 2, "they are in the middle of it")
    worker.end(signal.SIGKILL)
    busy.kill()
    heard = {s.channel.uuid: len(s.caller.heard) for s in switches}
    left = {call: place(site, call) for call in heard}
    for call, (asked, given) in left.items():
        assert asked <= len(given) + 1, f"{call} would go on at q{asked}, of {given}"
    assert any(0 < asked < 4 for asked, _ in left.values()), "it was the middle"

    # And so it is: whoever was heard of before goes on with another worker, and every answer is there once.
    second = Worker(site, "two")
    again = [
        site.call(
            call,
            [a for n, key in enumerate(keys, 1) if n >= asked for a in (Hears(f"Question {n}"), Press(key))],
            callweave_takeover="true",
        )
        for call, (asked, _) in left.items()
    ]
    results = run_calls("127.0.0.1", second.port, again, concurrency=count, limit_s=60)
    assert [p for r in results for p in r.problems] == []
    assert second.end() == 0
    for call in heard:
        assert site.rows(f"SELECT question, value FROM answer WHERE call_id = '{call}' ORDER BY question") == [
            (f"q{n}", key) for n, key in enumerate(keys, 1)
        ]


def event_loops(pid: int) -> int:
    """The main thread's, and one that a thread has while it connects."""
    found = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += "eventpoll" in str(descriptor.readlink())
    return found


@pytest.mark.postgres
def test_row_71_the_database_is_away_for_a_while(
    proxy: Proxy, tmp_path: Path, rows: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """Before, between and after: callers notice nothing, rows wait on the disk and are stored when it is back."""
    site = Site(tmp_path)
    worker = Worker(site, database=proxy.url)

    def calls(name: str) -> list[str]:
        switches = [site.call(f"{name}{n}", [*answers(KEYS + "1"), Hears("Goodbye.")]) for n in range(8)]
        results = run_calls("127.0.0.1", worker.port, switches, concurrency=8, limit_s=60)
        assert [p for r in results for p in r.problems] == []
        return [s.channel.uuid for s in switches]

    names = []
    for round_, away in enumerate((False, True, False)):
        if away:
            during = gevent.spawn(calls, "cut")  # it goes while these are on the line
            until(lambda: worker.events("call_started")[8:], "they talk")
            proxy.go_away()
            names += during.get(timeout=60)
            until(lambda: proxy.refused >= 4, "the worker looks for it, again and again")
            assert event_loops(worker.process.pid) <= 2, "each look must not cost a loop, which is file descriptors"
        proxy.away = away
        names += calls(f"r{round_}")
        if away:
            assert rows(KEPT, call="r10") == []
            assert (worker.spool / "rows.spool").stat().st_size > 0
    until(lambda: all(len(rows(KEPT, call=name)) == 4 for name in names), "everything is stored")
    assert worker.end() == 0
    assert rows("SELECT count(*) FROM call WHERE ended_by = 'flow' AND caller IS NOT NULL") == [(len(names),)]
    assert (worker.spool / "rows.spool").stat().st_size == 0
    assert not (worker.spool / "rows.dead").exists()


@pytest.mark.postgres
def test_row_74_the_commit_is_done_but_its_reply_is_lost(
    proxy: Proxy, tmp_path: Path, rows: Callable[..., list[tuple[Any, ...]]]
) -> None:
    site = Site(tmp_path)
    worker = Worker(site, database=proxy.url)
    switch = site.call("lossy", [*answers(KEYS + "1"), Hears("Goodbye.")])
    talk = gevent.spawn(place_call, "127.0.0.1", worker.port, switch, limit_s=60)
    for n in (2, 4):
        until(lambda n=n: switch.caller.waiting == f"press {(KEYS + '1')[n - 1]}", f"question {n}")
        lost, proxy.mute = proxy.lost, True
        until(lambda lost=lost: proxy.lost > lost, "a reply is lost")
        proxy.mute = False
    assert talk.get(timeout=60).problems == []
    until(lambda: len(rows(KEPT, call="lossy")) == 4, "everything is stored")
    assert worker.end() == 0
    assert rows(KEPT, call="lossy") == [*expected(3), ("q4", 1, "1")]
    assert len(rows(TRIED, call="lossy")) == 4
    assert rows("SELECT count(*) FROM answer_history WHERE call_id = 'lossy'") in ([(0,)], [(4,)])


@pytest.mark.postgres
def test_row_77_the_patched_server_stores_on_postgresql_and_nothing_holds_up_its_loop(
    proxy: Proxy, tmp_path: Path, rows: Callable[..., list[tuple[Any, ...]]]
) -> None:
    """Every reply takes 0.5 s: whatever of the loop waits for the database keeps it for longer than gevent's own
    watchman allows; a machine that is busy with something else does not, or not three times."""
    site, held = Site(tmp_path), []
    for attempt in range(3):
        worker = Worker(site, f"pg{attempt}", proxy.url, **watched())
        assert worker.port
        proxy.late, proxy.late_s = 0, 0.5
        calls = [site.call(f"p{attempt}c{n}", [*answers(KEYS + "1"), Hears("Goodbye.")]) for n in range(40)]
        results = run_calls("127.0.0.1", worker.port, calls, concurrency=40, every_s=0.005, limit_s=60)
        assert [p for r in results for p in r.problems] == []
        stored = f"SELECT count(*) FROM answer WHERE call_id LIKE 'p{attempt}c%'"
        until(lambda stored=stored: rows(stored) == [(160,)], "everything is stored")
        assert proxy.late >= 2, "the database was waited for"
        proxy.late_s = 0.0
        assert worker.end() == 0
        held.append(held_up(worker))
        if not held[-1]:
            return
    raise AssertionError(f"the loop was held up in each of three runs: {held}\n{worker.text[-6000:]}")
