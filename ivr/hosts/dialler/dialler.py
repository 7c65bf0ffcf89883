"""The dialler: leases people, has the switches call them, and sees to it that each attempt gets its outcome.

Law: one :meth:`Dialler.tick` at a time does what the moment asks for; time is told by ``clock``, the database is
reached through ``desk`` and the switches through ``Line``. Nobody is called that was not leased, written down as sent,
and allowed at that very moment. What a switch or a database does to us is waited for, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from ivr.campaign.callbacks import due
from ivr.hosts.dialler.calls import Calls
from ivr.hosts.dialler.control import Control, Down, Exists, Heard, Job, Told, Up
from ivr.hosts.dialler.gates import Backoff, Limits
from ivr.hosts.dialler.originate import OriginateError, originate
from ivr.hosts.dialler.presence import Presence, Timing
from ivr.hosts.dialler.results import Results
from ivr.hosts.dialler.turn import Field, Turns
from ivr.store import attempts, callbacks, dialling, leases
from ivr.store.attempts import Result
from ivr.store.leases import Lease
from ivr.store.ledger import Ledger

P = ParamSpec("P")
T = TypeVar("T")
Log = Callable[..., None]

#: How often it is read which campaigns run, and which diallers there are.
REFRESH_S: Final = 0.5
#: How often wishes to be called back are looked for.
CALLBACKS_S: Final = 5.0
#: From the beginning of `send`, which looks whether the campaign runs, to the switch; longer, and nobody is called. So
#: no call begins later than this after a pause, however slow the database is.
SEND_LIMIT_S: Final = 1.0
#: After an error of the database.
REST_S: Final = 1.0
#: A clock may be behind the last attempt by so much: two machines' clocks differ.
SKEW: Final = timedelta(minutes=2)


@dataclass(slots=True)
class Line:
    """One switch. ``control`` is None while there is no connection; ``flush`` sends what it has to say."""

    name: str
    control: Control | None = None
    backoff: Backoff = field(default_factory=Backoff)
    flush: Callable[[], None] = lambda: None

    @property
    def up(self) -> bool:
        return self.control is not None and self.control.up

    def ready(self, now: float) -> bool:
        return self.room(now) != 0

    def room(self, now: float) -> int:
        """How many calls it may be given now."""
        if self.control is None:
            return 0
        room, free = self.backoff.room(now), self.control.room
        return free if room is None else min(room, free)


@dataclass(frozen=True, slots=True)
class Settings:
    owner: str
    workers: tuple[str, ...]  # host:port of the servers of calls
    secret: str = ""
    only: str = ""  # one campaign
    lease_s: float = 60.0  # a dialler that says nothing for so long has lost its calls to another
    limits: Limits = field(default_factory=Limits)
    timing: Timing = field(default_factory=Timing)


class Desk:
    """The database, by way of ``run``: in a process of greenlets another thread waits for it."""

    def __init__(self, ledger: Ledger, run: Callable[[Callable[[], Any]], Any] = lambda work: work()) -> None:
        self._ledger, self._run = ledger, run

    def __call__(self, work: Callable[Concatenate[Ledger, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = self._run(lambda: work(self._ledger, *args, **kwargs))
        return result


class Dialler:
    """``clock`` gives seconds that never go back, and the time of day in UTC."""

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        lines: Mapping[str, Line],
        clock: Callable[[], tuple[float, datetime]],
        log: Log,
    ) -> None:
        self.settings, self.lines, self._desk, self._clock, self._log = settings, lines, desk, clock, log
        self.calls = Calls()
        self.presence = Presence(settings.owner, settings.timing)
        self.turns = Turns(settings.owner, settings.limits, timedelta(seconds=settings.lease_s), self.presence)
        self._results = Results(desk, self.turns, lines, log)
        self._due: dict[str, float] = {}
        self._rest_until = 0.0
        self._latest: datetime | None = None
        self._implausible = False
        self._lease = timedelta(seconds=settings.lease_s)
        self.stopping = False

    @property
    def idle(self) -> bool:
        """No call is on, and every outcome is written."""
        return not (self.calls or self.calls.finished or self.calls.answered or len(self._results))

    @property
    def nothing_runs(self) -> bool:
        return "refresh" in self._due and not self.turns.fields

    # -- what switches say -------------------------------------------------------------------------------

    def told(self, name: str, what: Told) -> None:
        now, wall = self._clock()
        match what:
            case Up():
                self._log("switch_up", switch=name, open_calls=self.calls.count(switch=name))
                self.calls.came_up(name, now)
                self._due.pop("refresh", None)  # it can call: the others are to know
            case Down():
                self._log("switch_lost", switch=name, why=what.why, open_calls=self.calls.count(switch=name))
                self.calls.went_down(name, now)
                self.lines[name].backoff.forget()
            case Job():
                self.calls.job(what.attempt_id, what.body, what.sent, now, wall)
            case Exists():
                self.calls.exists(what.attempt_id, name, what.there, now, wall)
            case Heard():
                if self.calls.heard(what.event, name, now, wall):
                    self.lines[name].backoff.taken()
        self._hear(now)

    def _hear(self, now: float) -> None:
        news, self.calls.news = self.calls.news, []
        for each in news:
            self.turns.paces.hear(each, now)
            if each.end is None:
                self.turns.gate(each.gateway).answered()

    # -- a turn --------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Everything that is due. Never raises for what the database does."""
        now, wall = self._clock()
        up = [name for name, line in self.lines.items() if line.up]
        for switch, attempt_id in self.calls.look(now, wall, up):
            control = self.lines[switch].control
            if control is not None:
                control.exists(attempt_id)
        self._hear(now)
        if now < self._rest_until:
            return
        try:
            self._tick(now, wall)
        except SQLAlchemyError as error:
            self._log("database_failed", why=str(error).partition("\n")[0], waiting=len(self.calls.finished))
            self._rest_until = now + REST_S

    def _tick(self, now: float, wall: datetime) -> None:
        self._results.settle(self.calls, now)
        if self._is_due("renew", self.settings.lease_s / 4, now):
            self._desk(leases.renew, self.calls.ids(), owner=self.settings.owner, until=wall + self._lease)
        self._refresh()
        if self._is_due("adopt", self.settings.lease_s / 12, now):
            self._adopt(now, wall)
        if self._is_due("callbacks", CALLBACKS_S, now) and (some := self._desk(callbacks.wishes)):
            met = self._desk(callbacks.meet, [(wish, due(wish.told, wish.asked_at, wish.zone)) for wish in some], wall)
            self._log("callbacks", people=met)
        if self.stopping or not self._plausible(wall, now):
            return
        for each in self.turns.fields:
            self._refresh()  # the one before may have waited long for the database
            now, wall = self._clock()
            if any(line.ready(now) for line in self.lines.values()) and each in self.turns.fields:
                self._dial(each, now, wall)

    def _refresh(self) -> None:
        """What runs, and who else calls: read twice a second."""
        before, wall = self._clock()
        if not self._is_due("refresh", REFRESH_S, before):
            return
        presence, owner = self.presence, self.settings.owner
        if self.stopping or not any(line.up for line in self.lines.values()):
            self.leave()
        elif number := presence.next_beat(before):
            self._desk(dialling.beat, owner, self.settings.only, number, wall)
            presence.beaten(before, self._clock()[0])
        before, _ = self._clock()
        found = self._desk(dialling.standing)
        presence.learn(found.diallers, before, self._clock()[0])
        self.turns.learn(found, self._desk, self.settings.only)

    def leave(self) -> None:
        """Others may have its share. Raises the database's errors."""
        if self.presence.is_told:
            self.presence.left(self._clock()[0])
            self._desk(dialling.leave, self.settings.owner)

    def _is_due(self, what: str, every_s: float, now: float) -> bool:
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every_s
        return True

    def _plausible(self, wall: datetime, now: float) -> bool:
        """No clock is before what was already done: one that is would call people at night (fault 104)."""
        if self._is_due("clock", 10.0, now) or self._latest is None:
            self._latest = self._desk(attempts.latest) or self._latest
        wrong = self._latest is not None and wall < self._latest - SKEW
        if wrong and not self._implausible:
            self._log("clock_alarm", clock=wall, last_attempt=self._latest, why="nobody is called until it is right")
        self._implausible = wrong
        return not wrong

    # -- calling -------------------------------------------------------------------------------------------

    def _dial(self, each: Field, now: float, wall: datetime) -> None:
        most = sum(line.room(now) for line in self.lines.values())
        turn = self.turns.turn(each, self.calls, now, wall, most)
        if turn is None:
            return
        taken: list[Lease] = []
        for priority in self.turns.priorities(each, self._desk, now):
            more, looked = self._desk(
                leases.take,
                turn.terms,
                priority,
                owner=self.settings.owner,
                most=turn.room,
                look=each.look,
                now=wall,
                judge=turn.judge,
            )
            taken += more
            turn.looked += looked
            if turn.room <= 0:
                break
        self.turns.done(each, turn)
        if not taken:
            return
        began, wall = self._clock()
        sent = self._desk(leases.send, taken, owner=self.settings.owner, gap=turn.terms.gap, now=wall)
        after, _ = self._clock()
        if after - began > SEND_LIMIT_S or not self.presence.is_fresh(after):
            self._results.uncalled(sent, wall, "too late")
            return
        for lease in sent:
            self._call(each, lease, after, wall)
        for line in self.lines.values():
            line.flush()

    def _call(self, each: Field, lease: Lease, now: float, wall: datetime) -> None:
        gateway = each.gateways[lease.gateway]
        line = self._line(now)
        if line is None or line.control is None:
            self._results.uncalled([lease], wall, "no switch")
            return
        try:
            arguments = originate(
                lease,
                each.campaign,
                gateway,
                workers=self.settings.workers,
                path=each.path,
                secret=self.settings.secret,
            )
            line.control.originate(lease.attempt_id, arguments)
        except (OriginateError, ValueError) as error:
            self._results.put(Result(lease.attempt_id, "failed", wall, cause=f"{error}"[:200]))
            return
        self.turns.paces.sent(lease.attempt_id, each.campaign, gateway, now)
        self.turns.gate(lease.gateway).sent(now)
        line.backoff.sent()
        ring_s = each.campaign.ring_ms / 1000
        self.calls.place(lease.attempt_id, lease.campaign, lease.person.number, lease.gateway, line.name, ring_s, now)
        self._log("dialled", attempt=lease.attempt_id, campaign=lease.campaign, number=lease.person.number,
                  gateway=lease.gateway, switch=line.name)  # fmt: skip

    def _line(self, now: float) -> Line | None:
        """The switch with the fewest of our calls."""
        ready = [line for line in self.lines.values() if line.ready(now)]
        return min(ready, key=lambda line: self.calls.count(switch=line.name), default=None)

    # -- what others left ------------------------------------------------------------------------------------

    def _adopt(self, now: float, wall: datetime) -> None:
        found = self._desk(attempts.adopt, owner=self.settings.owner, now=wall, until=wall + self._lease)
        for each in found:
            if each.attempt_id in self.calls:
                continue
            self._log("attempt_taken_over", attempt=each.attempt_id, campaign=each.campaign, sent=each.sent_at)
            if each.sent_at is None:  # of a Callweave that wrote attempts before they were sent
                self._results.put(Result(each.attempt_id, "not_attempted", wall, cause="its dialler is gone"))
            else:
                who = (each.attempt_id, each.campaign, each.number, each.gateway)
                self.calls.take_over(*who, list(self.lines), each.answered_at, now)
                campaign = self.turns.campaign(each.campaign, self._desk)
                if campaign is not None:
                    self.turns.paces.taken_over(each.attempt_id, campaign, each.answered_at is not None, now)
