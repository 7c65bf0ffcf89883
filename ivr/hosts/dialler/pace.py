"""Pace: how many calls each campaign, and each gateway, may begin now, in this dialler's share of the limits.

Law: the pacing is ``ivr.campaign.pacing``'s; here is one pacer for each campaign that this process has had calls of,
and one limit for each gateway, whatever campaigns use it. Every call that was sent or taken over has a place until its
end is told. No database, no socket.
"""

from __future__ import annotations

from typing import Final

from ivr.campaign.model import Campaign, Gateway
from ivr.campaign.outcomes import outcome_of
from ivr.campaign.pacing import Pacer, RateLimit, whole_calls, window_ms
from ivr.hosts.dialler.calls import NO_CHANNEL, News
from ivr.hosts.dialler.presence import Presence

#: A second's worth of calls does not begin at one moment: a quarter of it in each quarter.
PARTS: Final = 4
PART_MS: Final = 250


class Paces:
    def __init__(self, presence: Presence) -> None:
        self._presence = presence
        self._pacers: dict[str, Pacer] = {}
        self._gateways: dict[str, RateLimit] = {}
        self._spread: dict[str, RateLimit] = {}

    def pacer(self, campaign: Campaign) -> Pacer:
        """With the campaign's limits as they were last; new ones are taken by ``room``."""
        found = self._pacers.get(campaign.campaign)
        if found is None:
            limits = (campaign.per_second, campaign.at_once, campaign.target, campaign.ring_ms)
            found = self._pacers[campaign.campaign] = Pacer(*limits)
        return found

    def places(self, campaign: str) -> int:
        found = self._pacers.get(campaign)
        return found.ringing + found.talking if found is not None else 0

    # -- how many ------------------------------------------------------------------------------------------

    def room(self, campaign: Campaign, answered_elsewhere: int, now: float) -> int:
        """``answered_elsewhere``: the answered calls of diallers that are there no more."""
        pacer, now_ms = self.pacer(campaign), _ms(now)
        share = self._presence.share(now, window_ms(campaign.per_second) / 1000, campaign.campaign)
        pacer.change(
            campaign.per_second,
            campaign.at_once,
            campaign.target,
            campaign.ring_ms,
            share=share,
            holders=share.first(_callers(campaign)),
            held_elsewhere=answered_elsewhere,
        )
        spread = self._spread.setdefault(campaign.campaign, RateLimit(PARTS))
        spread.most, spread.window_ms = -(-pacer.limit.most // PARTS), PART_MS
        return min(pacer.wanted(now_ms), spread.room(now_ms))

    def gateway_room(self, gateway: Gateway, used: int, now: float) -> int | None:
        """``used``: calls that this dialler has there. None: the gateway has no limits of its own."""
        rooms = []
        if gateway.per_second:
            limit = self._gateways.setdefault(gateway.gateway, RateLimit(gateway.per_second))
            limit.change(gateway.per_second, self._presence.share(now, window_ms(gateway.per_second) / 1000))
            rooms.append(limit.room(_ms(now)))
        if gateway.at_once:
            rooms.append(max(0, self._presence.share(now, 1.0).part(gateway.at_once) - used))
        return min(rooms, default=None)

    # -- what happened ---------------------------------------------------------------------------------------

    def sent(self, attempt_id: str, campaign: Campaign, gateway: Gateway, now: float) -> None:
        """Just before the switch is told. There was room: see ``room`` and ``gateway_room``."""
        now_ms = _ms(now)
        self.pacer(campaign).sent(attempt_id, now_ms)
        self._spread[campaign.campaign].take(now_ms)
        if gateway.per_second:
            self._gateways[gateway.gateway].take(now_ms)

    def taken_over(self, attempt_id: str, campaign: Campaign, answered: bool, now: float) -> None:
        self.pacer(campaign).taken_over(attempt_id, answered, _ms(now))

    def hear(self, news: News, now: float) -> None:
        pacer, now_ms = self._pacers.get(news.campaign), _ms(now)
        if pacer is None:
            return
        end = news.end
        if end is None:
            pacer.answered(news.attempt_id, now_ms - news.ago_ms)
        elif end.no_room and end.cause in NO_CHANNEL:
            pacer.given_back(news.attempt_id, now_ms)
        else:
            pacer.ended(news.attempt_id, now_ms, "unknown" if end.lost else outcome_of(end.seen))


def _callers(campaign: Campaign) -> int:
    """So many diallers, at most, have a whole call of the campaign and of some gateway: others hold none."""
    most = whole_calls(campaign.per_second)
    ways = [min(whole_calls(g.per_second or campaign.per_second), g.at_once or most) for g in campaign.gateways]
    return min(most, max(ways, default=1))


def _ms(now: float) -> int:
    return round(now * 1000)
