"""The real server over real TCP: peers that are no switch, floods, faults of one call among others, its signals.

The first part runs CallServer in this process (gevent, nothing patched), the second whole ``esl_app.py`` processes.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import random
import resource
import signal
import socket as plain_socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket
from servertools import Site, Worker, answers, flow, held_up, talk, until, watched

from ivr.core.effects import Effect
from ivr.core.program import Program
from ivr.hosts import wire
from ivr.hosts.caller import HangsUp, Hears, Pause, ScriptedCaller
from ivr.hosts.door import Connection
from ivr.hosts.freeswitch import FreeSwitchCall, Limits, Route
from ivr.hosts.scripted_switch import Faults, ScriptedSwitch, Sound
from ivr.hosts.server import CallServer
from ivr.hosts.sounds import VirtualSounds
from ivr.hosts.switch.channel import Channel
from ivr.hosts.switch.wire import Command, CommandReader
from ivr.hosts.switch_client import CallResult, place_call, run_calls
from ivr.lang.check import check_file
from ivr.store.rows import COLUMNS

#: Sounds go by quickly here.
SPEED = 20.0
QUICK = Limits(connect_ms=300, reply_ms=400, application_ms=400, kill_ms=300)


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Program:
    file = tmp_path_factory.mktemp("flow") / "quick.yaml"
    file.write_text(flow(2))
    program = check_file(file).program
    assert program is not None
    return program


class Serving:
    """A CallServer of this process, what it logged and what it kept."""

    def __init__(self, program: Program, kind: Callable[..., CallServer] = CallServer, **more: Any) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.rows: list[tuple[str, dict[str, Any]]] = []
        self.sounds = VirtualSounds()
        self.route = Route(program, self.sounds, {"caller.number": "1", "called.number": "2"}, {})
        more.setdefault("limits", QUICK)
        router = more.pop("router", lambda channel: self.route)
        self.server = kind(("127.0.0.1", 0), router, self._put, self._log, **more)
        self.server.start()
        self.port = self.server.address[1]

    def _put(self, table: str, row: Any) -> None:
        made = row() if callable(row) else row
        self.rows.append((table, dict(zip(COLUMNS[table], made[1], strict=True) if isinstance(made, tuple) else made)))

    def _log(self, event: str, **fields: Any) -> None:
        self.told.append((event, fields))

    def names(self) -> list[str]:
        return [name for name, _ in self.told]

    def saved(self, call_id: str) -> dict[str, Any]:
        return {r["question"]: r["value"] for t, r in self.rows if t == "answer" and r["call_id"] == call_id}

    def ends(self, call_id: str) -> list[str]:
        return [r["ended_by"] for t, r in self.rows if t == "call" and r["call_id"] == call_id and "ended_by" in r]

    def call(self, uuid: str, script: list[Any] | None = None, faults: Faults | None = None) -> ScriptedSwitch:
        script = [*answers("45"), Hears("Goodbye")] if script is None else script
        caller = ScriptedCaller(script)
        after = {"": [("sleep", "900000")]}  # what the dialplan does when we let go of the call
        return ScriptedSwitch(caller, uuid=uuid, sounds=self._sound, faults=faults, speed=SPEED, dialplan=after)

    def _sound(self, path: str) -> Sound | None:
        found = self.sounds.find(path)
        return Sound(found.duration_ms, found.said) if found else None

    def place(self, switch: ScriptedSwitch) -> CallResult:
        return place_call("127.0.0.1", self.port, switch, limit_s=60)

    def peer(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def quiet(self) -> None:
        until(lambda: not self.server.calls, "all calls are over")


@pytest.fixture
def serving(quick: Program) -> Iterator[Serving]:
    one = Serving(quick)
    yield one
    one.server.drain(0)


def closed_by_server(peer: socket.socket) -> bool:
    """Whatever it says before, it closes; a reset is a close."""
    try:
        while peer.recv(65_536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


# -- peers that are no switch ----------------------------------------------------------------------------

_NOISE = random.Random(7).randbytes(2_000_000)
PEERS = {
    "nothing": [],
    "random bytes": [_NOISE[:4096]],
    "a flood of bytes": [_NOISE[i : i + 65_536] for i in range(0, len(_NOISE), 65_536)],
    "a flood without a line": [b"x" * 65_536] * 30,
    "HTTP": [b"GET / HTTP/1.1\r\nHost: callweave\r\nUser-Agent: curl/8\r\n\r\n"],
    "a huge frame": [b"Content-Type: command/reply\nContent-Length: 999999999999\n\n"],
    "a frame of 16 MB that never ends": [b"Content-Length: 16000000\n\n", *[b"y" * 65_536] * 30],
    "TLS": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + _NOISE[:500]],
    "a SIP message": [b"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n"],
    "the control socket": [b"Content-Type: auth/request\n\n"],
    "a reply that is no channel": [b"Content-Type: command/reply\nReply-Text: +OK\n\n"],
    "events of a call that is not": [b"Content-Length: 2\nContent-Type: text/event-json\n\n{}"] * 50,
}


@pytest.mark.parametrize("leaves", [True, False], ids=["and leaves", "and stays"])
def test_issue_7_a_peer_that_is_no_switch_costs_one_connection_and_one_log_line(serving: Serving, leaves: bool) -> None:
    """All of them at once, and a caller among them who notices nothing."""
    caller = gevent.spawn(serving.place, serving.call("caller"))

    def visit(said: list[bytes]) -> bool:
        with serving.peer() as peer:
            try:
                for data in said:
                    peer.sendall(data)
                if leaves:
                    peer.shutdown(plain_socket.SHUT_WR)
            except OSError:
                return True  # it closed while we spoke
            return closed_by_server(peer)

    for name, said in PEERS.items():
        before = len([1 for event, _ in serving.told if event not in ("call_started", "call_ended")])
        assert gevent.spawn(visit, said).get(timeout=60), name
        until(lambda: len(serving.server.calls) <= (0 if caller.dead else 1), f"{name} is let go")
        lines = [(e, f) for e, f in serving.told if e not in ("call_started", "call_ended")][before:]
        assert [event for event, _ in lines] in (["switch_lost"], ["call_refused"]), name
        assert lines[0][1]["peer"] == "127.0.0.1", name
        assert lines[0][1]["detail"], name
    assert caller.get(timeout=60).problems == []


def test_row_111_a_slow_loris_is_shown_the_door(quick: Program) -> None:
    """A byte now and then does not keep a connection: the limit is on the whole connect reply."""
    serving = Serving(quick)
    reply = Channel("slow", "", "1", "2", {}, 0).connect_reply(0, True)

    def dribble() -> int:
        with serving.peer() as peer:
            for count, byte in enumerate(reply):
                try:
                    peer.sendall(bytes((byte,)))
                except OSError:
                    return count
                gevent.sleep(0.002)
        return len(reply)

    peers = [gevent.spawn(dribble) for _ in range(20)]
    gevent.joinall(peers, timeout=60, raise_error=True)
    assert all(p.value < len(reply) for p in peers)
    serving.quiet()
    assert serving.names() == ["switch_lost"] * 20
    serving.server.drain(0)


def test_a_peer_that_resets_at_once(serving: Serving) -> None:
    """RST before our first word has left: no traceback, one line."""
    for _ in range(20):
        peer = serving.peer()
        peer.setsockopt(plain_socket.SOL_SOCKET, plain_socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        peer.close()
    until(lambda: len(serving.told) >= 20, "each is told of")
    serving.quiet()
    assert set(serving.names()) == {"switch_lost"}
    assert len(serving.told) == 20


def test_row_110_a_stranger(quick: Program) -> None:
    serving = Serving(quick, allowed=lambda address: address != "127.0.0.1")
    with serving.peer() as peer:
        assert peer.recv(100) == b""
    assert [(e, f["peer"]) for e, f in serving.told] == [("peer_refused", "127.0.0.1")]
    serving.server.drain(0)


def test_row_81_while_answers_cannot_be_kept_no_call_is_taken(quick: Program) -> None:
    why = ""
    serving = Serving(quick, refusing=lambda: why)
    going_on = gevent.spawn(serving.place, serving.call("first"))
    until(lambda: serving.server.calls, "the first is on the line")
    why = "cannot write /spool: No space left on device"
    shed = serving.call("shed")
    serving.place(shed)
    assert shed.fate == "dialplan"
    assert [f["detail"] for e, f in serving.told if e == "call_shed"] == [why]
    assert going_on.get(timeout=60).problems == []
    why = ""
    assert serving.place(serving.call("second")).problems == []
    serving.server.drain(0)


def test_row_38_one_call_too_many_is_shed_at_once(quick: Program) -> None:
    serving = Serving(quick, max_calls=3)
    calls = [gevent.spawn(serving.place, serving.call(f"c{n}")) for n in range(3)]
    until(lambda: len(serving.server.calls) == 3, "three are on the line")
    more = [serving.call(f"more{n}") for n in range(3)]
    run_calls("127.0.0.1", serving.port, more, limit_s=60)
    assert [switch.fate for switch in more] == ["dialplan"] * 3, "none is parked in silence"
    assert serving.names().count("call_shed") == 3
    assert "max_calls" in next(f["detail"] for e, f in serving.told if e == "call_shed")
    assert [c.get(timeout=60).problems for c in calls] == [[], [], []]
    serving.server.drain(0)


# -- bytes -----------------------------------------------------------------------------------------------


class Long(VirtualSounds):
    """Prompts whose command is far longer than a socket's buffer."""

    def files(self, items: Any) -> list[str]:
        return [path for path in super().files(items) for _ in range(1000)]


def narrow(serving: Serving) -> dict[str, int]:
    """From here on the server's sockets hold little. Gives what they are set to, once one is there."""
    options: dict[str, int] = {}
    door = serving.server.door
    take = door.take

    def watched(connection: Connection, peer: str) -> None:
        connection.setsockopt(plain_socket.SOL_SOCKET, plain_socket.SO_SNDBUF, 1)
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_NODELAY"):
            options[name] = connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
        options["SO_KEEPALIVE"] = connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        take(connection, peer)

    door.take = watched
    return options


def narrow_peer(serving: Serving) -> socket.socket:
    peer = socket.socket()
    peer.setsockopt(plain_socket.SOL_SOCKET, plain_socket.SO_RCVBUF, 1)
    peer.settimeout(5)
    peer.connect(("127.0.0.1", serving.port))
    return peer


def completed(call: str, uuid: str, app: str = "answer") -> bytes:
    event = {"Event-Name": "CHANNEL_EXECUTE_COMPLETE", "Unique-ID": call, "Application": app}
    body = json.dumps({**event, "Application-UUID": uuid}, separators=(",", ":")).encode()
    return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)


OK = b"Content-Type: command/reply\nReply-Text: +OK\n\n"


def test_row_19_a_command_larger_than_the_sockets_buffer_arrives_whole(quick: Program) -> None:
    serving = Serving(quick, limits=Limits())
    narrow(serving)
    serving.route = Route(quick, Long(), serving.route.facts, {})
    reader, commands = CommandReader(), list[Command]()
    with narrow_peer(serving) as peer:
        commands += reader.feed(peer.recv(100))
        peer.sendall(Channel("narrow", "", "1", "2", {}, 0).connect_reply(0, True))
        told = 0
        while not any("playback" in c.get("execute-app-name") for c in commands):
            commands += reader.feed(peer.recv(97))
            for command in commands[told:]:
                if command.get("execute-app-name") == "answer":
                    peer.sendall(completed("narrow", command.get("Event-UUID")))
                elif command.word != "connect":
                    peer.sendall(
                        OK if command.word != "api" else b"Content-Type: api/response\nContent-Length: 3\n\n+OK"
                    )
            told = len(commands)
        prompt = commands[-1].body or commands[-1].get("execute-app-arg")
        assert prompt.count("/virtual/") == 1000
        assert len(prompt) > 30_000
    serving.quiet()
    serving.server.drain(0)


def test_row_19_a_peer_that_takes_nothing_is_given_up(quick: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SEND_TIMEOUT_S", 0.2)
    serving = Serving(quick, limits=Limits())
    narrow(serving)
    serving.route = Route(quick, Long(), serving.route.facts, {})
    with narrow_peer(serving) as peer:
        peer.sendall(Channel("deaf", "", "1", "2", {"Answer-State": "answered"}, 0).connect_reply(0, True))
        uuid = ""
        reader = CommandReader()
        while not uuid:
            for command in reader.feed(peer.recv(1_000)):
                uuid = command.get("Event-UUID") or uuid
        peer.sendall(completed("deaf", uuid))
        serving.quiet()
    assert serving.ends("deaf") == ["switch-lost"]
    serving.server.drain(0)


def test_row_31_a_switch_that_vanished_is_looked_for(quick: Program) -> None:
    serving = Serving(quick)
    options = narrow(serving)
    assert serving.place(serving.call("c")).problems == []
    assert options.pop("SO_KEEPALIVE") == 1
    assert options.pop("TCP_NODELAY") == 1
    assert options == {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
    serving.server.drain(0)


def test_row_21_a_switch_that_stops_answering(serving: Serving) -> None:
    """SIGSTOP after the first answer: the call is given up in time, the answer is kept, others go on."""
    frozen = gevent.spawn(serving.place, serving.call("frozen", faults=Faults(freeze_at_ms=900)))
    other = gevent.spawn(serving.place, serving.call("other"))
    assert other.get(timeout=60).problems == []
    frozen.get(timeout=60)
    assert serving.ends("frozen") == ["switch-lost"]
    assert serving.saved("frozen") == {"q1": "4"}
    assert serving.saved("other") == {"q1": "4", "q2": "5"}
    serving.quiet()


# -- one call among others -------------------------------------------------------------------------------


def raising(where: str) -> Any:
    """Raises in the middle of one call's work; nothing that a caller or a switch does can."""

    def on_effect(call: FreeSwitchCall, effect: Effect) -> None:
        if call.call_id == "bad" and type(effect).__name__ == where:
            raise ValueError("a bug")

    return on_effect


@pytest.mark.parametrize(("where", "crashes"), [("Answer", 1), ("Play", 1), ("Listen", 1), ("Save", 2), ("End", 1)])
def test_row_129_a_call_that_crashes_is_alone(quick: Program, where: str, crashes: int) -> None:
    serving = Serving(quick, on_effect=raising(where))
    calls = [gevent.spawn(serving.place, serving.call(f"good{n}")) for n in range(5)]
    bad = serving.call("bad")
    serving.place(bad)
    assert [c.get(timeout=60).problems for c in calls] == [[]] * 5
    told = [f["call"] for e, f in serving.told if e == "call_crashed"]
    assert told == ["bad"] * crashes  # a second line when even its end cannot be kept
    assert bad.fate == "dialplan", "the caller is not left in silence"
    assert all(serving.saved(f"good{n}") == {"q1": "4", "q2": "5"} for n in range(5))
    serving.quiet()
    serving.server.drain(0)


def test_row_129_a_router_that_crashes(quick: Program) -> None:
    def router(channel: Any) -> Route | str:
        if channel.get("Unique-ID") == "bad":
            raise KeyError("a bug")
        return serving.route

    serving = Serving(quick, router=router)
    bad = serving.call("bad")
    serving.place(bad)
    assert bad.fate == "dialplan"
    assert serving.place(serving.call("good")).problems == []
    assert serving.names().count("call_crashed") == 1
    serving.server.drain(0)


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def alive(kind: type) -> set[Any]:
    return {o for o in gc.get_objects() if isinstance(o, kind)}


def test_rows_38_131_two_hundred_calls_at_once_and_nothing_is_left(quick: Program) -> None:
    serving = Serving(quick, limits=Limits())
    assert serving.place(serving.call("warm")).problems == []
    serving.quiet()
    gc.collect()
    others = alive(FreeSwitchCall) | alive(gevent.Greenlet)  # of tests that ran before in this process
    descriptors, before_kb = open_descriptors(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scripts = {0: None, 1: [Hears("Question 1"), HangsUp()], 2: [*answers("4"), HangsUp()]}
    for round_ in range(2):
        switches = [serving.call(f"r{round_}c{n}", scripts[n % 3]) for n in range(200)]
        results = run_calls("127.0.0.1", serving.port, switches, concurrency=200, limit_s=60)
        assert [p for r in results for p in r.problems] == []
        del switches, results
        serving.quiet()
    until(lambda: gc.collect() is not None and open_descriptors() <= descriptors, "every socket is closed")
    gc.collect()
    assert alive(FreeSwitchCall) - others == set()
    assert {g for g in alive(gevent.Greenlet) - others if not g.dead} == set()
    kept = {r["call_id"]: r for t, r in serving.rows if t == "call" and "ended_by" in r}
    assert len(kept) == 401
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 60_000
    serving.server.drain(0)


def test_row_32_the_switch_dies_with_all_its_calls(serving: Serving) -> None:
    """No notice, no hang-up, RST: every call is ended, what was answered is kept."""
    faults = Faults(close_at_ms=900, reset=True)
    switches = [serving.call(f"c{n}", faults=faults) for n in range(30)]
    run_calls("127.0.0.1", serving.port, switches, concurrency=30, limit_s=60)
    serving.quiet()
    for n in range(30):
        assert serving.ends(f"c{n}") == ["switch-lost"]
        assert serving.saved(f"c{n}") == {"q1": "4"}


def test_effects_are_kept_in_order_and_end_once(serving: Serving) -> None:
    serving.place(serving.call("c"))
    serving.quiet()
    assert [t for t, _ in serving.rows if t != "call_state"] == [
        "call",
        "attempt",
        "answer",
        "attempt",
        "answer",
        "call",
    ]


# -- a whole worker process ------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def workers(site: Site) -> Iterator[Callable[..., Worker]]:
    started: list[Worker] = []

    def start(*arguments: Any, **more: Any) -> Worker:
        started.append(Worker(site, *arguments, **more))
        return started[-1]

    yield start
    for worker in started:
        if worker.process.poll() is None:
            worker.end(signal.SIGKILL)


KEPT = "SELECT question, value FROM answer WHERE call_id = 'c' ORDER BY question"


def test_rows_66_82_a_reload_and_a_stop_in_the_middle_of_a_call(site: Site, workers: Callable[..., Worker]) -> None:
    """HUP with a changed flow, then with a broken one, then TERM: the call goes its way to its own end."""
    worker = workers()
    old = site.call("c", [*answers("1234"), Hears("Goodbye.")])
    first = talk(worker, old)
    until(lambda: old.caller.waiting == 'hears "Question 2"', "the first answer is given")
    site.write(flow(1, "Farewell."))
    worker.send(signal.SIGHUP)
    until(lambda: worker.events("reloaded"), "it is read again")
    new = site.call("d", [*answers("7"), Hears("Farewell.")])
    second = talk(worker, new)
    assert second.get(timeout=60).problems == []
    site.write("flow: quick\nsteps: [nonsense\n")
    worker.send(signal.SIGHUP)
    until(lambda: worker.events("reload_failed"), "the mistake is told")
    assert "quick.yaml:" in worker.events("reload_failed")[0]["problems"]
    assert talk(worker, site.call("e", [*answers("8"), Hears("Farewell.")])).get(timeout=60).problems == []
    worker.send(signal.SIGTERM)
    until(lambda: worker.events("draining"), "it stops")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", worker.port), timeout=2)
    assert first.get(timeout=60).problems == []
    until(lambda: worker.process.poll() is not None, "it ends by itself")
    assert worker.process.wait() == 0
    assert site.rows(KEPT) == [(f"q{n}", str(n)) for n in range(1, 5)]
    hashes = dict(site.rows("SELECT call_id, program_hash FROM call"))
    assert hashes["c"] != hashes["d"] == hashes["e"]
    assert {h for (h,) in site.rows("SELECT hash FROM program")} == {hashes["c"], hashes["d"]}


def test_row_66_a_flow_without_its_sounds_is_not_taken(site: Site, workers: Callable[..., Worker]) -> None:
    """A reload keeps what it had and says what to type; a start refuses; both go on when the sounds are there."""
    worker = workers()
    assert worker.port
    changed = flow(1, "Farewell.")
    (site.folder / "flows" / "quick.yaml").write_text(changed)
    worker.send(signal.SIGHUP)
    until(lambda: worker.events("reload_failed"), "it is told")
    told = worker.events("reload_failed")[0]["problems"]
    assert 'flow quick: no sound for "Farewell." (en); type: ivr prompts build' in told
    assert talk(worker, site.call("c", [*answers("1234"), Hears("Goodbye.")])).get(timeout=60).problems == []
    second = workers("two")
    until(lambda: second.process.poll() is not None, "it gives up", 60)
    assert second.process.returncode == 1
    assert 'quick.yaml:1:1: SOUND flow quick: no sound for "Farewell." (en); type: ivr prompts build' in second.text
    assert "Traceback" not in second.text
    site.write(changed)
    worker.send(signal.SIGHUP)
    until(lambda: worker.events("reloaded"), "it is taken")
    assert talk(worker, site.call("d", [*answers("7"), Hears("Farewell.")])).get(timeout=60).problems == []


def test_a_folder_that_the_switch_would_misread_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my project").mkdir()
    worker = Worker(Site(tmp_path / "my project"))
    until(lambda: worker.process.poll() is not None, "it gives up", 60)
    assert worker.process.returncode == 2
    assert "prompts.build" in worker.text
    assert "has a space" in worker.text


def test_row_82_a_second_term_does_not_wait(site: Site, workers: Callable[..., Worker]) -> None:
    """What was answered is stored, the call is left to the dialplan, and is not ended: another may take it over."""
    worker = workers()
    switch = site.call("c", [*answers("12"), Hears("Question 3"), Pause(60_000)])
    going_on = talk(worker, switch)
    until(lambda: switch.caller.waiting == "wait 60s", "two answers are given")
    worker.send(signal.SIGTERM)
    until(lambda: worker.events("draining"), "it stops")
    assert worker.end(signal.SIGTERM) == 0
    going_on.kill()
    assert worker.events("stopped")[0]["calls_cut"] == 1
    assert site.rows(KEPT) == [("q1", "1"), ("q2", "2")]
    assert site.rows("SELECT ended_by FROM call") == [(None,)]


def test_row_83_two_workers_on_one_spool(site: Site, workers: Callable[..., Worker]) -> None:
    first = workers()
    assert first.port
    second = workers()
    until(lambda: second.process.poll() is not None, "it gives up", 60)
    assert second.process.returncode == 1
    assert "in use by another process" in second.text
    assert "Traceback" not in second.text
    assert talk(first, site.call("c", answers("1234"))).get(timeout=60).problems == []


def test_row_110_neither_a_stranger_nor_a_liar_gets_a_call(tmp_path: Path) -> None:
    for folder, settings, variables, event in (
        ("stranger", 'allow: ["10.0.0.1"]\n', {}, "peer_refused"),
        ("liar", "secret: abcdefghijklmnop\n", {"callweave_secret": "abcdefghijklmnox"}, "no_flow"),
    ):
        (tmp_path / folder).mkdir()
        site = Site(tmp_path / folder, settings)
        worker = Worker(site)
        switch = site.call("c", answers("1234"), **variables)
        talk(worker, switch).get(timeout=60)
        assert switch.caller.heard == []
        assert [e["event"] for e in worker.events() if e["level"] == "warning" or e["event"] == event] == [event]
        assert "abcdefghijklmno" not in worker.text, "secrets stay out of logs"
        assert worker.end() == 0
        assert site.rows("SELECT call_id FROM call") == []


def test_row_38_no_file_descriptor_left(site: Site, workers: Callable[..., Worker]) -> None:
    worker = workers()
    port, pid = worker.port, worker.process.pid
    going_on = talk(worker, site.call("c", [*answers("1234"), Hears("Goodbye.")]))
    until(lambda: worker.events("call_started"), "a call is on the line")
    # By then the writer's thread is connected. A loop of gevent's that a thread makes when nothing is left prints a
    # traceback of gevent's own, which is not what is looked at here.
    until(lambda: site.rows("SELECT call_id FROM call"), "the call is stored")
    limit = len(os.listdir(f"/proc/{pid}/fd")) + 10
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, resource.prlimit(pid, resource.RLIMIT_NOFILE)[1]))
    peers = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(40)]
    until(lambda: worker.events("accept_failed"), "the door is shut for a while")
    for peer in peers:
        peer.close()
    assert going_on.get(timeout=60).problems == []
    assert talk(worker, site.call("d", answers("1234"))).get(timeout=60).problems == []
    assert "Traceback" not in worker.text
    assert worker.end() == 0


def test_row_130_nothing_holds_up_the_loop(site: Site, workers: Callable[..., Worker]) -> None:
    """The database is locked by somebody else for as long as fifty calls take: what waited for it on the loop would be
    seen by gevent's own watchman, and no call would go on."""
    held = []
    for attempt in range(3):  # a machine that is busy with something else is no fault of ours
        worker = workers(f"watched{attempt}", **watched())
        assert worker.port
        calls = [site.call(f"a{attempt}c{n}", [*answers("1234"), Hears("Goodbye.")]) for n in range(50)]
        with contextlib.closing(sqlite3.connect(site.folder / "calls.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            results = run_calls("127.0.0.1", worker.port, calls, concurrency=50, every_s=0.005, limit_s=60)
            assert [p for r in results for p in r.problems] == []
            assert site.rows(f"SELECT count(*) FROM answer WHERE call_id LIKE 'a{attempt}%'") == [(0,)]
            other.execute("ROLLBACK")
        assert worker.end() == 0
        held.append(held_up(worker))
        assert site.rows(f"SELECT count(*) FROM answer WHERE call_id LIKE 'a{attempt}%'") == [(200,)]
        if not held[-1]:
            return
    raise AssertionError(f"the loop was held up in each of three runs: {held}\n{worker.text[-6000:]}")
