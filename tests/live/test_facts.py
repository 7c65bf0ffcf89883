"""What the FreeSWITCH host is built on, asked of a real switch by an application of the tests' own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from live_app import Application
from live_phone import Phone
from live_project import Live

from ivr.esl.link import Dtmf

BEEP = "tone_stream://%(200,0,440)"


class OnePhone:
    """A call that the application answered, and the phone at its other end."""

    def __init__(self, live: Live) -> None:
        self.live, self.uuid = live, live.uuid("facts")
        self.phone = Phone(self.uuid, "1001", "95588", live.switch.sip_port, {"X-Line": "false_only"})
        self.app = Application(live.ports["false"])
        live.exchange.run(self.phone.dial())
        self.app.answer()

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
