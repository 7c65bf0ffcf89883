"""Lines: which gateway takes the next call, and which has to rest.

Law: pure; it is told what became of calls, and when. A gateway that refuses call after call is left alone for a while,
and then tried with one call: numbers are not burned on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from ivr.campaign.model import Gateway
from ivr.campaign.numbers import E164
from ivr.campaign.outcomes import OF_THE_WAY
from ivr.campaign.pacing import RateLimit

#: So many calls in a row that a gateway does not take: it rests.
REFUSALS: Final = 5
REST_MS: Final = 15_000
LONGEST_REST_MS: Final = 120_000


def dial_string(gateway: Gateway, number: str) -> str:
    """What originate is told: the way, a slash, a number and nothing else. Raises ValueError."""
    if not E164.fullmatch(number):
        raise ValueError(f"{number!r} is no E.164 number: it is not dialled")
    return f"{gateway.dial}/{number}"


def caller_id(gateway: Gateway, contact_id: str) -> str:
    """The number that this contact is called from, the same each time; "" where the gateway has its own."""
    if not gateway.caller_ids:
        return ""
    drawn = int.from_bytes(hashlib.sha256(contact_id.encode()).digest()[:8])
    return gateway.caller_ids[drawn % len(gateway.caller_ids)]


class Line:
    """One gateway as it is now."""

    def __init__(self, gateway: Gateway, per_second: float, at_once: int) -> None:
        self.gateway = gateway
        self.limit = RateLimit(gateway.per_second or per_second)
        self.at_once = gateway.at_once or at_once
        self.live = 0
        self.turn = 0.0  # how far it is behind its share
        self.refusals = 0
        self.rest_until_ms = 0
        self._rest_ms = REST_MS
        self._refused_ms = -1  # when the newest call was sent that it did not take
        self._trying = False  # with one call, after a rest

    def may(self, now_ms: int) -> bool:
        if self.live >= self.at_once or self.limit.room(now_ms) < 1:
            return False
        return self.refusals < REFUSALS or (now_ms >= self.rest_until_ms and not self._trying)

    def sent(self, now_ms: int) -> None:
        self.limit.take(now_ms)
        self.live += 1
        self._trying = self.refusals >= REFUSALS

    def took(self, sent_ms: int) -> None:
        """A call that was sent then rings, or was answered, or refused by the called party: the gateway works."""
        if sent_ms > self._refused_ms:  # an older one, that still rings, tells nothing
            self.refusals, self._rest_ms, self._trying = 0, REST_MS, False

    def ended(self, now_ms: int, outcome: str, sent_ms: int) -> None:
        self.live -= 1
        if outcome not in OF_THE_WAY:
            self.took(sent_ms)
            return
        self.refusals += 1
        self._refused_ms = max(self._refused_ms, sent_ms)
        if self.refusals >= REFUSALS and now_ms >= self.rest_until_ms:
            self._trying = False
            self.rest_until_ms = now_ms + self._rest_ms
            self._rest_ms = min(2 * self._rest_ms, LONGEST_REST_MS)


class Lines:
    """All gateways of one campaign."""

    def __init__(self, gateways: Sequence[Gateway], per_second: float, at_once: int) -> None:
        self.lines = {g.gateway: Line(g, per_second, at_once) for g in gateways}

    def choose(self, number: str, now_ms: int) -> Gateway | None:
        """The gateway for one call to ``number``, by weight; None when none has room now."""
        may = [line for line in self.lines.values() if line.gateway.takes(number) and line.may(now_ms)]
        if not may:
            return None
        for line in may:
            line.turn += line.gateway.weight
        chosen = max(may, key=lambda line: line.turn)
        chosen.turn -= sum(line.gateway.weight for line in may)
        return chosen.gateway
