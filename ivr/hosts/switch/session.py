"""One call inside the switch: the commands it is given, the applications it runs, its caller, and how it ends.

Law: knows the channel, the applications and the caller; never a socket. What happens is told to ``tell`` (an event's
name and its own headers); what is to happen later is put on ``at``. Time comes from outside, in ``now``.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ivr.hosts.caller import Gone, Key, Voice
from ivr.hosts.switch import template
from ivr.hosts.switch.apps import APPLICATIONS
from ivr.hosts.switch.callcenter import TALK, talk
from ivr.hosts.switch.channel import Value, local_stamp
from ivr.hosts.switch.line import ScriptedQueue, Signal
from ivr.hosts.switch.online import OnLine, Plan, Running, Tell
from ivr.hosts.switch.wire import Command

#: Applications look at keys, commands and the clock once a frame.
FRAME_MS = 20
#: More commands than this waiting, and FreeSWITCH closes the socket.
MOST_QUEUED = 256


@dataclass(kw_only=True)
class Session(OnLine):
    dialplan: Mapping[str, Plan]
    socket_arg: str
    at: Callable[[int, Callable[[], None]], None]
    ended: Callable[[], None]  # the call is over, and its last event is out
    hanging_up: Callable[[], None]  # just before CHANNEL_HANGUP
    fate: str = "waiting"  # in control | with an agent | transferred | dialplan | parked for ever | ended
    guarded: bool = False  # the dialplan's sched_transfer stands
    in_socket: bool = True  # the ``socket`` application has not ended
    over: bool = False
    _queue: deque[tuple[int, Command]] = field(default_factory=deque)
    _plan: deque[tuple[str, str]] = field(default_factory=deque)
    _unwind_ms: int | None = None
    _displaced: set[str] = field(default_factory=set)
    _parked: bool = True  # in a park loop (of ``socket``, or of park_after_bridge)

    # -- commands --------------------------------------------------------------------------------------

    def queue(self, command: Command) -> bool:
        """False: too many are waiting already."""
        if len(self._queue) >= MOST_QUEUED:
            return False
        if not self.cause:
            self._queue.append((self.now + FRAME_MS, command))
            self.at(self.now + FRAME_MS, self._run_queue)
        return True

    def flush_queue(self) -> None:
        self._queue.clear()

    def interrupt(self) -> None:
        """uuid_break: what is running now stops within a frame."""
        if self._stack:
            target = self._stack[-1]
            self.at(self.now + FRAME_MS, lambda: self._break(target))

    def _break(self, target: Running) -> None:
        if self._stack and self._stack[-1] is target:
            self._step("break")

    def _run_queue(self) -> None:
        while self._queue and self._queue[0][0] <= self.now and not self.cause and self._leaving is None:
            if any(running.locked for running in self._stack):
                return
            self._execute(self._queue.popleft()[1])

    def _execute(self, command: Command) -> None:
        if command.get("call-command") == "hangup":
            self.hangup(command.get("hangup-cause") or "NORMAL_CLEARING", "command")
            self._private_command(command)
        elif command.get("call-command") == "execute":
            arg = command.get("execute-app-arg")
            if not arg and command.get("content-type") == "text/plain":
                arg = command.body
            locked = command.get("event-lock").lower() == "true"
            self._start(command.get("execute-app-name"), arg, command.get("Event-UUID"), command, locked)
        else:
            self._private_command(command)

    def _private_command(self, command: Command | None) -> None:
        if command is not None and self.media:
            self.tell("PRIVATE_COMMAND", {}, command)

    # -- applications ----------------------------------------------------------------------------------

    def _start(self, name: str, arg: str, uuid: str, command: Command | None, locked: bool = False) -> None:
        make = APPLICATIONS.get(name)
        if make is None:
            self.hangup("DESTINATION_OUT_OF_ORDER", "error")
            self._private_command(command)
            return
        arg = re.sub(r"\$\{(\w+)\}", lambda m: self.get(m[1]), arg)
        for variable, value in (("current_loop", "1"), ("total_loops", "1")):
            if not self.get(variable):
                self.set(variable, value)
        self.set("current_application_data", arg)
        self.set("current_application", name)
        self.set("current_application_response", None)
        self._response = "_none_"
        running = Running(name, arg, uuid or self.new_uuid(), command, locked, self.now, self.media)
        self.tell("CHANNEL_EXECUTE", self._application(running), None)
        self._stack.append(running)
        running.app = make(self, arg)
        if running.app is None:
            self._finish(running)
        else:
            self._step(None)

    def _application(self, running: Running, response: str = "") -> dict[str, Value]:
        headers: dict[str, Value] = {"Application": running.name}
        if running.arg:
            headers["Application-Data"] = running.arg
        if response:
            headers["Application-Response"] = response
        headers["Application-UUID"] = running.uuid
        return headers

    def _step(self, signal: Signal | None) -> None:
        running = self._stack[-1]
        assert running.app is not None
        try:
            due = next(running.app) if signal is None else running.app.send(signal)
            running.due = None if due is None else due + running.behind_ms
        except StopIteration:
            self._finish(running)

    def _finish(self, running: Running) -> None:
        if running.name != TALK:
            self.tell("CHANNEL_EXECUTE_COMPLETE", self._application(running, self._response), None)
        self._stack.pop()
        if self._stack:
            below, inside_ms = self._stack[-1], self.now - running.began
            below.behind_ms += inside_ms
            below.due = None if below.due is None else below.due + inside_ms
        if running.media:
            self._private_command(running.command)
        if self.cause:
            return
        if self._leaving is not None:
            self._go_elsewhere()
            return
        if self._agent is not None:
            self._with_agent(self._agent)
            return
        if self._parking and not self._stack:
            self._park_again()
        if self._keys:
            self._keys_waiting()
        self._run_queue()
        self._next_action()

    def _with_agent(self, queue: ScriptedQueue) -> None:
        """mod_callcenter ends `callcenter` and `socket` together, and lays the agent's leg beside the caller's."""
        self._agent = None
        self._end_socket()
        self.fate = "with an agent"
        self.channel.change(state="CS_SOFT_EXECUTE", state_number="5")
        running = Running(TALK, "", self.new_uuid(), None, False, self.now, self.media)
        self.tell("CHANNEL_EXECUTE", {"Application": TALK, "Application-Data": running.uuid}, None)
        self._stack.append(running)
        running.app = talk(self, queue)
        self._step(None)

    def connected_again(self, tell: Tell, ended: Callable[[], None], hanging_up: Callable[[], None]) -> None:
        """The dialplan's `socket` has another connection: what follows is told there."""
        self.calls_worker = False
        self.tell, self.ended, self.hanging_up = tell, ended, hanging_up
        self._stack.clear()
        self._queue.clear()
        self._plan.clear()
        self.fate, self.in_socket, self._parked = "waiting", True, True

    # -- the dialplan ----------------------------------------------------------------------------------

    def _next_action(self) -> None:
        """Outside ``socket``, the dialplan's next action runs when the one before has ended."""
        if self.in_socket or self._parked or self._stack or self.cause:
            return
        if self._plan:
            name, arg = self._plan.popleft()
            self._start(name, arg, "", None)
        else:
            self.hangup("NORMAL_CLEARING", "dialplan")

    def _end_socket(self) -> None:
        if self.in_socket:
            self.in_socket = self._parked = False
            self.emit("CHANNEL_UNPARK")
            self.set("current_loop", None)
            self.set("total_loops", None)
            arg = self.socket_arg
            self.tell("CHANNEL_EXECUTE_COMPLETE", self._application(self._socket(arg), self._response), None)

    def _socket(self, arg: str) -> Running:
        return Running("socket", arg, self.new_uuid(), None, False, 0, False)

    def _park_again(self) -> None:
        self._parking = False
        self._end_socket()
        self._parked = True
        self.channel.change(state="CS_PARK", state_number="6")
        self.emit("CHANNEL_PARK")

    def _go_elsewhere(self) -> None:
        where, self._leaving = self._leaving or "", None
        self.channel.transferred()
        self._queue.clear()
        while self._stack:
            self.hung_up_by = "caller"  # what runs is broken off, as by a caller who leaves
            self._step("hangup")
        self.hung_up_by = ""
        self._end_socket()
        self._parked = False
        self.fate = "transferred"
        self.channel.change(state="CS_ROUTING", state_number="3")
        self.emit("CHANNEL_STATE")
        self.channel.change(state="CS_EXECUTE", state_number="4")
        self.emit("CHANNEL_STATE")
        number = where.split(" ")[0]
        ours = (("socket", self.socket_arg),) if number == self.channel.facts["called"] else (("sleep", "1000"),)
        self._plan = deque(self.dialplan.get(number, ours))
        self._next_action()

    def transfer(self, where: str) -> None:
        """sched_transfer: another part of the dialplan takes the call, whatever is running."""
        if not self.cause:
            self._leaving = where
            self._go_elsewhere()

    def abandoned(self) -> None:
        """The application closed its socket while in control: what runs goes on, then the dialplan does."""
        self.fate = "dialplan"
        self._plan = deque(self.dialplan.get("", ()))
        self._parked = self.in_socket = False
        if not self.cause:
            self._run_queue()
            self._next_action()

    def displace(self, arguments: str) -> str:
        """Play over what is heard; a second one of the same file is refused while the first is there."""
        what, _, path = arguments.partition(" ")
        if what == "stop":
            self._displaced_over(path)
            return "+OK Success\n"
        sound = self.sounds(path)
        if sound is None or path in self._displaced:
            return "-ERR Operation Failed\n"
        self._displaced.add(path)
        self.heard(sound.said)
        self.at(self.now + self.scaled(sound.duration_ms), lambda: self._displaced_over(path))
        return "+OK Success\n"

    def _displaced_over(self, path: str) -> None:
        if path in self._displaced:
            self._displaced.discard(path)
            self.silent()

    # -- keys, the caller and time ---------------------------------------------------------------------

    def press(self, key: str, source: str = "RTP") -> None:
        self._keys.append((key, source, self.true("sensitive_dtmf")))
        self._keys_waiting()

    def _keys_waiting(self) -> None:
        if self._stack:
            self._step("key")
        elif self._parked and self.fate != "parked for ever":
            while self.take_key() is not None:
                pass

    @property
    def due_ms(self) -> int | None:
        """When the caller or an application does something next."""
        if self.over:
            return None
        due = self._unwind_ms if self.cause else self._stack[-1].due if self._stack else None
        acts = None if self.cause else self.caller.due_ms
        return due if acts is None else acts if due is None else min(due, acts)

    def wake(self) -> None:
        """Do what is due at ``now``."""
        if self.cause:
            self._unwind()
            return
        for act in self.caller.act(self.now):
            match act:
                case Key(key):
                    self.press(key)
                case Voice(ms):
                    self.speaking_until_ms = self.now_ms + ms
                    if self._stack:
                        self._step("key")
                case Gone():
                    for name, value in (("sip_term_status", "200"), ("sip_term_cause", "16")):
                        self.set(name, value)
                    self.hangup("NORMAL_CLEARING", "caller")
        if self._stack and not self.cause:
            due = self._stack[-1].due
            if due is not None and due <= self.now:
                self._step("time")
        self.settle()

    # -- the end ---------------------------------------------------------------------------------------

    def hangup(self, cause: str, by: str = "application") -> None:
        """``by`` api: another thread did it, and the call's own thread notices a frame later."""
        if self.cause:
            return
        self.hanging_up()
        self.cause, self.hung_up_by, self.fate = cause, by, "ended"
        self._unwind_ms = self.now + FRAME_MS if by == "api" else self.now
        self.set("current_loop", None)
        self.set("total_loops", None)
        self._queue.clear()
        self.channel.change(answer_state="hangup", cause=cause, hangup_ms=self.now)
        self.tell("CHANNEL_HANGUP", {}, None)

    def settle(self) -> None:
        """After anything that may have hung up: let the call come apart."""
        if self.cause and not self.over:
            self._unwind()

    def _unwind(self) -> None:
        if self.over or self._unwind_ms is None or self.now < self._unwind_ms:
            return
        self.over = True
        while self._stack:
            self._step("hangup")
        if self.in_socket:
            self._end_socket()
        elif self._parked:
            self.emit("CHANNEL_UNPARK")
        self.channel.change(state="CS_HANGUP", state_number="10")
        self.emit("CHANNEL_STATE")
        self.channel.change(state="CS_REPORTING", state_number="11", call_state="HANGUP")
        self.emit("CHANNEL_STATE")
        self.set("hangup_cause", self.cause)
        for name, value in template.reckoning(
            self.channel.created_ms, self.channel.answered_ms, self.now, local_stamp(self.now)
        ):
            self.set(name, value)
        self.emit("CHANNEL_HANGUP_COMPLETE")
        self.caller.line_ended()
        self.ended()
