"""Report: everything that `ivr campaign report` says of a campaign, read once.

Law: figures only; words and tables are the command's. Totals add up: attempts over outcomes, over gateways, over lists
and over turns are the same number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from ivr.results.outbound import attempts, persons
from ivr.results.outbound.attempts import Tally
from ivr.results.outbound.persons import Persons
from ivr.results.stats import aapor
from ivr.results.stats.outcomes import share_of
from ivr.results.stats.scores import Score
from ivr.store.schema import campaign_version, launch


@dataclass(frozen=True)
class Hour:
    """An hour of the called parties' day."""

    hour: int
    dialled: int
    reached: int
    rate: Score  # with its interval


@dataclass(frozen=True)
class Report:
    persons: Persons
    total: Tally
    gateways: Mapping[str, Tally]
    lists: Mapping[str, Tally]
    turns: Mapping[int, Tally]  # the first call to a person, the second ...
    hours: tuple[Hour, ...]
    reach: Score  # people reached / people called
    completion: Score  # complete / reached
    survey: bool  # a questionnaire is asked: the rates mean something
    counts: aapor.Counts
    rates: Mapping[str, float | None]
    e: float | None

    @property
    def billed_s(self) -> float:
        return self.total.billed_ms / 1000

    def attempts_to_complete(self) -> dict[int, int]:
        """Turn -> people who were complete in it."""
        return {turn: tally.complete for turn, tally in self.turns.items() if tally.complete}

    def cost(self, per_minute: float) -> float:
        return self.billed_s / 60 * per_minute

    @property
    def best_hour(self) -> Hour | None:
        """The hour in which the share reached is surely high: by the lower end of its interval, so that an hour with
        three calls does not win. None of fewer than two hours, of which none is better."""
        known = [hour for hour in self.hours if hour.rate.interval is not None]
        if len(known) < 2:
            return None
        return max(known, key=lambda hour: hour.rate.interval.low if hour.rate.interval else 0.0, default=None)


def read(connection: Connection, name: str, default_zone: str) -> Report:
    """``default_zone``: of people whose zone is not known."""
    people = persons.read(connection, name)
    hours = attempts.by_local_hour(connection, name, default_zone)
    counts = aapor.Counts.of(people.dispositions)
    return Report(
        persons=people,
        total=attempts.total(connection, name),
        gateways=attempts.by_gateway(connection, name),
        lists=attempts.by_list(connection, name),
        turns=attempts.by_number_of(connection, name),
        hours=tuple(Hour(h, t.dialled, t.reached, share_of(t.reached, t.dialled)) for h, t in hours.items()),
        reach=share_of(people.reached, people.called),
        completion=share_of(min(people.complete, people.reached), people.reached),
        survey=asks(connection, name),
        counts=counts,
        rates=aapor.rates(counts),
        e=aapor.eligibility(counts),
    )


def asks(connection: Connection, name: str) -> bool:
    """Whether any version of it asks a questionnaire."""
    version = campaign_version.c
    joined = campaign_version.join(launch, launch.c.launch == version.launch)
    query = select(launch.c.launch).select_from(joined).where(version.campaign == name, launch.c.survey != "").limit(1)
    return connection.execute(query).first() is not None
