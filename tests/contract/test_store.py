"""The store's contract on both databases: keys, merging, and the faults of part B3 by their rows."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from storetools import Signal, answer_row, at, attempt_row, call_row, read, recorder, run_row, until

from ivr.store import upgrade as store
from ivr.store.engine import make_engine, parse_url
from ivr.store.recorder import SpoolInUse
from ivr.store.schema import metadata
from ivr.store.spool import encode

Rows = list[tuple[str, dict[str, Any]]]


def stored(url: str, folder: Path, rows: Rows) -> None:
    one = recorder(url, folder)
    for table, row in rows:
        one.put(table, row)
    assert one.close()
    assert one.stats.dead_lettered == 0


# -- schema ------------------------------------------------------------------------------------------------------------


def test_migrations_give_the_schema_that_the_code_knows(database: str) -> None:
    with make_engine(database).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert store.known_versions()[-1] == store.HEAD


def test_row_86_an_upgrade_keeps_every_row(empty_database: str) -> None:
    """0003 makes SQLite's tables anew, 0004 adds columns; what they held, history included, is there afterwards."""
    old = store.upgrade(empty_database, "0002")
    assert old == (None, "0002")
    rows = {
        "call": call_row(),
        "call_state": {"call_id": "c1", "json": "{}", "at": at(1)},
        "attempt": attempt_row(),
        "answer": {**answer_row(4), "value": "4", "value_number": 4.0},
        "survey_run": run_row("begun"),
    }
    with make_engine(empty_database).begin() as connection:
        for table, row in rows.items():
            connection.execute(metadata.tables[table].insert(), [row])
        connection.execute(metadata.tables["answer_history"].insert(), [rows["answer"]])
    before = {table: _held(empty_database, table) for table in (*rows, "answer_history")}
    assert store.upgrade(empty_database) == ("0002", store.HEAD)
    after = {table: _held(empty_database, table) for table in before}
    assert {t: [{name: row[name] for name in before[t][0]} for row in after[t]] for t in before} == before
    new = {name: row[name] for t in before for row in after[t] for name in row if name not in before[t][0]}
    assert set(new) == {"missing", "run", "definition", "launch", "seed", "agent", "queue", "resumed_from"}
    assert set(new.values()) == {None}
    assert all(before.values())
    with make_engine(empty_database).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def _held(url: str, table: str) -> list[dict[str, Any]]:
    """Whatever columns the table has now, which are not always those that the code knows."""
    with make_engine(url).connect() as connection:
        return [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]


def test_row_86_another_schema_is_refused_with_the_command_to_type(empty_database: str) -> None:
    engine = make_engine(empty_database)
    with pytest.raises(store.SchemaError, match=r"no Callweave tables yet\..* ivr db upgrade --db"):
        store.check_schema(engine)
    assert store.upgrade(empty_database) == (None, store.HEAD)
    assert store.upgrade(empty_database) == (store.HEAD, store.HEAD)
    store.check_schema(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(store.SchemaError, match="newer than this Callweave"):
        store.check_schema(engine)
    with pytest.raises(store.SchemaError, match="newer"):
        store.upgrade(empty_database)


def test_row_86_rows_wait_in_the_spool_until_the_schema_is_there(empty_database: str, tmp_path: Path) -> None:
    heard = Signal()
    one = recorder(empty_database, tmp_path, alarm=heard.alarm)
    one.put("call", call_row())
    assert one.flush()
    heard.wait("database")
    assert "ivr db upgrade" in heard.alarms[0][1]
    store.upgrade(empty_database)
    until(lambda: not one.spool_pending)
    one.close()
    assert len(read(empty_database, "call")) == 1


# -- keys and merging --------------------------------------------------------------------------------------------------


def test_a_call_is_one_row_from_its_begin_and_its_end(database: str, tmp_path: Path) -> None:
    end = {"call_id": "c1", "ended_at": at(60), "ended_by": "caller", "end_node": "menu", "cause": "NORMAL_CLEARING"}
    stored(database, tmp_path, [("call", call_row()), ("call", end), ("call", call_row())])
    (row,) = read(database, "call")
    assert (row["flow"], row["ended_by"], row["status"]) == ("hotline", "caller", "ended")
    assert (row["started_at"], row["ended_at"]) == (at(0), at(60))
    assert row["started_at"].tzinfo is not None


ANSWERS = {
    "identical": ([answer_row(4), answer_row(4)], "4", []),
    "changed": ([answer_row(4, 1), answer_row(5, 2)], "5", ["4"]),
    "changed and replayed": ([answer_row(4, 1), answer_row(5, 2)] * 2, "5", ["4"]),
    "out of order": ([answer_row(5, 2), answer_row(4, 1)], "5", ["4"]),
    "three": ([answer_row(1, 1), answer_row(2, 2), answer_row(3, 3)], "3", ["1", "2"]),
    "secret": ([answer_row(None, 1), answer_row(None, 1)], None, []),
    "same instant": ([answer_row(2, 1), answer_row(1, 1)], "2", ["1"]),
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("together", [True, False])
def test_row_75_the_latest_answer_counts_and_history_is_kept(
    database: str, tmp_path: Path, name: str, together: bool
) -> None:
    rows, current, history = ANSWERS[name]
    for part in [rows] if together else [[row] for row in rows]:
        stored(database, tmp_path, [("answer", row) for row in part])
    (row,) = read(database, "answer")
    assert row["value"] == current
    assert row["value_number"] == (None if current is None else float(current))
    assert [old["value"] for old in read(database, "answer_history")] == history


RUNS = {
    "forward": (["begun", "partial", "complete"], "complete"),
    "never back": (["complete", "partial", "begun"], "complete"),
    "replayed": (["begun", "complete", "begun", "complete"], "complete"),
    "partial stays": (["partial", "begun"], "partial"),
}


@pytest.mark.parametrize("name", RUNS)
def test_a_survey_run_only_goes_forward(database: str, tmp_path: Path, name: str) -> None:
    statuses, last = RUNS[name]
    stored(database, tmp_path, [("run", run_row(s, i, answered=i)) for i, s in enumerate(statuses)])
    assert [row["status"] for row in read(database, "survey_run")] == [last]


def test_an_attempt_made_again_by_another_worker_counts_once_the_later(database: str, tmp_path: Path) -> None:
    again = attempt_row(1, keys="5", ended_at=at(9))
    stored(database, tmp_path, [("attempt", attempt_row()), ("attempt", again), ("attempt", attempt_row())])
    assert [row["keys"] for row in read(database, "attempt")] == ["5"]


def test_a_program_keeps_when_it_was_first_seen(database: str, tmp_path: Path) -> None:
    rows = [{"hash": "ab", "flow": "f", "json": {"n": "é"}, "first_seen": at(n)} for n in (1, 2)]
    stored(database, tmp_path, [("program", row) for row in rows])
    assert read(database, "program") == [{"hash": "ab", "flow": "f", "json": '{"n": "é"}', "first_seen": at(1)}]


# -- faults ------------------------------------------------------------------------------------------------------------


class Proxy:
    """A TCP proxy before PostgreSQL that can be down, or swallow what the server says to a COMMIT."""

    def __init__(self, url: str) -> None:
        parsed = parse_url(url)
        self._target = (parsed.host or "127.0.0.1", parsed.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = parsed.set(host="127.0.0.1", port=self._listener.getsockname()[1]).render_as_string(
            hide_password=False
        )
        self.up, self.swallow_commit = True, False
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def down(self) -> None:
        self.up = False
        for one in self._open:
            cut(one)
        self._open.clear()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            if not self.up:
                near.close()
                continue
            far = socket.create_connection(self._target)
            self._open += [near, far]
            state = {"committed": False}
            threading.Thread(target=self._pump, args=(near, far, state, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, state, False), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, state: dict[str, bool], up: bool) -> None:
        try:
            while data := source.recv(65536):
                if up and self.swallow_commit and b"COMMIT" in data:
                    state["committed"] = True
                if not up and state["committed"]:
                    self.swallow_commit = False
                    break
                sink.sendall(data)
        except OSError:
            pass
        cut(source)
        cut(sink)


def cut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@pytest.mark.postgres
def test_row_71_rows_spool_while_the_database_is_down_and_drain_after(postgres_database: str, tmp_path: Path) -> None:
    url = fresh(postgres_database)
    proxy = Proxy(url)
    one = recorder(proxy.url, tmp_path)
    one.put("call", call_row())
    assert one.flush()
    proxy.down()
    for n in range(500):
        one.put("attempt", attempt_row(n))
    assert one.flush()
    assert one.durable_up_to == 501
    assert one.stats.spooled == 500
    assert one.healthy
    assert not one.database_up
    proxy.up = True
    one.put("call", {"call_id": "c1", "ended_at": at(9)})
    until(lambda: one.database_up and not one.spool_pending)
    assert one.close()
    assert len(read(url, "attempt")) == 500
    assert read(url, "call")[0]["status"] == "ended"
    assert (tmp_path / "spool" / "rows.spool").stat().st_size == 0


@pytest.mark.postgres
def test_row_74_a_commit_whose_reply_is_lost_is_harmless(postgres_database: str, tmp_path: Path) -> None:
    url = fresh(postgres_database)
    proxy = Proxy(url)
    one = recorder(proxy.url, tmp_path)
    one.put("answer", answer_row(3, 0))
    assert one.flush()
    proxy.swallow_commit = True
    one.put("answer", answer_row(4, 1))
    assert one.flush()
    assert one.stats.spooled == 1
    until(lambda: not one.spool_pending)
    one.close()
    assert [row["value"] for row in read(url, "answer")] == ["4"]
    assert [row["value"] for row in read(url, "answer_history")] == ["3"]


@pytest.mark.postgres
def test_row_79_a_connection_killed_by_the_server_is_replaced(postgres_database: str, tmp_path: Path) -> None:
    url = fresh(postgres_database)
    one = recorder(url, tmp_path)
    one.put("call", call_row())
    assert one.flush()
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with make_engine(url).begin() as connection:
        connection.execute(text(kill))
    one.put("attempt", attempt_row())
    assert one.flush()
    until(lambda: not one.spool_pending)
    one.close()
    assert len(read(url, "attempt")) == 1


FAIL_TWICE = """
CREATE SEQUENCE tries;
CREATE FUNCTION fail_twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF nextval('tries') <= 2 THEN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fail_twice BEFORE INSERT ON call FOR EACH ROW EXECUTE FUNCTION fail_twice();
"""


@pytest.mark.postgres
def test_row_80_a_serialization_failure_is_tried_again(postgres_database: str, tmp_path: Path) -> None:
    url = fresh(postgres_database)
    with make_engine(url).begin() as connection:
        connection.exec_driver_sql(FAIL_TWICE)
    one = recorder(url, tmp_path)
    one.put("call", call_row())
    assert one.close()
    assert (one.stats.retries, one.stats.spooled, one.stats.dead_lettered) == (2, 0, 0)
    assert len(read(url, "call")) == 1


def fresh(url: str) -> str:
    with make_engine(url).begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    store.upgrade(url)
    return url


def test_row_76_a_foreign_lock_sends_rows_to_the_spool_and_no_caller_waits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    store.upgrade(url)
    one = recorder(url, tmp_path)
    one.put("call", call_row())
    assert one.flush()
    with make_engine(url).begin() as foreign:
        foreign.execute(text("SELECT 1"))
        one.put("attempt", attempt_row())
        assert one.flush()
        assert one.stats.spooled == 1
    until(lambda: not one.spool_pending)
    one.close()
    assert len(read(url, "attempt")) == 1
    with make_engine(url).connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2


def test_row_78_a_poison_row_is_put_aside_and_the_rest_flows(database: str, tmp_path: Path) -> None:
    with make_engine(database).begin() as connection:
        # No row of ours can break a rule of the schema, so the test adds one.
        connection.exec_driver_sql("CREATE UNIQUE INDEX only_one ON attempt (node) WHERE node = 'poison'")
    heard = Signal()
    one = recorder(database, tmp_path, alarm=heard.alarm)
    one.put("attempt", attempt_row(1, node="poison"))
    assert one.flush()
    one.put("attempt", attempt_row(2, node="poison"))
    one.put("attempt", attempt_row(3))
    one.put("attempt", {"call_id": "c1"})
    one.put("nonsense", {"call_id": "c1"})
    assert one.close()
    assert [row["attempt"] for row in read(database, "attempt")] == [1, 3]
    assert one.stats.dead_lettered == 3
    assert [name for name, _ in heard.alarms] == ["dead_letter"] * 3
    assert len((tmp_path / "spool" / "rows.dead").read_text().splitlines()) == 3


def forgetful() -> dict[str, Any]:
    raise KeyError("13800138000")


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (forgetful, "KeyError"),
        (lambda: None, "AttributeError"),
        (lambda: {"call_id": "c1", "json": {"13800138000": {1}}}, "TypeError"),
    ],
    ids=["raises", "gives no row", "gives what is no JSON"],
)
def test_row_78_a_row_that_cannot_be_made_is_put_aside_without_its_contents(
    database: str, tmp_path: Path, row: Any, kind: str
) -> None:
    heard = Signal()
    one = recorder(database, tmp_path, alarm=heard.alarm)
    one.put("answer", lambda: answer_row(1, question="before"))
    one.put("call_state", row)
    one.put("answer", lambda: answer_row(2, question="after"))
    assert one.close()
    assert [found["question"] for found in read(database, "answer")] == ["after", "before"]
    assert (one.stats.dead_lettered, one.healthy) == (1, True)
    [buried] = (tmp_path / "spool" / "rows.dead").read_text().splitlines()
    assert json.loads(buried)["row"] == {"table": "call_state"}
    assert kind in json.loads(buried)["reason"]
    assert "13800138000" not in buried + str(heard.alarms)


def test_row_78_a_poison_row_in_the_spool_does_not_block_it(database: str, tmp_path: Path) -> None:
    with make_engine(database).begin() as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX only_one ON attempt (node) WHERE node = 'poison'")
    spooled(
        tmp_path,
        [
            f'["attempt",{{"call_id":"c{n}","question":"q","occurrence":1,"attempt":1,"node":"poison"}}]'.encode()
            for n in range(3)
        ],
    )
    one = recorder(database, tmp_path)
    until(lambda: not one.spool_pending)
    one.close()
    assert len(read(database, "attempt")) == 1
    assert one.stats.dead_lettered == 2


def spooled(folder: Path, payloads: list[bytes]) -> Path:
    (folder / "spool").mkdir()
    file = folder / "spool" / "rows.spool"
    file.write_bytes(b"".join(map(encode, payloads)))
    return file


CLEANED = {"a\0b": "ab", "x\ud800y": "x�y", "\ud83d\ude00": "😀", "é\0": "é", "z" * 20_000: "z" * 10_000}


@pytest.mark.parametrize("dirty", CLEANED, ids=range(len(CLEANED)))
def test_row_84_text_that_databases_refuse_is_cleaned(database: str, tmp_path: Path, dirty: str) -> None:
    stored(database, tmp_path, [("call", call_row(caller=dirty))])
    assert read(database, "call")[0]["caller"] == CLEANED[dirty]


def test_row_83_a_second_recorder_on_the_same_spool_is_refused(tmp_path: Path) -> None:
    one = recorder(f"sqlite:///{tmp_path}/x.db", tmp_path)
    with pytest.raises(SpoolInUse, match="in use by another process"):
        recorder(f"sqlite:///{tmp_path}/x.db", tmp_path)
    one.close()
    recorder(f"sqlite:///{tmp_path}/x.db", tmp_path).close()


def test_row_87_times_are_utc_whatever_zone_they_came_in(database: str, tmp_path: Path) -> None:
    # The hour that comes twice when summer time ends: fold tells the two apart.
    first = at(0).astimezone(ZoneInfo("Europe/Berlin")).replace(month=10, day=25, hour=2, minute=30, fold=0)
    stored(database, tmp_path, [("call", call_row(started_at=first, ended_at=first.replace(fold=1)))])
    (row,) = read(database, "call")
    assert (row["ended_at"] - row["started_at"]).total_seconds() == 3600
    assert row["started_at"].isoformat() == "2026-10-25T00:30:00+00:00"


# -- killed ------------------------------------------------------------------------------------------------------------

VICTIM = """
    import os, signal, sys
    sys.path.insert(0, {tests!r})
    from storetools import attempt_row, recorder
    from pathlib import Path
    import ivr.store.spool, ivr.store.write

    kill_at, count = int(sys.argv[3]), 0
    def counted(owner, name):
        real = getattr(owner, name)
        def call(*arguments):
            global count
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*arguments)
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        setattr(owner, name, call)
    for name in ("pwrite", "fdatasync", "ftruncate"):
        counted(ivr.store.spool.os, name)
    for name in ("write", "_upsert"):
        counted(ivr.store.write.Database, name)
    one = recorder(sys.argv[1], Path(sys.argv[2]))
    for n in range(4):
        seq = one.put("attempt", attempt_row(n))
        assert one.flush()
        print(seq, flush=True)
    print("survived", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("away", [False, True], ids=["database", "spool"])
def test_row_72_killed_at_each_step_every_acknowledged_row_is_there_once(
    database: str, tmp_path: Path, away: bool
) -> None:
    code = textwrap.dedent(VICTIM.format(tests=str(Path(__file__).parent)))
    nowhere = f"sqlite:///{tmp_path}/no/such/folder/x.db"
    for kill_at in range(1, 40):
        folder = tmp_path / str(kill_at)
        folder.mkdir()
        with make_engine(database).begin() as connection:
            connection.execute(text("DELETE FROM attempt"))
        command = [sys.executable, "-c", code, nowhere if away else database, str(folder), str(kill_at)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == -signal.SIGKILL, done.stderr
        after = recorder(database, folder)
        until(lambda: not after.spool_pending)  # noqa: B023
        after.close()
        kept = [row["attempt"] for row in read(database, "attempt")]
        acknowledged = [int(seq) - 1 for seq in done.stdout.split() if seq != "survived"]
        assert kept[: len(acknowledged)] == acknowledged
        assert len(kept) <= len(acknowledged) + 1
        if "survived" in done.stdout:
            assert kill_at > 8
            return
    raise AssertionError("the victim was never left alive: more steps than expected")


# -- the host's threads ------------------------------------------------------------------------------------------------

PATCHED = """
    from gevent import monkey; monkey.patch_all()
    import sys, gevent
    sys.path.insert(0, {tests!r})
    from gevent.monkey import get_original
    from pathlib import Path
    from ivr.store.recorder import Threads
    from storetools import attempt_row, recorder
    threads = Threads(
        start=lambda run: get_original("_thread", "start_new_thread")(run, ()),
        lock=get_original("_thread", "allocate_lock"),
    )
    one = recorder(sys.argv[1], Path(sys.argv[2]), threads=threads)
    for n in range(1000):
        one.put("attempt", attempt_row(n))
        if n % 50 == 0: gevent.sleep(0)
    flushing = gevent.spawn(one.flush, 30)
    for _ in range(100):
        gevent.sleep(0.001)
    print("held up" if not flushing.ready() else "not held up", flush=True)
    assert flushing.get(timeout=60)
    assert one.close()
    print(one.stats.rows, one.stats.dead_lettered)
"""


def test_row_77_under_gevent_the_hub_goes_on(database: str, tmp_path: Path) -> None:
    """While the writer waits for a database that somebody has locked. A hub that waited too would never tell."""
    code = textwrap.dedent(PATCHED.format(tests=str(Path(__file__).parent)))
    with make_engine(database).connect() as locker:
        # SQLite's transactions begin IMMEDIATE here.
        sqlite = database.startswith("sqlite")
        locker.execute(text("SELECT 1" if sqlite else "LOCK TABLE attempt IN ACCESS EXCLUSIVE MODE"))
        command = [sys.executable, "-c", code, database, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "held up\n"
            locker.rollback()
            assert child.communicate(timeout=60)[0].split() == ["1000", "0"]
            assert child.returncode == 0
    until_stored = recorder(database, tmp_path)  # a database that is busy for long may have had rows spooled
    until(lambda: not until_stored.spool_pending)
    until_stored.close()
    assert len(read(database, "attempt")) == 1000
