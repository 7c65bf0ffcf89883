"""A switch that vanishes without FIN or RST (fault 31), on a network of the test's own.

The test runs once more inside `unshare -rn`: the server stays in that network namespace, the scripted switch in a
second one, a veth pair lies between them, and then the far side is taken away. Where namespaces are not allowed the
tests are skipped with a line that says so.
"""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent import socket
from servertools import ROOT, until
from test_server import QUICK, Serving

from ivr.hosts import server as call_server
from ivr.hosts.caller import Action, Hears, Pause, Press, ScriptedCaller
from ivr.hosts.freeswitch import Limits
from ivr.hosts.scripted_switch import Destination, ScriptedSwitch
from ivr.hosts.server import CallServer
from ivr.hosts.switch_client import place_call
from ivr.lang.check import check_file

INSIDE = "CALLWEAVE_TEST_OWN_NETWORK"
NEAR, FAR = "10.99.0.1", "10.99.0.2"
#: As in production, but for the idle time of 30 s and the 10 s between probes.
QUICK_KEEPALIVE = {"TCP_KEEPIDLE": 1, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3}
FLOW = """
flow: talk
languages: [en]
start: first
destinations: {desk: user/1000}
digits: {first: 2s, tries: 1, give_up: bye}
steps:
  first:
    ask: {en: "First question."}
    into: first
    digits: {length: 1}
    next: second
  second:
    ask: {en: "Second question."}
    into: second
    digits: {length: 1}
    next: desk
  desk:
    transfer: desk
    failed: bye
  bye:
    say: {en: "Goodbye."}
    hang_up: true
"""


def in_a_network_of_its_own(test: Callable[..., None]) -> Callable[..., None]:
    """Outside: the same test in a process of its own, in a new network namespace, as the root of it."""

    @functools.wraps(test)
    def run(request: pytest.FixtureRequest, **fixtures: Any) -> None:
        if os.environ.get(INSIDE):
            test(request=request, **fixtures)
            return
        alone = ["unshare", "--user", "--map-root-user", "--net"]
        try:
            subprocess.run([*alone, "unshare", "-n", "ip", "link"], check=True, capture_output=True, timeout=10)
        except (OSError, subprocess.CalledProcessError) as why:
            pytest.skip(f"no network namespace here: {why}")
        node = f"{Path(__file__)}::{request.node.name}"
        pytest_again = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", node]
        done = subprocess.run(
            [*alone, *pytest_again],
            cwd=ROOT,
            env={**os.environ, INSIDE: "1"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "1 passed" in done.stdout, done.stdout[-5_000:] + done.stderr[-2_000:]

    return run


def ip(arguments: str, far: int = 0) -> None:
    inside = ["nsenter", "-t", str(far), "-n"] if far else []
    subprocess.run([*inside, "ip", *arguments.split()], check=True, timeout=10)


def enter_network_of(pid: int | str) -> None:
    """Sockets that this thread makes from now on are in the network of that process; older ones stay."""
    with open(f"/proc/{pid}/ns/net") as network:
        if ctypes.CDLL(None, use_errno=True).setns(network.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def two_machines() -> Iterator[int]:
    """The server's network is ours; gives the process whose network is the switch's."""
    ours = os.stat("/proc/self/ns/net").st_ino
    holder = subprocess.Popen(["unshare", "-n", "sleep", "100"])
    try:
        until(lambda: os.stat(f"/proc/{holder.pid}/ns/net").st_ino != ours, "it has a network of its own", 60)
        ip("link set lo up")
        ip(f"link add near type veth peer name far netns {holder.pid}")
        ip(f"addr add {NEAR}/24 dev near")
        ip("link set near up")
        ip(f"addr add {FAR}/24 dev far", holder.pid)
        ip("link set far up", holder.pid)
        yield holder.pid
    finally:
        holder.kill()
        holder.wait()


class Switch:
    """The scripted switch; its sockets are on the far machine."""

    def __init__(self, serving: Serving, script: list[Action]) -> None:
        self.caller = ScriptedCaller(script)
        switch = ScriptedSwitch(
            self.caller,
            uuid="vanishes",
            sounds=serving.sounds.find,
            destinations={"user/1000": Destination(talk_ms=600_000)},
            speed=20.0,
        )
        self.talk = gevent.spawn(place_call, NEAR, serving.port, switch)


#: How a machine goes, seen from the other one.
VANISHES = {
    "it is switched off": "link set far down",
    "what it sends is dropped on the way": f"route add blackhole {NEAR}/32",
}
#: What the caller does until then, what is awaited of the switch, and by whom it is noticed.
MOMENTS: dict[str, tuple[list[Action], str, Limits]] = {
    "in a talk": (
        [Hears("First"), Press("1"), Hears("Second"), Press("2"), Pause(60_000)],
        "bridge",
        Limits(reply_ms=1_000),
    ),
    "while a key is awaited": ([Hears("First"), Press("1"), Hears("Second"), Pause(60_000)], "", QUICK),
}


@pytest.mark.parametrize(
    ("moment", "how"), [("in a talk", how) for how in VANISHES] + [("while a key is awaited", "it is switched off")]
)
@in_a_network_of_its_own
def test_row_31_a_switch_that_vanished_without_a_word(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, moment: str, how: str
) -> None:
    """In a talk the server has nothing to say for hours: only the kernel's probes can find out. The control: a
    connection without them, which is never told.
    """
    if not os.environ.get("CALLWEAVE_TEST_REAL_KEEPALIVE"):
        monkeypatch.setattr(call_server, "KEEPALIVE", QUICK_KEEPALIVE)
    keepalive = call_server.KEEPALIVE
    script, app, limits = MOMENTS[moment]
    file = tmp_path / "talk.yaml"
    file.write_text(FLOW)
    program = check_file(file).program
    assert program is not None
    with two_machines() as far:
        serving = Serving(program, lambda address, *args, **more: CallServer((NEAR, 0), *args, **more), limits=limits)
        serving.route = type(serving.route)(program, serving.sounds, serving.route.facts, {"desk": "user/1000"})
        naive = socket.create_server((NEAR, 0))
        enter_network_of(far)
        naive_peer = socket.create_connection(naive.getsockname())
        told_nothing, _ = naive.accept()
        switch = Switch(serving, script)
        until(lambda: switch.caller.waiting == "wait 60s", "the moment has come")
        (call,) = serving.server.calls.values()
        until(lambda: call.link.running != "" if app else not call.link.running, "what is awaited is awaited")
        # Short replies lie in the kernel until they are due: with them read, nothing but silence is to be expected.
        until(lambda: not call.link.waits, "every command has its reply")
        ip(VANISHES[how], far)
        began = time.monotonic()
        longest_s = keepalive["TCP_KEEPIDLE"] + keepalive["TCP_KEEPINTVL"] * keepalive["TCP_KEEPCNT"] + 5
        until(lambda: not serving.server.calls, "the call is given up", longest_s)
        print(f"{moment}, {how}: noticed after {time.monotonic() - began:.1f} s: {serving.told[-2:]}")
        assert serving.ends("vanishes") == ["switch-lost"]
        assert serving.saved("vanishes").get("first") == "1", "what was answered is kept"
        told_nothing.settimeout(0.2)
        with pytest.raises(TimeoutError):
            told_nothing.recv(1)
        switch.talk.kill()
        naive_peer.close()
        serving.server.drain(0)
