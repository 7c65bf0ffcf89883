"""One call as its applications see it: variables, events, keys, sounds, media.

Law: the state that applications may touch, and no more: not the queue of commands, not the end of the call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ivr.hosts.caller import ScriptedCaller
from ivr.hosts.switch import template
from ivr.hosts.switch.bridging import options
from ivr.hosts.switch.channel import Channel, Value
from ivr.hosts.switch.line import App, Destination, ScriptedQueue, Sound
from ivr.hosts.switch.wire import Command

Tell = Callable[[str, Mapping[str, Value], Command | None], None]
Plan = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Running:
    """An application in progress. ``behind_ms``: how long others ran inside it; ``due`` is on the switch's clock."""

    name: str
    arg: str
    uuid: str
    command: Command | None
    locked: bool
    began: int
    media: bool
    app: App | None = None
    due: int | None = None
    behind_ms: int = 0


@dataclass(kw_only=True)
class OnLine:
    channel: Channel
    caller: ScriptedCaller
    sounds: Callable[[str], Sound | None]
    destinations: Mapping[str, Destination]
    speed: float
    tell: Tell
    queues: Mapping[str, ScriptedQueue] = field(default_factory=dict)
    now: int = 0  # the switch's clock
    cause: str = ""
    hung_up_by: str = ""  # caller | api | command | application | dialplan | error
    speaking_until_ms: int = 0
    _stack: list[Running] = field(default_factory=list)
    _keys: deque[tuple[str, str, bool]] = field(default_factory=deque)
    _response: str = "_none_"
    _leaving: str | None = None
    _agent: ScriptedQueue | None = None  # of this queue has the caller next
    calls_worker: bool = False  # a `socket` of the dialplan wants another connection
    _parking: bool = False
    _ids: int = 0

    @property
    def now_ms(self) -> int:
        return self.now - self._stack[-1].behind_ms if self._stack else self.now

    @property
    def media(self) -> bool:
        return self.channel.answer_state != "ringing"

    def get(self, name: str) -> str:
        return self.channel.get(name)

    def set(self, name: str, value: str | None) -> None:
        self.channel.set(name, value)

    def true(self, name: str) -> bool:
        return self.channel.true(name)

    def emit(self, name: str, **headers: str) -> None:
        self.tell(name, headers, None)

    def respond(self, response: str) -> None:
        self._response = response
        self.set("current_application_response", response)

    def take_key(self) -> str | None:
        if not self._keys:
            return None
        key, source, secret = self._keys.popleft()
        if not secret:
            self.emit("DTMF", **{"DTMF-Digit": key, "DTMF-Duration": "2240", "DTMF-Source": source})
        return key

    def flush_keys(self) -> None:
        self._keys.clear()

    def sound(self, path: str) -> Sound | None:
        return self.sounds(path)

    def scaled(self, duration_ms: int) -> int:
        return round(duration_ms / self.speed)

    def heard(self, said: str) -> None:
        self.caller.sound_started(said, self.now)

    def silent(self) -> None:
        self.caller.sound_ended(self.now)

    def pre_answer(self) -> None:
        if not self.media:
            self.channel.change(answer_state="early", call_state="EARLY")
            self._add_media()
            self.emit("CHANNEL_PROGRESS_MEDIA")

    def answer(self) -> None:
        if self.channel.answered_ms is None and not self.cause:
            if not self.media:
                self._add_media()
            self.channel.change(answer_state="answered", answered_ms=self.now)
            self.emit("CHANNEL_ANSWER")
            self.channel.change(call_state="ACTIVE")
            self.set("endpoint_disposition", "ANSWER")

    def _add_media(self) -> None:
        for name, value in template.MEDIA:
            self.set(name, value)

    def destination(self, dial_string: str) -> Destination:
        _, bare = options(dial_string)
        if bare.startswith("error/"):
            return Destination("fails", cause=bare.removeprefix("error/"))
        unknown = Destination("fails", cause="NO_ROUTE_DESTINATION")
        return self.destinations.get(dial_string) or self.destinations.get(bare) or unknown

    def bridged(self, other: Mapping[str, str]) -> None:
        leg = [(name.replace("Caller-", "Other-Leg-", 1), value) for name, value in self.channel.profile("Caller-")]
        leg = [(name, other["uuid"] if name == "Other-Leg-Unique-ID" else value) for name, value in leg]
        self.channel.change()
        self.channel.other_leg = [("Other-Type", "originatee"), *leg]

    def park_elsewhere(self) -> None:
        self._parking = True

    def leave(self, where: str) -> None:
        self._leaving = where

    def waiting_line(self, name: str) -> ScriptedQueue | None:
        return self.queues.get(name)

    def join(self, queue: ScriptedQueue) -> None:
        self.channel.transferred()
        self._agent = queue

    def call_worker(self) -> None:
        self.calls_worker = True

    def new_uuid(self) -> str:
        self._ids += 1
        return f"{self.channel.uuid[:24]}{self._ids:012x}"
