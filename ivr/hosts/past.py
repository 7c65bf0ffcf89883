"""The past: what a worker knows of surveys beyond the call: full quotas, and what its caller was asked before.

Law: asks the database outside of the loop, in a native thread, for a bounded time; without an answer a call goes on as
if there had been nothing. A quota's count is as old as the last look, ``REFRESH_S`` at most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import gevent
from gevent.threadpool import ThreadPool
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ivr.campaign.numbers import normalise
from ivr.core.program import Program
from ivr.core.surveying import NO_LAUNCH
from ivr.store.history import Wanted, history
from ivr.store.quotas import Counts, counts
from ivr.store.returning import find

REFRESH_S: Final = 2.0
#: A caller hears nothing while the past is looked up.
PATIENCE_S: Final = 2.0

Log = Callable[..., None]


class Past:
    """``facts(program)`` at once; ``of_caller(program, caller)`` waits for the database."""

    def __init__(self, engine: Engine, threads: ThreadPool, log: Log, country: str = "") -> None:
        self._engine, self._threads, self._log, self._country = engine, threads, log, country
        self._counts: Counts = {}
        self._trouble = ""

    def facts(self, program: Program) -> dict[str, Any]:
        """``quota.<survey>.<name>`` is true for every quota that is full."""
        found: dict[str, Any] = {}
        launch = program.launch or NO_LAUNCH
        for survey, plan in program.surveys.items():
            for quota in plan.definition["quotas"]:
                if self._counts.get((survey, launch, quota["quota"]), 0) >= quota["completes"]:
                    found[f"quota.{survey}.{quota['quota']}"] = True
        return found

    def refresh(self) -> None:
        """Count again. Waits for the database; what was known stays when it is away."""
        try:
            self._counts = self._threads.apply(counts, (self._engine,))
            self._trouble = ""
        except SQLAlchemyError as exc:
            if str(exc) != self._trouble:  # once, not every two seconds
                self._trouble = str(exc)
                self._log("quotas_not_counted", why=self._trouble)

    def watch(self, interesting: Callable[[], bool]) -> None:
        """Counts for ever, while there is a quota to be counted for."""
        while True:
            if interesting():
                self.refresh()
            gevent.sleep(REFRESH_S)

    def wanted(self, caller: str) -> Wanting | None:
        """``caller`` as the switch says it, however that is spelt."""
        number = normalise(caller, self._country).number
        found = self._asked(find, number) if number else None
        if found is None:
            return None
        return Wanting(found.campaign, found.contact_id, found.launch, number, found.language, found.facts)

    def _asked(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """The database's answer, or None when it has none in time."""
        try:
            with gevent.Timeout(PATIENCE_S):
                return self._threads.apply(question, (self._engine, *arguments))
        except gevent.Timeout:
            self._log("database_too_slow", what=question.__name__, waited_s=PATIENCE_S)
        except SQLAlchemyError as exc:
            self._log("database_failed", what=question.__name__, why=str(exc))
        return None

    def of_caller(self, program: Program, caller: str) -> dict[str, Any]:
        wanted = wanted_of(program)
        found: dict[str, Any] = {}
        try:
            with gevent.Timeout(PATIENCE_S):
                now = datetime.now(UTC)
                found = self._threads.apply(history, (self._engine, caller, wanted, now))
        except gevent.Timeout:
            self._log("history_too_slow", flow=program.flow, waited_s=PATIENCE_S)
        except SQLAlchemyError as exc:
            self._log("history_failed", flow=program.flow, why=str(exc))
        return found


@dataclass(frozen=True, slots=True)
class Wanting:
    """A person whom a campaign has tried to reach; ``number`` in E.164."""

    campaign: str
    contact_id: str
    launch: str
    number: str
    language: str
    facts: Mapping[str, Any]


def wanted_of(program: Program) -> list[Wanted]:
    """What this program asks of the past; [] when it asks nothing."""
    return [
        Wanted(survey, plan.hash, program.launch, plan.resume_ms, plan.not_again_ms)
        for survey, plan in program.surveys.items()
        if plan.resume_ms or plan.not_again_ms
    ]


def has_quotas(program: Program) -> bool:
    return any(plan.quotas for plan in program.surveys.values())
