"""Presence: which diallers there are, and what share of a limit this one may take without any second going over it.

Law: pure state and times in seconds, told from outside. Diallers tell each other of themselves by rows in the database,
and see changes at different moments. So:

* nobody begins a call on knowledge older than ``know_s``;
* a share that grows, or that of a newcomer, is taken ``know_s`` and the limit's own window after it was seen: by then
  everybody who had more has seen it too, and what was begun with more is out of the window. One that shrinks is taken
  at once;
* a dialler whose row stays the same for ``gone_s`` of our own clock is gone. One that could not change its row for half
  of that begins again as a newcomer, before anybody else can take it for gone.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ivr.campaign.shares import Share
from ivr.store.dialling import Seen

#: A limit's window is not looked back upon for longer.
LONGEST_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Timing:
    know_s: float = 3.0
    beat_s: float = 2.0
    gone_s: float = 10.0
    wait_s: float | None = None  # before more is taken; None: as above

    def waits_s(self, window_s: float) -> float:
        return self.know_s + min(window_s, LONGEST_S) if self.wait_s is None else self.wait_s


@dataclass(slots=True)
class _View:
    """``diallers``: owner -> the only campaign it calls for, "" all. ``until``: when it was replaced."""

    diallers: Mapping[str, str]
    until: float = math.inf


class Presence:
    def __init__(self, owner: str, timing: Timing) -> None:
        self._owner, self._timing = owner, timing
        self._views: deque[_View] = deque([_View({})])
        self._heard: dict[str, tuple[int, float]] = {}  # owner -> its last beat, and when it was another one
        self._learned_at = self._beaten_at = -math.inf
        self._beats = 0
        self.is_told = False  # there is a row of ours

    # -- of ourselves ------------------------------------------------------------------------------------

    def next_beat(self, now: float) -> int | None:
        """The number to be written now; None: not yet."""
        if self.is_told and now < self._beaten_at + self._timing.beat_s:
            return None
        return self._beats + 1

    def beaten(self, before: float, after: float) -> None:
        """It is written; the writing began and ended then."""
        if before > self._beaten_at + self._timing.gone_s / 2:
            self._see({}, after)
        self._beats, self._beaten_at, self.is_told = self._beats + 1, before, True

    def left(self, now: float) -> None:
        self.is_told = False
        self._see({}, now)

    # -- of all --------------------------------------------------------------------------------------------

    def learn(self, found: Mapping[str, Seen], before: float, after: float) -> None:
        """What was read; the reading began and ended then."""
        self._learned_at = before
        heard = self._heard
        self._heard = {}
        for owner, seen in found.items():
            beat, since = heard.get(owner, (None, after))
            self._heard[owner] = (seen.beat, since if beat == seen.beat else after)
        there = {
            owner: seen.campaign
            for owner, seen in found.items()
            if (self.is_told if owner == self._owner else after - self._heard[owner][1] < self._timing.gone_s)
        }
        self._see(there, after)

    def _see(self, diallers: Mapping[str, str], now: float) -> None:
        if diallers != self._views[-1].diallers:
            self._views[-1].until = now
            self._views.append(_View(diallers))
        while self._views[0].until < now - self._timing.waits_s(LONGEST_S):
            self._views.popleft()

    # -- what follows --------------------------------------------------------------------------------------

    def is_fresh(self, now: float) -> bool:
        """What is known may be acted upon."""
        known = now - self._learned_at <= self._timing.know_s
        return known and now - self._beaten_at <= self._timing.gone_s / 2

    def there(self, owner: str) -> bool:
        return owner in self._views[-1].diallers

    def count(self, campaign: str) -> int:
        """Diallers that call for the campaign."""
        return len(_of(self._views[-1], campaign))

    def share(self, now: float, window_s: float, campaign: str = "") -> Share:
        """Of the campaign's limit, or without one of a gateway's. ``window_s``: within which its calls are counted."""
        since = now - self._timing.waits_s(window_s)
        views = [_of(view, campaign) for view in self._views if view.until > since]
        return Share(
            tuple((names.index(self._owner), len(names)) if self._owner in names else (0, 0) for names in views)
        )


def _of(view: _View, campaign: str) -> list[str]:
    return sorted(owner for owner, only in view.diallers.items() if not campaign or only in ("", campaign))
