"""A queue, and the talk after it, under every fault of the wire at every moment of the call.

As test_host_faults.py, for what a queue adds: a connection that the call leaves, and one that it comes back on.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ivr.core.effects import End, Play
from ivr.core.program import Program
from ivr.hosts.freeswitch import FreeSwitchCall, Limits
from ivr.hosts.rehearsal import Rehearsal
from ivr.hosts.script import ScriptedCall, load_calls
from ivr.lang.check import check_file

FILE = Path(__file__).parents[1] / "flows" / "agents.yaml"
CALLS = {call.name: call for call in load_calls(FILE.with_suffix(".calls.yaml"))}
NAMES = (
    "the agent hangs up, and the survey is asked",
    "the caller hears the announcement, and is answered in the end",
    "the caller leaves the queue by a key",
    "nobody answers in time",
    "the queue is full",
    "the switch has no such queue",
    "the talk breaks off, and the caller waits again",
)
LIMITS = Limits(longest_talk_ms=60_000)
#: A talk that is never told to end, a reply, an application, a goodbye; and the longest wait in the queue.
WITHIN_MS = 60_000 + 20_000 + LIMITS.reply_ms + LIMITS.application_ms + LIMITS.kill_ms + LIMITS.connect_ms


@cache
def program() -> Program:
    found = check_file(FILE).program
    assert found is not None
    return found


class Struck(Rehearsal):
    """``fault`` strikes at ``at_ms``: eof (of the connection) | mute (no more words) | hang up | transfer."""

    def __init__(self, call: ScriptedCall, fault: str = "", at_ms: int = 0) -> None:
        self.told: list[str] = []
        self.moments: set[int] = set()
        self.sent_before: int | None = None
        super().__init__(program(), call, limits=LIMITS, log=lambda event, **fields: self.told.append(event))
        self._fault, self._fault_ms = fault, at_ms
        if fault in ("hang up", "transfer"):
            self.switch._at(at_ms, self._strike)

    def _strike(self) -> None:
        session = self.switch._session
        if self._fault == "hang up":
            session.hangup("NORMAL_CLEARING", "caller")
        else:
            self.sent_before = len(self.sent)
            session.dialplan = {"elsewhere": [("sleep", "60000")]}
            session.transfer("elsewhere XML public")

    def _to_host(self, data: bytes) -> None:
        self.moments |= {self.now_ms, self.now_ms + 1}
        struck = self.now_ms >= self._fault_ms
        if self._fault == "mute" and struck:
            return
        if self._fault == "eof" and struck and not self.host.closed:
            self.host.receive_eof(self.now_ms)
            return
        super()._to_host(data)

    def _come_back(self) -> None:
        if self._fault == "mute" and self.now_ms >= self._fault_ms:
            return
        if self._fault == "lost on the way back":
            self.before.append(self.host)
            self.host = self._new_host(self._route)
            self.host.receive_eof(self.now_ms)
            return
        super()._come_back()

    @property
    def commanded_after(self) -> list[bytes]:
        if self.sent_before is None:
            return []
        commands = b"".join(self.sent[self.sent_before :]).split(b"\n\n")
        return [c for c in commands if b"execute-app-name" in c or b"uuid_kill" in c or b"uuid_recv_dtmf" in c]


@cache
def moments(name: str) -> list[int]:
    run = Struck(CALLS[name])
    assert run.run().problems == []
    return sorted(run.moments)


def laws(run: Struck, at_ms: int) -> Iterator[str]:
    ends = [e for e in run.effects if isinstance(e, End)]
    if not run.host.closed:
        yield "the host never closed"
    known = any(isinstance(e, Play) for e in run.effects)
    if len(ends) != 1 and known:
        yield f"{len(ends)} ends"
    if ends and run.effects[-1] is not ends[0]:
        yield f"after the end: {run.effects[run.effects.index(ends[0]) + 1 :]}"
    if run.now_ms > at_ms + WITHIN_MS:
        yield f"it took {run.now_ms - at_ms} ms more"
    yield from (event for event in run.told if event == "call_crashed")
    yield from (f"after it: {command!r}" for command in run.commanded_after)


@pytest.mark.parametrize("fault", ["eof", "mute", "hang up", "transfer"])
@pytest.mark.parametrize("name", NAMES)
def test_at_every_moment(name: str, fault: str) -> None:
    found = []
    for at_ms in moments(name)[1:]:
        run = Struck(CALLS[name], fault, at_ms)
        run.run()
        found += [f"{at_ms} ms: {law}" for law in laws(run, at_ms)]
    assert found == []


@pytest.mark.parametrize("name", [NAMES[0], NAMES[1], NAMES[6]])
def test_a_call_that_is_lost_on_the_way_back_is_ended_in_the_books(name: str) -> None:
    run = Struck(CALLS[name], "lost on the way back")
    run.run()
    assert list(laws(run, 0)) == []
    assert run.effects[-1] == End("caller", "agents", "SWITCH_LOST")


def test_who_has_left_the_call_says_no_more() -> None:
    """The connection before the talk is told of nothing, and its host of the end of its socket alone."""
    run = Struck(CALLS[NAMES[0]])
    run.run()
    assert [isinstance(host, FreeSwitchCall) and host.closed for host in run.before] == [True]
    assert b"".join(run.sent).count(b"noevents\n\n") == 1
    assert run.effects[-1] == End("flow", "bye", "NORMAL_CLEARING")
