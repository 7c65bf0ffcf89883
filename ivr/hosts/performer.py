"""The machine on the switch: its effects become commands, what the switch and the caller do becomes its events.

Law: decides nothing about the call, that is the machine's, and nothing about the connection, that is ``freeswitch``'s.
Every wait that it takes from the machine is answered by one event, or by SwitchLost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ivr.core import machine
from ivr.core.effects import (
    Answer,
    CollectSecret,
    Dial,
    Effect,
    End,
    Enqueue,
    Failed,
    Item,
    Listen,
    Mark,
    Play,
    RecordMessage,
    Save,
    StopPlay,
)
from ivr.core.events import (
    Digit,
    Event,
    HungUp,
    PlayDone,
    QueueDone,
    SecretDone,
    Started,
    TimerFired,
    TransferDone,
)
from ivr.core.nodes import Transfer
from ivr.core.state import CallState
from ivr.esl import event as esl_event
from ivr.esl import link as esl
from ivr.hosts import waits
from ivr.hosts.applications import Application, Applications
from ivr.hosts.completions import agent_of, queue_done, transfer_done
from ivr.hosts.control import Control, SwitchLost
from ivr.hosts.keys import Keys
from ivr.hosts.queue_wait import QueueWait
from ivr.hosts.route import Route
from ivr.hosts.sounds import MissingAudio
from ivr.hosts.whereabouts import Whereabouts

#: What goes on without it when the switch cannot play it.
_SPARED: Final = ("play", "tone")


def _keep(file: str) -> None:
    """Nobody has said where recordings are."""


class Performer:
    """``path``: of the machine. ``route``, ``state`` and ``end`` are None until there are such."""

    def __init__(self, control: Control, whereabouts: Whereabouts, path: list[tuple[str, str]] | None) -> None:
        self.route: Route | None = None
        self.state: CallState | None = None
        self.end: End | None = None
        self.on_effect: Callable[[Effect], None] | None = None
        self.discard: Callable[[str], None] = _keep
        self.applications = Applications(control)
        self.queue = QueueWait(control, self.applications, whereabouts)
        self._control, self._path = control, path
        self._keys = Keys(control.limits.same_key_ms)
        self._wait: Effect | None = None
        self._answered = False

    @property
    def under_way(self) -> bool:
        """The machine has begun, and not come to its end."""
        return self.state is not None and self.end is None

    # -- the beginning -----------------------------------------------------------------------------------

    def prepare(self, route: Route, channel: esl_event.Event) -> None:
        """The state that the call begins or goes on with. Nothing is done yet."""
        control = self._control
        self.route = route
        control.opened_ms = control.now_ms
        if route.taken_over:
            self.state, elapsed_ms = route.taken_over
            control.opened_ms -= elapsed_ms
        else:
            self.state = machine.start(route.program, route.facts, control.link.uuid)
        self._answered = channel.get("Answer-State", "") == "answered"

    def begin(self, channel: esl_event.Event) -> None:
        assert self.route is not None
        assert self.state is not None
        if not self.route.taken_over:
            self.feed(Started(0))
            return
        done = self._meanwhile(channel, self.state, self.route)
        self.queue.stay_here()
        self.state, effects = machine.resume(self.route.program, self.state, self._control.at_ms, done, self._path)
        self._perform_all(effects)

    def _meanwhile(self, channel: esl_event.Event, state: CallState, route: Route) -> TransferDone | QueueDone | None:
        """What became of the transfer, or the queue, that the call was at when the worker before us had it."""
        at_ms = self._control.at_ms
        if state.waiting == "queue":
            known = channel.get("variable_cc_cause") is not None
            return queue_done(channel, state.wait, at_ms, route.waited_ms) if known else None
        known = channel.get("variable_originate_disposition") is not None
        node = route.program.nodes.get(state.node)
        agent = agent_of(route.destinations.get(node.destination, "")) if isinstance(node, Transfer) else ""
        return transfer_done(channel, state.wait, at_ms, agent) if known else None

    # -- events ------------------------------------------------------------------------------------------

    def feed(self, event: Event) -> None:
        assert self.route is not None
        assert self.state is not None
        self.state, effects = machine.step(self.route.program, self.state, event, self._path)
        self._perform_all(effects)

    def key(self, told: esl.Dtmf) -> None:
        if self.state is not None and self._keys.is_another(told, self._control.now_ms):
            self.feed(Digit(told.digit, self._control.at_ms))

    def fall_due(self) -> None:
        """The caller has been silent for as long as the machine listens."""
        if self._control.passed(self._control.due.timer_ms) and isinstance(self._wait, Listen):
            self._control.due.timer_ms = None
            self.feed(TimerFired(self._wait.wait, self._control.at_ms))

    def executed(self, told: esl.ExecuteDone) -> None:
        over = self.applications.completed()
        if over is not None:
            self._done(over, self._result(over, told))

    def refused(self, detail: str) -> None:
        """The switch would not run an application (its reply was an error, no completion will come)."""
        over = self.applications.refused()
        if over is None:
            return
        self._control.log("application_refused", app=over.app, reply=detail[:200])
        if over.what not in _SPARED:
            raise SwitchLost(f"{over.app} was refused: {detail}")
        self._done(over, self._given_up(over, detail))

    def overdue(self) -> None:
        """An application that should long be over: a prompt is given up on, with anything else the call is."""
        running = self.applications.running
        self._control.due.application_ms = None
        if running is None:
            return
        self._control.log("application_overdue", app=running.app, expected_ms=running.expected_ms)
        if running.what not in _SPARED:
            raise SwitchLost(f"{running.app} never completed")
        self.applications.abandon()
        self._done(running, self._given_up(running, "the switch never said that it ended"))

    def queue_answered(self, body: str) -> None:
        if self.under_way and (done := self.queue.answered(body)) is not None:
            self.feed(done)

    def keep_runs(self) -> None:
        """Open surveys are kept as they would be if the caller hung up now; the call itself goes on."""
        if self.route is None or self.state is None or self.end is not None:
            return
        _, effects = machine.step(self.route.program, self.state, HungUp(self._control.at_ms))
        for effect in effects:
            if isinstance(effect, Save) and effect.table == "run" and self.on_effect:
                self.on_effect(effect)

    def _result(self, over: Application, told: esl.ExecuteDone) -> Event | None:
        if over.what == "tone":
            return self._given_up(over, "")
        if over.what == "queue":
            return self.queue.over(told.event)
        if over.what == "secret":
            self._control.unset(*waits.after_secret(over.detail))
        elif over.what == "record" and not over.detail.keep:
            self.discard(waits.file_of(over))
        return waits.ended(over, told, self._control.at_ms)

    def _given_up(self, over: Application, why: str) -> Event | None:
        """What goes on without a prompt, or without the tone before a recording."""
        if over.what == "tone":
            self.applications.follow(over.detail)
            return None
        return PlayDone(over.wait, self._control.at_ms, "broken", why)

    def _done(self, over: Application, event: Event | None) -> None:
        """Its event is fed if someone waits for it, or else what was to follow it starts."""
        following = self.applications.next()
        if following is not None:
            self.applications.execute(following)
        elif event is not None:
            self.feed(event)

    # -- effects -----------------------------------------------------------------------------------------

    def _perform_all(self, effects: list[Effect]) -> None:
        assert self.route is not None
        for effect in effects:
            if self.on_effect:
                self.on_effect(effect)
            self._perform(effect, self.route)

    def _perform(self, effect: Effect, route: Route) -> None:
        control = self._control
        if isinstance(effect, Save):  # these two are nearly all effects
            return
        if isinstance(effect, Listen):
            self._wait, control.due.timer_ms = effect, control.now_ms + effect.timeout_ms
            return
        if isinstance(effect, StopPlay):
            self.applications.stop(effect.wait)
        elif isinstance(effect, Answer):
            # By API, in one go with the first prompt: as an application it would end in an event of its own.
            if not self._answered:
                control.api("uuid_answer", control.link.uuid, tag="answer")
        elif isinstance(effect, Mark):
            control.set(f"callweave_{effect.name}", effect.value, tag="mark")
        elif isinstance(effect, Failed):
            control.log("call_failure", failure=effect.name, step=effect.node, detail=effect.detail)
        elif isinstance(effect, End):
            self._end(effect)
        else:
            self._wait, control.due.timer_ms = effect, None
            self._begin_wait(effect, route)

    def _begin_wait(self, wait: Play | CollectSecret | RecordMessage | Dial | Enqueue, route: Route) -> None:
        if isinstance(wait, Play):
            self._play(wait, route)
        elif isinstance(wait, CollectSecret):
            self._collect_secret(wait, route)
        elif isinstance(wait, RecordMessage):
            path = f"{route.recordings}/{self._control.link.uuid}-{wait.wait}.wav"
            self._control.unset("record_ms")
            self.applications.execute(waits.record(wait, path))
        elif isinstance(wait, Enqueue):
            self._enqueue(wait, route)
        else:
            self._dial(wait, route)

    def _end(self, effect: End) -> None:
        control = self._control
        self.end = effect
        self._wait = self.applications.following = control.due.timer_ms = None
        if effect.by != "caller":
            control.send(control.link.kill(effect.cause))
            control.due.close_ms = control.now_ms + control.limits.kill_ms

    def _play(self, wait: Play, route: Route) -> None:
        try:
            audio, duration_ms = route.sounds.play(wait.items)
        except MissingAudio as exc:
            self.feed(PlayDone(wait.wait, self._control.at_ms, "missing", str(exc)))
            return
        self.applications.execute(waits.play(wait.wait, audio, duration_ms, wait.barge_in))

    def _collect_secret(self, wait: CollectSecret, route: Route) -> None:
        try:
            prompt, duration_ms = route.sounds.play(wait.items) if wait.items else waits.SILENCE
        except MissingAudio as exc:
            self._control.log("prompt_missing", detail=str(exc))
            self.feed(SecretDone(wait.wait, self._control.at_ms, "", "missing"))
            return
        name = f"callweave_secret_{self.applications.number()}"
        self._control.set_all(waits.BEFORE_SECRET, tag="secret")
        self.applications.execute(waits.collect_secret(wait, prompt, duration_ms, name))

    def _dial(self, wait: Dial, route: Route) -> None:
        control = self._control
        dial_string = route.destinations.get(wait.destination, "")
        if not dial_string:
            control.log("no_destination", destination=wait.destination)
            self.feed(TransferDone(wait.wait, control.at_ms, "failed", "NO_ROUTE_DESTINATION"))
            return
        control.set("call_timeout", max(1, wait.ring_ms // 1000), tag="call_timeout")
        longest_ms = wait.ring_ms + control.limits.longest_talk_ms
        self.applications.execute(waits.dial(wait.wait, dial_string, longest_ms))

    def _enqueue(self, wait: Enqueue, route: Route) -> None:
        control = self._control
        settings = route.queues.get(wait.queue)
        if settings is None:
            control.log("no_queue", queue=wait.queue)
            self.feed(QueueDone(wait.wait, control.at_ms, "failed"))
            return
        self.queue.begin(wait, settings, self._announcement(wait.announce, route))

    def _announcement(self, items: tuple[Item, ...], route: Route) -> str:
        """Without its sound the caller waits all the same."""
        try:
            return route.sounds.play(items)[0] if items else ""
        except MissingAudio as exc:
            self._control.log("prompt_missing", detail=str(exc))
            return ""
