"""Whether the books of a campaign add up: everybody on its lists, every attempt, everything that was pressed.

Law: reads the database, prints nothing. What `ivr campaign report` says is held against the rows themselves, counted
another way; a sum that does not come out is a sentence in ``faults``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from ivr.results.outbound import report
from ivr.results.queries import reading
from ivr.store.schema import answer, campaign_contact, contact, dial_attempt

#: Outcomes of attempts in which a person was asked.
TALKED = ("answered", "opted_out")


@dataclass(frozen=True)
class Books:
    """``wishes``: the values of one question, of the last time that a call came to it; "" where nobody was asked it."""

    campaign: str
    listed: int  # people on the list
    people: int  # of the campaign
    called: int
    left_out: Mapping[str, int]
    uncalled: int  # who wait and were never called
    rows: int  # of dial_attempt
    persons_called: int  # who have a row
    outcomes: Counter[str]
    ways: Mapping[str, int] = field(default_factory=dict)  # attempts by gateway, list, ...: each sums to all
    wishes: Counter[str] = field(default_factory=Counter)

    @property
    def attempts(self) -> int:
        return sum(self.outcomes.values())

    @property
    def talked(self) -> int:
        return sum(self.outcomes[outcome] for outcome in TALKED)

    def faults(self) -> list[str]:
        """Every sum that does not come out."""
        left_out = sum(self.left_out.values())
        sums = {
            f"{self.people} people of the campaign, {self.listed} on its list": self.people == self.listed,
            f"{self.people} people, {self.called} called + {left_out} left out + {self.uncalled} not called yet": (
                self.people == self.called + left_out + self.uncalled
            ),
            f"{self.called} people called, {self.persons_called} have an attempt": self.called == self.persons_called,
            f"{self.attempts} attempts by their outcomes, {self.rows} rows": self.attempts == self.rows,
            f"{self.talked} talked with, {sum(self.wishes.values())} by what they chose": (
                self.talked == sum(self.wishes.values())
            ),
            **{f"{n} attempts by {way}, {self.rows} rows": n == self.rows for way, n in self.ways.items()},
        }
        return [f"campaign {self.campaign}: {words}" for words, comes_out in sums.items() if not comes_out]


def read(engine: Engine, campaign: str, list_name: str, asked: str, default_zone: str) -> Books:
    with reading(engine) as connection:
        found = report.read(connection, campaign, default_zone)
        attempts = select(func.count(), func.count(dial_attempt.c.contact_id.distinct()))
        rows, persons = connection.execute(attempts.where(dial_attempt.c.campaign == campaign)).one()
        listed = connection.scalar(select(func.count()).where(contact.c.list == list_name)) or 0
        left_out = dict(found.persons.left_out)
        return Books(
            campaign=campaign,
            listed=listed,
            people=found.persons.people,
            called=found.persons.called,
            left_out=left_out,
            uncalled=_uncalled(connection, campaign),
            rows=rows,
            persons_called=persons,
            outcomes=Counter(found.total.outcomes),
            ways={
                "gateway": sum(tally.attempts for tally in found.gateways.values()),
                "list": sum(tally.attempts for tally in found.lists.values()),
                "turn": sum(tally.attempts for tally in found.turns.values()),
                "hour": sum(hour.dialled for hour in found.hours) + found.total.outcomes.get("not_attempted", 0),
            },
            wishes=_wishes(connection, campaign, asked),
        )


def _uncalled(connection: Connection, campaign: str) -> int:
    person = campaign_contact
    tried = select(dial_attempt.c.contact_id).where(dial_attempt.c.campaign == campaign)
    query = select(func.count()).where(person.c.campaign == campaign, person.c.state != "done")
    return connection.scalar(query.where(person.c.contact_id.not_in(tried))) or 0


def _wishes(connection: Connection, campaign: str, asked: str) -> Counter[str]:
    """Of each attempt in which somebody was talked with, the last answer to ``asked``."""
    given = (answer.c.call_id == dial_attempt.c.attempt_id) & (answer.c.question == asked)
    query: Any = (
        select(dial_attempt.c.attempt_id, answer.c.value)
        .select_from(dial_attempt.outerjoin(answer, given))
        .where(dial_attempt.c.campaign == campaign, dial_attempt.c.outcome.in_(TALKED))
        .order_by(dial_attempt.c.attempt_id, answer.c.occurrence)
    )
    last = {attempt_id: value or "" for attempt_id, value in connection.execute(query)}
    return Counter(last.values())
