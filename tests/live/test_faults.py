"""The rows of faults that only a real switch shows. The number in a test's name is the row's."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from live_app import Application
from live_exchange import Exchange, Heard, Seen
from live_phone import KEY_MS, Phone
from live_project import CERTIFICATES, Live, line_of, scripted_calls
from live_switch import FreeSwitch, free_port
from live_worker import PROMPTS, Worker
from test_scripted_calls import check

from ivr.hosts.caller import HangsUp, Hears, Pause, Press
from ivr.hosts.script import ScriptedCall
from ivr.hosts.simulator import FarEnd

HOTLINE, CSAT, SECRET = "flows/hotline.yaml", "surveys/csat.yaml", "flows/secret.yaml"


def call_of(flow: str, number: int = 0) -> ScriptedCall:
    return [call for file, call in scripted_calls() if file == flow][number]


def until(what: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """The first truth that ``what`` gives; a fact that never comes fails the test."""
    end = time.monotonic() + timeout_s
    while not (found := what()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)
    return found


class Line:
    """One phone call by hand. ``line`` is the dialplan's context."""

    def __init__(self, live: Live, line: str, what: str, port: int = 0, **more: Any) -> None:
        self.live, self.uuid = live, live.uuid(what)
        self.phone = Phone(self.uuid, "1001", "95588", port or live.switch.sip_port, {"X-Line": line}, **more)
        self.listen(live.exchange)
        live.exchange.run(self.phone.dial())

    def listen(self, exchange: Exchange) -> None:
        """Hear by the word of the switch that ``exchange`` belongs to."""
        self.exchange, self.ear = exchange, exchange.ear(self.uuid)

    def do(self, act: Callable[..., None], *arguments: Any) -> float:
        """Let the phone do something; gives when."""

        async def now() -> float:
            at = time.monotonic()
            act(*arguments)
            return at

        return self.live.exchange.run(now())

    def hears(self, name: str, part: str = "", timeout_s: float = 20.0) -> Heard:
        """The next PLAYBACK_START or _STOP of a prompt that says ``part``, or a DTMF, ..."""

        async def next_one() -> Heard:
            while True:
                heard = await self.ear.get()
                if heard.name == name and part in (self.live.sounds.said(heard.file) or heard.file):
                    return heard

        return self.exchange.run(asyncio.wait_for(next_one(), timeout_s), timeout_s + 1)

    def ends(self, timeout_s: float) -> float:
        """Seconds until the switch hung up."""
        began = time.monotonic()
        self.live.exchange.run(asyncio.wait_for(self.phone.ended.wait(), timeout_s), timeout_s + 1)
        return time.monotonic() - began

    def close(self) -> None:
        async def end() -> None:
            self.phone.hang_up()
            self.phone.close()

        self.live.exchange.run(end())

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# -- who owns the call when the application is not there -------------------------------------------------


@pytest.mark.parametrize("connects", [False, True], ids=["row_22_before_connect", "row_23_just_after_connect"])
def test_an_application_that_closes_leaves_nobody_parked(live: Live, connects: bool) -> None:
    with Application(live.ports["false"]) as app, Line(live, "false_only", "closes") as line:
        connection = app.accept()
        if connects:
            connection.sendall(b"connect\n\n")
            connection.recv(1)
        app.close()
        # The guard of two seconds, the apology of 0.4 s, and the second socket where it got that far.
        assert line.ends(12) < 8
        assert line.phone.packets, "the caller never heard the apology"
    live.switch.wait_empty()


def test_row_24_a_worker_killed_in_mid_call_is_followed_by_another(live: Live) -> None:
    settings = {"flows": {"paths": {"flows-hotline": HOTLINE}}}
    first = Worker(live.worker.folder, "first", live.ports["false"], settings).start()
    try:
        with Line(live, "false_then_real", "killed") as line:
            line.hears("PLAYBACK_START", "普通话请按1")
            first.kill()
            # The prompt plays to its end, then the dialplan goes on: the same call, on the other worker.
            line.hears("PLAYBACK_START", "普通话请按1")
            until(lambda: any(e["event"] == "call_started" for e in live.worker.log_lines(line.uuid)))
            line.do(line.phone.press, "2")
            line.hears("PLAYBACK_START", "For the state of an order")
    finally:
        first.kill()
    assert live.worker.call_row(line.uuid)["ended_by"] == "caller"


def test_row_24_a_worker_with_the_same_database_goes_on_where_the_first_was(live: Live) -> None:
    database = f"sqlite:///{live.worker.database}"
    settings = {"flows": {"paths": {"flows-hotline": HOTLINE}}, "database": database}
    first = Worker(live.worker.folder, "sharing", live.ports["false"], settings).start()
    try:
        with Line(live, "false_then_real", "taken-over") as line:
            line.hears("PLAYBACK_START", "普通话请按1")
            line.do(line.phone.press_info, "2")
            line.hears("PLAYBACK_START", "For the state of an order")
            line.do(line.phone.press_info, "1")
            line.hears("PLAYBACK_START", "Enter your order number")
            time.sleep(0.5)  # the rows are written
            first.kill()
            line.hears("PLAYBACK_START", "Enter your order number")  # in the caller's language, at the caller's step
            for key in "123456#":
                line.do(line.phone.press_info, key)
                time.sleep(0.1)
            line.hears("PLAYBACK_START", "You entered")
    finally:
        first.kill()
    assert live.worker.call_row(line.uuid)["ended_by"] == "caller"
    kept = live.worker.rows("select question, keys from attempt where call_id = ? and outcome = 'digits'", line.uuid)
    assert set(kept) == {("welcome", "2"), ("main", "1"), ("order_number", "123456")}


def test_row_25_nobody_listens(live: Live) -> None:
    with Line(live, "nobody", "nobody") as line:
        assert line.ends(8) < 5
        assert line.phone.packets, "the caller never heard the apology"
    with Line(live, "nobody_then_real", "second-host") as line:
        line.hears("PLAYBACK_START", "普通话请按1", 5)


def test_row_26_a_socket_without_full_control(live: Live) -> None:
    with Line(live, "without_full", "without-full") as line:
        assert line.ends(8) < 4
    assert any(e["event"] == "call_refused" and "full" in str(e) for e in live.worker.log_lines())


def test_row_32_the_switch_is_killed(live: Live) -> None:
    sip_port = free_port()
    switch = FreeSwitch(
        live.binary, live.folder / "killed", [live.hotline], [], {}, sip_port, certificates=CERTIFICATES
    )
    try:
        line = Line(live, live.hotline.name, "switch-killed", sip_port)
        until(lambda: live.worker.log_lines(line.uuid))
        line.do(line.phone.press_info, "2")
        time.sleep(1.0)
        line.do(line.phone.press_info, "1")
        time.sleep(1.0)
        line.do(line.phone.press_info, "7")
        time.sleep(0.5)
        switch.kill()
        row = live.worker.call_row(line.uuid)
        line.close()
        assert row["ended_by"] == "switch-lost"
        kept = live.worker.rows("select question, outcome, keys from attempt where call_id = ?", line.uuid)
        assert set(kept) == {("welcome", "digits", "2"), ("main", "digits", "1"), ("order_number", "hangup", "7")}
    finally:
        switch.stop()


def test_row_33_a_recovered_switch_takes_the_call_up_where_it_was(live: Live) -> None:
    """kill -9, the same folder again, `sofia recover`: the dialplan's socket brings the call back under its uuid."""
    sip_port = free_port()

    def start() -> FreeSwitch:
        folder = live.folder / "recovers"
        return FreeSwitch(
            live.binary, folder, [live.hotline], [], {}, sip_port, certificates=CERTIFICATES, track_calls=True
        )

    switch = start()
    hearing = Exchange(switch)
    try:
        with Line(live, live.hotline.name, "recovered", sip_port) as line:
            line.listen(hearing)
            line.hears("PLAYBACK_START", "普通话请按1")
            line.do(line.phone.press_info, "2")
            line.hears("PLAYBACK_START", "For the state of an order")
            line.do(line.phone.press_info, "1")
            line.hears("PLAYBACK_START", "Enter your order number")
            time.sleep(1.0)  # the switch writes what it knows of its calls from time to time
            switch.kill()
            hearing.close()
            until(lambda: live.worker.call_row(line.uuid).get("ended_by") == "switch-lost")
            switch = start()
            hearing = Exchange(switch)
            line.listen(hearing)
            assert "Recovered 1 call" in switch.api("sofia", "recover")
            first = line.hears("PLAYBACK_START")
            assert "Enter your order number" in live.sounds.said(first.file), "what was answered is not asked again"
            assert line.phone.invited_again.is_set(), "the caller's telephone is in the call again"
            for key in "123456#":
                line.do(line.phone.press, key)
                time.sleep(0.3)
            line.hears("PLAYBACK_START", "You entered")
    finally:
        hearing.close()
        switch.stop()
    assert [e["event"] for e in live.worker.log_lines(line.uuid)].count("call_taken_over") == 1
    until(lambda: live.worker.call_row(line.uuid).get("ended_by") == "caller")
    kept = live.worker.rows("select question, keys from attempt where call_id = ? and outcome = 'digits'", line.uuid)
    assert sorted(kept) == [("main", "1"), ("order_number", "123456"), ("welcome", "2")]


def test_row_34_a_call_that_somebody_transfers_has_one_controller(live: Live) -> None:
    """`uuid_transfer`, by an operator at the switch, to the same line, whose socket brings it as a new call."""
    with Line(live, live.hotline.name, "transferred") as line:
        line.hears("PLAYBACK_START", "普通话请按1")
        line.do(line.phone.press_info, "2")
        line.hears("PLAYBACK_START", "For the state of an order")
        assert "+OK" in live.switch.api("uuid_transfer", f"{line.uuid} 95588 XML {live.hotline.name}")
        heard = [live.sounds.said(line.hears("PLAYBACK_START").file) for _ in range(2)]
        # The new conversation alone speaks: its welcome, and once more after five seconds without a key.
        assert ["普通话请按1" in words for words in heard] == [True, True], heard


def test_row_30_a_worker_that_stands_still_for_a_while_loses_nothing(live: Live) -> None:
    """SIGSTOP for six seconds: the switch keeps the call's events, the worker takes them up in their order."""
    settings = {"flows": {"paths": {"flows-hotline": HOTLINE}}}
    worker = Worker(live.worker.folder, "stands-still", live.ports["false"], settings).start()
    try:
        with Line(live, "false_then_real", "stands-still") as line:
            line.hears("PLAYBACK_START", "普通话请按1")
            assert worker.process is not None
            worker.process.send_signal(signal.SIGSTOP)
            try:
                time.sleep(2.0)
                line.do(line.phone.press_info, "2")
                time.sleep(2.0)
                line.do(line.phone.press_info, "1")
                time.sleep(2.0)
            finally:
                worker.process.send_signal(signal.SIGCONT)
            line.hears("PLAYBACK_START", "Enter your order number", 3)
        row = worker.call_row(line.uuid)
        assert (row["ended_by"], row["end_node"]) == ("caller", "order_number")
        kept = worker.rows("select question, keys from attempt where call_id = ? and outcome = 'digits'", line.uuid)
        assert sorted(kept) == [("main", "1"), ("welcome", "2")]
        assert not [e for e in live.worker.log_lines(line.uuid) if e["event"] == "call_started"], "it never left"
    finally:
        worker.stop()


# -- prompts and keys ------------------------------------------------------------------------------------


def test_row_47_prompts_that_the_switch_cannot_find(live: Live) -> None:
    """The worker has the files, FreeSWITCH does not: another mount."""
    (live.worker.folder / "built").symlink_to(PROMPTS)
    settings = {
        "flows": {"paths": {"flows-hotline": HOTLINE}},
        "prompts": {"build": "built", "rate": 8000},
        "switch_root": "/nowhere",
    }
    worker = Worker(live.worker.folder, "elsewhere", live.ports["false"], settings).start()
    try:
        with Line(live, "false_then_real", "missing") as line:
            assert line.ends(10) < 6
        trace = worker.trace(line.uuid)
        assert trace.count("welcome: failed missing_prompt") == 1
        assert trace[-1] == "goodbye: end by error NORMAL_TEMPORARY_FAILURE"
    finally:
        worker.stop()


@pytest.mark.parametrize("way", ["rtp", "info"])
def test_row_56_a_key_stops_the_prompt_within_100_ms(live: Live, way: str) -> None:
    with Line(live, "surveys-csat", f"barge-in-{way}") as line:
        line.hears("PLAYBACK_START", "请为本次服务打分")
        time.sleep(1.0)
        pressed = line.do(line.phone.press if way == "rtp" else line.phone.press_info, "5")
        stopped = line.hears("PLAYBACK_STOP", "请为本次服务打分").at
        # An RTP event is a key when it ends: FreeSWITCH waits for that.
        held_ms = KEY_MS if way == "rtp" else 0
        assert (stopped - pressed) * 1000 - held_ms < 100
        line.hears("PLAYBACK_START", "感谢您的评价")


def test_row_55_a_key_between_two_prompts(live: Live) -> None:
    """Two keys moments apart: whether the second meets the old prompt, no prompt or the new one, it counts at once."""
    for gap_ms in (0, 5, 10, 15, 20, 30, 60, 120):
        with Line(live, line_of(HOTLINE), f"between-{gap_ms}") as line:
            line.hears("PLAYBACK_START", "普通话请按1")
            time.sleep(0.5)
            line.do(line.phone.press_info, "2")
            time.sleep(gap_ms / 1000)
            pressed = line.do(line.phone.press_info, "1")
            heard = line.hears("PLAYBACK_START", "Enter your order number", 2)
            assert (heard.at - pressed) * 1000 < 400, f"{gap_ms} ms apart"


@dataclass(frozen=True)
class Odd:
    """A scripted call that is played in an odd way."""

    row: str
    flow: str
    call: ScriptedCall
    how: Mapping[str, Any] = field(default_factory=dict)


def odd_calls() -> list[Odd]:
    rated = call_of(CSAT, 1)
    letters = replace(rated, line=5700, script=(Hears("请为本次服务打分"), Press("A"), Hears("请按1到5"), Press("4")))
    whole = call_of(HOTLINE)
    found = [
        Odd("57", CSAT, replace(letters, **NOTHING_EXPECTED)),
        Odd("58", HOTLINE, replace(whole, line=5800), {"both_ways": True}),
        Odd("63", CSAT, replace(rated, line=6300), {"sends_rtp": False}),
    ]
    for length in range(len(whole.script)):
        leaves = replace(whole, line=6100 + length, script=(*whole.script[:length], HangsUp()), **NOTHING_EXPECTED)
        found.append(Odd(f"61 after {length}", HOTLINE, leaves))
    # The transfer follows the confirmed order number: two prompts, then ringing, or the talk.
    before_transfer = next(n for n, a in enumerate(whole.script) if isinstance(a, Hears) and "satisfied" in a.what)
    script = (*whole.script[:before_transfer], Pause(13_000), HangsUp())
    for number, (row, far) in enumerate(
        (("ringing", FarEnd("no_answer", 500)), ("talking", FarEnd("finished", 20_000)))
    ):
        leaves = replace(whole, line=6800 + number, script=script, far_ends={"operator": far}, **NOTHING_EXPECTED)
        found.append(Odd(f"67 and 68 {row}", HOTLINE, leaves))
    return found


NOTHING_EXPECTED: dict[str, Any] = {"ends": {}, "saves": {}, "variables": {}, "passes": ()}
ODD = {odd.row: odd for odd in odd_calls()}
WITHOUT_TIMER_S = 24


@pytest.fixture(scope="session")
def odd(live: Live) -> dict[str, Seen | Phone]:
    """All of them at once, and one caller on a profile without rtp-timer-name who sends no audio."""

    async def without_timer() -> Phone:
        phone = Phone(
            live.uuid("no-timer"), "1", "2", live.switch.bare_port, {"X-Line": line_of(CSAT)}, sends_rtp=False
        )
        await phone.dial()
        await asyncio.sleep(WITHOUT_TIMER_S)
        phone.hang_up()
        phone.close()
        return phone

    async def run() -> list[Seen | Phone]:
        playing = []
        for each in ODD.values():
            uuid = live.uuid(f"odd-{each.call.line}")
            playing.append(live.exchange.play(live.plan(each.flow, each.call), uuid, live.sounds, **each.how))
        return await asyncio.gather(without_timer(), *playing)

    return dict(zip(["no timer", *ODD], live.exchange.run(run()), strict=True))


@pytest.mark.parametrize("row", ODD, ids=[f"row_{row.replace(' ', '_')}" for row in ODD])
def test_odd_calls(live: Live, odd: dict[str, Any], row: str) -> None:
    """Letters; each key by RTP and by INFO; no audio; the caller hangs up at each step. All as on the simulator."""
    seen: Seen = odd[row]
    if row.startswith("67"):
        assert any("dial operator" in line for line in seen.plan.expected.trace)
    check(live, seen)


def test_row_68_nobody_is_left_ringing_or_talking_to_nobody(live: Live, odd: dict[str, Any]) -> None:
    live.switch.wait_empty()


def test_row_63_on_a_profile_without_a_timer_steps_end_by_their_own_time(live: Live, odd: dict[str, Any]) -> None:
    phone: Phone = odd["no timer"]
    assert "csat.overall: failed broken_prompt" in live.worker.trace(phone.call_id)
    assert "application_overdue" in {entry["event"] for entry in live.worker.log_lines(phone.call_id)}


# -- secrets ---------------------------------------------------------------------------------------------


def test_row_121_secret_keys_are_nowhere(live: Live) -> None:
    code = "73519"
    plan = live.plan(SECRET, call_of(SECRET))
    seen = live.exchange.run(live.exchange.play(plan, live.uuid("secret"), live.sounds))
    check(live, seen)
    assert live.worker.rows(
        "select outcome, keys, key_count from attempt where call_id = ? and node = 'pin'", seen.uuid
    )
    stores = [live.worker.log_file, live.switch.log_file, *live.worker.traces.iterdir()]
    stores += live.worker.folder.glob("worker.db*")
    stores += (live.worker.folder / "spool-worker").iterdir()
    assert [str(file) for file in stores if code.encode() in file.read_bytes()] == []
