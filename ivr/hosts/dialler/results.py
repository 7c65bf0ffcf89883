"""Results: finished calls to outcomes in the database, kept until it took them.

Law: nothing is dropped: what the database does not take now is told to it again. An attempt whose end nobody saw is
looked up in what the server of calls wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from ivr.campaign.outcomes import outcome_of
from ivr.hosts.dialler.calls import NO_CHANNEL, Calls, Finished
from ivr.hosts.dialler.turn import Turns
from ivr.store import attempts
from ivr.store.attempts import Result
from ivr.store.leases import Lease

Log = Callable[..., None]
#: In one transaction.
MOST = 200


class Results:
    def __init__(self, desk: Any, turns: Turns, lines: Mapping[str, Any], log: Log) -> None:
        self._desk, self._turns, self._lines, self._log = desk, turns, lines, log
        self._waiting: list[Result] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, result: Result) -> None:
        self._waiting.append(result)

    def uncalled(self, some: Sequence[Lease], wall: datetime, why: str) -> None:
        """Written down, and not called after all."""
        self._waiting += [Result(lease.attempt_id, "not_attempted", wall, cause=why) for lease in some]

    def settle(self, calls: Calls, now: float) -> None:
        """Write down what is known. Raises the database's errors; then all of it waits."""
        if calls.answered:
            told = dict(calls.answered)
            self._desk(attempts.answered, told)
            for attempt_id in told:
                calls.answered.pop(attempt_id, None)
        some = calls.finished[:MOST]
        if some:
            results = self._judged(some, now)
            del calls.finished[: len(some)]
            self._waiting += results
        batch = self._waiting[:MOST]
        if not batch:
            return
        for name in self._desk(attempts.campaigns_of, [result.attempt_id for result in batch]):
            self._turns.campaign(name, self._desk)
        ended = self._desk(attempts.finish, batch, self._turns.plan)
        del self._waiting[: len(batch)]
        for each in ended:
            self._log("attempt_ended", attempt=each.attempt_id, campaign=each.campaign, outcome=each.outcome)

    def _judged(self, some: Sequence[Finished], now: float) -> list[Result]:
        unseen = [each.attempt_id for each in some if each.lost]
        known = self._desk(attempts.told_by_calls, unseen)
        asked = {each.attempt_id: each.number for each in some if each.answered_at is not None or each.lost}
        opted = self._desk(attempts.opted_out, asked)
        found = []
        for each in some:
            was_told = each.answered_at is not None
            if each.attempt_id in known:
                each = _by_the_call(each, *known[each.attempt_id])
            outcome = outcome_of(replace(each.seen, opted_out=each.attempt_id in opted))
            self._tell_gates(each, outcome, was_told, now)
            found.append(
                Result(
                    each.attempt_id,
                    outcome,
                    each.ended_at,
                    each.cause,
                    each.sip_code,
                    each.answered_at,
                    each.billed_ms,
                )
            )
        return found

    def _tell_gates(self, each: Finished, outcome: str, was_told: bool, now: float) -> None:
        if each.no_room and outcome == "not_attempted" and each.cause in NO_CHANNEL:
            line = self._lines.get(each.switch)
            if line is not None and line.backoff.refused(now):
                self._log("switch_full", switch=each.switch, why=each.cause, level="warning")
            return  # no gateway was asked
        if why := self._turns.gate(each.gateway).ended(outcome, now, was_told):
            self._log("gateway_alarm", gateway=each.gateway, why=why)


def _by_the_call(each: Finished, answered_at: datetime | None, ended_at: datetime | None) -> Finished:
    """The server of calls had it: when it was answered, and when it ended if that was written."""
    if answered_at is None:
        return each
    ended = ended_at or each.ended_at
    billed_ms = round((ended - answered_at).total_seconds() * 1000) if ended_at else None
    seen = replace(each.seen, answered=True, billed_ms=billed_ms if billed_ms is not None else 3_600_000)
    return replace(each, seen=seen, answered_at=each.answered_at or answered_at, ended_at=ended, billed_ms=billed_ms)
