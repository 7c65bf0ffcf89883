"""The calls that a dialler has out: what the switches say of each, until it is over or nobody knows of it any more.

Law: state and times told from outside; no database, no socket. Every call ends in exactly one Finished. A call is asked
for on its switch when nothing was heard of it for too long: an event may be lost, and a switch may have died.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ivr.campaign.machines import BY_KEY
from ivr.campaign.outcomes import SHORT_MS, Seen, refusal
from ivr.esl.event import Event

#: After the ring time: the switch has said something by then, or is asked.
ANSWER_S: Final = 15.0
#: How often a call is asked for that goes on in silence.
ASK_S: Final = 30.0
#: Its end may be on its way while the switch says that it is not there.
TWICE_S: Final = 2.0
#: A refused originate may have had a channel, whose end says more.
GRACE_S: Final = 1.0
#: A switch that cannot be asked for so long is gone with what it knew.
GIVE_UP_S: Final = 1800.0
#: Originate's words when the switch made no channel: over its limit or rate.
NO_CHANNEL: Final = frozenset({"DESTINATION_OUT_OF_ORDER", "SWITCH_CONGESTION", "SYSTEM_SHUTDOWN", "NONE"})


@dataclass(frozen=True, slots=True)
class Finished:
    """``lost``: nobody saw it end; the server of calls may know. ``no_room``: the switch made no channel for it."""

    attempt_id: str
    number: str
    gateway: str
    switch: str
    seen: Seen
    cause: str
    sip_code: int | None
    answered_at: datetime | None
    ended_at: datetime
    billed_ms: int | None
    lost: bool = False
    no_room: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """For pacing and gateways, at once, whatever the database does. ``end`` None: it was answered, ``ago_ms``."""

    campaign: str
    attempt_id: str
    gateway: str
    end: Finished | None = None
    ago_ms: int = 0


@dataclass(slots=True)
class Placed:
    attempt_id: str
    campaign: str
    number: str
    gateway: str
    switches: tuple[str, ...]  # where it may be: one, but for a call that was taken over
    began: float
    due: float  # when it is to be asked for
    answered_at: datetime | None = None
    reply: str = ""
    channel: bool = False  # the switch told of one
    waiting: set[str] = field(default_factory=set)  # switches that were asked and have not said
    misses: int = 0
    grace: float | None = None  # a refused one: over by then


class Calls:
    def __init__(self) -> None:
        self._calls: dict[str, Placed] = {}
        self.finished: list[Finished] = []
        self.answered: dict[str, datetime] = {}  # to be written down
        self.news: list[News] = []

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, attempt_id: str) -> bool:
        return attempt_id in self._calls

    def ids(self) -> list[str]:
        return list(self._calls)

    def count(self, *, campaign: str = "", gateway: str = "", switch: str = "") -> int:
        return sum(
            (not campaign or each.campaign == campaign)
            and (not gateway or each.gateway == gateway)
            and (not switch or switch in each.switches)
            for each in self._calls.values()
        )

    # -- how they come -----------------------------------------------------------------------------------

    def place(
        self, attempt_id: str, campaign: str, number: str, gateway: str, switch: str, ring_s: float, now: float
    ) -> None:
        due = now + ring_s + ANSWER_S
        self._calls[attempt_id] = Placed(attempt_id, campaign, number, gateway, (switch,), now, due)

    def take_over(
        self,
        attempt_id: str,
        campaign: str,
        number: str,
        gateway: str,
        switches: Collection[str],
        answered_at: datetime | None,
        now: float,
    ) -> None:
        """Another dialler's, which is gone: it may be on any switch, or on none."""
        placed = Placed(attempt_id, campaign, number, gateway, tuple(switches), now, now, answered_at)
        self._calls.setdefault(attempt_id, placed)

    # -- what switches say -------------------------------------------------------------------------------

    def job(self, attempt_id: str, body: str, sent: bool, now: float, wall: datetime) -> None:
        call = self._calls.get(attempt_id)
        if call is None:
            return
        call.reply = body
        if not sent:  # a command that was refused called nobody
            self._finish(call, Seen(sent=False), body, wall)
        elif refusal(body):
            call.grace = now + GRACE_S
        else:
            self._answered(call, wall)
            call.due = now + ASK_S

    def heard(self, event: Event, switch: str, now: float, wall: datetime) -> bool:
        """True: a channel that was not known of."""
        call = self._calls.get(event.get("Unique-ID", ""))
        if call is None:
            return False
        is_new = not call.channel
        name = event.name
        call.switches, call.channel, call.misses = (switch,), True, 0
        if name != "CHANNEL_CREATE":
            call.due = now + ASK_S
        if name == "CHANNEL_ANSWER":
            self._answered(call, wall)
        elif name == "CHANNEL_HANGUP_COMPLETE":
            self._hung_up(call, event, wall)
        return is_new

    def _answered(self, call: Placed, wall: datetime, ago_ms: int = 0) -> None:
        if call.answered_at is None:
            call.answered_at = self.answered[call.attempt_id] = wall - timedelta(milliseconds=ago_ms)
            self.news.append(News(call.campaign, call.attempt_id, call.gateway, ago_ms=ago_ms))

    def _hung_up(self, call: Placed, event: Event, wall: datetime) -> None:
        billed_ms = _whole(event.get("variable_billmsec", ""))
        sip_code = _whole(event.get("variable_sip_term_status", ""))
        stamp = _whole(event.get("Caller-Channel-Answered-Time", ""))
        if billed_ms or stamp:
            self._answered(call, wall, billed_ms or 0)  # where the event of its answer was lost
        cause = event.get("Hangup-Cause", "") or event.get("variable_hangup_cause", "")
        answered = call.answered_at is not None
        # Our own end of a short message is no sign that somebody would not hear it.
        ours = event.get("variable_sip_hangup_disposition", "").startswith("send_")
        seen = Seen(
            reply=call.reply,
            cause=cause,
            sip_code=sip_code or 0,
            answered=answered,
            billed_ms=max(billed_ms or 0, SHORT_MS) if ours else billed_ms or 0,
            machine=answered and _machine(event, billed_ms or 0),
        )
        self._finish(call, seen, cause, wall, sip_code, billed_ms if answered else None)

    def exists(self, attempt_id: str, switch: str, there: bool, now: float, wall: datetime) -> None:
        call = self._calls.get(attempt_id)
        if call is None:
            return
        call.waiting.discard(switch)
        if there:
            call.switches, call.waiting = (switch,), set()
            call.due, call.misses = now + ASK_S, 0
        elif not call.waiting:
            call.misses += 1
            call.due = now + TWICE_S
            if call.misses >= 2:
                self._lose(call, wall)

    # -- time ----------------------------------------------------------------------------------------------

    def look(self, now: float, wall: datetime, up: Collection[str]) -> list[tuple[str, str]]:
        """(switch, attempt) that are to be asked for now. ``up``: switches that can be asked."""
        asked = []
        for call in list(self._calls.values()):
            if call.grace is not None:
                if now >= call.grace:
                    self._refused(call, wall)
                continue
            if now < call.due:
                continue
            if all(switch in up for switch in call.switches) and call.switches:
                call.waiting = set(call.switches)
                call.due = now + ANSWER_S
                asked += [(switch, call.attempt_id) for switch in call.switches]
            elif now - max(call.began, call.due) > GIVE_UP_S:
                self._lose(call, wall)
        return asked

    def came_up(self, switch: str, now: float) -> None:
        """What was on a switch that is back may have ended unseen."""
        for call in self._on(switch):
            call.due, call.misses, call.waiting = now, 0, set()

    def went_down(self, switch: str, now: float) -> None:
        """It is asked for when the switch is back; until then nobody knows."""
        for call in self._on(switch):
            call.due, call.waiting = now, set()

    def _on(self, switch: str) -> Iterable[Placed]:
        return [call for call in self._calls.values() if switch in call.switches]

    # -- how they end ----------------------------------------------------------------------------------------

    def _refused(self, call: Placed, wall: datetime) -> None:
        """An originate that failed, and no channel told of its end."""
        answered = call.answered_at is not None
        seen = Seen(reply=call.reply, channel=call.channel or answered, answered=answered)
        self._finish(call, seen, refusal(call.reply), wall, no_room=not seen.channel)

    def _lose(self, call: Placed, wall: datetime) -> None:
        """Whoever answered was reached, though nobody saw the end: it talked for some time up to now."""
        talked = wall - call.answered_at if call.answered_at is not None else timedelta()
        billed_ms = round(talked.total_seconds() * 1000)
        seen = Seen(reply=call.reply, answered=call.answered_at is not None, billed_ms=billed_ms)
        self._finish(call, seen, "", wall, lost=True)

    def _finish(
        self,
        call: Placed,
        seen: Seen,
        cause: str,
        wall: datetime,
        sip_code: int | None = None,
        billed_ms: int | None = None,
        lost: bool = False,
        no_room: bool = False,
    ) -> None:
        del self._calls[call.attempt_id]
        self.answered.pop(call.attempt_id, None)
        switch = call.switches[0] if len(call.switches) == 1 else ""
        finished = Finished(
            call.attempt_id,
            call.number,
            call.gateway,
            switch,
            seen,
            cause,
            sip_code,
            call.answered_at,
            wall,
            billed_ms,
            lost=lost,
            no_room=no_room,
        )
        self.finished.append(finished)
        self.news.append(News(call.campaign, call.attempt_id, call.gateway, finished))


def _machine(event: Event, billed_ms: int) -> bool:
    """The flow has heard it; or nobody has pressed a key, in a campaign that goes by that, and stayed all the same."""
    if event.get("variable_callweave_outcome", "") == "machine":
        return True
    by_key = event.get("variable_callweave_detect", "") == BY_KEY
    return by_key and event.get("variable_callweave_keyed", "") != "true" and billed_ms >= SHORT_MS


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
