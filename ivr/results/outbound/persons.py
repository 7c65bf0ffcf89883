"""Persons: how each person of a campaign stands, over all their attempts and runs, as one disposition of AAPOR's.

Law: every person has exactly one disposition, so that they add up to the people of the campaign; the table is
``DISPOSITIONS`` and ``of_runs``, and docs/campaign-life.md says them in words. Who had a questionnaire begun counts by
their best run; everybody else by the best thing that happened when they were called.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from ivr.results.outbound.attempts import REACHED, completed
from ivr.results.reading.progress import DISPOSITIONS as OF_STATUS
from ivr.results.reading.progress import share_of_run
from ivr.results.stats.aapor import Disposition, classify_run
from ivr.store.schema import call, campaign_contact, campaign_version, dial_attempt, survey_definition, survey_run
from ivr.survey.definition import Definition

#: Without a run: the first of these outcomes that any attempt at the person had -> what it counts as.
DISPOSITIONS: Final[tuple[tuple[str, Disposition], ...]] = (
    ("opted_out", Disposition.REFUSAL),
    ("answered", Disposition.REFUSAL),  # somebody answered, and did not begin
    ("short", Disposition.UNKNOWN_IF_ELIGIBLE_RESPONDENT),  # gone before anybody could have asked
    ("machine", Disposition.ANSWERING_MACHINE_UNKNOWN),
    ("rejected", Disposition.CALL_BLOCKING),
    ("invalid", Disposition.NON_WORKING_OR_DISCONNECTED),
    ("busy", Disposition.ALWAYS_BUSY),
    ("no_answer", Disposition.NO_ANSWER),
    ("congestion", Disposition.TECHNICAL_PROBLEM),
    ("failed", Disposition.TECHNICAL_PROBLEM),
    ("unknown", Disposition.TECHNICAL_PROBLEM),
)
#: Nobody called the person: waiting, left out, or the call was never sent.
UNCALLED: Final = Disposition.NOT_ATTEMPTED
#: Of several runs of one person the first of these counts.
_BEST: Final = (
    Disposition.COMPLETE,
    Disposition.PARTIAL,
    Disposition.NO_ELIGIBLE_RESPONDENT,
    Disposition.QUOTA_FILLED,
    Disposition.REFUSAL,
    Disposition.BREAK_OFF,
)


@dataclass(frozen=True)
class Persons:
    """``people``: of the campaign, however they stand. ``dispositions`` has all of them but ``talking``."""

    people: int
    states: Mapping[str, int]  # waiting | leased | done
    called: int  # with an attempt that was sent
    reached: int  # where somebody answered
    complete: int
    left_out: Mapping[str, int]  # done without a call: the rule
    dispositions: Mapping[Disposition, int]
    talking: int  # a questionnaire is going on: not counted yet


def read(connection: Connection, name: str, *, complete_above: float = 0.8, partial_from: float = 0.5) -> Persons:
    found: Counter[Disposition] = Counter()
    talking = complete = 0
    for case_, whole in _of_runs(connection, name, complete_above, partial_from):
        complete += whole
        if case_ is None:
            talking += 1
        else:
            found[case_] += 1
    states: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    called = reached = flow_complete = 0
    for row in connection.execute(_standing(name)).mappings():
        count = row["people"]
        states[row["state"]] += count
        had = {outcome for outcome, _ in DISPOSITIONS if row[outcome]}
        called += count if had or row["open"] else 0
        reached += count if had & set(REACHED) or row["has_run"] else 0
        flow_complete += count if row["complete"] else 0
        if row["state"] == "done" and not had and not row["open"] and not row["has_run"]:
            left_out[row["person_outcome"] or "unknown"] += count
        if not row["has_run"]:
            found[next((case_ for outcome, case_ in DISPOSITIONS if outcome in had), UNCALLED)] += count
    in_order = {case_: found[case_] for case_ in Disposition if found[case_]}
    people = sum(states.values())
    # Where a questionnaire is asked, no run is complete by its flow alone (attempts.completed).
    done = max(complete, flow_complete)
    return Persons(people, dict(states), called, reached, done, dict(left_out), in_order, talking)


# -- with a run ------------------------------------------------------------------------------------------------------


def _launches(name: str) -> Any:
    table = campaign_version.c
    return select(table.launch).where(table.campaign == name, table.launch != "")


def _in_campaign(name: str) -> ColumnElement[bool]:
    return and_(survey_run.c.launch.in_(_launches(name)), survey_run.c.launch != "")


_own = dial_attempt.alias("own")
_before = dial_attempt.alias("before")
_contact = func.coalesce(_own.c.contact_id, _before.c.contact_id)


def _runs(name: str) -> Any:
    """Runs with the person who was called; a run that went on when the person called back has the first one's."""
    return survey_run.outerjoin(
        _own, and_(_own.c.attempt_id == survey_run.c.call_id, _own.c.campaign == name)
    ).outerjoin(_before, and_(_before.c.attempt_id == survey_run.c.resumed_from, _before.c.campaign == name))


def _of_runs(
    connection: Connection, name: str, complete_above: float, partial_from: float
) -> Iterator[tuple[Disposition | None, bool]]:
    """One for each person with a run: None while it goes on; and whether a run came to its end: who broke off behind
    the last question is a complete case for AAPOR, and no complete interview here."""
    run = survey_run.c
    query = (
        select(
            *(_contact.label("contact_id"), run.status, run.definition, run.last_question, run.asked, run.answered),
            call.c.ended_at,
        )
        .select_from(_runs(name).outerjoin(call, call.c.call_id == run.call_id))
        .where(_in_campaign(name), _contact.is_not(None))
        .order_by("contact_id")
    )
    definitions = _Definitions(connection)

    def of_one(row: Any) -> Disposition | None:
        if row.status in OF_STATUS:
            return OF_STATUS[row.status]
        if row.status == "begun" and row.ended_at is None:
            return None
        known = definitions.of(row.definition)
        share = share_of_run(known, row.status, row.last_question or "", row.asked or 0, row.answered or 0)
        return classify_run(share, complete_above, partial_from)

    rows: Iterable[Any] = connection.execute(query.execution_options(yield_per=5_000))
    for _, group in groupby(rows, key=lambda row: row.contact_id):
        held = list(group)
        cases = [of_one(row) for row in held]
        whole = any(row.status == "complete" for row in held)
        yield next((best for best in _BEST if best in cases), None), whole


class _Definitions:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._known: dict[str, Definition | None] = {}

    def of(self, digest: str | None) -> Definition | None:
        key = digest or ""
        if key not in self._known:
            self._known[key] = self._read(key)
        return self._known[key]

    def _read(self, digest: str) -> Definition | None:
        text = self._connection.scalar(select(survey_definition.c.json).where(survey_definition.c.hash == digest))
        return Definition.from_json(json.loads(text)) if text else None


# -- everybody -------------------------------------------------------------------------------------------------------


def _standing(name: str) -> Any:
    """How many people have had which outcomes: few rows, however many people."""
    person, tried = campaign_contact.c, dial_attempt.c
    has_run = select(survey_run.c.call_id).where(survey_run.c.call_id == tried.attempt_id, _in_campaign(name)).exists()

    def had(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.max(case((condition, 1), else_=0))

    flags = [had(tried.outcome == outcome).label(outcome) for outcome, _ in DISPOSITIONS]
    flags.append(had(and_(tried.attempt_id.is_not(None), tried.outcome.is_(None))).label("open"))
    flags += [had(has_run).label("has_run"), had(completed()).label("complete")]
    each = (
        select(person.contact_id, person.state, person.outcome.label("person_outcome"), *flags)
        .select_from(
            campaign_contact.outerjoin(
                dial_attempt,
                # By number, which is the contact's for ever: of what says who was called, that has an index.
                and_(
                    tried.number == person.number,
                    tried.campaign == person.campaign,
                    tried.contact_id == person.contact_id,
                ),
            )
        )
        .where(person.campaign == name)
        .group_by(person.campaign, person.contact_id, person.state, person.outcome)
        .subquery()
    )
    groups = [each.c[label.name] for label in flags]
    keys = [each.c.state, each.c.person_outcome, *groups]
    return select(*keys, func.count().label("people")).group_by(*keys)
