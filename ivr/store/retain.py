"""Retain: removes what callers said when it is older than its questionnaire allows; what can be counted stays.

Law: a run keeps its status, its times and its numbers of questions; its answers, attempts, recordings and alerts go,
and the caller's number when nothing of the call is kept any longer. Short transactions, one after the other: calls go
on meanwhile, and a run that was cut short is taken up by the next one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, delete, false, func, or_, select, tuple_, update

from ivr.store.schema import answer, answer_history, attempt, call, call_state, outbox, survey_definition, survey_run

#: Runs or calls of one transaction.
BATCH: Final = 200


@dataclass
class Removed:
    """How many; of a dry run: how many would be."""

    runs: int = 0
    calls: int = 0  # whose number, or rows outside of surveys, were removed
    rows: dict[str, int] = field(default_factory=dict)  # by table
    recordings: int = 0


@dataclass(frozen=True)
class Rule:
    """Runs of these definitions are kept so long. ``definitions``: None for those that say nothing themselves."""

    cutoff: datetime
    definitions: tuple[str, ...] | None
    others: tuple[str, ...] = ()  # definitions with a rule of their own


def rules(engine: Engine, now: datetime, default_days: int) -> list[Rule]:
    """``default_days``: for what has no `keep` of its own; 0: for ever."""
    own: dict[int, list[str]] = {}
    with engine.connect() as connection:
        found = connection.execute(select(survey_definition.c.hash, survey_definition.c.json)).all()
    for one in found:
        days = _keep_days(one.json)
        if days is not None:
            own.setdefault(days, []).append(one.hash)
    made = [Rule(now - timedelta(days=days), tuple(hashes)) for days, hashes in sorted(own.items())]
    if default_days:
        others = tuple(sorted(name for hashes in own.values() for name in hashes))
        made.append(Rule(now - timedelta(days=default_days), None, others))
    return made


def _keep_days(text: str | None) -> int | None:
    try:
        days = json.loads(text or "").get("keep_days")
    except (ValueError, AttributeError):
        return None
    return days if isinstance(days, int) and days > 0 else None


def retain(
    engine: Engine,
    made: Sequence[Rule],
    recordings: Path,
    *,
    dry_run: bool = False,
    step: Callable[[int], None] = lambda done: None,
) -> Removed:
    """Removes what is too old. ``step`` is told of runs and calls that are done."""
    work = _Work(engine, recordings, dry_run)
    for rule in made:
        for batch in work.batches(_due_runs(rule)):
            work.runs(rule, batch)
            step(len(batch))
    for batch in work.batches(_due_calls(made)):
        work.calls(made, batch)
        step(len(batch))
    return work.removed


def due(engine: Engine, made: Sequence[Rule]) -> int:
    """How many runs and calls there is something to remove of."""
    queries = [*(_due_runs(rule) for rule in made), _due_calls(made)]
    with engine.connect() as plain:
        connection = plain.execution_options(read_only=True)
        return sum(connection.scalar(select(func.count()).select_from(query.subquery())) or 0 for query in queries)


# -- what is due -------------------------------------------------------------------------------------------------------


def _old_run(rule: Rule) -> Any:
    """A run that the rule is for, and that is too old."""
    run = survey_run.c
    meant: Any
    if rule.definitions is not None:
        meant = run.definition.in_(rule.definitions)
    else:
        meant = or_(run.definition.is_(None), run.definition.not_in(rule.others)) if rule.others else run.survey != ""
    return and_(meant, func.coalesce(run.begun_at, run.at) < rule.cutoff)


def _of_run(table: Any, rule: Rule, run: Any) -> Any:
    """Rows of ``table`` that belong to the run; ``run`` has the columns of survey_run, or values for them."""
    same = and_(table.c.call_id == run.call_id, table.c.survey == run.survey)
    if table is attempt:  # an attempt knows no run
        return and_(same, or_(table.c.started_at.is_(None), table.c.started_at < rule.cutoff))
    number = table.c.occurrence if table is outbox else func.coalesce(table.c.run, 1)
    return and_(same, number == run.occurrence)


_OF_RUNS: Final = (answer, answer_history, attempt, outbox)


def _due_runs(rule: Rule) -> Any:
    run = survey_run.c
    something = or_(*(select(1).where(_of_run(table, rule, run)).exists() for table in _OF_RUNS))
    return select(run.call_id, run.survey, run.occurrence).where(_old_run(rule), something)


def _due_calls(made: Sequence[Rule]) -> Any:
    """Calls of which nothing is kept any longer, and which still have a number, or rows outside of surveys."""
    run = survey_run.c
    of_call = run.call_id == call.c.call_id
    old = or_(false(), *(_old_run(rule) for rule in made))
    any_run = select(1).where(of_call).exists()
    young_run = select(1).where(of_call, ~func.coalesce(old, false())).exists()
    emptied = and_(any_run, ~young_run)
    default = default_cutoff(made)
    if default is None:
        return select(call.c.call_id).where(call.c.caller.is_not(None), emptied)
    ancient = call.c.started_at < default
    outside = or_(*(select(1).where(_outside(table, call.c.call_id)).exists() for table in _OUTSIDE))
    numbered = and_(call.c.caller.is_not(None), or_(emptied, and_(~any_run, ancient)))
    return select(call.c.call_id).where(or_(numbered, and_(ancient, outside)))


def default_cutoff(made: Sequence[Rule]) -> datetime | None:
    return next((rule.cutoff for rule in made if rule.definitions is None), None)


_OUTSIDE: Final = (answer, answer_history, attempt)


def _outside(table: Any, call_id: Any) -> Any:
    """Rows of the call that belong to no survey."""
    return and_(table.c.call_id == call_id, func.coalesce(table.c.survey, "") == "")


# -- removing ----------------------------------------------------------------------------------------------------------


class _Work:
    """One pass; ``dry_run``: everything is counted and nothing changed."""

    def __init__(self, engine: Engine, recordings: Path, dry_run: bool) -> None:
        self.engine, self.recordings, self.dry_run = engine, recordings, dry_run
        self.removed = Removed()

    def batches(self, query: Any) -> Iterator[list[Any]]:
        """Rows of the query in order of their keys, each batch after the last one: what is done is not read again."""
        keys = list(query.selected_columns)
        more = query.order_by(*keys).limit(BATCH)
        while True:
            with self.engine.connect() as plain:
                found = list(plain.execution_options(read_only=True).execute(more))
            if found:
                yield found
            if len(found) < BATCH:
                return
            more = query.where(tuple_(*keys) > tuple_(*found[-1])).order_by(*keys).limit(BATCH)

    def runs(self, rule: Rule, batch: Sequence[Any]) -> None:
        with self._transaction() as connection:
            for run in batch:
                for table in _OF_RUNS:
                    self._remove(connection, table, _of_run(table, rule, run), run.call_id)
        self.removed.runs += len(batch)

    def calls(self, made: Sequence[Rule], batch: Sequence[Any]) -> None:
        default = default_cutoff(made)
        with self._transaction() as connection:
            for one in batch:
                own = call.c.call_id == one.call_id
                started = connection.scalar(select(call.c.started_at).where(own))
                if default is not None and started is not None and started < default:
                    for table in _OUTSIDE:
                        self._remove(connection, table, _outside(table, one.call_id), one.call_id)
                # Now it is due for its number alone, if at all.
                if not self.dry_run and connection.scalar(_due_calls(made).where(own)) is not None:
                    connection.execute(update(call).where(own).values(caller=None))
                    # Where a call was whose worker was lost: it has the number too.
                    connection.execute(delete(call_state).where(call_state.c.call_id == one.call_id))
        self.removed.calls += len(batch)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self.engine.connect() as plain:
            connection = plain.execution_options(read_only=self.dry_run)
            with connection.begin():
                if connection.dialect.name == "sqlite":
                    connection.exec_driver_sql("PRAGMA secure_delete = ON")  # freed pages are overwritten
                yield connection

    def _remove(self, connection: Connection, table: Any, own: Any, call_id: str) -> None:
        """Files first: a removal that is cut short finds the answer that names them again."""
        if "value" in table.c:
            named = select(table.c.value).where(own, table.c.value.startswith(f"{call_id}-", autoescape=True))
            for name in connection.execute(named).scalars():
                self.removed.recordings += self._remove_recording(name)
        if self.dry_run:
            rows = connection.scalar(select(func.count()).select_from(table).where(own)) or 0
        else:
            rows = connection.execute(delete(table).where(own)).rowcount
        self.removed.rows[table.name] = self.removed.rows.get(table.name, 0) + rows

    def _remove_recording(self, name: str) -> int:
        path = self.recordings / name
        if os.sep in name or "\0" in name or not path.is_file():
            return 0
        if not self.dry_run:
            path.unlink(missing_ok=True)
        return 1
