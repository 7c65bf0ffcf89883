"""The scripted switch going wrong on purpose, and the corners of FreeSWITCH that recordings do not show."""

from __future__ import annotations

import re

import pytest

from ivr.hosts.caller import Action, HangsUp, Interrupt, Pause, Press, ScriptedCaller
from ivr.hosts.scripted_switch import Destination, Faults, ScriptedSwitch, Sound

UUID = "11111111-2222-3333-4444-555555555555"
SOUNDS = {"/a.wav": Sound(1000, "a"), "/b.wav": Sound(1000, "b")}


def command(text: str) -> bytes:
    return text.replace("|", "\n").encode() + b"\n\n"


def execute(app: str, arg: str, uuid: str = "u", lock: bool = True) -> bytes:
    locked = "event-lock: true|" if lock else ""
    head = f"sendmsg|call-command: execute|execute-app-name: {app}|execute-app-arg: {arg}|Event-UUID: {uuid}|{locked}"
    return command(head.rstrip("|"))


class Line:
    """An application that sends what it is told, and keeps all it hears. Time goes on only with ``run``."""

    def __init__(self, *script: Action, faults: Faults | None = None, **options: object) -> None:
        self.switch = ScriptedSwitch(
            ScriptedCaller(script),
            uuid=UUID,
            sounds=SOUNDS.get,
            faults=faults,
            **options,  # type: ignore[arg-type]
        )
        self.now, self.heard = 0, b""
        self.switch.connect(0)

    def send(self, *data: bytes) -> bytes:
        said = b"".join(self.switch.receive_data(piece, self.now) for piece in data)
        self.heard += said
        return said

    def run(self, to_ms: int) -> bytes:
        said = b""
        while (due := self.switch.next_due_ms) is not None and due <= to_ms:
            said += self.switch.advance(due)
        self.now = to_ms
        said += self.switch.advance(to_ms)
        self.heard += said
        return said

    def control(self, fmt: str = "plain") -> Line:
        self.send(command("connect"), command("linger 5"), command(f"myevents {fmt}"))
        self.send(command(f"event {fmt} PLAYBACK_START PLAYBACK_STOP PRIVATE_COMMAND"), execute("answer", "", "ua"))
        self.run(50)
        return self


def events(data: bytes) -> list[str]:
    return re.findall(r'Event-Name(?:: |":")([A-Z_]+)', data.decode("utf-8", "replace"))


def variable(data: bytes, name: str) -> str | None:
    found = re.findall(rf"^variable_{name}: (.*)$", data.decode(), re.M)
    return found[-1] if found else None


# -- play_and_get_digits: the table of how it ends ---------------------------------------------------------

PAGD = [  # arguments, keys, pause before them, -> result, variable, variable_invalid
    ("1 1 1 2000 # {p} {s} v ^\\d$ 1500", "5", "success", "5", None),
    ("1 6 1 2000 # {p} {s} v ^\\d+$ 1500", "12#", "success", "12", None),
    ("1 6 1 2000 # {p} {s} v ^\\d+$ 1500", "12", "timeout", "12", None),
    ("3 6 1 2000 # {p} {s} v ^\\d+$ 1500", "12", "failure", "12", None),
    ("1 1 1 2000 # {p} {s} v ^[1-3]$ 1500", "9", "success", None, "9"),
    ("1 6 1 2000 # {p} {s} v ^[1-3]$ 1500", "98", "timeout", None, "98"),
    ("1 1 1 2000 # {p} {s} v ^\\d$ 1500", "", "failure", None, None),
    ("1 1 1 2000 # {p} {s} v ^\\d$ 1500", "#", "failure", None, None),
    ("0 1 1 2000 # {p} {s} v ^\\d$ 1500", "", "timeout", None, None),
    ("1 1 1 2000 # /missing.wav {s} v ^\\d$ 1500", "", None, None, None),
    ("1 1 1 2000 # {p} {s} v [ 1500", "5", "success", None, "5"),
]


@pytest.mark.parametrize(("args", "keys", "result", "value", "invalid"), PAGD)
def test_play_and_get_digits(args: str, keys: str, result: str | None, value: str | None, invalid: str | None) -> None:
    line = Line(*((Pause(60), Interrupt(keys)) if keys else ())).control()
    line.send(execute("play_and_get_digits", args.format(p="/a.wav", s="silence_stream://100")))
    line.run(12_000)
    complete = line.heard[line.heard.rindex(b"Event-Name: CHANNEL_EXECUTE_COMPLETE") :]
    assert b"Application: play_and_get_digits" in complete
    found = (variable(complete, "read_result"), variable(complete, "v"), variable(complete, "v_invalid"))
    assert found == (result, value, invalid)


# -- playing -----------------------------------------------------------------------------------------------

TERMINATORS = [
    ("any", "5", "break"),
    ("none", "5", "done"),
    ("12", "5", "done"),
    ("12", "2", "break"),
    ("", "*", "break"),
]


@pytest.mark.parametrize(("terminators", "key", "status"), TERMINATORS)
def test_a_key_stops_a_prompt_or_does_not(terminators: str, key: str, status: str) -> None:
    line = Line(Pause(60), Interrupt(key)).control()
    line.send(
        command(f"api uuid_setvar_multi {UUID} playback_terminators={terminators}"), execute("playback", "/a.wav")
    )
    said = line.run(3000)
    assert b"DTMF-Digit: " in said
    assert f"Playback-Status: {status}".encode() in said


def test_a_list_of_prompts_is_one_sound_and_a_missing_piece_is_skipped() -> None:
    line = Line().control()
    line.send(execute("playback", "file_string:///a.wav!/none.wav!silence_stream://500!/b.wav"))
    said = line.run(5000)
    assert line.switch.caller.heard == ["a b"]
    assert variable(said, "playback_ms") == "2500"


def test_sounds_are_hurried_and_nothing_else_is() -> None:
    line = Line(speed=10.0).control()
    line.send(execute("playback", "/a.wav"))
    assert variable(line.run(200), "playback_ms") == "100"


# -- bridges -----------------------------------------------------------------------------------------------

BRIDGES = [  # destination, variables, -> events of the call's own, originate_disposition, alive after it
    (
        Destination("answers", talk_ms=500),
        "hangup_after_bridge=false",
        ["CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE"],
        "SUCCESS",
        True,
    ),
    (
        Destination("answers", talk_ms=500),
        "hangup_after_bridge=true",
        ["CHANNEL_BRIDGE", "CHANNEL_UNBRIDGE"],
        "SUCCESS",
        False,
    ),
    (Destination("busy"), "continue_on_fail=true", [], "USER_BUSY", True),
    (Destination("busy"), "", [], "USER_BUSY", False),
    (Destination("fails", cause="CALL_REJECTED"), "continue_on_fail=CALL_REJECTED", [], "CALL_REJECTED", True),
    (Destination("no_answer"), "continue_on_fail=true;call_timeout=2", [], "NO_ANSWER", True),
]


@pytest.mark.parametrize(("far", "variables", "own", "disposition", "alive"), BRIDGES)
def test_bridge(far: Destination, variables: str, own: list[str], disposition: str, alive: bool) -> None:
    line = Line(destinations={"user/1000": far}).control()
    if variables:
        line.send(command(f"api uuid_setvar_multi {UUID} {variables}"))
    line.send(execute("bridge", "user/1000"))
    said = line.run(5000)
    assert [name for name in events(said) if "BRIDGE" in name] == own
    assert variable(said, "originate_disposition") == disposition
    assert line.switch.over is not alive


def test_the_caller_leaves_while_it_rings() -> None:
    line = Line(Pause(1000), HangsUp(), destinations={"user/1000": Destination("answers", ring_ms=9000)}).control()
    line.send(execute("bridge", "user/1000"))
    said = line.run(3000)
    names = events(said)
    assert names.index("CHANNEL_HANGUP") < names.index("CHANNEL_EXECUTE_COMPLETE")
    assert variable(said, "originate_disposition") == "ORIGINATOR_CANCEL"


# -- the socket's own rules --------------------------------------------------------------------------------

REPLIES = [
    ("nixevent FOO", "-ERR no keywords supplied"),
    ("noevents", "+OK no longer listening for events"),
    ("noevents||myevents", "-ERR aready enabled."),
    ("myevents||myevents json", "-ERR aready enabled."),
    ("divert_events on", "+OK events diverted"),
    ("nolinger", "+OK will not linger"),
    ("filter delete Unique-ID", "+OK filter deleted. [Unique-ID][]"),
    ("getvar nothing", "-ERR command not found"),
    ("api uuid_exists " + UUID, "true"),
    ("api uuid_kill 0", "-ERR No such channel!"),
    ("api sched_del " + UUID, "+OK Deleted: 0"),
    ("exit", "+OK bye"),
]


@pytest.mark.parametrize(("lines", "reply"), REPLIES)
def test_replies(lines: str, reply: str) -> None:
    line = Line()
    line.send(command("connect"))
    said = [line.send(command(text)) for text in lines.split("||")][-1]
    assert reply in said.decode()


def test_without_full_most_commands_are_refused() -> None:
    line = Line(faults=Faults(full=False))
    assert b"Control: single-channel" in line.send(command("connect"))
    assert b"-ERR command not found" in line.send(command("linger 5"))
    assert b"+OK Events Enabled" in line.send(command("myevents"))


def test_a_reply_is_cut_and_a_tilde_breaks_the_frame() -> None:
    line = Line(variables={"long": "z" * 600, "odd": "~hello"})
    line.send(command("connect"))
    assert line.send(command("getvar long")).count(b"z") == 511
    assert line.send(command("getvar odd")) == b"Content-Type: command/reply\nhello"


@pytest.mark.parametrize("length", ["-1", "99999999"])
def test_a_bad_length_closes_the_connection(length: str) -> None:
    line = Line()
    line.send(command("connect"))
    assert b"disconnect-notice" in line.send(command(f"sendmsg|content-length: {length}"))
    assert line.switch.closed


def test_too_many_commands_close_the_socket_without_a_reply() -> None:
    line = Line().control()
    replies = line.send(*(execute("playback", "/a.wav") for _ in range(300)))
    assert replies.count(b"+OK") == 256
    assert line.switch.closed


def test_a_command_after_the_hangup_is_accepted_and_never_run() -> None:
    line = Line(Pause(100), HangsUp()).control()
    line.run(1000)
    assert b"+OK" in line.send(execute("playback", "/a.wav"))
    assert b"CHANNEL_EXECUTE" not in line.run(3000)


def test_a_name_that_is_a_command_is_one_line() -> None:
    line = Line(caller_name="x\nvariable_paid: yes")
    assert b"x%0Avariable_paid%3A%20yes" in line.send(command("connect"))


def test_a_name_that_is_not_utf_8_arrives_as_it_is() -> None:
    line = Line(caller_name="\udcff").control("json")
    assert b'"Caller-Caller-ID-Name":"\xff"' in line.heard


# -- who has the caller when the application is gone --------------------------------------------------------

FATES = [  # what is sent before, when the application closes, -> the caller's fate
    ([], 100, "parked for ever"),
    ([command("connect")], 1, "parked for ever"),
    ([command("connect")], 2, "dialplan"),
    ([command("exit")], 0, "parked for ever"),
]


@pytest.mark.parametrize(("sent", "at_ms", "fate"), FATES)
def test_where_the_caller_is_left(sent: list[bytes], at_ms: int, fate: str) -> None:
    line = Line(dialplan={"": (("playback", "/b.wav"),)})
    line.send(*sent)
    line.switch.peer_closed(at_ms)
    assert line.switch.fate == fate
    line.run(5000)
    assert (line.switch.over, line.switch.caller.heard) == ((True, ["b"]) if fate == "dialplan" else (False, []))


def test_the_guard_frees_a_parked_caller() -> None:
    line = Line(guard_ms=15_000, dialplan={"fallback": (("playback", "/b.wav"),)})
    line.switch.peer_closed(100)
    line.run(20_000)
    assert line.switch.caller.heard == ["b"]
    assert line.switch.over


def test_connect_has_25_seconds() -> None:
    line = Line()
    line.run(25_000)
    assert line.switch.closed


# -- faults ------------------------------------------------------------------------------------------------


def session(faults: Faults) -> Line:
    line = Line(Pause(200), Press("5"), HangsUp(), faults=faults).control()
    line.run(2000)
    return line


WHOLE = session(Faults()).heard


@pytest.mark.parametrize("cut", range(0, len(WHOLE), 997))
def test_cut_at_any_byte(cut: int) -> None:
    line = session(Faults(cut_at_byte=cut))
    assert line.heard == WHOLE[:cut]
    assert line.switch.closed


def test_events_lost_doubled_and_late() -> None:
    names = events(WHOLE)[1:]  # the first is the reply to connect
    assert events(session(Faults(mishaps={1: "drop"})).heard)[1:] == names[1:]
    assert events(session(Faults(mishaps={"DTMF": "twice"})).heard).count("DTMF") == 2
    late = events(session(Faults(mishaps={1: "late"})).heard)[1:]
    assert late == [names[1], names[0], *names[2:]]


def test_delay() -> None:
    line = Line(faults=Faults(delay_ms=300))
    assert line.send(command("connect")) == b""
    assert line.run(299) == b""
    assert b"CHANNEL_DATA" in line.run(300)


def test_frozen_says_nothing_and_does_not_close() -> None:
    line = session(Faults(freeze_at_ms=100))
    assert b"DTMF" not in line.heard
    assert not line.switch.closed
    assert line.run(60_000) == b""


def test_closed_without_a_word() -> None:
    line = session(Faults(close_at_ms=100))
    assert b"disconnect-notice" not in line.heard
    assert line.switch.closed
    assert Line(faults=Faults(close_before_connect=True)).switch.closed


def test_injected_bytes_come_between_messages() -> None:
    assert b"\n\nrubbish" in session(Faults(inject=((100, b"rubbish"),))).heard


def test_the_notice_may_come_before_the_hangup() -> None:
    for first in (True, False):
        heard = session(Faults(notice_first=first)).heard
        assert (heard.index(b"Disposition: linger") < heard.index(b"Event-Name: CHANNEL_HANGUP\n")) is first
