"""Forecast: how long a campaign takes at its pacing, and its worst hour, from what calls like these came to before.

Law: pure, and without chance: people are amounts that flow through steps of ten minutes, so that a million cost what
a hundred cost. Each call comes to each outcome with its expected share; who has a retry left comes back after it, by
the campaign's own rules. What it leaves out: gateways that take some prefixes only share their room with all, other
campaigns on the same gateways, and quotas.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ivr.campaign.model import DEFAULT_RETRIES, Campaign
from ivr.campaign.outcomes import FINAL_EVERYWHERE
from ivr.campaign.windows import local_day, may_call, next_opening, zone_info

STEP_S: Final = 600
_STEP: Final = timedelta(seconds=STEP_S)
#: A longer campaign is not looked at to its end.
_MOST_STEPS: Final = 20_000
_LINGER_S: Final[Mapping[str, float]] = {"machine": 20, "short": 2}


@dataclass(frozen=True)
class Expected:
    """What becomes of a call. ``shares``: outcome -> share, 1 together."""

    shares: Mapping[str, float]
    talk_s: float  # of an answered call
    complete: float  # of the answered ones: to the end
    source: str  # where it is from, for people


#: Where no campaign was before. Guesses on the cautious side, to be seen as such.
DEFAULT: Final = Expected(
    {
        **{"answered": 0.30, "no_answer": 0.35, "machine": 0.12, "busy": 0.08, "rejected": 0.05, "invalid": 0.03},
        **{"short": 0.03, "congestion": 0.02, "failed": 0.02},
    },
    talk_s=60,
    complete=0.6,
    source="no earlier campaign: guesses; 30 % of calls answered, for 60 s, 60 % of these to the end",
)


@dataclass(frozen=True)
class Forecast:
    hours: tuple[tuple[datetime, float], ...]  # begin of an hour in the campaign's zone -> calls started in it
    calls: float
    answered: float
    complete: float
    begins: datetime | None  # the first call; None: nobody is called
    ends: datetime | None  # the last
    left: float  # people with a turn left when the campaign ends, or nothing opens any more
    enough: bool  # it stopped at its target of completes
    per_hour: float  # the most calls that its pacing lets it start in an hour
    hold_s: float  # how long a call takes a line, on the average

    @property
    def worst(self) -> tuple[datetime, float] | None:
        return max(self.hours, key=lambda hour: hour[1], default=None)

    @property
    def lines(self) -> float:
        """At once, on the average of the worst hour."""
        return self.worst[1] * self.hold_s / 3600 if self.worst else 0.0


def hold_s(campaign: Campaign, expected: Expected) -> float:
    """Ringing is taken for half of the longest, but where nobody answers."""
    ring_s = campaign.ring_ms / 1000
    total = 0.0
    for outcome, share in expected.shares.items():
        if outcome == "no_answer":
            seconds = ring_s
        elif outcome == "answered":
            seconds = ring_s / 2 + expected.talk_s
        else:
            seconds = (ring_s / 2 if outcome in _LINGER_S else 3) + _LINGER_S.get(outcome, 0)
        total += share * seconds
    return total


def per_second(campaign: Campaign, expected: Expected) -> float:
    """Calls that can be started: by the campaign's limits and its gateways', on the average."""
    held = hold_s(campaign, expected)
    ways = 0.0
    for gateway in campaign.gateways:
        most = gateway.per_second or campaign.per_second
        ways += min(most, gateway.at_once / held) if gateway.at_once else most
    found = min(campaign.per_second, campaign.at_once / held, ways)
    answered = expected.shares.get("answered", 0.0)
    if campaign.target and answered:
        found = min(found, campaign.target / (answered * expected.talk_s))
    return found


#: zone, outcomes so far (sorted), local day of the last call, calls on that day
_Key = tuple[str, tuple[str, ...], int, int]


#: (zone, earliest moment, attempts before) -> people, as campaign.scrub says.
Ready = Mapping[tuple[str, datetime, int], int]


def forecast(campaign: Campaign, ready: Ready, expected: Expected) -> Forecast:
    """What became of attempts before is not asked: they count for `each` only."""
    return _Flow(campaign, expected).run(ready)


class _Flow:
    def __init__(self, campaign: Campaign, expected: Expected) -> None:
        self.campaign, self.expected = campaign, expected
        self.room = per_second(campaign, expected) * STEP_S
        self.due: dict[int, dict[_Key, float]] = defaultdict(lambda: defaultdict(float))
        self.waiting: dict[_Key, float] = defaultdict(float)
        self.steps: dict[int, float] = {}
        self.answered = 0.0
        self.enough = False
        self.zone = zone_info(campaign.calling.zone) or UTC
        self._days: dict[tuple[str, int], int] = {}
        self._tomorrow: dict[tuple[str, int], int] = {}
        self._retries = tuple(_retries(campaign, expected))

    def run(self, ready: Ready) -> Forecast:
        people = sum(ready.values())
        crumb = max(1e-3, people * 1e-6)
        for (zone, moment, attempts), count in ready.items():
            self.due[_step_of(moment)][(zone, ("",) * attempts, 0, 0)] += count
        at = min(self.due, default=0)
        for _ in range(_MOST_STEPS if people else 0):
            for key, amount in self.due.pop(at, {}).items():
                self.waiting[key] += amount
            self._call(at, crumb)
            if self.enough or not (self.waiting or self.due):
                break
            then = self._next(at)
            if then is None:
                break
            at = then
        return self._told()

    def _next(self, at: int) -> int | None:
        """The next step at which something can happen; None: nothing opens for anybody any more."""
        soonest = [min(self.due)] if self.due else []
        for zone in {key[0] for key in self.waiting}:
            opening = next_opening(self.campaign.calling, zone, _moment(at + 1))
            if opening is None:
                continue
            soonest.append(max(at + 1, _step_of(opening)))
        return min(soonest, default=None)

    def _call(self, at: int, crumb: float) -> None:
        zones = {key[0] for key in self.waiting}
        now = _moment(at)
        # A window that opens within the step: whole steps are taken, from the first that is open at its begin.
        opened = {zone for zone in zones if may_call(self.campaign.calling, zone, now)}
        ready = [(key, amount) for key, amount in self.waiting.items() if key[0] in opened]
        total = sum(amount for _, amount in ready)
        if not total:
            return
        share = min(1.0, self.room / total)
        if self.campaign.completes:
            share = min(share, self._to_target(total))
        self.steps[at] = total * share
        for key, amount in ready:
            self._came_to(at, key, amount * share, crumb)
            if amount * (1 - share) > crumb:
                self.waiting[key] = amount * (1 - share)
            else:
                del self.waiting[key]

    def _to_target(self, total: float) -> float:
        """So much of ``total`` brings the completes that are wanted, at most 1."""
        each = self.expected.shares.get("answered", 0.0) * self.expected.complete
        if not each:
            return 1.0
        wanted = self.campaign.completes / each - sum(self.steps.values())
        if wanted <= total:
            self.enough = wanted <= min(total, self.room)
        return min(1.0, max(0.0, wanted / total))

    def _came_to(self, at: int, key: _Key, amount: float, crumb: float) -> None:
        zone, before, last_day, today = key
        day = self._day(zone, at)
        today = today + 1 if day == last_day else 1
        self.answered += amount * self.expected.shares.get("answered", 0.0)
        rules = self.campaign.attempts
        if len(before) + 1 >= rules.each:
            return
        for outcome, share, times, steps in self._retries:
            if amount * share <= crumb or before.count(outcome) >= times:
                continue
            then = at + steps
            if today >= rules.per_day and self._day(zone, then) == day:
                then = self._next_day(zone, at)
            self.due[then][(zone, tuple(sorted((*before, outcome))), day, today)] += amount * share

    def _next_day(self, zone: str, at: int) -> int:
        if (zone, at) not in self._tomorrow:
            self._tomorrow[zone, at] = _step_of(local_day(zone, _moment(at))[1])
        return self._tomorrow[zone, at]

    def _day(self, zone: str, at: int) -> int:
        if (zone, at) not in self._days:
            where = zone_info(zone) or UTC
            self._days[zone, at] = _moment(at).astimezone(where).toordinal()
        return self._days[zone, at]

    def _told(self) -> Forecast:
        hours: dict[datetime, float] = defaultdict(float)
        for at, calls in self.steps.items():
            hours[_moment(at).astimezone(self.zone).replace(minute=0)] += calls
        left = sum(self.waiting.values()) + sum(sum(keys.values()) for keys in self.due.values())
        return Forecast(
            hours=tuple(sorted(hours.items())),
            calls=sum(self.steps.values()),
            answered=self.answered,
            complete=self.answered * self.expected.complete,
            begins=_moment(min(self.steps)) if self.steps else None,
            ends=_moment(max(self.steps)) if self.steps else None,
            left=0.0 if self.enough else left,
            enough=self.enough,
            per_hour=self.room * 3600 / STEP_S,
            hold_s=hold_s(self.campaign, self.expected),
        )


def _retries(campaign: Campaign, expected: Expected) -> Iterator[tuple[str, float, int, int]]:
    """(outcome, share, times, steps until then) of those after which somebody is called again."""
    rules = campaign.attempts
    for outcome, share in expected.shares.items():
        retry = rules.retry.get(outcome, DEFAULT_RETRIES.get(outcome))
        if retry is not None and outcome not in FINAL_EVERYWHERE:
            wait_s = max(retry.after_ms, rules.gap_ms) / 1000
            yield outcome, share, retry.times, max(1, -(-round(wait_s) // STEP_S))


def _step_of(at: datetime) -> int:
    """The step that begins at ``at``, or the next one."""
    return -(-int(at.timestamp()) // STEP_S)


def _moment(step: int) -> datetime:
    return datetime.fromtimestamp(step * STEP_S, UTC)
