"""One caller's stay in a queue of mod_callcenter: what is asked of the switch, and what its words mean.

Law: sans-IO, and no machine: it gives commands to send and outcomes; ``queue_wait`` sends them.

    asking   is anybody signed in, is there room?   → QueueDone, or
    waiting  the application `callcenter` runs       → QueueDone (left, timed out, ...), or
    talking  the switch has taken the caller out of our socket, and brings them back when the agent has left

The last is mod_callcenter's way of connecting (switch_ivr_uuid_bridge): it ends `callcenter` and `socket` together, so
the talk's end cannot be told on this connection. ``transfer_after_bridge`` leads the caller to our dialplan again, and
that to a new connection (docs/queues.md, ADR 0010).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ivr.core.effects import Enqueue
from ivr.core.events import QueueDone
from ivr.esl.event import Event
from ivr.hosts.completions import OUR_KEY, queue_done
from ivr.hosts.whereabouts import PLACE

#: Beside those of every call: who has the caller after the talk.
QUEUE_EVENTS: Final = ("CHANNEL_EXECUTE",)
#: What leads the caller back from the talk.
WAY_BACK: Final = ("transfer_after_bridge", "callweave_takeover")
#: What may stand in transfer_after_bridge, whose parts are parted by colons.
_PART: Final = re.compile(r"[A-Za-z0-9_+*#.-]{1,128}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
#: States of a member who waits; the others of mod_callcenter's table have left, or talk.
_WAITING: Final = ("Waiting", "Trying")

Command = tuple[str, str]  # an API command and its arguments


class QueueStay:
    def __init__(self, wait: Enqueue, settings: Mapping[str, Any], uuid: str, announce: str) -> None:
        """``settings``: of the queue, by ``lang.queues``. ``announce``: what the switch plays, "" nothing."""
        self.wait = wait
        self.queue = str(settings["queue"])
        self.talking = False
        self.waited_ms: int | None = None
        self._full = int(settings.get("full", 0))
        self._uuid, self._announce = uuid, announce
        self._asked = ["agents", "out", *(["members"] if self._full else [])]
        self._counts: dict[str, int] = {}
        self._began_ms = 0
        self._announce_ms: int | None = None
        self._limit_ms: int | None = None
        self._announced = False

    # -- before ------------------------------------------------------------------------------------------

    def questions(self) -> list[Command]:
        """What is to be asked now; each reply goes to ``answered``, in the same order.

        Signed in is who is not logged out. A member who has left stays in the table for a while: `count members` can
        say that there is room, and not that there is none.
        """
        asked = {
            "agents": f"count agents {self.queue}",
            "out": f"count agents {self.queue} 'Logged Out'",
            "members": f"count members {self.queue}",
            "waiting": f"list members {self.queue}",
            "queues": "list",
        }
        return [("callcenter_config", f"queue {asked[one]}") for one in self._asked]

    def answered(self, body: str) -> str:
        """One reply. Gives "": more are to come | ask: more ``questions`` | go: into the queue | an outcome."""
        asked, text = self._asked.pop(0), body.strip()
        if asked == "waiting":
            return "full" if _members(text) >= self._full else "go"
        if asked == "queues":
            return "no_agent" if any(line.startswith(f"{self.queue}|") for line in text.splitlines()) else "failed"
        if not _NUMBER.fullmatch(text):  # mod_callcenter is not there
            self._asked.clear()
            return "failed"
        self._counts[asked] = int(text)
        if self._asked:
            return ""
        agents = self._counts["agents"]
        if agents <= self._counts["out"]:
            self._asked = ["queues"] if not agents else []
            return "no_agent" if agents else "ask"
        if self._full and self._counts["members"] >= self._full:
            self._asked = ["waiting"]
            return "ask"
        return "go"

    def variables(self, channel: Mapping[str, str]) -> dict[str, str]:
        """Of the channel. ``channel``: where the call was sent by the dialplan, and is to be sent again."""
        said = {"cc_exit_keys": self.wait.keys + OUR_KEY}
        parts = [channel.get(name, "") for name in PLACE]
        if all(_PART.fullmatch(part) for part in parts):
            said["transfer_after_bridge"] = ":".join(parts)
            said["callweave_takeover"] = "true"
        return said

    # -- in the queue ------------------------------------------------------------------------------------

    def begin(self, now_ms: int) -> None:
        self._began_ms = now_ms
        self._limit_ms = now_ms + self.wait.wait_ms
        if self._announce and self.wait.announce_ms:
            self._announce_ms = now_ms + self.wait.announce_ms

    @property
    def due_ms(self) -> int | None:
        if self._announce_ms is not None and (self._limit_ms is None or self._announce_ms < self._limit_ms):
            return self._announce_ms
        return self._limit_ms

    def fall_due(self, now_ms: int) -> list[Command]:
        """mod_callcenter has a longest wait of each queue, none of each call: a key that is ours ends the wait."""
        if self._limit_ms is not None and self._limit_ms <= now_ms:
            self._limit_ms = self._announce_ms = None
            return [("uuid_recv_dtmf", f"{self._uuid} {OUR_KEY}")]
        if self._announce_ms is not None and self._announce_ms <= now_ms:
            self._announce_ms = now_ms + self.wait.announce_ms
            again = [("uuid_displace", f"{self._uuid} stop {self._announce}")] if self._announced else []
            self._announced = True
            return [*again, ("uuid_displace", f"{self._uuid} start {self._announce}")]
        return []

    def over(self, event: Event, now_ms: int, at_ms: int) -> QueueDone | None:
        """`callcenter` has ended: for whatever reason, or (None) because an agent has the caller now."""
        self.waited_ms = now_ms - self._began_ms
        self._limit_ms = self._announce_ms = None
        if event.get("variable_cc_cause", "") == "answered":
            self.talking = True
            return None
        return queue_done(event, self.wait.wait, at_ms, self.waited_ms)

    def silence(self) -> list[Command]:
        """Nothing is announced to who talks with an agent, or does something else."""
        return [("uuid_displace", f"{self._uuid} stop {self._announce}")] if self._announced else []


def _members(table: str) -> int:
    """Those who wait, of `queue list members`: a line of names, then a line for each."""
    lines = table.splitlines()
    names = lines[0].split("|") if lines else []
    if "state" not in names:
        return 0
    column = names.index("state")
    rows = (line.split("|") for line in lines[1:])
    return sum(len(row) > column and row[column] in _WAITING for row in rows)
