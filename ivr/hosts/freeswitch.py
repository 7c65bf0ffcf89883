"""One live call on FreeSWITCH: effects of the machine → commands, messages of the switch → events. Sans-IO.

Law: bytes and milliseconds in, bytes and the next deadline out; no socket, no clock, no greenlet. It decides nothing
about the call: that is the machine's. It owns what only a switch has: one application at a time, prompts that are
stopped, keys that come twice, replies and completions that never come, lines that go dead.

    feed: receive_data / receive_eof / advance  →  take: data_to_send, deadline_ms, closed
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ivr.core import machine
from ivr.core.effects import (
    Answer,
    CollectSecret,
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
from ivr.core.program import Program
from ivr.core.state import CallState
from ivr.esl import commands
from ivr.esl import event as esl_event
from ivr.esl import link as esl
from ivr.esl.commands import CommandError
from ivr.esl.link import OK_BYTES
from ivr.hosts.completions import QUEUE_VARIABLES, agent_of, queue_done, record_done, secret_done, transfer_done
from ivr.hosts.queueing import QUEUE_EVENTS, WAY_BACK, QueueStay
from ivr.hosts.sounds import MissingAudio, Sounds

#: What the machine needs to know, and nothing more: each event is about 6 kB to receive.
EVENTS: Final = ("DTMF", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP")
#: A bridge that fails or ends comes back to us; any key stops a prompt.
CHANNEL_VARIABLES: Final = (
    ("playback_terminators", "any"),
    ("continue_on_fail", "true"),
    ("hangup_after_bridge", "false"),
)
#: Heard before a recording.
TONE: Final = "tone_stream://%(250,0,800)"
#: The energy below which FreeSWITCH's `record` takes a frame for silence.
SILENCE_THRESHOLD: Final = 200
#: A key that is said to be held for longer is not waited for by its other way.
LONGEST_KEY_MS: Final = 1000
SWITCH_LOST: Final = "SWITCH_LOST"
#: Somebody else has taken the call away.
TRANSFERRED: Final = "TRANSFERRED"
#: Handshake and the busiest step come to about ten.
MOST_UNANSWERED: Final = 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the host waits for a switch, in milliseconds."""

    connect_ms: int = 5_000  # from accept to the reply to `connect`
    reply_ms: int = 10_000  # to a command
    application_ms: int = 15_000  # beyond what an application should take
    break_ms: int = 150  # for a prompt to stop by itself when a key was pressed
    kill_ms: int = 3_000  # from our hang-up to the switch's word of it
    same_key_ms: int = 120  # one key by two ways (RTP and INFO) is one key, beyond how long it was held
    longest_talk_ms: int = 4 * 3_600_000  # in a bridge
    linger_s: int = 5


@dataclass(frozen=True, slots=True)
class Route:
    """What a call is to run."""

    program: Program
    sounds: Sounds
    facts: Mapping[str, Any]
    destinations: Mapping[str, str]  # name -> dial string
    recordings: str = "recordings"  # folder, as the switch sees it
    #: A call that another worker had: its state, and how long ago it began, in milliseconds.
    taken_over: tuple[CallState, int] | None = None
    queues: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> what is said of it
    #: It comes back to the worker that it left, from a talk with an agent, for whom it had waited so long.
    waited_ms: int | None = None


@dataclass(slots=True, init=False)
class _Job:
    """One application on the switch. ``what``: play | secret | tone | record | dial | queue | talk. ``wait``: whose."""

    what: str
    wait: int
    app: str
    argument: str
    expected_ms: int
    terminators: str
    detail: Any

    def __init__(
        self,
        what: str,
        wait: int,
        app: str,
        argument: str,
        expected_ms: int,
        terminators: str = "any",
        detail: Any = None,
    ) -> None:
        self.what = what
        self.wait = wait
        self.app = app
        self.argument = argument
        self.expected_ms = expected_ms
        self.terminators = terminators
        self.detail = detail


class _Key:
    """A key and when it was told of."""

    __slots__ = ("at_ms", "told")

    def __init__(self, told: esl.Dtmf, at_ms: int) -> None:
        self.told = told
        self.at_ms = at_ms


#: Asked outside of the loop, when the answer has to be waited for.
Later = Callable[[], Route | str]
#: Finds what a call is to run from its channel's headers, or says in words why there is nothing.
Router = Callable[[esl_event.Event], Route | str | Later]


def _keep(file: str) -> None:
    """Nobody has said where recordings are."""


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
        self.link = esl.OutboundLink()
        self.limits = limits or Limits()
        self.route: Route | None = None
        self.state: CallState | None = None
        self.end: End | None = None
        self.closed = False
        self.on_effect: Callable[[Effect], None] | None = None
        #: Removes a recording that was only listened to, by its file's name.
        self.discard: Callable[[str], None] = _keep
        #: What has to be asked before the call can go on, by someone who can wait; ``go_on`` takes the answer.
        self.later: Later | None = None
        self._channel: esl_event.Event | None = None
        self._router, self._on_start, self._tell, self._path = router, on_start, log, path
        self._opened_ms = opened_ms
        self._now_ms = opened_ms
        self._out: list[bytes] = [self.link.connect()]
        self._job: _Job | None = None  # runs on the switch
        self._next: _Job | None = None  # as soon as that is over
        self._profile = 0  # counts who had the call: another one than at first, and it is no longer ours
        self._away = False
        self._stay: QueueStay | None = None
        self._line: dict[str, str] = {}  # where the dialplan had sent the call
        self._number = 0
        # A worker that takes over a call must not take the first worker's late completion for its own.
        self._prefix = f"cw{opened_ms & 0xFFFFFFFF:x}-"
        self._terminators = "any"
        self._answered = False
        self._alone: list[_Key] = []  # those that have come by one way only, the oldest first
        # Deadlines, on the host's clock; None when nothing is awaited.
        self._wait: Effect | None = None
        self._timer_ms: int | None = None
        self._job_due_ms: int | None = None
        self._break_ms: int | None = None
        self._reply_due_ms: int | None = opened_ms + self.limits.connect_ms
        self._close_ms: int | None = None
        self._gone_ms: int | None = None

    # -- the host's side ---------------------------------------------------------------------------------

    @property
    def call_id(self) -> str:
        return self.link.uuid

    def data_to_send(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        return data

    @property
    def deadline_ms(self) -> int | None:
        """When ``advance`` is to be called, unless something comes before."""
        due = self._timer_ms
        if self._job_due_ms is not None and (due is None or self._job_due_ms < due):
            due = self._job_due_ms
        if self._break_ms is not None and (due is None or self._break_ms < due):
            due = self._break_ms
        if self._reply_due_ms is not None and (due is None or self._reply_due_ms < due):
            due = self._reply_due_ms
        if self._close_ms is not None and (due is None or self._close_ms < due):
            due = self._close_ms
        if self._gone_ms is not None and (due is None or self._gone_ms < due):
            due = self._gone_ms
        if self._stay is not None and (stay_ms := self._stay.due_ms) is not None and (due is None or stay_ms < due):
            due = stay_ms
        return due

    @property
    def quiet_bytes(self) -> int:
        """So many bytes can come without anything to do about them. 0: any byte can be the one that counts."""
        if self.link.in_a_frame:  # the switch's last word is cut: its rest, however short
            return 0
        return max(OK_BYTES, self.link.quiet_bytes)

    def receive_data(self, data: bytes, now_ms: int) -> None:
        if self.closed:
            return
        self._now_ms = now_ms
        self._handle(self.link.receive_data(data))
        if not self.link.awaits_reply:
            self._reply_due_ms = None

    def receive_eof(self, now_ms: int) -> None:
        if self.closed:
            return
        self._now_ms = now_ms
        self._handle(self.link.receive_eof())
        self._close()

    def advance(self, now_ms: int) -> None:
        """Act on every deadline that has passed."""
        if self.closed:
            return
        self._now_ms = now_ms
        if self._passed(self._timer_ms) and isinstance(self._wait, Listen):
            self._timer_ms = None
            self._feed(TimerFired(self._wait.wait, self._at_ms))
        if self._stay is not None and self._passed(self._stay.due_ms):
            for command, arguments in self._stay.fall_due(now_ms):
                self._send(self.link.api(command, arguments, tag="in_queue"))
        if self._passed(self._break_ms):
            self._break_ms = None
            if not self._swamped():
                self._send(self.link.stop_playback())
        if self._passed(self._job_due_ms):
            self._overdue()
        if self._passed(self._gone_ms):
            self._gone_ms = None
            self._hung_up("UNKNOWN")
        if self._passed(self._reply_due_ms):
            connecting = self.link.state is esl.State.CONNECTING
            self._lost("no reply to connect" if connecting else "no reply to a command")
        if self._passed(self._close_ms):
            self._close()

    def go_on(self, found: Route | str, now_ms: int) -> None:
        """The answer to ``later``."""
        channel, self.later, self._channel = self._channel, None, None
        if channel is not None and not self.closed:
            self._now_ms = now_ms
            self._begin(channel, found)

    @property
    def talking(self) -> bool:
        """With an agent of a queue: the call will come back, on another connection."""
        return self.state is not None and self.end is None and self._stay is not None and self._stay.talking

    @property
    def queued(self) -> bool:
        """In a queue, or with one of its agents."""
        return self._stay is not None and not self._away

    @property
    def idle(self) -> bool:
        """Nothing is to be done for the caller: with an agent, or gone to another connection."""
        return self._away or self.talking

    def hand_over(self, now_ms: int) -> Route | None:
        """The call has come back, and its new connection goes on with it. This one is silent from here on."""
        if self.route is None or self.state is None or self._stay is None or not self.talking:
            return None
        taken_over = self.state, now_ms - self._opened_ms
        route = replace(self.route, taken_over=taken_over, waited_ms=self._stay.waited_ms)
        if not self._away:
            self._given_away()
        self.state = self._stay = None
        return route

    def leave(self) -> None:
        """This worker goes before the call ends. The caller is left to the dialplan, where another may take over:
        the call is not ended, and its open surveys are kept as they are now.
        """
        if self.state is not None and self.route is not None and self.end is None and not self._away:
            _, effects = machine.step(self.route.program, self.state, HungUp(self._at_ms))
            for effect in effects:
                if isinstance(effect, Save) and effect.table == "run" and self.on_effect:
                    self.on_effect(effect)
        self._close()

    def _log(self, event: str, **fields: Any) -> None:
        self._tell(event, call=self.link.uuid, **fields)

    # -- time --------------------------------------------------------------------------------------------

    @property
    def _at_ms(self) -> int:
        return self._now_ms - self._opened_ms

    def _passed(self, deadline_ms: int | None) -> bool:
        return deadline_ms is not None and deadline_ms <= self._now_ms

    def _overdue(self) -> None:
        """An application that should long be over: a prompt is given up on, with anything else the call is."""
        job, self._job_due_ms = self._job, None
        if job is None:
            return
        self._log("application_overdue", app=job.app, expected_ms=job.expected_ms)
        if job.what not in ("play", "tone"):
            self._lost(f"{job.app} never completed")
            return
        self.link.abandon(self.link.running)
        self._job = None
        self._send(self.link.stop_playback())
        self._done(job, self._given_up(job, "the switch never said that it ended"))

    def _given_up(self, job: _Job, why: str) -> Event | None:
        """What goes on without a prompt, or without the tone before a recording."""
        if job.what == "tone":
            self._next = self._next or job.detail
            return None
        return PlayDone(job.wait, self._at_ms, "broken", why)

    # -- what comes from the switch ----------------------------------------------------------------------

    def _handle(self, told: list[esl.LinkEvent]) -> None:
        for one in told:  # in the order of how often they come
            if self._away:
                if isinstance(one, (esl.HungUp, esl.Lingering, esl.Lost, esl.Disconnected)):
                    self._gone_elsewhere()
            elif isinstance(one, esl.Dtmf):
                self._key(one)
            elif isinstance(one, esl.ApiReply) and one.tag == "queue":
                self._reply_due_ms = self._now_ms + self.limits.reply_ms
                self._queue_told(one.body)
            elif isinstance(one, (esl.Reply, esl.ApiReply)):
                # Replies come in order: one came, so the switch is alive, and the next has its full time.
                self._reply_due_ms = self._now_ms + self.limits.reply_ms
                if not one.ok and one.tag not in ("guard", "break", "kill", "in_queue"):
                    text = one.text if isinstance(one, esl.Reply) else one.body
                    self._log("command_refused", command=one.tag, reply=text[:200])
                    if one.tag == "answer" and self.end is None:  # nobody is there, or cannot be spoken to
                        self._gone_ms = self._now_ms + 500
            elif isinstance(one, esl.ExecuteDone):
                if not self._is_elsewhere(one.event) or self._is_talk(one.event):
                    self._executed(one)
                else:
                    self._transferred()
            elif isinstance(one, esl.HungUp):
                self._hung_up(one.cause)
            elif isinstance(one, esl.Connected):
                self._connected(one.channel)
            elif isinstance(one, esl.Lingering):
                # The notice can come before CHANNEL_HANGUP, which names the cause.
                self._gone_ms = self._now_ms + 500 if self.end is None else None
                self._timer_ms = self._job_due_ms = self._break_ms = None
            elif isinstance(one, esl.Failed):
                if one.reason == "refused":
                    self._refused(one.detail)
            elif isinstance(one, esl.Refused):
                self._log("call_refused", reason=one.reason, detail=one.detail)
                self._send(self.link.hangup("NORMAL_TEMPORARY_FAILURE") + self.link.exit())
                self._close_ms = self._now_ms + 500
            elif isinstance(one, esl.Lost):
                self._lost(f"{one.reason} {one.detail}".strip())
            elif isinstance(one, esl.Disconnected):
                self._lost("it said goodbye in the middle of the call")
            elif isinstance(one, esl.OtherEvent) and self._is_elsewhere(one.event):
                # A transfer ends the `socket` that brought us the call, and nothing else need happen.
                if not self.talking or any(one.event.get(name, "") != value for name, value in self._line.items()):
                    self._transferred()
                elif one.event.name == "CHANNEL_EXECUTE" and one.event.get("Application", "") == "socket":
                    self._given_away()

    def _connected(self, channel: esl_event.Event) -> None:
        self._reply_due_ms = None
        self._profile = _number(channel.get("Caller-Profile-Index", ""))
        for name in ("Caller-Destination-Number", "Caller-Dialplan", "Caller-Context"):
            self._line[name] = channel.get(name, "")
        found = self._router(channel)
        if isinstance(found, (Route, str)):
            self._begin(channel, found)
        else:
            self.later, self._channel = found, channel

    def _begin(self, channel: esl_event.Event, route: Route | str) -> None:
        if isinstance(route, str):
            self._log("no_flow", detail=route)
            # The dialplan's next action is the caller's way on: leave the call to it, past the park trap's 2 ms.
            self._send(self.link.handshake(events=EVENTS, linger_s=self.limits.linger_s))
            self._close_ms = self._now_ms + 50
            return
        self.route = route
        # Without a guard in the dialplan there is none to cancel: sched_transfer leaves its id behind.
        guarded = bool(channel.get("variable_last_sched_id", ""))
        self._send(self.link.handshake(events=EVENTS, linger_s=self.limits.linger_s, cancel_guard=guarded))
        wanted = [f"{name}={value}" for name, value in CHANNEL_VARIABLES if channel.get(f"variable_{name}") != value]
        if wanted:  # our own dialplan has set them
            self._send(self.link.api("uuid_setvar_multi", f"{self.link.uuid} {';'.join(wanted)}", tag="variables"))
        self._opened_ms = self._now_ms
        if route.taken_over:
            self.state, elapsed_ms = route.taken_over
            self._opened_ms -= elapsed_ms
        else:
            self.state = machine.start(route.program, route.facts, self.link.uuid)
        self._answered = channel.get("Answer-State", "") == "answered"
        if self._on_start:
            self._on_start(self, channel)
        if route.taken_over:
            done = self._meanwhile(channel, self.state, route)
            self._stay_here()
            self.state, effects = machine.resume(route.program, self.state, self._at_ms, done, self._path)
            self._perform_all(effects)
        else:
            self._feed(Started(0))

    def _meanwhile(self, channel: esl_event.Event, state: CallState, route: Route) -> TransferDone | QueueDone | None:
        """What became of the transfer, or the queue, that the call was at when the worker before us had it."""
        if state.waiting == "queue":
            known = channel.get("variable_cc_cause") is not None
            return queue_done(channel, state.wait, self._at_ms, route.waited_ms) if known else None
        known = channel.get("variable_originate_disposition") is not None
        node = route.program.nodes.get(state.node)
        agent = agent_of(route.destinations.get(node.destination, "")) if isinstance(node, Transfer) else ""
        return transfer_done(channel, state.wait, self._at_ms, agent) if known else None

    def _key(self, told: esl.Dtmf) -> None:
        """A key. One that comes by two ways is one: INFO when it is pressed, say, and RTP when it is let go."""
        if self.state is None:
            return
        now_ms, alone = self._now_ms, self._alone
        while alone and now_ms - alone[0].at_ms >= self.limits.same_key_ms + LONGEST_KEY_MS:
            alone.pop(0)
        for one in alone:
            if one.told.digit == told.digit and one.told.source != told.source:
                window_ms = self.limits.same_key_ms + min(told.duration_samples // 8, LONGEST_KEY_MS)
                if now_ms - one.at_ms < window_ms:
                    alone.remove(one)
                    return
        alone.append(_Key(told, now_ms))
        self._feed(Digit(told.digit, self._at_ms))

    def _executed(self, told: esl.ExecuteDone) -> None:
        job, self._job = self._job, None
        self._job_due_ms = self._break_ms = None
        if job is not None:
            self._done(job, self._result(job, told))

    def _done(self, job: _Job, event: Event | None) -> None:
        """An application is over: its event is fed if someone waits for it, then the next one starts."""
        following, self._next = self._next, None
        if following is not None:
            self._execute(following)
        elif event is not None:
            self._feed(event)

    def _refused(self, detail: str) -> None:
        """The switch would not run an application (its reply was an error, no completion will come)."""
        job, self._job = self._job, None
        self._job_due_ms = None
        if job is None:
            return
        self._log("application_refused", app=job.app, reply=detail[:200])
        if job.what in ("play", "tone"):
            self._done(job, self._given_up(job, detail))
        else:
            self._lost(f"{job.app} was refused: {detail}")

    def _result(self, job: _Job, told: esl.ExecuteDone) -> Event | None:
        at_ms = self._at_ms
        match job.what:
            case "play" | "tone":
                status = {"FILE NOT FOUND": "missing", "PLAYBACK ERROR": "broken"}.get(told.response, "done")
                if job.what == "tone":
                    return self._given_up(job, "")
                return PlayDone(job.wait, at_ms, status, job.argument if status != "done" else "")
            case "secret":
                self._forget(job.detail, f"{job.detail}_invalid", "sensitive_dtmf")
                return secret_done(told.event, job.detail, job.wait, at_ms)
            case "record":
                file = job.argument.split(" ")[0].rsplit("/", 1)[-1]
                if not job.detail.keep:
                    self.discard(file)
                return record_done(told.event, job.detail, file, at_ms)
            case "dial":
                return transfer_done(told.event, job.wait, at_ms, job.detail)
            case "queue":
                return self._out_of_queue(told.event)
        return None

    def _forget(self, *variables: str) -> None:
        """Unset channel variables: every later event would carry them."""
        for variable in variables:
            self._send(self.link.api("uuid_setvar", f"{self.link.uuid} {variable}", tag="forget"))

    # -- the end -----------------------------------------------------------------------------------------

    def _hung_up(self, cause: str) -> None:
        self._gone_ms = None
        if self.state is not None and self.end is None:
            self._feed(HungUp(self._at_ms, cause or "UNKNOWN"))
        self._job = self._next = None
        self._timer_ms = self._job_due_ms = self._break_ms = self._reply_due_ms = None
        # Nothing more is to come that anyone needs.
        self._close()

    def _lost(self, detail: str) -> None:
        """The switch is gone, or not what it should be: what the caller gave is kept, the connection is closed."""
        if self._gone_ms is not None:  # it had said that the caller is gone
            self._hung_up("UNKNOWN")
            return
        if self.end is None and self._close_ms is None:
            self._log("switch_lost", detail=detail)
            self._send(self.link.kill("NORMAL_TEMPORARY_FAILURE") if self.link.state is esl.State.UP else b"")
        self._hung_up(SWITCH_LOST)

    def _is_elsewhere(self, event: esl_event.Event) -> bool:
        """FreeSWITCH counts the profiles of a call; a transfer makes a new one (fault 34). A bridge does not.

        Fewer than at first means nothing: where the dialplan had transferred the call before it was ours, what ended
        just before that is told just after it.
        """
        return self._profile > 0 and _number(event.get("Caller-Profile-Index", "")) > self._profile

    def _transferred(self) -> None:
        """Somebody else has taken the call away, and our socket is still open and in control of it. Whatever is said
        now would be heard where the caller is; even ``exit`` would pull the call out of the next one's hands. So: the
        books are closed, and not a word until the caller hangs up.
        """
        self._log("call_taken_away")
        if self._stay is not None:  # or whoever has the caller now would be followed by us
            self._forget("transfer_after_bridge")
        self._stay = None
        if self.state is not None and self.end is None:
            self._feed(HungUp(self._at_ms, TRANSFERRED))
        self._away = True
        self._job = self._next = None
        self._timer_ms = self._job_due_ms = self._break_ms = self._reply_due_ms = self._gone_ms = None

    def _given_away(self) -> None:
        """The dialplan calls a worker: us, who ask for the call by ``hand_over``, or another, who reads it from the
        database. As when it was taken away, but its books stay open: they are the other connection's.
        """
        self._send(self.link.send(commands.noevents(), "noevents"))
        self._away = True
        self._job = self._next = None
        self._timer_ms = self._job_due_ms = self._break_ms = self._reply_due_ms = self._gone_ms = None

    def _gone_elsewhere(self) -> None:
        """Nobody here asked for the call: another worker has ended it or will, or the caller was gone on the way, and
        then this is all that is known. What is known elsewhere is not overwritten by it (store/write.py).
        """
        if self.state is not None and self.end is None:
            self._feed(HungUp(self._at_ms, SWITCH_LOST))
        self._close()

    def _swamped(self) -> bool:
        """A switch that tells of keys and completions but answers nothing is none."""
        if len(self.link.pending_tags) < MOST_UNANSWERED:
            return False
        self._lost(f"it leaves {MOST_UNANSWERED} commands without a reply")
        return True

    def _close(self) -> None:
        self.closed = True
        self._stay = None
        self._timer_ms = self._job_due_ms = self._break_ms = self._reply_due_ms = self._close_ms = self._gone_ms = None

    # -- what goes to the switch -------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        if data:
            self._out.append(data)
            if self._reply_due_ms is None:
                self._reply_due_ms = self._now_ms + self.limits.reply_ms

    def _feed(self, event: Event) -> None:
        assert self.route is not None
        assert self.state is not None
        self.state, effects = machine.step(self.route.program, self.state, event, self._path)
        self._perform_all(effects)

    def _perform_all(self, effects: list[Effect]) -> None:
        assert self.route is not None
        for effect in effects:
            if self.on_effect:
                self.on_effect(effect)
            self._perform(effect, self.route)

    def _perform(self, effect: Effect, route: Route) -> None:
        if isinstance(effect, Save):  # these two are nearly all effects
            return
        if isinstance(effect, Listen):
            self._wait, self._timer_ms = effect, self._now_ms + effect.timeout_ms
            return
        if isinstance(effect, Play):
            self._wait, self._timer_ms = effect, None
            self._play(effect.wait, effect.items, effect.barge_in, route)
        elif isinstance(effect, StopPlay):
            if self._next is not None and self._next.wait == effect.wait:
                self._next = None
            elif self._job is not None and self._job.what == "play":
                self._break_ms = self._now_ms + self.limits.break_ms
        elif isinstance(effect, Answer):
            # By API, in one go with the first prompt: as an application it would end in an event of its own.
            if not self._answered:
                self._send(self.link.api("uuid_answer", self.link.uuid, tag="answer"))
        elif isinstance(effect, Mark):
            self._send(
                self.link.api("uuid_setvar", f"{self.link.uuid} callweave_{effect.name} {effect.value}", tag="mark")
            )
        elif isinstance(effect, Failed):
            self._log("call_failure", failure=effect.name, step=effect.node, detail=effect.detail)
        elif isinstance(effect, End):
            self.end = effect
            self._wait = self._next = self._timer_ms = None
            if effect.by != "caller":
                self._send(self.link.kill(effect.cause))
                self._close_ms = self._now_ms + self.limits.kill_ms
        else:
            self._wait, self._timer_ms = effect, None
            if isinstance(effect, CollectSecret):
                self._collect_secret(effect, route)
            elif isinstance(effect, RecordMessage):
                self._record(effect, route)
            elif isinstance(effect, Enqueue):
                self._enqueue(effect, route)
            else:
                self._dial(effect.wait, effect.destination, effect.ring_ms, route)

    def _play(self, wait: int, items: tuple[Item, ...], barge_in: bool, route: Route) -> None:
        try:
            argument, duration_ms = route.sounds.play(items)
        except MissingAudio as exc:
            self._feed(PlayDone(wait, self._at_ms, "missing", str(exc)))
            return
        self._execute(_Job("play", wait, "playback", argument, duration_ms, "any" if barge_in else "none"))

    def _collect_secret(self, wait: CollectSecret, route: Route) -> None:
        try:
            prompt, duration_ms = route.sounds.play(wait.items) if wait.items else ("silence_stream://20", 20)
        except MissingAudio as exc:
            self._log("prompt_missing", detail=str(exc))
            self._feed(SecretDone(wait.wait, self._at_ms, "", "missing"))
            return
        self._number += 1
        name = f"callweave_secret_{self._number}"
        # tries=1, so that silence and a wrong key can be told apart; the machine checks the entry itself.
        argument = (
            f"{wait.min_keys} {wait.max_keys} 1 {wait.first_ms} {wait.end or 'none'} {prompt} silence_stream://20 "
            f"{name} ^[0-9*#]*$ {wait.between_ms}"
        )
        longest_ms = duration_ms + wait.first_ms + wait.max_keys * wait.between_ms
        uuid = self.link.uuid
        self._send(
            self.link.api("uuid_setvar_multi", f"{uuid} sensitive_dtmf=true;read_terminator_used=", tag="secret")
        )
        self._execute(_Job("secret", wait.wait, "play_and_get_digits", argument, longest_ms, detail=name))

    def _record(self, wait: RecordMessage, route: Route) -> None:
        path = f"{route.recordings}/{self.link.uuid}-{wait.wait}.wav"
        seconds, hits = max(1, -(-wait.limit_ms // 1000)), max(1, wait.silence_ms // 1000)
        argument = f"{path} {seconds} {SILENCE_THRESHOLD} {hits}"
        end = "any" if wait.end == "any" else wait.end or "none"
        self._forget("record_ms")
        record = _Job("record", wait.wait, "record", argument, wait.limit_ms, end, detail=wait)
        self._execute(_Job("tone", wait.wait, "playback", TONE, 300, "none", detail=record) if wait.tone else record)

    def _dial(self, wait: int, destination: str, ring_ms: int, route: Route) -> None:
        dial_string = route.destinations.get(destination, "")
        if not dial_string:
            self._log("no_destination", destination=destination)
            self._feed(TransferDone(wait, self._at_ms, "failed", "NO_ROUTE_DESTINATION"))
            return
        uuid, seconds, agent = self.link.uuid, max(1, ring_ms // 1000), agent_of(dial_string)
        self._send(self.link.api("uuid_setvar", f"{uuid} call_timeout {seconds}", tag="call_timeout"))
        self._execute(_Job("dial", wait, "bridge", dial_string, ring_ms + self.limits.longest_talk_ms, "none", agent))

    # -- a queue -----------------------------------------------------------------------------------------

    def _enqueue(self, wait: Enqueue, route: Route) -> None:
        settings = route.queues.get(wait.queue)
        if settings is None:
            self._log("no_queue", queue=wait.queue)
            self._feed(QueueDone(wait.wait, self._at_ms, "failed"))
            return
        announce = ""
        if wait.announce:
            try:
                announce, _ = route.sounds.play(wait.announce)
            except MissingAudio as exc:
                self._log("prompt_missing", detail=str(exc))
        self._stay = QueueStay(wait, settings, self.link.uuid, announce)
        # Another worker takes what stands there for this stay's.
        self._set(dict.fromkeys(QUEUE_VARIABLES, ""))
        self._ask_queue(self._stay)

    def _ask_queue(self, stay: QueueStay) -> None:
        for command, arguments in stay.questions():
            self._send(self.link.ask(command, arguments, tag="queue"))

    def _queue_told(self, body: str) -> None:
        stay = self._stay
        if stay is None or self.state is None or self.end is not None:
            return
        answer = stay.answered(body)
        if answer == "ask":
            self._ask_queue(stay)
        elif answer == "go":
            self._send(self.link.send(commands.events("json", QUEUE_EVENTS), "events"))
            self._set(stay.variables(self._line))
            stay.begin(self._now_ms)
            self._execute(_Job("queue", stay.wait.wait, "callcenter", stay.queue, stay.wait.wait_ms, "none"))
        elif answer:
            self._stay = None
            if answer == "failed":
                self._log("queue_unknown", queue=stay.queue, reply=body[:200])
            self._feed(QueueDone(stay.wait.wait, self._at_ms, answer))

    def _is_talk(self, event: esl_event.Event) -> bool:
        """An agent has the caller: mod_callcenter connects them with a new profile, as a transfer does."""
        waits = self._stay is not None and self._job is not None and self._job.what == "queue"
        return waits and event.get("variable_cc_cause", "") == "answered"

    def _out_of_queue(self, event: esl_event.Event) -> QueueDone | None:
        stay = self._stay
        if stay is None:
            return None
        done = stay.over(event, self._now_ms, self._at_ms)
        for command, arguments in stay.silence():
            self._send(self.link.api(command, arguments, tag="in_queue"))
        if done is None:
            self._profile = _number(event.get("Caller-Profile-Index", ""))
            self._job = _Job("talk", stay.wait.wait, "callcenter", "", self.limits.longest_talk_ms, "none")
            self._job_due_ms = self._now_ms + self.limits.longest_talk_ms
            return None
        if not event.get("variable_cc_cause"):
            self._log("queue_unknown", queue=stay.queue, reply="")
        self._stay = None
        self._stay_here()
        return done

    def _stay_here(self) -> None:
        """A bridge that ends from here on is a transfer's, which comes back to us by itself."""
        self._set(dict.fromkeys(WAY_BACK, ""))

    def _set(self, variables: Mapping[str, str]) -> None:
        said = ";".join(f"{name}={value}" for name, value in variables.items())
        self._send(self.link.api("uuid_setvar_multi", f"{self.link.uuid} {said}", tag="variables"))

    def _execute(self, job: _Job) -> None:
        """Now, or as soon as the running application is over: FreeSWITCH would nest or queue a second one."""
        if self._job is not None:
            self._next = job
            if self._job.what == "play" and self._break_ms is None:
                self._break_ms = self._now_ms + self.limits.break_ms
            return
        if self.link.state is not esl.State.UP or self._swamped():
            return
        self._number += 1
        try:
            if job.terminators != self._terminators:
                self._send(
                    self.link.api(
                        "uuid_setvar", f"{self.link.uuid} playback_terminators {job.terminators}", tag="terminators"
                    )
                )
                self._terminators = job.terminators
            self._send(self.link.execute(job.app, job.argument, event_uuid=f"{self._prefix}{self._number}"))
        except CommandError as exc:
            self._lost(f"{job.app}: {exc}")
            return
        self._job = job
        self._job_due_ms = self._now_ms + job.expected_ms + self.limits.application_ms


def _number(text: str) -> int:
    """0 where there is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
