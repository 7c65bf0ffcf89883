"""The exchange: plays plans on a real line, many at once, and gives what was seen of each.

A caller with ears hears by the switch's own word which file plays and when it stops, so that a ScriptedCaller behaves
on a real line exactly as on the simulator's.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from live_phone import Phone
from live_plan import Plan, TimedSounds
from live_switch import Control, FreeSwitch

from ivr.esl.conversation import LinkEvent, OtherEvent
from ivr.hosts.caller import Gone, Key, ScriptedCaller, Voice

T = TypeVar("T")


@dataclass
class Seen:
    """What became of one call on the real line."""

    plan: Plan
    uuid: str
    problems: list[str] = field(default_factory=list)
    duration_ms: int = 0
    keys_ms: list[tuple[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Heard:
    name: str  # PLAYBACK_START | PLAYBACK_STOP | DTMF | ...
    file: str
    at: float  # monotonic, when it was read
    detail: str = ""


class Exchange:
    """One thread with an event loop for all phones, one that listens to the switch."""

    EVENTS = ("PLAYBACK_START", "PLAYBACK_STOP", "DTMF", "CHANNEL_HANGUP", "MEDIA_BUG_START", "MEDIA_BUG_STOP")

    def __init__(self, switch: FreeSwitch) -> None:
        self.switch = switch
        self.loop = asyncio.new_event_loop()
        self._both_ways: set[str] = set()
        self._queues: dict[str, asyncio.Queue[Heard]] = {}
        self._control = Control(switch.control_port)
        self._control.events(self.EVENTS)
        self._closing = False
        for run in (self.loop.run_forever, self._listen):
            threading.Thread(target=run, daemon=True).start()

    def _listen(self) -> None:
        while not self._closing:
            try:
                told = self._control.listen()
            except (ConnectionError, OSError):
                return
            self.loop.call_soon_threadsafe(self._dispatch, told, time.monotonic())

    def _dispatch(self, told: list[LinkEvent], at: float) -> None:
        for one in told:
            if isinstance(one, OtherEvent):
                event = one.event
                queue = self._queues.get(event.get("Unique-ID", ""))
                if queue is not None:
                    detail = event.get("DTMF-Digit", "") + event.get("Hangup-Cause", "")
                    name, file = event.name, event.get("Playback-File-Path", "")
                    if name.startswith("MEDIA_BUG_"):  # heard over the music of a queue
                        if event.get("Media-Bug-Function", "") != "displace":
                            continue
                        name = name.replace("MEDIA_BUG", "PLAYBACK")
                        file = event.get("Media-Bug-Target", "")
                    queue.put_nowait(Heard(name, file, at, detail))

    def ear(self, uuid: str) -> asyncio.Queue[Heard]:
        return self._queues.setdefault(uuid, asyncio.Queue())

    def start(self, doing: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(doing, self.loop)

    def run(self, doing: Coroutine[Any, Any, T], timeout_s: float = 120.0) -> T:
        return self.start(doing).result(timeout_s)

    def close(self) -> None:
        self._closing = True
        self._control.__exit__()
        self.loop.call_soon_threadsafe(self.loop.stop)

    # -- one scripted call --------------------------------------------------------------------------------

    async def play(
        self,
        plan: Plan,
        uuid: str,
        sounds: TimedSounds,
        *,
        both_ways: bool = False,
        sends_rtp: bool = True,
        port: int = 0,
    ) -> Seen:
        """``both_ways``: each key comes as an RTP event and as INFO."""
        seen = Seen(plan, uuid)
        self._both_ways = {*self._both_ways, uuid} if both_ways else self._both_ways
        ear = self.ear(uuid)
        phone = Phone(
            uuid,
            plan.caller,
            plan.called,
            port or self.switch.sip_port,
            plan.headers,
            str(plan.call.facts.get("caller.name", "")),
            sends_rtp,
        )
        await phone.dial()
        try:
            async with asyncio.timeout(plan.duration_ms / 1000 + 30):
                answered = asyncio.create_task(phone.answered.wait())
                ended = asyncio.create_task(phone.ended.wait())
                await asyncio.wait((answered, ended), return_when=asyncio.FIRST_COMPLETED)
                answered.cancel()
                if not phone.answered.is_set():
                    seen.problems.append(f"the call was refused with {phone.refused}")
                    return seen
                began = time.monotonic()
                await self._follow(seen, phone, ended, ear, sounds, began)
                seen.duration_ms = round((time.monotonic() - began) * 1000)
        except TimeoutError:
            seen.problems.append(f"the call did not end within {plan.duration_ms / 1000 + 30:.0f} s")
            phone.hang_up()
        finally:
            phone.close()
            del self._queues[uuid]
        return seen

    async def _follow(
        self,
        seen: Seen,
        phone: Phone,
        ended: asyncio.Task[Any],
        ear: asyncio.Queue[Heard],
        sounds: TimedSounds,
        began: float,
    ) -> None:
        caller = ScriptedCaller(seen.plan.call.script)

        def now_ms() -> int:
            return round((time.monotonic() - began) * 1000)

        playing = ""
        while not ended.done():
            due_ms = caller.due_ms
            listening = asyncio.create_task(ear.get())
            wait_s = None if due_ms is None else max(0.0, due_ms / 1000 - (time.monotonic() - began))
            await asyncio.wait((listening, ended), timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                heard = listening.result()
                words = sounds.said(heard.file)
                if heard.name == "PLAYBACK_START" and words:
                    playing = heard.file
                    caller.sound_started(words, now_ms())
                elif heard.name == "PLAYBACK_STOP" and playing and heard.file == playing:
                    playing = ""
                    caller.sound_ended(now_ms())
                continue
            listening.cancel()
            for act in caller.act(now_ms()):
                match act:
                    case Key(key):
                        seen.keys_ms.append((key, now_ms()))
                        phone.press(key)
                        if seen.uuid in self._both_ways:
                            phone.press_info(key)
                    case Voice(ms):
                        phone.speak(ms)
                    case Gone():
                        phone.hang_up()
        caller.line_ended()
        seen.problems += caller.problems
