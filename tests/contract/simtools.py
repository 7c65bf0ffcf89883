"""A whole world of campaigns in simulated time: scripted switches, diallers, one database; only bytes between them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dialtools import add, change, ledger, rows, seed
from sqlalchemy.exc import OperationalError

from ivr.campaign.model import Attempts, Calling, Campaign, Gateway, Window
from ivr.hosts.dialler.control import Control
from ivr.hosts.dialler.dialler import Desk, Dialler, Line, Settings
from ivr.hosts.switch.exchange import Exchange, Party, Peer

#: A Tuesday, 18:00 in Shanghai.
BEGIN = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)
ALWAYS = (Window(tuple(range(7)), 0, 1440),)


def campaign(name: str = "aftercare", **more: Any) -> Campaign:
    gateway = Gateway("main", "sofia/gateway/main", ("+862112345678",), per_second=0, at_once=0)
    said: dict[str, Any] = {
        "calling": Calling(ALWAYS, zone="Asia/Shanghai"),
        "gateways": (gateway,),
        "per_second": 10,
        "at_once": 30,
        "flow": "survey_line",
        "attempts": Attempts(),
    }
    return Campaign(name, **{**said, **more})


def launch(url: str, what: Campaign, people: int, **more: Any) -> None:
    seed(url, {what.campaign: people}, **more)
    version = {"campaign": what.campaign, "version": 1, "json": json.dumps(what.to_json()), "launch": ""}
    add(url, "campaign_version", **version)


@dataclass
class Wire:
    """A control connection between a dialler's line and a switch."""

    line: Line
    switch: str
    peer: Peer | None = None


@dataclass
class World:
    """``step_ms``: how often everybody looks at the clock."""

    url: str
    switches: dict[str, Exchange]
    step_ms: int = 100
    at_ms: int = 0
    offset: timedelta = timedelta()  # of the diallers' time of day
    diallers: list[Dialler] = field(default_factory=list)
    wires: dict[int, list[Wire]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)  # switches that let nobody in
    log: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    database_away: bool = False

    def wall(self) -> datetime:
        return BEGIN + self.offset + timedelta(milliseconds=self.at_ms)

    def dialler(self, owner: str = "a", desk: Callable[[Callable[[], Any]], Any] | None = None) -> Dialler:
        lines = {name: Line(name) for name in self.switches}

        def run(work: Callable[[], Any]) -> Any:
            if self.database_away:
                raise OperationalError("", {}, OSError("the database is away"))
            return work()

        made = Dialler(
            Settings(owner, ("127.0.0.1:8084",)),
            Desk(ledger(self.url), desk or run),
            lines,
            lambda: (self.at_ms / 1000, self.wall()),
            lambda event, **fields: self.log.append((event, fields)),
        )
        self.diallers.append(made)
        self.wires[id(made)] = [Wire(line, name) for name, line in lines.items()]
        for wire in self.wires[id(made)]:
            wire.line.flush = lambda wire=wire: self.flush(wire)
        return made

    def flush(self, wire: Wire) -> None:
        """What the dialler has to say is at the switch now."""
        control, peer = wire.line.control, wire.peer
        data = control.data_to_send() if control is not None else b""
        if data and peer is not None and not peer.closed:
            self.switches[wire.switch].receive_data(peer, data, self.at_ms)

    def kill(self, dialler: Dialler) -> None:
        """Its connections close, and nothing more comes from it."""
        self.diallers.remove(dialler)
        for wire in self.wires.pop(id(dialler)):
            if wire.peer is not None:
                self.switches[wire.switch].disconnect(wire.peer)

    def lose_switch(self, name: str) -> None:
        self.switches[name].die()
        self.away.add(name)

    def cut(self, name: str) -> None:
        """The connections only: its calls go on."""
        for peer in list(self.switches[name].peers):
            self.switches[name].disconnect(peer)

    def run(self, seconds: float) -> World:
        for _ in range(round(seconds * 1000 / self.step_ms)):
            self.step()
        return self

    def step(self) -> None:
        self.at_ms += self.step_ms
        for exchange in self.switches.values():
            exchange.advance(self.at_ms)
        for dialler in list(self.diallers):
            self.pump(dialler)
            dialler.tick()
            self.pump(dialler)

    def pump(self, dialler: Dialler) -> None:
        for wire in self.wires.get(id(dialler), []):
            exchange = self.switches[wire.switch]
            if wire.peer is None and wire.switch not in self.away:
                wire.peer = exchange.connect(self.at_ms)
                wire.line.control = Control("ClueCon", lambda told, name=wire.switch: dialler.told(name, told))
            control, peer = wire.line.control, wire.peer
            if control is None or peer is None:
                continue
            for _ in range(4):
                if peer.out:
                    data = bytes(peer.out)
                    peer.out.clear()
                    control.receive_data(data)
                if data := control.data_to_send():
                    if peer.closed:
                        break
                    exchange.receive_data(peer, data, self.at_ms)
                elif not peer.out:
                    break
            if peer.closed:
                control.receive_eof()
                wire.peer, wire.line.control = None, None

    # -- what came of it -------------------------------------------------------------------------------

    def outcomes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in rows(self.url, "dial_attempt"):
            name = row["outcome"] or "open"
            found[name] = found.get(name, 0) + 1
        return found

    def rung(self) -> list[str]:
        """The attempts for which a telephone rang."""
        return [uuid for exchange in self.switches.values() for _, uuid, _ in exchange.originated]

    def events(self, name: str) -> list[Mapping[str, Any]]:
        return [fields for event, fields in self.log if event == name]


def fullest(times: Iterable[int], window_ms: int = 1000) -> int:
    """The most that began within any window, wherever it begins."""
    ordered = sorted(times)
    return max((sum(t <= u < t + window_ms for u in ordered[n : n + 200]) for n, t in enumerate(ordered)), default=0)


def by_last_digit(parties: Mapping[str, Party]) -> Callable[[str], Party]:
    return lambda digits: parties.get(digits[-1], Party())


def state(url: str, name: str, value: str) -> None:
    change(url, "campaign", {"state": value}, campaign=name)
