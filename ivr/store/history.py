"""History: what a caller was asked before, as facts for the call that begins.

Law: reads. Facts are names of ``core.surveying`` and ``survey.compiling``: ``asked.<survey>`` (days since the caller
was asked last) and ``resume.<survey>...`` (a run that broke off, with its answers).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, select

from ivr.store.schema import answer, call, outbox, survey_run

#: What a switch says of a caller who shows no number. Nobody is known by it.
NOBODY: Final = frozenset({"", "anonymous", "unknown", "private", "restricted", "unavailable", "0000000000"})
_DAY_S: Final = 86_400
LONGEST_CALL: Final = timedelta(days=1)
LONGEST_CHAIN: Final = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a survey's past. ``definition``: a run of other questions is not gone on with."""

    survey: str
    definition: str
    launch: str
    resume_ms: int
    not_again_ms: int


def history(engine: Engine, caller: str, wanted: list[Wanted], now: datetime) -> dict[str, Any]:
    """The facts; {} for a caller without a number. Raises the database's errors."""
    if caller.strip().lower() in NOBODY:
        return {}
    found: dict[str, Any] = {}
    with engine.connect().execution_options(read_only=True) as connection:
        for one in wanted:
            found |= _of_survey(connection, caller, one, now)
    return found


def _of_survey(connection: Connection, caller: str, one: Wanted, now: datetime) -> dict[str, Any]:
    # A run may have begun, and stopped, long after its call began.
    since = now - timedelta(milliseconds=max(one.resume_ms, one.not_again_ms)) - LONGEST_CALL
    query = (
        select(survey_run, call.c.ended_at.label("call_ended_at"))
        .join_from(call, survey_run, call.c.call_id == survey_run.c.call_id)
        .where(call.c.caller == caller, survey_run.c.survey == one.survey, call.c.started_at >= since)
        .order_by(survey_run.c.begun_at.desc().nulls_last(), survey_run.c.occurrence.desc())
    )
    runs = connection.execute(query).mappings().all()
    if not runs:
        return {}
    facts: dict[str, Any] = {}
    begun = runs[0]["begun_at"] or runs[0]["at"]
    if begun is not None:
        facts[f"asked.{one.survey}"] = max(0.0, (now - begun).total_seconds()) / _DAY_S
    for last in runs if one.resume_ms else ():
        if not _broke_off(last, one, now):
            break
        # Who hung up before the first answer has left nothing to go on with: the run before it still waits.
        if answers := _answers(connection, last):
            prefix = f"resume.{one.survey}"
            facts |= {prefix: True, f"{prefix}.call": last["call_id"], f"{prefix}.run": last["occurrence"]}
            facts |= {f"{prefix}.{name}": value for name, value in answers.items()}
            if raised := _alerts(connection, last):
                facts[f"{prefix}.alerts"] = raised
            if last["seed"] is not None:
                facts[f"{prefix}.seed"] = last["seed"]
            break
    return facts


def _broke_off(run: Any, one: Wanted, now: datetime) -> bool:
    """Partial, or open in a call that is over; of these questions, and not too long ago."""
    open_ = run["status"] == "partial" or (run["status"] == "begun" and run["call_ended_at"] is not None)
    same = run["definition"] == one.definition and (run["launch"] or "") == one.launch
    stopped = run["at"] or run["begun_at"]
    return bool(open_ and same and stopped and now - stopped <= timedelta(milliseconds=one.resume_ms))


def _answers(connection: Connection, run: Any) -> dict[str, Any]:
    """``answer.<question>`` -> its value, ``missing.<question>`` -> why there is none."""
    query = select(answer).where(
        answer.c.call_id == run["call_id"], answer.c.survey == run["survey"], answer.c.run == run["occurrence"]
    )
    found: dict[str, Any] = {}
    for row in connection.execute(query).mappings():
        if row["missing"]:
            found[f"missing.{row['question']}"] = row["missing"]
        elif row["value"] is not None:
            found[f"answer.{row['question']}"] = _value(row)
    return found


def _alerts(connection: Connection, run: Any) -> list[str]:
    """What was raised by this run, and by those that it went on with: nobody is called back twice for one interview."""
    calls, before = [run["call_id"]], run["resumed_from"]
    while before and before not in calls and len(calls) < LONGEST_CHAIN:
        calls.append(before)
        these = (survey_run.c.call_id == before, survey_run.c.survey == run["survey"])
        before = connection.scalar(select(survey_run.c.resumed_from).where(*these).order_by(survey_run.c.occurrence))
    raised = select(outbox.c.alert).where(outbox.c.call_id.in_(calls), outbox.c.survey == run["survey"]).distinct()
    return sorted(connection.scalars(raised))


def _value(row: Any) -> Any:
    """As the machine had it: numbers and lists are JSON in the store, a text is itself."""
    text: str = row["value"]
    if row["value_number"] is not None:
        return json.loads(text)
    if text.startswith("["):
        try:
            value = json.loads(text)
        except ValueError:
            return text
        return value if isinstance(value, list) else text
    return text
