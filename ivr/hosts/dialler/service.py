"""The dialler's process: settings become a running dialler, and signals its life.

Law: puts parts together and decides nothing about a call.

    TERM  calls nobody any more, follows those that are on to their end, then exits 0; a second one does not wait:
          what is left is taken over by another dialler, or by the next one here
"""

from __future__ import annotations

import os
import secrets
import signal
import socket as plain_socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec

import gevent
from gevent.event import Event as Flag
from gevent.threadpool import ThreadPool
from sqlalchemy.exc import SQLAlchemyError

from ivr.hosts.dialler.dialler import Desk, Dialler, Line, Settings
from ivr.hosts.dialler.wires import Address, SwitchWire
from ivr.ops.settling import settle
from ivr.store.campaigns import Who
from ivr.store.engine import make_engine
from ivr.store.ledger import Ledger

TICK_S = 0.05
#: Calls that are on after this are left to whoever takes them over.
DRAIN_S = 900.0
#: How often it is asked whether a campaign is over.
SETTLE_S = 5.0

Log = Callable[..., None]


def owner_name() -> str:
    """Of this process, and of no other ever."""
    return f"{plain_socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class DiallerService:
    def __init__(self, database: str, settings: Settings, switches: Mapping[str, Address], log: Log) -> None:
        if find_spec("psycopg_binary") or find_spec("psycopg_c"):
            os.environ.setdefault("PSYCOPG_WAIT_FUNC", "wait_c")  # it waits in a thread, by itself
        self._log = log
        self._stopping, self._hurrying = Flag(), Flag()
        # One thread has the one connection; what it waits for holds no call up.
        self._threads = ThreadPool(1)
        self._engine = make_engine(database)
        self._settle_at = 0.0
        desk = Desk(Ledger(self._engine), lambda work: self._threads.apply(work))
        lines = {name: Line(name) for name in switches}
        self.dialler = Dialler(settings, desk, lines, _clock, log)
        self._wires = [SwitchWire(lines[name], where, self.dialler.told, log) for name, where in switches.items()]

    def run(self, until_idle: bool = False) -> int:
        """Until TERM or INT. ``until_idle``: or until no campaign runs and no call is on."""
        gevent.signal_handler(signal.SIGTERM, self.stop)
        gevent.signal_handler(signal.SIGINT, self.stop)
        for wire in self._wires:
            wire.start()
        self._log("dialling", owner=self.dialler.settings.owner, switches=sorted(self.dialler.lines))
        ends: float | None = None
        while not self._hurrying.is_set():
            if self._stopping.is_set() and ends is None:
                self.dialler.stopping = True
                ends = time.monotonic() + DRAIN_S
                self._log("draining", calls=len(self.dialler.calls))
            self.dialler.tick()
            self._settle()
            for wire in self._wires:
                wire.flush()
            if self.dialler.idle and (ends is not None or (until_idle and self.dialler.nothing_runs)):
                break
            if ends is not None and time.monotonic() > ends:
                break
            gevent.sleep(TICK_S)
        try:
            self.dialler.leave()
        except SQLAlchemyError as error:
            self._log("database_failed", why=str(error).partition("\n")[0])
        for wire in self._wires:
            wire.close()
        left = len(self.dialler.calls)
        self._log("stopped", calls_left=left)
        return 0 if self.dialler.idle else 1

    def _settle(self) -> None:
        """Campaigns that are over are said to be so in the books, by whichever dialler sees it first."""
        if time.monotonic() < self._settle_at:
            return
        self._settle_at = time.monotonic() + SETTLE_S
        who = Who(f"dialler {self.dialler.settings.owner}", datetime.now(UTC))
        try:
            for name, state in self._threads.apply(settle, (self._engine, who)):
                self._log("campaign_over", campaign=name, state=state)
        except SQLAlchemyError as error:
            self._log("database_failed", why=str(error).partition("\n")[0])

    def stop(self) -> None:
        """The first time: when the calls that are on have ended. The second time: now."""
        (self._hurrying if self._stopping.is_set() else self._stopping).set()


def _clock() -> tuple[float, datetime]:
    return time.monotonic(), datetime.now(UTC)
