"""Retries: after an attempt, when the person's turn comes again, or that it never does and why.

Law: pure. Counts are told: of the person in this campaign, of the number over all campaigns. What comes out is a first
moment, never a permission: the windows and the do-not-call list are asked again when the call is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ivr.campaign.model import DEFAULT_RETRIES, Attempts, Campaign
from ivr.campaign.outcomes import FINAL_EVERYWHERE, NO_ATTEMPT
from ivr.campaign.windows import local_day, next_opening

#: A flow's longest call unless it says otherwise (`max_call`).
MAX_CALL_MS: Final = 3_600_000
_MARGIN_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What was done before, the attempt that just ended included; attempts that called nobody are not counted."""

    attempts: int = 0  # at this person, in this campaign
    outcomes: Mapping[str, int] = field(default_factory=dict)  # of these, by outcome
    today: int = 0  # at this number, over all campaigns, in its local day
    last_at: datetime | None = None  # at this number, over all campaigns: when the last was sent


@dataclass(frozen=True, slots=True)
class Turn:
    """``at``: not before then; None: done, with ``outcome``. ``why`` says which rule decided, for people."""

    at: datetime | None
    outcome: str
    why: str


def after_attempt(
    campaign: Campaign, outcome: str, counts: Counts, ended_at: datetime, zone: str, max_call_ms: int = MAX_CALL_MS
) -> Turn:
    """``zone``: the called party's, "" when it is not known."""
    rules = campaign.attempts
    if outcome in NO_ATTEMPT:
        return _at(campaign, counts, ended_at, zone, outcome, "nobody was called: again at once")
    if outcome in FINAL_EVERYWHERE:
        return Turn(None, outcome, f"{outcome}: never again, in no campaign")
    retry = rules.retry.get(outcome, DEFAULT_RETRIES.get(outcome))
    if retry is None:
        return Turn(None, outcome, f"no retry after {outcome}")
    if counts.attempts >= rules.each:
        return Turn(None, outcome, f"{counts.attempts} attempts of {rules.each}")
    if counts.outcomes.get(outcome, 0) > retry.times:
        return Turn(None, outcome, f"{outcome} was retried {retry.times} times")
    wait_ms = retry.after_ms
    if outcome == "unknown":
        wait_ms = max(wait_ms, safe_gap_ms(campaign, max_call_ms))
    due = ended_at + timedelta(milliseconds=wait_ms)
    return _at(campaign, counts, due, zone, outcome, f"retry after {outcome}")


def safe_gap_ms(campaign: Campaign, max_call_ms: int = MAX_CALL_MS) -> int:
    """How long a call of which nobody knows may still be going on: no second one before that."""
    return campaign.ring_ms + max_call_ms + _MARGIN_MS


def earliest(rules: Attempts, counts: Counts, due: datetime, zone: str) -> datetime:
    """The first moment from ``due`` on that the gap and the attempts per day allow; windows are not looked at."""
    at = due
    if counts.last_at is not None:
        at = max(at, counts.last_at + timedelta(milliseconds=rules.gap_ms))
        begins, next_day = local_day(zone, counts.last_at)
        if counts.today >= rules.per_day and begins <= at < next_day:
            at = next_day
    return at


def _at(campaign: Campaign, counts: Counts, due: datetime, zone: str, outcome: str, why: str) -> Turn:
    zone = zone or campaign.calling.zone
    first = earliest(campaign.attempts, counts, due, zone)
    opening = next_opening(campaign.calling, zone, first)
    if opening is None:
        return Turn(None, outcome, "no window opens before the campaign ends")
    return Turn(opening, outcome, why)
