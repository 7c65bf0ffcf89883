"""The FreeSWITCH host under every fault of the wire, each put at every point of a call in turn, not at random ones.

A clean run says where the points are (messages, bytes, moments); then the same call is played once for each of them,
in virtual time, against the scripted switch. Whatever happens, one law holds, and ``broken_laws`` is its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ivr.core import trace
from ivr.core.effects import Effect, End, Failed, Save
from ivr.core.program import Program
from ivr.hosts.caller import HangsUp, Hears, Interrupt, Pause, Press
from ivr.hosts.freeswitch import FreeSwitchCall, Limits, Route
from ivr.hosts.rehearsal import Rehearsal
from ivr.hosts.script import ScriptedCall, load_calls
from ivr.hosts.scripted_switch import Faults
from ivr.hosts.sounds import VirtualSounds
from ivr.hosts.switch.faults import Mishap
from ivr.hosts.switch.line import Sound
from ivr.hosts.tester import Outcome
from ivr.lang.check import check_file

FILE = Path(__file__).parents[1] / "flows" / "everything.yaml"
CALLS = load_calls(FILE.with_suffix(".calls.yaml"))
#: So that a frozen bridge is given up in minutes, as everything else is.
LIMITS = Limits(longest_talk_ms=60_000)
#: After the fault the host needs no longer: a bridge's longest time, a reply's, an application's, its own goodbye.
WITHIN_MS = 60_000 + 60_000 + LIMITS.reply_ms + LIMITS.application_ms + LIMITS.kill_ms
#: Far more than any call of these needs: more is a deadline that does not move.
MOST_TURNS = 5_000


@cache
def program() -> Program:
    found = check_file(FILE).program
    assert found is not None
    return found


class Watched(Rehearsal):
    """A rehearsal that notes when things happen, and stops a host that goes round in circles."""

    def __init__(self, call: ScriptedCall, faults: Faults | None = None, **more: Any) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.at: list[tuple[int, Effect]] = []
        self.arrivals: list[tuple[int, int]] = []  # (ms, bytes so far)
        self.sent_at_end: int | None = None
        self.turns, self.most_turns = 0, MOST_TURNS
        self.missing: frozenset[str] = frozenset()
        more.setdefault("limits", LIMITS)
        super().__init__(program(), call, faults=faults, log=lambda e, **f: self.told.append((e, f)), **more)

    def _started(self, host: FreeSwitchCall, channel: Any) -> None:
        host.on_effect = self._note

    def _note(self, effect: Effect) -> None:
        self.effects.append(effect)
        self.at.append((self.now_ms, effect))
        if isinstance(effect, End):
            self.sent_at_end = len(self.sent)

    def _sound(self, path: str) -> Sound | None:
        found = super()._sound(path)
        return None if found and found.said in self.missing else found

    def _to_host(self, data: bytes) -> None:
        self.arrivals.append((self.now_ms, (self.arrivals[-1][1] if self.arrivals else 0) + len(data)))
        super()._to_host(data)

    def _to_switch(self) -> None:
        self.turns += 1
        assert self.turns < self.most_turns, "the host's deadline stands still"
        super()._to_switch()

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.told]


@dataclass(frozen=True)
class Clean:
    """What the same call is without a fault."""

    call: ScriptedCall
    outcome: Outcome
    run: Watched
    frames: tuple[bytes, ...]

    @property
    def moments(self) -> list[int]:
        """When something came from the switch, and just after."""
        return sorted({at + more for at, _ in self.run.arrivals for more in (0, 1)})

    @property
    def events(self) -> list[bytes]:
        return [f for f in self.frames if b"Content-Type: text/event-json" in f]

    def answers_before(self, at_ms: int) -> list[Effect]:
        return [e for at, e in self.run.at if at < at_ms and isinstance(e, Save) and e.table == "answer"]


def frames_of(data: bytes) -> Iterator[bytes]:
    while data:
        head, _, rest = data.partition(b"\n\n")
        length = next(
            (int(v) for k, _, v in (li.partition(b": ") for li in head.split(b"\n")) if k == b"Content-Length"), 0
        )
        yield head + b"\n\n" + rest[:length]
        data = rest[length:]


@cache
def clean(number: int) -> Clean:
    run = Watched(CALLS[number])
    outcome = run.run()
    assert outcome.problems == []
    return Clean(CALLS[number], outcome, run, tuple(frames_of(b"".join(run.received))))


def broken_laws(run: Watched, at_ms: int | None, one: Clean) -> list[str]:
    """What no fault may do. ``at_ms``: when it struck; what was answered before then is kept."""
    found = []
    ends = [e for e in run.effects if isinstance(e, End)]
    if not run.host.closed:
        found.append("the host never closed")
    if run.host.state is not None and len(ends) != 1:
        found.append(f"{len(ends)} ends")
    if ends and run.effects[-1] is not ends[0]:
        found.append(f"after the end: {run.effects[run.effects.index(ends[0]) + 1 :]}")
    if run.sent_at_end is not None and any(b"execute-app-name" in d for d in run.sent[run.sent_at_end + 1 :]):
        found.append("an application was started after the end")
    if at_ms is not None:
        if run.now_ms > max(at_ms, one.run.now_ms) + WITHIN_MS:
            found.append(f"it took until {run.now_ms} ms")
        kept = [e.row["question"] for e in run.effects if isinstance(e, Save) and e.table == "answer"]
        lost = [e.row["question"] for e in one.answers_before(at_ms) if isinstance(e, Save)]
        if not set(lost) <= set(kept):
            found.append(f"answered {lost}, kept {kept}")
    saved = [
        (e.row["question"], e.row["occurrence"]) for e in run.effects if isinstance(e, Save) and e.table == "answer"
    ]
    if len(saved) != len(set(saved)):
        found.append(f"saved twice: {saved}")
    return found


Sweep = Callable[[Clean], Iterator[tuple[str, int | None, Faults]]]


def cuts(where: Callable[[Clean], list[int]]) -> Sweep:
    def sweep(one: Clean) -> Iterator[tuple[str, int | None, Faults]]:
        for at_byte in where(one):
            at_ms = next((at for at, total in one.run.arrivals if total >= at_byte), 0)
            yield f"byte {at_byte}", at_ms, Faults(cut_at_byte=at_byte)

    return sweep


def boundaries(one: Clean) -> list[int]:
    total, found = 0, [0]
    for frame in one.frames:
        total += len(frame)
        found += [total - 1, total, total + 1]
    return found


def bytes_here_and_there(one: Clean) -> list[int]:
    return list(range(1, sum(map(len, one.frames)), 1_511))


def mishaps(kind: Mishap) -> Sweep:
    def sweep(one: Clean) -> Iterator[tuple[str, int | None, Faults]]:
        for number in range(1, len(one.events) + 1):
            yield f"event {number}", None, Faults(mishaps={number: kind})
        for name in ("DTMF", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP"):
            yield name, None, Faults(mishaps={name: kind})

    return sweep


def moments(make: Callable[[int], Faults]) -> Sweep:
    return lambda one: ((f"{at} ms", at, make(at)) for at in one.moments)


SWEEPS: dict[str, Sweep] = {
    "rows 5 7 8: cut at every message": cuts(boundaries),
    "rows 5 7 8: cut at any byte": cuts(bytes_here_and_there),
    "row 32: the switch is gone, without a word": moments(lambda at: Faults(close_at_ms=at)),
    "rows 21 31 42: it says nothing more and does not close": moments(lambda at: Faults(freeze_at_ms=at)),
    "row 42: every event lost in turn": mishaps("drop"),
    "row 35: every event late": mishaps("late"),
    "row 35: every event twice": mishaps("twice"),
    "row 42: the notice before the hang-up": lambda one: iter([("", None, Faults(notice_first=True))]),
    "slow": lambda one: ((f"{ms} ms", None, Faults(delay_ms=ms)) for ms in (1, 20, 200, 1_000)),
}


@pytest.mark.parametrize("name", SWEEPS)
@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_fault_at_every_point(number: int, name: str) -> None:
    one, found = clean(number), []
    for point, at_ms, faults in SWEEPS[name](one):
        run = Watched(one.call, faults)
        outcome = run.run()
        found += [f"{point}: {law}" for law in broken_laws(run, at_ms, one)]
        if "twice" in name and outcome.trace != one.outcome.trace:
            found.append(f"{point}: it made a difference")
    assert found == []


# -- what else may be on the wire ------------------------------------------------------------------------


def frame(event: dict[str, Any]) -> bytes:
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()  # as FreeSWITCH writes it
    return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)


def done(app: str, uuid: str, **more: str) -> bytes:
    event = {"Event-Name": "CHANNEL_EXECUTE_COMPLETE", "Unique-ID": "call-1", "Application": app}
    return frame({**event, "Application-UUID": uuid, **more})


def key(digit: str, unique_id: str = "call-1", **more: str) -> bytes:
    return frame({"Event-Name": "DTMF", "Unique-ID": unique_id, "DTMF-Digit": digit, "Event-Sequence": "1", **more})


#: Changes nothing, wherever it comes.
HARMLESS = {
    "row 28: another caller's key": key("9", "somebody-else"),
    "row 28: another caller's hang-up": frame({"Event-Name": "CHANNEL_HANGUP", "Unique-ID": "somebody-else"}),
    "row 40: a completion by the application's name": done("playback", ""),
    "row 40: a variable says what runs": done("playback", "x", **{"variable_current_application": "playback"}),
    "row 57: a flash": key("f") + key("F"),
    "row 57: pauses": key("w") + key("W"),
    "row 57: no key at all": key("") + key("12") + key("٣") + key("x"),
    "a log line": b"Content-Type: log/data\nContent-Length: 9\n\nnot yours",
    "row 3: an event that is no UTF-8": frame({"Event-Name": "CUSTOM", "x": "?"}).replace(b"?", b"\xff"),
    "row 4: a line that is no header": b"Content-Type: log/data\nno header\nContent-Length: 0\n\n",
    "empty lines": b"\n\n\n\n\n",
}
#: May end the call, and nothing worse.
HARMFUL = {
    "row 9: a length below zero": b"Content-Length: -1\nContent-Type: text/event-json\n\n",
    "row 9: a length that is huge": b"Content-Length: 99999999999999999999\nContent-Type: text/event-json\n\n",
    "row 9: a length that is no number": b"Content-Length: ten\n\n",
    "row 39: bytes": bytes(range(256)) * 4,
    "row 39: zeros": bytes(1000),
    "row 39: HTTP": b"GET / HTTP/1.1\r\nHost: callweave\r\n\r\n",
    "a reply to nothing": b"Content-Type: command/reply\nReply-Text: +OK\n\n",
    "an answer to nothing": b"Content-Type: api/response\nContent-Length: 3\n\n+OK",
    "row 43: a refusal of whatever waits": b"Content-Type: command/reply\nReply-Text: -ERR no\n\n",
    "row 36: go away": b"Content-Type: text/rude-rejection\nContent-Length: 9\n\nGo away.\n",
    "the control socket": b"Content-Type: auth/request\n\n",
    "goodbye": b"Content-Type: text/disconnect-notice\nContent-Length: 3\n\nbye",
    "row 15: a notice that is cut short": (
        b"Content-Type: text/disconnect-notice\nControlled-Session-UUID: call-1\nContent-Disposition: linger\n"
        b"Channel-Name: sofia/" + b"x" * 600
    )[:511],
    "row 44: hung up, nothing completes": frame(
        {"Event-Name": "CHANNEL_HANGUP", "Unique-ID": "call-1", "Hangup-Cause": "DESTINATION_OUT_OF_ORDER"}
    ),
    "no object": frame({})[:-2] + b"[]",
    "row 10: arrays": key("5", **{"DTMF-Source": ["RTP", "INFO"], "Event-Sequence": ["1", "2"]}),  # type: ignore[arg-type]
}


def here(call: ScriptedCall, data: bytes) -> bytes:
    """Events of call-1, as those of this call."""
    return data.replace(b"call-1\n", f"call-{call.line}\n".encode()).replace(
        b'"call-1"', f'"call-{call.line}"'.encode()
    )


def right_length(data: bytes) -> bytes:
    head, _, body = data.partition(b"\n\n")
    return (
        b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)
        if b"event-json" in head
        else data
    )


@pytest.mark.parametrize("what", HARMLESS)
def test_what_changes_nothing(what: str) -> None:
    one = clean(0)
    data = (
        b"".join(right_length(f) for f in frames_of(here(one.call, HARMLESS[what])))
        if b"{" in HARMLESS[what]
        else HARMLESS[what]
    )
    found = []
    for at_ms in one.moments:
        run = Watched(one.call, Faults(inject=((at_ms, data),)))
        outcome = run.run()
        found += [f"{at_ms} ms: {law}" for law in broken_laws(run, None, one)]
        if outcome.trace != one.outcome.trace and at_ms > 0:
            found.append(f"{at_ms} ms: it made a difference")
    assert found == []


@pytest.mark.parametrize("what", HARMFUL)
def test_what_may_end_the_call_and_nothing_worse(what: str) -> None:
    one = clean(0)
    data = here(one.call, HARMFUL[what])
    if b"{" in data and "length" not in what:
        data = b"".join(right_length(f) for f in frames_of(data))
    found = []
    for at_ms in one.moments:
        run = Watched(one.call, Faults(inject=((at_ms, data),)))
        run.run()
        found += [f"{at_ms} ms: {law}" for law in broken_laws(run, at_ms, one)]
    assert found == []


# -- a connection that never becomes a call --------------------------------------------------------------


def nothing_to_run(channel: Any) -> str:
    return "no flow for this number"


#: What the peer does -> the one line that the log has of it.
NO_CALLS = {
    "row 26: a socket without full": (Faults(full=False), "call_refused"),
    "row 26: and keys all the same": (Faults(full=False, inject=((1, here(CALLS[0], key("1"))),)), "call_refused"),
    "row 22: it closes before connect": (Faults(close_before_connect=True), "switch_lost"),
    "row 7: it closes in the connect reply": (Faults(cut_at_byte=1_000), "switch_lost"),
    "row 21: it never says a word": (Faults(freeze_at_ms=0), "switch_lost"),
}


@pytest.mark.parametrize("what", NO_CALLS)
def test_issue_7_a_peer_that_is_no_use_costs_one_connection_and_one_line(what: str) -> None:
    faults, line = NO_CALLS[what]
    run = Watched(CALLS[0], faults)
    run.run()
    assert run.names == [line]
    assert run.host.closed
    assert run.effects == []
    assert run.now_ms <= LIMITS.connect_ms
    assert run.told[0][1]["detail"], "the line says what was wrong"


@pytest.mark.parametrize("end", ["eof", "silence"])
@pytest.mark.parametrize("what", [w for w in HARMFUL if "caller" not in w])
def test_issue_7_a_peer_that_is_no_switch_costs_one_connection_and_one_line(what: str, end: str) -> None:
    """It says this instead of the connect reply, and then leaves, or says nothing more."""
    told: list[tuple[str, dict[str, Any]]] = []
    host = FreeSwitchCall(nothing_to_run, 0, log=lambda event, **fields: told.append((event, fields)))
    host.receive_data(HARMFUL[what], 1)
    if end == "eof":
        host.receive_eof(2)
    while not host.closed:
        assert host.deadline_ms is not None
        assert host.deadline_ms <= Limits().connect_ms
        host.advance(host.deadline_ms)
    assert [name for name, _ in told] in (["switch_lost"], ["call_refused"])
    assert told[0][1]["detail"]


@pytest.mark.parametrize("data", [(), ((1, here(CALLS[0], key("1"))),)], ids=["silent", "keys"])
def test_a_call_without_a_flow_is_left_to_the_dialplan(data: tuple[tuple[int, bytes], ...]) -> None:
    class NoFlow(Watched):
        def _route(self, channel: Any) -> Any:
            return nothing_to_run(channel)

    run = NoFlow(CALLS[0], Faults(inject=data))
    run.run()
    assert run.names == ["no_flow"]
    assert run.host.closed
    assert not any(b"kill" in d or b"hangup" in d for d in run.sent)


# -- the caller ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_row_61_a_hang_up_at_every_moment(number: int) -> None:
    one, found = clean(number), []
    for at_ms in [*range(0, one.run.now_ms, 250), *(t + 10 for t in one.moments)]:
        gone = replace(one.call, script=(Pause(at_ms), HangsUp()))
        run = Watched(gone)
        run.run()
        found += [f"silent, gone at {at_ms} ms: {law}" for law in broken_laws(run, None, one)]
    for n in range(len(one.call.script)):
        for wait_ms in (0, 150, 600):
            script = (*one.call.script[: n + 1], Pause(wait_ms), HangsUp())
            run = Watched(replace(one.call, script=script))
            run.run()
            found += [f"gone {wait_ms} ms after action {n}: {law}" for law in broken_laws(run, None, one)]
    assert found == []


def test_row_59_a_storm_of_keys() -> None:
    for keys in ("1" * 200, "*#" * 100, "123456789*0#ABCD" * 20):
        storm = (Hears("Press 1"), Interrupt(keys), HangsUp())
        run = Watched(replace(CALLS[0], script=storm))
        run.run()
        assert broken_laws(run, None, clean(0)) == []


def test_row_58_one_key_by_two_ways_is_one_key() -> None:
    """Each key of the call comes again, as INFO, a moment after it came by RTP; and the other way round."""
    one = clean(0)
    keys = [(at, f) for at, f in arrived(one) if b'"Event-Name":"DTMF"' in f.replace(b": ", b":")]
    assert len(keys) >= 5
    # The keys are held for 280 ms: told of when they are pressed by one way, when they are let go by the other.
    for after_ms, same in ((20, True), (LIMITS.same_key_ms + 200, True), (LIMITS.same_key_ms + 400, False)):
        again = tuple((at + after_ms, other_way(f)) for at, f in keys)
        run = Watched(one.call, Faults(inject=again))
        outcome = run.run()
        assert broken_laws(run, None, one) == []
        assert (outcome.trace == one.outcome.trace) is same


def arrived(one: Clean) -> Iterator[tuple[int, bytes]]:
    """Each frame with the moment at which it came."""
    total = 0
    for each in one.frames:
        total += len(each)
        yield next(at for at, so_far in one.run.arrivals if so_far >= total), each


def other_way(dtmf: bytes) -> bytes:
    event = json.loads(dtmf.partition(b"\n\n")[2])
    return frame({**event, "DTMF-Source": "APP", "Event-Sequence": str(int(event["Event-Sequence"]) + 100_000)})


# -- what the host says ----------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_rows_29_41_one_application_at_a_time_each_locked(number: int) -> None:
    run = clean(number).run
    said, running, most = b"".join(run.sent), 0, 0
    assert said.count(b"execute-app-name") == said.count(b"event-lock: true") > 3

    class Counting(Watched):
        def _to_switch(self) -> None:
            nonlocal running, most
            before = len(self.sent)
            super()._to_switch()
            running += sum(d.count(b"execute-app-name") for d in self.sent[before:][:1])
            most = max(most, running)

        def _to_host(self, data: bytes) -> None:
            nonlocal running
            running -= data.count(b'"CHANNEL_EXECUTE_COMPLETE"')
            super()._to_host(data)

    Counting(CALLS[number]).run()
    assert most == 1


def test_row_46_a_call_is_ended_by_uuid_kill_and_row_43_then_nothing_is_said() -> None:
    ended, left = clean(0).run, clean(1).run
    assert b"api uuid_kill call-1 NORMAL_CLEARING" in ended.sent[-1]
    assert not any(b"call-command: hangup" in d for d in ended.sent)
    hung_up_ms = left.at[-1][0]
    assert isinstance(left.at[-1][1], End)
    assert left.sent_at_end == len(left.sent), "something was said after the hang-up"
    assert hung_up_ms <= left.now_ms <= hung_up_ms + 20


@pytest.mark.parametrize("app", ["play_and_get_digits", "record", "bridge", "playback"])
def test_row_44_an_application_that_the_switch_refuses(app: str) -> None:
    """Its reply is an error and no completion comes: a prompt is done without, anything else ends the call."""

    class Refusing(Watched):
        def _to_switch(self) -> None:
            data = self.host.data_to_send()
            if f"execute-app-name: {app}".encode() in data:
                head, _, _ = data.partition(b"sendmsg")
                self.sent.append(data)
                self._to_host(self.switch.receive_data(head, self.now_ms) if head else b"")
                self._to_host(b"Content-Type: command/reply\nReply-Text: -ERR no such application\n\n")
            elif data:
                self.sent.append(data)
                self._to_host(self.switch.receive_data(data, self.now_ms))

    run = Refusing(CALLS[0])
    run.run()
    assert broken_laws(run, None, clean(0)) == []
    assert "application_refused" in run.names


def test_row_44_a_call_that_cannot_be_answered_is_left_to_the_dialplan() -> None:
    class Unanswerable(Watched):
        def _to_switch(self) -> None:
            data = self.host.data_to_send()
            if b"api uuid_answer" in data:
                head, _, rest = data.partition(b"api uuid_answer call-1\n\n")
                self.sent.append(data)
                self._to_host(self.switch.receive_data(head, self.now_ms))
                self._to_host(b"Content-Type: api/response\nContent-Length: 7\n\n-ERROR\n")
                self._to_host(self.switch.receive_data(rest, self.now_ms))
            elif data:
                self.sent.append(data)
                self._to_host(self.switch.receive_data(data, self.now_ms))

    run = Unanswerable(CALLS[0])
    run.run()
    assert run.names.count("command_refused") == 1
    assert isinstance(run.at[-1][1], End)
    assert run.host.closed
    assert run.now_ms < 2_000
    assert not any(b"uuid_kill" in data for data in run.sent), "the dialplan's next action is the caller's way on"


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_row_47_a_prompt_that_is_not_there(number: int) -> None:
    """FreeSWITCH says FILE NOT FOUND: the caller is not asked in silence, the flow goes to its error exit."""
    one = clean(number)
    for said in sorted(set(one.outcome.heard) - {""}):
        run = Watched(one.call)
        run.missing = frozenset((said,))
        run.run()
        assert broken_laws(run, None, one) == []
        names = [e.name for e in run.effects if isinstance(e, Failed)]
        attempts = [e for e in run.effects if isinstance(e, Save) and e.row.get("node") == "sorry"]
        assert names[:1] == ["missing_prompt"] or said.startswith("Enter your code"), (said, names)
        assert attempts == []


def test_row_47_all_prompts_are_gone() -> None:
    one = clean(0)
    run = Watched(one.call)
    run.missing = frozenset(s for s in one.outcome.heard if s) | {"Sorry."}
    run.run()
    assert broken_laws(run, None, one) == []
    assert isinstance(run.effects[-1], End)
    assert run.effects[-1].by == "error"


def test_row_66_a_call_stays_on_the_program_it_began_with() -> None:
    run = clean(0).run
    assert run.host.state is not None
    assert run.host.state.program == program().hash


def test_row_15_a_caller_whose_channel_name_breaks_the_notice() -> None:
    """The notice of the hang-up is cut at 511 bytes, its blank line is lost, and more follows."""
    one = clean(1)
    hang_up_ms = one.run.at[-1][0]
    cut = here(one.call, HARMFUL["row 15: a notice that is cut short"])
    for tail in (b"", *one.events[-1:], b"Content-Type: text/disconnect-notice\nContent-Length: 3\n\nbye"):
        for at_ms in (hang_up_ms - 1, hang_up_ms):
            run = Watched(one.call, Faults(inject=((at_ms, cut + tail),), mishaps={"CHANNEL_HANGUP": "drop"}))
            run.run()
            assert broken_laws(run, at_ms, one) == []
            assert [e.by for e in run.effects if isinstance(e, End)] == ["caller"]


def test_row_12_13_variables_are_never_asked_with_getvar() -> None:
    assert not any(b"getvar" in d for number in range(len(CALLS)) for d in clean(number).run.sent)


@pytest.mark.parametrize("size", [1, 2, 3, 511])
def test_row_5_the_same_call_in_pieces(size: int) -> None:
    for number, call in enumerate(CALLS):
        run = Watched(call, pieces=lambda data: [data[i : i + size] for i in range(0, len(data), size)])
        run.most_turns *= 100  # each piece is one
        assert run.run().trace == clean(number).outcome.trace


def test_a_press_too_many_is_no_answer_of_the_next_question() -> None:
    """Keys pressed while the call is on its way out change nothing (row 43, row 61)."""
    one = clean(0)
    late = replace(one.call, script=(*one.call.script, Press("5"), Press("5")))
    run = Watched(late)
    run.run()
    assert broken_laws(run, None, one) == []


def test_row_42_a_hang_up_that_is_never_told_of() -> None:
    """We hung up, and the switch does not say that it did: the host waits so long, and then closes."""
    run = Watched(CALLS[0], Faults(mishaps={"CHANNEL_HANGUP": "drop"}))
    run.run()
    assert run.now_ms == run.at[-1][0] + LIMITS.kill_ms


LOOP = """
flow: loop
languages: [en]
steps:
  again:
    menu: {en: "Press star to hear this again."}
    keys: {"*": repeat, 1: bye}
    silence: [{en: "Press star."}]
    digits: {give_up: bye}
  bye: {say: {en: Bye.}, hang_up: true}
"""


@pytest.mark.parametrize(("events", "detail"), [(0, "no reply to a command"), (400, "it leaves 20 commands")])
def test_rows_21_29_commands_without_replies(tmp_path: Path, events: int, detail: str) -> None:
    """Replies stop; completions and keys may go on. It is no switch, long before 256 commands wait."""
    file = tmp_path / "loop.yaml"
    file.write_text(LOOP)
    looping = check_file(file).program
    assert looping is not None
    told: list[dict[str, Any]] = []
    route = Route(looping, VirtualSounds(), {}, {})
    host = FreeSwitchCall(lambda channel: route, 0, log=lambda event, **fields: told.append(fields))
    host.receive_data(b"".join(f for f in clean(0).frames if b"Event-Name: CHANNEL_DATA" in f), 0)
    for number in range(events):
        host.receive_data(done(host.link._app, host.link.running), number)
        fields = {"Unique-ID": "call-1", "DTMF-Digit": "*", "Event-Sequence": str(number)}
        host.receive_data(frame({"Event-Name": "DTMF", **fields}), number)
    while not host.closed:
        assert host.deadline_ms is not None
        assert host.deadline_ms <= Limits().reply_ms
        host.advance(host.deadline_ms)
    assert told[-1]["detail"].startswith(detail)


@pytest.mark.parametrize("length", ["²", "9" * 5_000, "-1", "", "١٢", "1.5"])
def test_what_a_recording_says_of_its_length(length: str) -> None:
    class Odd(Watched):
        def _to_host(self, data: bytes) -> None:
            if b"variable_record_ms" in data:
                odd = json.dumps(length, ensure_ascii=False).encode()
                data = b"".join(
                    right_length(re.sub(rb'"variable_record_ms":"\d*"', lambda _: b'"variable_record_ms":' + odd, f))
                    for f in frames_of(data)
                )
            super()._to_host(data)

    run = Odd(CALLS[0])
    run.run()
    assert broken_laws(run, None, clean(0)) == []
    assert any("failed record_failed" in line for line in trace.lines(run.effects)), "no message is taken for one"


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_rows_107_108_120_nothing_of_a_caller_is_part_of_a_command(number: int) -> None:
    """Neither a dial string nor a file's name: recordings are named by the call's own id."""
    evil = "../evil,{a=b}[c=d]|&park()^^:${system(id)}"
    call = replace(CALLS[number], facts={**CALLS[number].facts, "caller.number": evil, "caller.name": evil})
    run = Watched(call)
    run.run()
    sent = b"".join(run.sent)
    assert b"evil" not in sent
    assert b"${" not in sent
    for path in re.findall(rb"/recordings/\S*", sent):
        assert re.fullmatch(rb"/recordings/call-\d+-\d+\.wav", path)
    if number == 0:
        assert b"/recordings/" in sent


def test_row_134_a_worker_that_leaves_lets_another_go_on() -> None:
    """Its calls are not ended: whoever takes them over has to find them going on. Afterwards it is deaf."""

    class Leaving(Watched):
        def _to_switch(self) -> None:
            super()._to_switch()
            if self.now_ms >= 6_000 and not self.host.closed:
                self.host.leave()
                self.host.receive_data(key("1"), self.now_ms)
                self.host.advance(self.now_ms + 100_000)
                self.host.receive_eof(self.now_ms)

    run = Leaving(CALLS[0])
    run.run()
    assert len(run.effects) > 5
    assert not any(isinstance(e, End) for e in run.effects)
    assert run.switch.fate != "in control"
