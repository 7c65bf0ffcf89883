"""The wait in a queue, on the switch: what a ``QueueStay`` asks for is sent, what it comes to is given as an event.

Law: sends and starts what ``queueing`` says, and decides nothing about queues; knows that an agent's talk takes the
caller away from our connection, and comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ivr.core.effects import Enqueue
from ivr.core.events import QueueDone
from ivr.esl import commands
from ivr.esl.event import Event
from ivr.hosts.applications import Application, Applications
from ivr.hosts.completions import QUEUE_VARIABLES
from ivr.hosts.control import Control
from ivr.hosts.queueing import QUEUE_EVENTS, WAY_BACK, Command, QueueStay
from ivr.hosts.whereabouts import Whereabouts


class QueueWait:
    """``stay`` is None when the call is in no queue."""

    def __init__(self, control: Control, applications: Applications, whereabouts: Whereabouts) -> None:
        self.stay: QueueStay | None = None
        self._control, self._applications, self._whereabouts = control, applications, whereabouts

    @property
    def talking(self) -> bool:
        """With an agent."""
        return self.stay is not None and self.stay.talking

    def begin(self, wait: Enqueue, settings: Mapping[str, Any], announce: str) -> None:
        self.stay = stay = QueueStay(wait, settings, self._control.link.uuid, announce)
        # Another worker takes what stands there for this stay's.
        self._control.set_all(dict.fromkeys(QUEUE_VARIABLES, ""))
        self._ask(stay)

    def answered(self, body: str) -> QueueDone | None:
        """A reply to what was asked: perhaps the caller cannot wait there. Raises SwitchLost."""
        stay, control = self.stay, self._control
        if stay is None:
            return None
        answer = stay.answered(body)
        if answer == "ask":
            self._ask(stay)
        elif answer == "go":
            control.send(control.link.send(commands.events("json", QUEUE_EVENTS), "events"))
            control.set_all(stay.variables(self._whereabouts.place))
            stay.begin(control.now_ms)
            wait = stay.wait
            self._applications.execute(Application("queue", wait.wait, "callcenter", stay.queue, wait.wait_ms, "none"))
        elif answer:
            self.stay = None
            if answer == "failed":
                control.log("queue_unknown", queue=stay.queue, reply=body[:200])
            return QueueDone(stay.wait.wait, control.at_ms, answer)
        return None

    def fall_due(self) -> None:
        if self.stay is not None and self._control.passed(self.stay.due_ms):
            self._say(self.stay.fall_due(self._control.now_ms))

    def is_talk(self, event: Event) -> bool:
        """An agent has the caller: mod_callcenter connects them with a new profile, as a transfer does."""
        running = self._applications.running
        waits = self.stay is not None and running is not None and running.what == "queue"
        return waits and event.get("variable_cc_cause", "") == "answered"

    def over(self, event: Event) -> QueueDone | None:
        """`callcenter` has ended; None because an agent has the caller."""
        stay, control = self.stay, self._control
        if stay is None:
            return None
        done = stay.over(event, control.now_ms, control.at_ms)
        self._say(stay.silence())
        if done is None:
            self._whereabouts.still_ours(event)
            longest_ms = control.limits.longest_talk_ms
            talk = Application("talk", stay.wait.wait, "callcenter", "", longest_ms, "none")
            self._applications.goes_on(talk, longest_ms)
            return None
        if not event.get("variable_cc_cause"):
            control.log("queue_unknown", queue=stay.queue, reply="")
        self.stay = None
        self.stay_here()
        return done

    def stay_here(self) -> None:
        """A bridge that ends from here on is a transfer's, which comes back to us by itself."""
        self._control.set_all(dict.fromkeys(WAY_BACK, ""))

    def leave(self) -> None:
        """Whoever has taken the caller away would be followed by us."""
        if self.stay is not None:
            self._control.unset("transfer_after_bridge")
        self.stay = None

    def _ask(self, stay: QueueStay) -> None:
        for command, arguments in stay.questions():
            self._control.send(self._control.link.ask(command, arguments, tag="queue"))

    def _say(self, said: list[Command]) -> None:
        for command, arguments in said:
            self._control.api(command, arguments, tag="in_queue")
