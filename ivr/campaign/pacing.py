"""Pacing: how many calls to begin now, so that as many are answered at a time as are wanted, and never too many.

Law: pure and single-threaded; it is told what happened, and when (milliseconds of any clock that only goes forward).
The limits hold whatever the estimates say: calls in any second, and calls at once. Estimates only make it dial less.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from ivr.campaign.outcomes import OF_THE_WAY
from ivr.campaign.shares import WHOLE, Share

#: Attempts and calls that estimates remember, about: older ones fade.
MEMORY: Final = 250
#: The same for whether gateways take calls at all: this changes at once.
WAY_MEMORY: Final = 20
#: What is assumed before anything is known, and for how many attempts that counts. High: it dials too little at first.
PRIOR: Final = (0.6, 8.0)
PRIOR_LAG_MS: Final = 8_000
PRIOR_TALK_MS: Final = 120_000
#: A call that has lived so long was taken by its gateway.
TAKEN_MS: Final = 2_000
_BIN_MS: Final = 1_000


class RateLimit:
    """At most ``per_second`` calls begin in any second: counted back from each moment, not by the clock's seconds.

    A limit that changes goes on with what it has seen: nobody gets a second's worth anew by an edit.
    """

    def __init__(self, per_second: float) -> None:
        self._begun: deque[int] = deque()
        self.change(per_second)

    def change(self, per_second: float, share: Share = WHOLE) -> None:
        self.most = share.part(whole_calls(per_second))
        self.window_ms = window_ms(per_second)

    def room(self, now_ms: int) -> int:
        """How many may begin now."""
        return max(0, self.most - sum(at > now_ms - self.window_ms for at in self._begun))

    def take(self, now_ms: int) -> None:
        if self.room(now_ms) < 1:
            raise ValueError(f"{self.most} calls began within {self.window_ms} ms already; ask room() first")
        while self._begun and self._begun[0] <= now_ms - self.window_ms:
            self._begun.popleft()
        self._begun.append(now_ms)


def whole_calls(per_second: float) -> int:
    """So many calls may begin within ``window_ms``."""
    return max(1, int(per_second))


def window_ms(per_second: float) -> int:
    return 1_000 if per_second >= 1 else math.ceil(1_000 / per_second)


class AnswerTable:
    """How calls that reached a phone went, by how long they had rung: what is still to be expected of one."""

    def __init__(self, ring_ms: int) -> None:
        self._bins = 0
        self._answered: list[float] = []
        self._ended: list[float] = []  # answered or not
        self._weight = 1.0
        self._chances: list[float] | None = None
        self._lag_ms, self._lag_weight = float(PRIOR_LAG_MS), 4.0
        self.change(ring_ms)

    def change(self, ring_ms: int) -> None:
        """Calls ring for longer, or less long, from now on; what is known stays."""
        bins = ring_ms // _BIN_MS + 3
        if bins != self._bins:
            self._answered, self._ended = _fitted(self._answered, bins), _fitted(self._ended, bins)
            self._bins, self._chances = bins, None

    def add(self, rang_ms: int, answered: bool) -> None:
        n = self._bin(rang_ms)
        self._ended[n] += self._weight
        if answered:
            self._answered[n] += self._weight
            self._lag_weight = min(self._lag_weight + 1, MEMORY / 4)
            self._lag_ms += (rang_ms - self._lag_ms) / self._lag_weight
        self._weight *= MEMORY / (MEMORY - 1)  # newer ones weigh more: the same as letting all others fade
        self._chances = None
        if self._weight > 1e9:
            self._answered = [x / self._weight for x in self._answered]
            self._ended = [x / self._weight for x in self._ended]
            self._weight = 1.0

    @property
    def lag_ms(self) -> float:
        """How long a call rings that is answered, on average."""
        return self._lag_ms

    def chance(self, rung_ms: int) -> float:
        """Of a call that has rung so long: that it is answered yet; a little high where little is known."""
        if self._chances is None:
            self._chances = self._reckon()
        return self._chances[self._bin(rung_ms)]

    def _bin(self, ms: int) -> int:
        return min(max(ms, 0) // _BIN_MS, self._bins - 1)

    def _reckon(self) -> list[float]:
        share, weight = PRIOR
        answered, ended = share * weight * self._weight, weight * self._weight
        # The first guess is spread over the first bins only: of calls that ring for long it would say too much.
        found = [0.0] * self._bins
        answered_yet = ended_yet = 0.0
        for n in range(self._bins - 1, -1, -1):
            answered_yet += self._answered[n]
            ended_yet += self._ended[n]
            fade = max(0.0, 1 - n / 10)
            count = (ended_yet + ended * fade) / self._weight
            if count <= 0:
                continue
            chance = (answered_yet + answered * fade) / (ended_yet + ended * fade)
            spread = math.sqrt(max(chance * (1 - chance), 0.0) / max(count, 1.0))
            found[n] = min(1.0, chance + spread / 2)
        return found


def _fitted(counts: list[float], bins: int) -> list[float]:
    """What rang for longer than there are bins is in the last one."""
    kept = counts[: bins - 1]
    return kept + [0.0] * (bins - 1 - len(kept)) + [sum(counts[bins - 1 :])]


class Pacer:
    """One campaign's pace in one process. ``target``: answered calls at a time; 0: as many as ``at_once`` lets.

    An attempt holds its place until its end is told: a host that waits in vain for news tells `unknown`. Where several
    processes call for a campaign each has its share of the limits and of the target: see :meth:`change`.
    """

    def __init__(self, per_second: float, at_once: int, target: int = 0, ring_ms: int = 30_000) -> None:
        self.limit = RateLimit(per_second)
        self.at_once = at_once
        self.target = target or at_once
        self.table = AnswerTable(ring_ms)
        self.reach = 1.0  # share of attempts that the gateways take
        self._ringing: dict[str, int] = {}  # attempt -> when it began
        self._talking: dict[str, int] = {}
        self._strange: set[str] = set()  # attempts that somebody else began: nobody here knows when
        self._talk_ms, self._ends = float(PRIOR_TALK_MS) * 4, 4.0  # time talked, calls that ended after it
        self._told_ms = 0

    @property
    def ringing(self) -> int:
        return len(self._ringing)

    @property
    def talking(self) -> int:
        return len(self._talking)

    def change(
        self,
        per_second: float,
        at_once: int,
        target: int = 0,
        ring_ms: int = 30_000,
        *,
        share: Share = WHOLE,
        holders: Share = WHOLE,
        held_elsewhere: int = 0,
    ) -> None:
        """Other limits, or another share of them. What is known, and who has a place, stays.

        ``share``: of the calls that may begin. ``holders``: of the calls that may be, and of the target.
        ``held_elsewhere``: answered calls that count for the target and are of none of those who share it.
        """
        self.limit.change(per_second, share)
        self.at_once = holders.part(at_once)
        self.target = holders.part(target - held_elsewhere) if target else self.at_once
        self.table.change(ring_ms)

    # What happened.

    def sent(self, attempt: str, now_ms: int) -> None:
        """Just before originate is sent; counts for both limits from now on."""
        self.limit.take(now_ms)
        self._pass(now_ms)
        self._ringing[attempt] = now_ms

    def taken_over(self, attempt: str, answered: bool, now_ms: int) -> None:
        """A call that another process began has its place here; nothing is learnt of it, but how long it talks."""
        self._pass(now_ms)
        (self._talking if answered else self._ringing)[attempt] = now_ms
        self._strange.add(attempt)

    def answered(self, attempt: str, now_ms: int) -> None:
        self._pass(now_ms)
        began = self._ringing.pop(attempt, None)
        if began is not None and attempt not in self._strange:
            self.table.add(max(0, now_ms - began), True)
            self._way(True)
        self._talking[attempt] = now_ms

    def ended(self, attempt: str, now_ms: int, outcome: str) -> None:
        """``outcome``: one of ``outcomes.OUTCOMES``. An attempt that is not known is nothing new."""
        self._pass(now_ms)
        strange = attempt in self._strange
        self._strange.discard(attempt)
        if self._talking.pop(attempt, None) is not None:
            self._ends = self._ends * (1 - 1 / MEMORY) + 1
            self._talk_ms *= 1 - 1 / MEMORY
            return
        began = self._ringing.pop(attempt, None)
        if began is None or strange or outcome == "unknown":
            return
        reached = outcome not in OF_THE_WAY
        self._way(reached)
        if reached:
            self.table.add(now_ms - began, False)

    def given_back(self, attempt: str, now_ms: int) -> None:
        """There was no call: the switch had no room for it. It tells nothing of people or of gateways."""
        self.ended(attempt, now_ms, "unknown")

    # What to do.

    def wanted(self, now_ms: int) -> int:
        """How many calls to begin now."""
        self._pass(now_ms)
        room = min(self.limit.room(now_ms), self.at_once - self.ringing - self.talking)
        if room < 1:
            return 0
        chance = max(self.table.chance(0) * self.reach, 0.01)
        return max(0, min(room, math.floor((self.target - self.expected(now_ms)) / chance + 0.5)))

    def expected(self, now_ms: int) -> float:
        """Answered calls when one that begins now would be answered: those of now, less those that end, and more."""
        leaving = self.talking * min(1.0, self.table.lag_ms * self._ends / self._talk_ms)
        chance, coming = self.table.chance, 0.0
        for began in self._ringing.values():
            rung_ms = now_ms - began
            coming += chance(rung_ms) if rung_ms > TAKEN_MS else chance(rung_ms) * self.reach
        return self.talking - leaving + coming

    def _way(self, taken: bool) -> None:
        self.reach += (taken - self.reach) / WAY_MEMORY

    def _pass(self, now_ms: int) -> None:
        """The calls that are answered go on until now."""
        if self._talking and now_ms > self._told_ms:
            self._talk_ms += (now_ms - self._told_ms) * len(self._talking)
        self._told_ms = max(self._told_ms, now_ms)
