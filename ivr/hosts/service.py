"""The service: an installation's settings become a running server, and signals its life.

Law: puts parts together (settings, flows, sounds, recorder, server) and decides nothing about a call.

    HUP   read the flows again; calls on the line finish on what they began with
    TERM  take no more calls, let those on the line finish, store everything, exit 0; a second one does not wait
"""

from __future__ import annotations

import gc
import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event as Flag
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool
from sqlalchemy.exc import SQLAlchemyError

from ivr import compiled
from ivr.campaign.numbers import normalise
from ivr.core import trace
from ivr.core.effects import Effect, End
from ivr.core.program import Program
from ivr.hosts.freeswitch import FreeSwitchCall, Limits
from ivr.hosts.past import Past
from ivr.hosts.registry import FlowErrors, Registry
from ivr.hosts.server import CallServer
from ivr.hosts.sounds import BuiltSounds, Sounds
from ivr.media import speech
from ivr.ops.config import Config
from ivr.ops.launching import Launched, LaunchError, load_launch
from ivr.store.engine import make_engine
from ivr.store.launches import definition_row
from ivr.store.recorder import Recorder, Threads
from ivr.store.takeover import Unfinished, unfinished
from ivr.store.upgrade import is_empty_sqlite, upgrade

#: Calls still on the line after this are cut, their answers stored.
DRAIN_S = 600.0

Log = Callable[..., None]


def native_threads() -> Threads:
    """The recorder's threads are real ones, though this process is monkey-patched: a slow disk delays no call."""
    # psycopg would wait with gevent's poll, in an event loop of that thread: it is to wait by itself.
    if find_spec("psycopg_binary") or find_spec("psycopg_c"):
        os.environ.setdefault("PSYCOPG_WAIT_FUNC", "wait_c")
    start = get_original("_thread", "start_new_thread")
    lock = get_original("_thread", "allocate_lock")
    return Threads(start=lambda run: start(_with_no_loop_left, (run,)), lock=lock, pause=time.sleep)


def _with_no_loop_left(run: Callable[[], None]) -> None:
    """Whatever patched function a thread calls (psycopg: getaddrinfo) makes it an event loop of its own, with two file
    descriptors and perhaps a thread. Nobody else takes it away: a database that is away for hours would cost thousands.
    """
    try:
        run()
    finally:
        gevent.get_hub().destroy(destroy_loop=True)


class Service:
    """Everything one worker process is. Raises at construction what keeps it from serving."""

    def __init__(self, config: Config, log: Log, trace_dir: Path | None = None) -> None:
        self.config, self.log = config, log
        if trace_dir:
            trace_dir.mkdir(parents=True, exist_ok=True)
        self._stopping, self._hurrying = Flag(), Flag()
        speech.warm_up()
        if is_empty_sqlite(config.database):
            upgrade(config.database, zone=config.data.zone or None)
        config.recordings.mkdir(parents=True, exist_ok=True)
        self._hub_alarm = _HubAlarm(log)
        self.recorder = Recorder(
            config.database, config.spool, threads=native_threads(), alarm=self._hub_alarm.raise_from_thread
        )
        library = config.prompts.library()
        self._sounds: Sounds = BuiltSounds(library, config.switch_path)
        self._engine = make_engine(config.database)
        # One thread: the engine's locks are gevent's, and a worker's death brings all its calls at once. With several
        # threads on those locks some never came back (seen: 5 of 50 calls, one run in five).
        self._lookups = ThreadPool(1)
        self.past = Past(self._engine, self._lookups, log, config.country)
        self.registry = Registry(
            config, lambda program: self._sounds, self._keep_program, self._unfinished, self._launched, self.past
        )
        self.flows = self.registry.load()
        self.server = CallServer(
            (config.listen.host, config.listen.port),
            self.registry.route,
            self.recorder.put,
            log,
            allowed=config.allowed,
            max_calls=config.max_calls,
            limits=Limits(linger_s=config.linger_s),
            refusing=lambda: self.recorder.trouble,
            discard=self._discard,
            ended=self._ended,
            normal=lambda number: normalise(number, config.country).number or number,
            on_effect=Tracer(trace_dir) if trace_dir else None,
        )

    def _keep_program(self, program: Program) -> None:
        """What was asked is stored with the answers: once for each content hash."""
        row: dict[str, Any] = {
            "hash": program.hash,
            "flow": program.flow,
            "json": program.to_json(),
            "first_seen": datetime.now(UTC),
        }
        self.recorder.put("program", row)
        for plan in program.surveys.values():
            self.recorder.put("survey_definition", definition_row(plan.hash, dict(plan.definition), row["first_seen"]))

    def _ended(self, call: FreeSwitchCall, end: End) -> None:
        """Whoever returned and was asked to the end is not called any more."""
        state = call.state
        if state is None or not state.variables.get("returning") or end.by != "flow":
            return
        known = state.variables
        outcomes = [known.get(f"{survey}.outcome") for survey in call.route.program.surveys] if call.route else []
        if not outcomes or any(outcome not in (None, "partial") for outcome in outcomes):
            who = {"campaign": str(known["campaign.name"]), "contact_id": str(known["contact.id"])}
            self.recorder.put("reached", {**who, "state": "done", "outcome": "answered"})

    def _discard(self, file: str) -> None:
        """Gone from this disk; where the switch has another one, its own clock has to see to it."""
        try:
            (self.config.recordings / Path(file).name).unlink(missing_ok=True)
        except OSError as exc:
            self.log("recording_not_removed", file=file, why=os.strerror(exc.errno or 0))

    def _launched(self, name: str) -> Launched:
        try:
            return load_launch(self.config, self._engine, name)
        except SQLAlchemyError as exc:
            raise LaunchError(f"launch {name} is in the database, which does not answer: {exc}") from exc

    def _unfinished(self, call_id: str) -> Unfinished | None:
        """Asked in a native thread: the database may be slow, and only this call waits for it.

        A worker that closed in order writes within a moment of its last word: it is asked for more than once.
        """
        found: Unfinished | None = None
        for pause_s in (0.0, 0.1, 0.2):
            gevent.sleep(pause_s)
            try:
                found = self._lookups.apply(unfinished, (self._engine, call_id))
            except SQLAlchemyError as exc:
                self.log("takeover_failed", call=call_id, why=str(exc))
                return None
            if found:
                break
        return found

    def run(self) -> int:
        """Serve until TERM or INT. Gives the exit status: 0, or 1 when rows are left that no disk took."""
        gevent.signal_handler(signal.SIGTERM, self.stop)
        gevent.signal_handler(signal.SIGINT, self.stop)
        gevent.signal_handler(signal.SIGHUP, self.reload)
        # What is loaded stays: the collector need not look at it again at every pass.
        gc.collect()
        gc.freeze()
        # A call leaves hardly a cycle behind; looking for one after every 700 objects was 3 % of a busy server.
        gc.set_threshold(50_000, 20, 50)
        if self.registry.counts_quotas:
            self.past.refresh()  # before the first call, not two seconds after it
        gevent.spawn(self.past.watch, lambda: self.registry.counts_quotas)
        self.server.start()
        host, port = self.server.address
        code = compiled.why_not() or "compiled"
        known = {"flows": sorted(self.flows), "calls_at_most": self.config.max_calls, "code": code}
        self.log("serving", address=f"{host}:{port}", **known)
        self._stopping.wait()
        self.log("draining", calls=len(self.server.calls))
        cut = self.server.drain(DRAIN_S, self._hurrying.is_set)
        stored = self.recorder.close(30.0)
        self.log("stopped", calls_cut=cut, all_stored=stored)
        return 0 if stored else 1

    def stop(self) -> None:
        """The first time: when the calls on the line have ended. The second time: now."""
        (self._hurrying if self._stopping.is_set() else self._stopping).set()

    def reload(self) -> None:
        """Read the flows again. Mistakes keep the flows as they were."""
        try:
            self.flows = self.registry.load()
        except FlowErrors as exc:
            self.log("reload_failed", problems=str(exc))
            return
        self.log("reloaded", flows=sorted(self.flows))


class Tracer:
    """Writes each call's trace to a file of its own when it ends. For support and for tests: it waits for the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: dict[str, list[str]] = {}

    def __call__(self, call: FreeSwitchCall, effect: Effect) -> None:
        lines = self._lines.setdefault(call.call_id, [])
        lines += trace.lines([effect])
        if isinstance(effect, End):
            del self._lines[call.call_id]
            # A channel's uuid is its own file name; whatever else it may hold is not.
            name = "".join(c if c.isalnum() or c in "-_" else "_" for c in call.call_id)[:100]
            (self._folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


class _HubAlarm:
    """Brings the recorder's alarms from its thread to the log, which belongs to the hub."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._waiting: list[tuple[str, str]] = []
        self._wake = gevent.get_hub().loop.async_()
        self._wake.start(self._tell)

    def raise_from_thread(self, name: str, detail: str) -> None:
        self._waiting.append((name, detail))
        self._wake.send()

    def _tell(self) -> None:
        while self._waiting:
            name, detail = self._waiting.pop(0)
            self._log("store_alarm", alarm=name, detail=detail)
