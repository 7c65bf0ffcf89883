"""What the FreeSWITCH host is built on, asked of a real switch by an application of the tests' own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from live_app import Application
from live_phone import Phone
from live_project import Live

from ivr.esl.event import Event
from ivr.esl.link import Disconnected, Dtmf, ExecuteDone, OtherEvent

BEEP = "tone_stream://%(200,0,440)"


class OnePhone:
    """A call that the application answered, and the phone at its other end."""

    def __init__(self, live: Live) -> None:
        self.live, self.uuid = live, live.uuid("facts")
        self.phone = Phone(self.uuid, "1001", "95588", live.switch.sip_port, {"X-Line": "false_only"})
        self.app = Application(live.ports["false"])
        live.exchange.run(self.phone.dial())
        self.app.answer("CHANNEL_UNPARK")

    def set(self, assignments: str) -> None:
        assert self.app.api("uuid_setvar_multi", f"{self.uuid} {assignments}") == "+OK"

    def get(self, name: str) -> str:
        return self.app.api("uuid_getvar", f"{self.uuid} {name}")

    def press(self, keys: str, after_s: float = 0.3) -> None:
        async def one_by_one() -> None:
            await asyncio.sleep(after_s)
            for key in keys:
                self.phone.press(key)
                await asyncio.sleep(0.25)

        self.live.exchange.start(one_by_one())

    def speak(self, ms: int, after_s: float = 0.2) -> None:
        self.live.exchange.loop.call_soon_threadsafe(
            lambda: self.live.exchange.loop.call_later(after_s, self.phone.speak, ms)
        )

    def close(self) -> None:
        async def end() -> None:
            self.phone.hang_up()
            self.phone.close()

        self.app.close()
        self.live.exchange.run(end())


@pytest.fixture
def line(live: Live) -> Iterator[OnePhone]:
    line = OnePhone(live)
    yield line
    line.close()


def test_an_empty_value_clears_a_variable(line: OnePhone) -> None:
    line.set("a=1;b=2")
    line.set("a=;b=3;c=4")
    assert [line.get(name) for name in "abc"] == ["_undef_", "3", "4"]


@pytest.mark.parametrize(("terminators", "stops"), [("any", True), ("none", False)])
def test_playback_terminators(line: OnePhone, terminators: str, stops: bool) -> None:
    line.set(f"playback_terminators={terminators}")
    line.press("5")
    began = time.monotonic()
    line.app.execute("playback", "tone_stream://%(1500,0,440)")
    took_s = time.monotonic() - began
    assert (took_s < 0.7) is stops
    assert line.app.events("PLAYBACK_STOP")[-1][1].get("Playback-Status") == ("break" if stops else "done")
    keys = [one.digit for _, one in line.app.told if isinstance(one, Dtmf)]
    assert keys == ["5"], "a key that is no terminator is told of all the same"


@pytest.mark.parametrize(
    ("end", "keys", "entry", "result", "terminator"),
    [
        ("#", "1234", "1234", "success", None),
        ("#", "123", "123", "timeout", None),
        ("#", "123#", "123", "success", "#"),
        ("#", "12", "12", "failure", None),  # too short: the variable is set all the same
        ("#", "12#", "12", "failure", "#"),
        ("#", "#", None, "failure", "#"),
        ("#", "", None, "failure", None),
        ("none", "12#4", "12#4", "success", None),
        ("none", "#", "#", "failure", None),
    ],
)
def test_rows_48_to_52_play_and_get_digits(
    line: OnePhone, end: str, keys: str, entry: str | None, result: str, terminator: str | None
) -> None:
    line.set("sensitive_dtmf=true;read_result=;read_terminator_used=")
    line.press(keys)
    done = line.app.execute("play_and_get_digits", f"3 4 1 1200 {end} {BEEP} silence_stream://20 code ^[0-9*#]*$ 1000")
    found = [done.get(f"variable_{name}") for name in ("code", "read_result", "read_terminator_used")]
    assert found == [entry, result, terminator]
    assert not [one for _, one in line.app.told if isinstance(one, Dtmf)], "a secret key became an event"


def test_row_47_a_missing_prompt_unsets_the_result(line: OnePhone) -> None:
    line.set("read_result=success")
    arguments = "4 4 1 1000 # /no/such.wav silence_stream://20 code ^[0-9*#]*$ 1000"
    assert line.app.execute("play_and_get_digits", arguments).get("variable_read_result") is None


@pytest.mark.parametrize(("spoken_ms", "least_ms", "most_ms"), [(1500, 3300, 4000), (0, 1800, 2200)])
def test_record_counts_its_closing_silence(
    live: Live, line: OnePhone, spoken_ms: int, least_ms: int, most_ms: int
) -> None:
    line.speak(spoken_ms)
    done = line.app.execute("record", f"{live.folder}/{line.uuid}.wav 20 200 2")
    assert least_ms < int(done.get("variable_record_ms", "0")) < most_ms


def test_the_key_that_ended_a_prompt_did_not_end_the_recording_after_it(live: Live, line: OnePhone) -> None:
    line.set("playback_terminators=any")
    line.press("5")
    done = line.app.execute("playback", "tone_stream://%(1500,0,440)")
    assert done.get("variable_playback_terminator_used") == "5"
    line.app.execute("playback", BEEP)  # as before each recording
    done = line.app.execute("record", f"{live.folder}/{line.uuid}.wav 20 200 1")
    assert done.get("variable_playback_terminator_used") is None
    assert done.get("variable_silence_hits_exhausted") == "true"


@pytest.mark.parametrize(
    ("far", "disposition"),
    [("500", "SUCCESS"), ("busy", "USER_BUSY"), ("failed", "CALL_REJECTED"), ("no_answer", "NO_ANSWER")],
)
def test_row_67_bridge_comes_back_and_prompts_can_be_played(line: OnePhone, far: str, disposition: str) -> None:
    line.set(f"continue_on_fail=true;hangup_after_bridge=false;call_timeout=2;sip_h_X-Far=operator={far}")
    line.app.api("uuid_setvar", f"{line.uuid} export_vars nolocal:sip_h_X-Far")
    done = line.app.execute("bridge", f"sofia/line/far-operator@127.0.0.1:{line.live.switch.sip_port}")
    assert done.get("variable_originate_disposition") == disposition
    began = time.monotonic()
    assert line.app.execute("playback", BEEP).get("Application-Response") == "FILE PLAYED"
    assert 0.15 < time.monotonic() - began < 0.6


def test_row_46_a_kill_does_not_wait_for_what_plays(line: OnePhone) -> None:
    line.app.begin("playback", "tone_stream://%(5000,0,440)")
    time.sleep(0.3)
    line.app.connection.sendall(line.app.link.kill())
    line.live.exchange.run(asyncio.wait_for(line.phone.ended.wait(), 1))


# -- row 34: a transfer leaves the old socket open and in control ------------------------------------------


def transferred(line: OnePhone, to: str) -> list[Event]:
    """Let somebody at the switch transfer the call; gives what the old application is told of it."""
    line.app.told.clear()
    assert line.live.switch.api("uuid_transfer", f"{line.uuid} {to}").startswith("+OK")
    left = line.app.until(lambda one: isinstance(one, OtherEvent) and one.event.get("Application") == "socket", 3)
    assert isinstance(left, OtherEvent)
    return [one.event for _, one in line.app.told if isinstance(one, OtherEvent | ExecuteDone)]


RUNNING = {
    "nothing": [],
    "a prompt": ["playback", "tone_stream://%(9000,0,440)"],
    "a talk": ["bridge", "sofia/line/far-operator@127.0.0.1:{port}"],
}


@pytest.mark.parametrize("running", RUNNING)
def test_row_34_what_tells_of_a_transfer(line: OnePhone, running: str) -> None:
    """Whatever ran, `socket` itself completes, and each event from then on, that of our own application too, has
    another Caller-Profile-Index than the reply to `connect` had.
    """
    if RUNNING[running]:
        application, argument = RUNNING[running]
        line.app.begin(application, argument.format(port=line.live.switch.sip_port))
        time.sleep(0.5)
    events = transferred(line, "far-operator XML entry")
    before = line.app.channel.get("Caller-Profile-Index", "")
    names = [(each.name, each.get("Application")) for each in events]
    assert ("CHANNEL_UNPARK", None) in names
    assert ("CHANNEL_EXECUTE_COMPLETE", "socket") in names
    indexes = [e.get("Caller-Profile-Index") for e in events if e.name != "PLAYBACK_START"]
    assert before
    assert indexes
    assert before not in indexes


def test_row_34_the_old_application_commands_the_call_until_it_says_exit(line: OnePhone) -> None:
    transferred(line, "far-operator XML entry")
    line.set("said_by=old")
    assert line.get("said_by") == "old"
    line.app.begin("playback", BEEP)  # taken, and played to a caller who is elsewhere
    line.app.until(lambda one: isinstance(one, OtherEvent) and one.event.name == "PLAYBACK_STOP", 5)
    line.app.connection.sendall(line.app.link.exit())
    line.app.until(lambda one: isinstance(one, Disconnected), 3)


@pytest.mark.parametrize("leaves", [True, False], ids=["exit", "stays and is silent"])
def test_row_34_exit_pulls_the_call_out_of_the_next_socket(live: Live, line: OnePhone, leaves: bool) -> None:
    """The end of any application's socket takes the channel out of the park that the next one's socket holds it in
    (mod_event_socket.c:2846, switch_ivr.c:1007): its dialplan goes on to the takeover while it still speaks.
    """
    transferred(line, f"95588 XML {live.hotline.name}")
    if not line.app.events("PLAYBACK_START"):  # the next one's
        line.app.until(lambda one: isinstance(one, OtherEvent) and one.event.name == "PLAYBACK_START", 5)
    if leaves:
        line.app.connection.sendall(line.app.link.exit())
        line.app.until(lambda one: isinstance(one, Disconnected), 3)
    time.sleep(9.0)  # the welcome is over
    names = [entry["event"] for entry in live.worker.log_lines(line.uuid)]
    assert names == (["call_started", "call_taken_over"] if leaves else ["call_started"])
