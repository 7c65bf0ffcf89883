"""One live call on FreeSWITCH, from the first byte of its connection to the last. Sans-IO.

Law: bytes and milliseconds in, bytes and the next deadline out; no socket, no clock, no greenlet. It decides nothing
about the call: that is the machine's, which ``performer`` runs. This module owns the connection's life: how a call
becomes ours, who has it meanwhile, how it ends; a switch that goes dead, and one that has given the call away.

    feed: receive_data / receive_eof / advance  →  take: data_to_send, deadline_ms, closed
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ivr.core.effects import Effect, End
from ivr.core.events import HungUp
from ivr.core.state import CallState
from ivr.esl import commands
from ivr.esl import event as esl_event
from ivr.esl import link as esl
from ivr.hosts.control import Control, SwitchLost
from ivr.hosts.deadlines import Limits
from ivr.hosts.performer import Performer
from ivr.hosts.route import Later, Route, Router
from ivr.hosts.whereabouts import Whereabouts

__all__ = ["FreeSwitchCall", "Later", "Limits", "Route", "Router"]

SWITCH_LOST: Final = "SWITCH_LOST"
TRANSFERRED: Final = "TRANSFERRED"  # somebody else has taken the call away
#: Refused commands that mean nothing: what they were for is over already.
_MAY_FAIL: Final = ("guard", "break", "kill", "in_queue")
_LAST_WORD_MS: Final = 500  # for the switch to say how a call ended that is over


class FreeSwitchCall:
    """``on_start(call, channel)`` is told when the call is known, and may set ``on_effect``."""

    def __init__(
        self,
        router: Router,
        opened_ms: int,
        *,
        limits: Limits | None = None,
        on_start: Callable[[FreeSwitchCall, esl_event.Event], None] | None = None,
        log: Callable[..., None] = lambda event, **fields: None,
        path: list[tuple[str, str]] | None = None,
    ) -> None:
        self._control = Control(opened_ms, limits or Limits(), log)
        self._whereabouts = Whereabouts()
        self._performer = Performer(self._control, self._whereabouts, path)
        self.link = self._control.link
        self.closed = False
        #: What has to be asked before the call can go on, by someone who can wait; ``go_on`` takes the answer.
        self.later: Later | None = None
        self._channel: esl_event.Event | None = None
        self._router, self._on_start = router, on_start

    # -- what others ask of it ---------------------------------------------------------------------------

    @property
    def call_id(self) -> str:
        return self.link.uuid

    @property
    def route(self) -> Route | None:
        return self._performer.route

    @property
    def state(self) -> CallState | None:
        return self._performer.state

    @property
    def end(self) -> End | None:
        return self._performer.end

    @property
    def on_effect(self) -> Callable[[Effect], None] | None:
        """Is told of each effect before the switch is."""
        return self._performer.on_effect

    @on_effect.setter
    def on_effect(self, told: Callable[[Effect], None] | None) -> None:
        self._performer.on_effect = told

    @property
    def discard(self) -> Callable[[str], None]:
        """Removes a recording that was only listened to, by its file's name."""
        return self._performer.discard

    @discard.setter
    def discard(self, remove: Callable[[str], None]) -> None:
        self._performer.discard = remove

    @property
    def talking(self) -> bool:
        """With an agent of a queue: the call will come back, on another connection."""
        return self._performer.under_way and self._performer.queue.talking

    @property
    def queued(self) -> bool:
        """In a queue, or with one of its agents."""
        return self._performer.queue.stay is not None and not self._whereabouts.away

    @property
    def idle(self) -> bool:
        """Nothing is to be done for the caller: with an agent, or gone to another connection."""
        return self._whereabouts.away or self.talking

    # -- the host's side ---------------------------------------------------------------------------------

    def data_to_send(self) -> bytes:
        return self._control.data_to_send()

    @property
    def deadline_ms(self) -> int | None:
        """When ``advance`` is to be called, unless something comes before."""
        due = self._control.due.soonest_ms
        stay = self._performer.queue.stay
        if stay is not None and (stay_ms := stay.due_ms) is not None and (due is None or stay_ms < due):
            due = stay_ms
        return due

    @property
    def quiet_bytes(self) -> int:
        """So many bytes can come without anything to do about them. 0: any byte can be the one that counts."""
        return self._control.quiet_bytes

    def receive_data(self, data: bytes, now_ms: int) -> None:
        if self.closed:
            return
        self._control.now_ms = now_ms
        self._handle(self.link.receive_data(data))
        if not self.link.awaits_reply:
            self._control.due.reply_ms = None

    def receive_eof(self, now_ms: int) -> None:
        if self.closed:
            return
        self._control.now_ms = now_ms
        self._handle(self.link.receive_eof())
        self._close()

    def advance(self, now_ms: int) -> None:
        """Act on every deadline that has passed."""
        if self.closed:
            return
        self._control.now_ms = now_ms
        try:
            self._fall_due()
        except SwitchLost as exc:
            self._lost(str(exc))

    def go_on(self, found: Route | str, now_ms: int) -> None:
        """The answer to ``later``."""
        channel, self.later, self._channel = self._channel, None, None
        if channel is None or self.closed:
            return
        self._control.now_ms = now_ms
        try:
            self._begin(channel, found)
        except SwitchLost as exc:
            self._lost(str(exc))

    def leave(self) -> None:
        """This worker goes before the call ends. The caller is left to the dialplan, where another may take over:
        the call is not ended, and its open surveys are kept as they are now.
        """
        if not self._whereabouts.away:
            self._performer.keep_runs()
        self._close()

    def _fall_due(self) -> None:
        control, due, performer = self._control, self._control.due, self._performer
        performer.fall_due()
        performer.queue.fall_due()
        if control.passed(due.break_ms):
            performer.applications.fall_silent()
        if control.passed(due.application_ms):
            performer.overdue()
        if control.passed(due.gone_ms):
            self._hung_up("UNKNOWN")
        if control.passed(due.reply_ms):
            connecting = self.link.state is esl.State.CONNECTING
            raise SwitchLost("no reply to connect" if connecting else "no reply to a command")
        if control.passed(due.close_ms):
            self._close()

    # -- what comes from the switch ----------------------------------------------------------------------

    def _handle(self, told: list[esl.LinkEvent]) -> None:
        for one in told:
            try:
                if self._whereabouts.away:
                    self._elsewhere(one)
                else:
                    self._here(one)
            except SwitchLost as exc:
                self._lost(str(exc))

    def _here(self, one: esl.LinkEvent) -> None:
        if isinstance(one, esl.Dtmf):  # in the order of how often they come
            self._performer.key(one)
        elif isinstance(one, (esl.Reply, esl.ApiReply)):
            self._control.replied()
            if isinstance(one, esl.ApiReply) and one.tag == "queue":
                self._performer.queue_answered(one.body)
            elif not one.ok and one.tag not in _MAY_FAIL:
                self._refused(one.tag, one.text if isinstance(one, esl.Reply) else one.body)
        elif isinstance(one, esl.ExecuteDone):
            if not self._whereabouts.is_elsewhere(one.event) or self._performer.queue.is_talk(one.event):
                self._performer.executed(one)
            else:
                self._transferred()
        elif isinstance(one, esl.HungUp):
            self._hung_up(one.cause)
        elif isinstance(one, esl.Connected):
            self._connected(one.channel)
        elif isinstance(one, esl.Lingering):
            self._lingering()
        elif isinstance(one, esl.Failed):
            if one.reason == "refused":
                self._performer.refused(one.detail)
        elif isinstance(one, esl.Refused):
            self._control.log("call_refused", reason=one.reason, detail=one.detail)
            self._control.send(self.link.hangup("NORMAL_TEMPORARY_FAILURE") + self.link.exit())
            self._control.due.close_ms = self._control.now_ms + _LAST_WORD_MS
        elif isinstance(one, esl.Lost):
            raise SwitchLost(f"{one.reason} {one.detail}".strip())
        elif isinstance(one, esl.Disconnected):
            raise SwitchLost("it said goodbye in the middle of the call")
        elif isinstance(one, esl.OtherEvent) and self._whereabouts.is_elsewhere(one.event):
            # A transfer ends the `socket` that brought us the call, and nothing else need happen.
            if not self.talking or not self._whereabouts.is_back(one.event):
                self._transferred()
            elif one.event.name == "CHANNEL_EXECUTE" and one.event.get("Application", "") == "socket":
                self._given_away()

    def _refused(self, command: str, reply: str) -> None:
        self._control.log("command_refused", command=command, reply=reply[:200])
        if command == "answer" and self.end is None:  # nobody is there, or cannot be spoken to
            self._control.due.gone_ms = self._control.now_ms + _LAST_WORD_MS

    def _lingering(self) -> None:
        """The notice can come before CHANNEL_HANGUP, which names the cause."""
        due = self._control.due
        due.gone_ms = self._control.now_ms + _LAST_WORD_MS if self.end is None else None
        due.timer_ms = due.application_ms = due.break_ms = None

    # -- the beginning -----------------------------------------------------------------------------------

    def _connected(self, channel: esl_event.Event) -> None:
        self._control.due.reply_ms = None
        self._whereabouts.ours(channel)
        found = self._router(channel)
        if isinstance(found, (Route, str)):
            self._begin(channel, found)
        else:
            self.later, self._channel = found, channel

    def _begin(self, channel: esl_event.Event, route: Route | str) -> None:
        control = self._control
        if isinstance(route, str):
            control.log("no_flow", detail=route)
            # The dialplan's next action is the caller's way on: leave the call to it, past the park trap's 2 ms.
            control.subscribe(cancel_guard=True)
            control.due.close_ms = control.now_ms + 50
            return
        control.greet(channel)
        self._performer.prepare(route, channel)
        if self._on_start:
            self._on_start(self, channel)
        self._performer.begin(channel)

    # -- who has the call --------------------------------------------------------------------------------

    def hand_over(self, now_ms: int) -> Route | None:
        """The call has come back, and its new connection goes on with it. This one is silent from here on."""
        performer, stay = self._performer, self._performer.queue.stay
        if performer.route is None or performer.state is None or stay is None or not self.talking:
            return None
        taken_over = performer.state, now_ms - self._control.opened_ms
        route = replace(performer.route, taken_over=taken_over, waited_ms=stay.waited_ms)
        if not self._whereabouts.away:
            self._given_away()
        performer.state = performer.queue.stay = None
        return route

    def _transferred(self) -> None:
        """Somebody else has taken the call away, and our socket is still open and in control of it. Whatever is said
        now would be heard where the caller is; even ``exit`` would pull the call out of the next one's hands. So: the
        books are closed, and not a word until the caller hangs up.
        """
        self._control.log("call_taken_away")
        self._performer.queue.leave()
        self._ended(TRANSFERRED)
        self._silent()

    def _given_away(self) -> None:
        """The dialplan calls a worker: us, who ask for the call by ``hand_over``, or another, who reads it from the
        database. As when it was taken away, but its books stay open: they are the other connection's.
        """
        self._control.send(self.link.send(commands.noevents(), "noevents"))
        self._silent()

    def _silent(self) -> None:
        self._whereabouts.away = True
        self._performer.applications.forget()
        self._control.due.forget()

    def _elsewhere(self, one: esl.LinkEvent) -> None:
        """Nobody here asked for the call: another worker has ended it or will, or the caller was gone on the way, and
        then this is all that is known. What is known elsewhere is not overwritten by it (store/write.py).
        """
        if isinstance(one, (esl.HungUp, esl.Lingering, esl.Lost, esl.Disconnected)):
            self._ended(SWITCH_LOST)
            self._close()

    # -- the end -----------------------------------------------------------------------------------------

    def _ended(self, cause: str) -> None:
        """The machine is told, unless it knows already."""
        if self._performer.under_way:
            self._performer.feed(HungUp(self._control.at_ms, cause))

    def _hung_up(self, cause: str) -> None:
        self._control.due.gone_ms = None
        self._ended(cause or "UNKNOWN")
        self._performer.applications.forget()
        # Nothing more is to come that anyone needs.
        self._close()

    def _lost(self, detail: str) -> None:
        """The switch is gone, or not what it should be: what the caller gave is kept, the connection is closed."""
        if self._control.due.gone_ms is not None:  # it had said that the caller is gone
            self._hung_up("UNKNOWN")
            return
        if self.end is None and self._control.due.close_ms is None:
            self._control.log("switch_lost", detail=detail)
            if self.link.state is esl.State.UP:
                self._control.send(self.link.kill("NORMAL_TEMPORARY_FAILURE"))
        self._hung_up(SWITCH_LOST)

    def _close(self) -> None:
        self.closed = True
        self._performer.queue.stay = None
        self._control.due.forget()
        self._control.due.close_ms = None
