"""Previewing: who a campaign would call and when, who not and why, how long it takes: before anybody is called.

Law: reads in one snapshot, in chunks; writes nothing. Everybody on the lists is counted under exactly one rule of
``campaign.scrub``, so that the counts add up to the people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ivr.campaign.forecast import DEFAULT, STEP_S, Expected, Forecast, forecast
from ivr.campaign.model import Campaign
from ivr.campaign.scrub import RULES, Verdict
from ivr.campaign.windows import called_zone
from ivr.ops.campaigning import verdicts
from ivr.results.outbound.attempts import past
from ivr.store import sample


@dataclass(frozen=True, slots=True)
class Line:
    """One person of the lists."""

    contact_id: str
    list: str
    number: str
    name: str
    zone: str  # that their time is reckoned in
    rule: str  # of scrub.RULES
    why: str
    at: datetime | None  # the earliest call
    attempts: int = 0  # in this campaign, so far

    @property
    def called(self) -> bool:
        return self.at is not None


@dataclass
class Preview:
    """Filled while its ``lines`` are read; whole when they are at their end."""

    campaign: Campaign
    now: datetime
    expected: Expected
    people: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)  # (rule, why), where a rule has several reasons
    lists: Counter[str] = field(default_factory=Counter)  # list -> people of it that will be called
    ready: Counter[tuple[str, datetime, int]] = field(default_factory=Counter)

    @property
    def called(self) -> int:
        return sum(self.rules[rule] for rule in ("call", "going_on"))

    def add(self, line: Line) -> None:
        self.people += 1
        self.rules[line.rule] += 1
        if line.why:
            self.reasons[line.rule, line.why] += 1
        if line.at is not None:
            self.lists[line.list] += 1
            self.ready[line.zone, _step(line.at), line.attempts] += 1

    def forecast(self) -> Forecast:
        return forecast(self.campaign, self.ready, self.expected)

    def told(self) -> list[tuple[str, int, str]]:
        """(rule, people, what it means), in the order of the rules; those that nobody fell under are left out."""
        return [(rule, self.rules[rule], text) for rule, text in RULES.items() if self.rules[rule]]


def _step(at: datetime) -> datetime:
    """Up to the next step of the forecast: few moments instead of one a person."""
    seconds = int(at.timestamp()) % STEP_S
    whole = at.replace(microsecond=0)
    return whole if seconds == 0 else whole + timedelta(seconds=STEP_S - seconds)


def expected_of(connection: Connection, campaign: Campaign) -> Expected:
    """As in the last campaigns; the defaults where there were none."""
    found = past(connection, campaign.campaign)
    if found is None:
        return DEFAULT
    calls = sum(found.outcomes.values())
    answered = found.outcomes.get("answered", 0)
    source = f"the last {len(found.campaigns)} campaigns ({', '.join(found.campaigns)}): {calls:,} calls"
    return Expected(
        {outcome: count / calls for outcome, count in sorted(found.outcomes.items())},
        talk_s=found.talk_s or DEFAULT.talk_s,
        complete=found.complete / answered if answered else DEFAULT.complete,
        source=source,
    )


def begin(connection: Connection, campaign: Campaign, now: datetime) -> Preview:
    return Preview(campaign, now, expected_of(connection, campaign))


def lines(connection: Connection, preview: Preview) -> Iterator[list[Line]]:
    """Everybody on the lists, in chunks, by number. ``connection``: of results.queries.reading."""
    for chunk in verdicts(connection, preview.campaign, preview.now):
        found = [_line(preview.campaign, known, verdict) for known, verdict in chunk]
        for line in found:
            preview.add(line)
        yield found


def _line(campaign: Campaign, known: sample.Known, verdict: Verdict) -> Line:
    zone = called_zone(campaign.calling, known.zone, known.number)
    return Line(
        *(known.contact_id, known.list, known.number, known.name, zone),
        *(verdict.rule, verdict.why, verdict.at, known.attempts),
    )
