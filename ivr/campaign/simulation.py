"""Simulation: a day of a campaign on people who are made up, in seconds.

Law: pure; chance is told. The pacing is the real one; people, networks and the time are played.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from ivr.campaign.lines import Lines
from ivr.campaign.model import Campaign
from ivr.campaign.pacing import Pacer
from ivr.campaign.windows import may_call, next_opening, zone_info

TICK_MS = 500
#: Seconds after each opening of the window that the figures leave out: the answered calls have to begin first.
WARM_UP_S = 300
_SLOT_MS = 60_000


class Chance(Protocol):
    """What of random.Random is used."""

    def random(self) -> float: ...
    def uniform(self, a: float, b: float) -> float: ...
    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float: ...
    def expovariate(self, lambd: float) -> float: ...


@dataclass(frozen=True, slots=True)
class People:
    """How they answer. Everything in it is made up, and can be replaced by what a campaign's own figures say."""

    by_hour: tuple[float, ...] = (
        (0.25,) * 9 + (0.30, 0.34, 0.31, 0.24, 0.23, 0.25, 0.27, 0.28, 0.31, 0.38, 0.42) + (0.3,) * 4
    )
    drift: float = 0.3  # of the log-odds of an answer: how far it wanders from the hour's value
    bursts_an_hour: float = 1.0  # for two to four minutes half as many again answer
    lag_median_s: float = 8.0  # until an answer
    lag_spread: float = 0.45
    talk_mean_s: float = 170.0  # of those who stay
    talk_spread: float = 0.35
    early_share: float = 0.12  # hang up early
    early_mean_s: float = 6.0
    machine_share: float = 0.08  # of all calls; hung up when it is noticed
    refuse_share: float = 0.12  # busy and rejected
    invalid_share: float = 0.03
    outage_s: float = 600.0  # the first gateway takes no call for so long, once a day


@dataclass
class Day:
    """What happened. Lists have an entry for each second from midnight in the campaign's zone."""

    target: int
    talking: list[int] = field(default_factory=lambda: [0] * 86_400)
    ringing: list[int] = field(default_factory=lambda: [0] * 86_400)
    open: list[bool] = field(default_factory=lambda: [False] * 86_400)
    counted: list[bool] = field(default_factory=lambda: [False] * 86_400)  # open, and warm
    outcomes: list[Counter[str]] = field(default_factory=lambda: [Counter() for _ in range(24)])
    begun_ms: list[int] = field(default_factory=list)
    outage: tuple[int, int] = (0, 0)  # seconds
    most_at_once: int = 0

    def within(self, share: float = 0.1) -> float:
        """Share of the counted seconds with as many answered calls as wanted, give or take ``share``."""
        counted = [n for n, on in zip(self.talking, self.counted, strict=True) if on]
        if not counted:
            return 0.0
        off = share * self.target + 1e-9
        return sum(abs(n - self.target) <= off for n in counted) / len(counted)

    def most_in_a_second(self) -> int:
        """Calls that began in the fullest second, wherever it begins."""
        most = first = 0
        for n, at in enumerate(self.begun_ms):
            while at - self.begun_ms[first] >= 1_000:
                first += 1
            most = max(most, n - first + 1)
        return most


def simulate(campaign: Campaign, day: date, people: People, chance: Chance) -> Day:
    """The windows of one day, as contacts in the campaign's own zone see them; there are contacts without end."""
    return _Run(campaign, day, people, chance).run()


def first_open_day(campaign: Campaign, after: datetime) -> date | None:
    """The first day with a window, in the campaign's zone."""
    zone = campaign.calling.zone or "UTC"
    opening = next_opening(campaign.calling, zone, after)
    return opening.astimezone(zone_info(zone) or UTC).date() if opening else None


class _Run:
    def __init__(self, campaign: Campaign, day: date, people: People, chance: Chance) -> None:
        self.campaign, self.people, self.chance = campaign, people, chance
        self.zone = campaign.calling.zone or "UTC"
        self.midnight = datetime.combine(day, time(), zone_info(self.zone) or UTC).astimezone(UTC)
        self.pacer = Pacer(campaign.per_second, campaign.at_once, campaign.target, campaign.ring_ms)
        self.lines = Lines(campaign.gateways, campaign.per_second, campaign.at_once)
        self.day = Day(self.pacer.target)
        self.events: list[tuple[int, int, str, str, str]] = []  # when, order, what, attempt, outcome
        self.sent: dict[str, tuple[str, int]] = {}  # attempt -> gateway, when
        self.answering = self._people()
        self.count = 0

    def run(self) -> Day:
        opened, now_ms = -1, 0
        slot = [self._open(n * _SLOT_MS) for n in range(24 * 60)]
        self.day.outage = self._outage(slot)
        while now_ms < 86_400_000:
            is_open = slot[now_ms // _SLOT_MS]
            self._happen(now_ms)
            if is_open:
                opened = now_ms if opened < 0 else opened
                self._dial(now_ms)
            elif not self.events:
                later = next((n for n in range(now_ms // _SLOT_MS, len(slot)) if slot[n]), len(slot))
                now_ms, opened = max(later * _SLOT_MS, now_ms), -1
                if later == len(slot):
                    break
                continue
            else:
                opened = -1
            if now_ms % 1_000 == 0:
                self._note(now_ms // 1_000, is_open, is_open and now_ms - opened >= WARM_UP_S * 1_000)
            now_ms += TICK_MS
        return self.day

    def _outage(self, slot: list[bool]) -> tuple[int, int]:
        """Somewhere in the open minutes, as a whole where that is possible."""
        length = int(self.people.outage_s)
        whole = [n for n in range(len(slot)) if all(slot[n : n + 1 + length // 60])]
        some = whole or [n for n, on in enumerate(slot) if on]
        begin = 60 * some[int(self.chance.random() * len(some))] if some and length else 0
        return begin, begin + length if some else 0

    def _open(self, at_ms: int) -> bool:
        return may_call(self.campaign.calling, self.zone, self.midnight + timedelta(milliseconds=at_ms))

    def _note(self, second: int, is_open: bool, counted: bool) -> None:
        day, pacer = self.day, self.pacer
        day.talking[second], day.ringing[second] = pacer.talking, pacer.ringing
        day.open[second], day.counted[second] = is_open, counted
        day.most_at_once = max(day.most_at_once, pacer.talking + pacer.ringing)

    def _dial(self, now_ms: int) -> None:
        for _ in range(self.pacer.wanted(now_ms)):
            gateway = self.lines.choose("+8613800138000", now_ms)
            if gateway is None:
                return
            self.count += 1
            attempt = str(self.count)
            self.sent[attempt] = gateway.gateway, now_ms
            self.pacer.sent(attempt, now_ms)
            self.lines.lines[gateway.gateway].sent(now_ms)
            self.day.begun_ms.append(now_ms)
            self._fate(attempt, gateway.gateway == self.campaign.gateways[0].gateway, now_ms)

    def _happen(self, now_ms: int) -> None:
        while self.events and self.events[0][0] <= now_ms:
            at_ms, _, what, attempt, outcome = heapq.heappop(self.events)
            gateway, sent_ms = self.sent[attempt]
            line = self.lines.lines[gateway]
            if what == "rings":
                line.took(sent_ms)
            elif what == "answered":
                self.pacer.answered(attempt, at_ms)
            else:
                self.pacer.ended(attempt, at_ms, outcome)
                line.ended(at_ms, outcome, sent_ms)
                del self.sent[attempt]
                self.day.outcomes[min(at_ms // 3_600_000, 23)][outcome] += 1

    def _later(self, at_ms: float, what: str, attempt: str, outcome: str = "") -> None:
        heapq.heappush(self.events, (int(at_ms), len(self.day.begun_ms), what, attempt, outcome))

    def _fate(self, attempt: str, first_gateway: bool, now_ms: int) -> None:
        """What becomes of one call."""
        people, chance = self.people, self.chance
        second = now_ms // 1_000
        if first_gateway and self.day.outage[0] <= second < self.day.outage[1]:
            self._later(now_ms + chance.uniform(100, 900), "ended", attempt, "congestion")
            return
        self._later(now_ms + 700, "rings", attempt)
        draw = chance.random()
        answering = self.answering[min(second // 60, len(self.answering) - 1)]
        ring_s = self.campaign.ring_ms / 1_000
        shares = (
            ("answered", answering),
            ("machine", people.machine_share),
            ("busy", people.refuse_share * 0.6),
            ("rejected", people.refuse_share * 0.4),
            ("invalid", people.invalid_share),
        )
        outcome = "no_answer"
        for name, share in shares:
            if draw < share:
                outcome = name
                break
            draw -= share
        if outcome in ("answered", "machine"):
            lag_s = (
                self._skewed(people.lag_median_s, people.lag_spread)
                if outcome == "answered"
                else chance.uniform(12, 25)
            )
            lag_s = min(max(lag_s, 1.5), ring_s - 0.5)
            talk_s, outcome = self._talk(outcome)
            self._later(now_ms + lag_s * 1_000, "answered", attempt)
            self._later(now_ms + (lag_s + talk_s) * 1_000, "ended", attempt, outcome)
        else:
            after_s = ring_s if outcome == "no_answer" else chance.uniform(0.8, 5)
            self._later(now_ms + after_s * 1_000, "ended", attempt, outcome)

    def _talk(self, outcome: str) -> tuple[float, str]:
        people, chance = self.people, self.chance
        if outcome == "machine":
            return chance.uniform(6, 12), outcome
        if chance.random() < people.early_share:
            talk_s = chance.expovariate(1 / people.early_mean_s)
            return talk_s, "short" if talk_s < 3 else "answered"
        median = people.talk_mean_s / math.exp(people.talk_spread**2 / 2)
        return self._skewed(median, people.talk_spread), "answered"

    def _skewed(self, median: float, spread: float) -> float:
        return median * math.exp(self.chance.gauss(0, spread))

    def _people(self) -> list[float]:
        """The share that answers, minute by minute: the hour's, wandering, with bursts."""
        people, chance = self.people, self.chance
        wander, burst_until, found = 0.0, -1, []
        for minute in range(24 * 60):
            wander = 0.98 * wander + chance.gauss(0, people.drift * math.sqrt(1 - 0.98**2))
            if minute > burst_until and chance.random() < people.bursts_an_hour / 60:
                burst_until = minute + int(chance.uniform(2, 4))
            base = people.by_hour[minute // 60]
            share = 1 / (1 + (1 - base) / base * math.exp(-wander))
            found.append(min(0.85, share * (1.5 if minute <= burst_until else 1.0)))
        return found
