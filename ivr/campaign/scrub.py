"""Scrub: of one person, whether the campaign would call them, from when on, or by which rule it would not.

Law: pure; what the database knows is told. The first rule that applies is the one that is named, in the order of
``RULES``, so that every person has exactly one. It is a forecast: the same is asked again when a call is sent.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ivr.campaign.model import Campaign
from ivr.campaign.numbers import E164, normalise
from ivr.campaign.outcomes import FINAL_EVERYWHERE
from ivr.campaign.retries import Counts, earliest
from ivr.campaign.windows import called_zone, local_day, next_opening
from ivr.core.expr import evaluate, names
from ivr.lang.problem import meant

#: rule -> what it means, for people.
RULES: Final[dict[str, str]] = {
    "call": "will be called",
    "going_on": "is being called at this moment",
    "filter": "not meant by `when`",
    "duplicate": "the same number stands on another of the campaign's lists",
    "done": "done already in this campaign",
    "number": "no number that may be called: emergency, short, or of no plan",
    "do_not_call": "on the do-not-call list",
    "never_again": "an earlier call found no such number, or the person opted out",
    "no_consent": "no reference to a consent",
    "unknown_zone": "zone not known, and the campaign names none that the number's country has",
    "no_gateway": "no gateway takes the number",
    "window": "no calling window opens before the campaign ends",
    "per_day": "as many attempts today as a number may have, and no window after that",
    "gap": "called too lately, and no window opens after the gap",
}
#: Rules that leave somebody in the campaign.
CALLED: Final = ("call", "going_on")
#: Rules that write the person into the campaign as done, so that its books say why; of the others nothing is written.
#: Who is on the do-not-call list waits: the list is asked in the moment of dialling, and may have changed by then.
WRITTEN: Final = ("number", "never_again", "no_consent", "unknown_zone", "no_gateway", "window", "per_day", "gap")


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a contact: see store.sample.Known."""

    number: str
    list: str = ""
    name: str = ""
    language: str = ""
    zone: str = ""
    consent: str = ""
    facts: str = ""
    state: str = ""
    outcome: str = ""
    next_at: datetime | None = None
    attempts: int = 0
    listed: str = ""
    never: str = ""
    recent: Sequence[datetime] = ()
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    rule: str  # of RULES
    at: datetime | None = None  # the earliest moment of a call
    why: str = ""  # more exactly

    @property
    def called(self) -> bool:
        return self.rule in CALLED


#: Columns that every contact has.
OWN: Final = ("number", "list", "name", "language", "zone", "consent")


def facts_in(text: str) -> Mapping[str, Any]:
    """The facts of a contact by their names; what is no JSON object has none."""
    try:
        facts = json.loads(text) if text else {}
    except ValueError:
        return {}
    return facts if isinstance(facts, Mapping) else {}


def variables(person: Person) -> dict[str, Any]:
    """What a campaign's `when` sees: the columns of the contact, and its facts by their names."""
    return {**facts_in(person.facts), **{name: getattr(person, name) for name in OWN}}


def wanted_facts(campaign: Campaign) -> set[str]:
    """Facts that `when` reads."""
    return names(campaign.when) - set(OWN)


def unknown_facts(campaign: Campaign, known: Collection[str]) -> list[str]:
    """In words, each fact that `when` reads and that is none of ``known``: it is nothing of everybody, and a filter by
    it leaves out people whom nobody meant to leave out."""
    there = sorted({*known, *OWN})
    return [
        f"`when` names `{name}`, which no contact of these lists has; "
        f"{meant(name, there) or 'known here: ' + ', '.join(there)}"
        for name in sorted(wanted_facts(campaign) - set(known))
    ]


class Scrub:
    """Asks the rules of one campaign, at one moment."""

    def __init__(self, campaign: Campaign, now: datetime) -> None:
        self.campaign, self.now = campaign, now
        self._openings: dict[str, datetime | None] = {}  # most people of a zone may be called from the same moment on

    def verdict(self, person: Person) -> Verdict:
        for rule in (_meant, _standing, _number, _allowed, _reachable):
            found = rule(self.campaign, person)
            if found is not None:
                return Verdict(found[0], why=found[1])
        if person.state == "leased":
            return Verdict("going_on", self.now)
        return self._when(person)

    def _opening(self, zone: str, after: datetime) -> datetime | None:
        if after != self.now:
            return next_opening(self.campaign.calling, zone, after)
        if zone not in self._openings:
            self._openings[zone] = next_opening(self.campaign.calling, zone, after)
        return self._openings[zone]

    def _when(self, person: Person) -> Verdict:
        zone = place_in(self.campaign, person)
        due = max(self.now, person.next_at) if person.next_at is not None else self.now
        begins = self._opening(zone, due)
        if begins is None:
            return Verdict("window")
        if not person.recent:
            return Verdict("call", begins)
        rules = self.campaign.attempts
        last = max(person.recent)
        day_began, _ = local_day(zone, last)
        counts = Counts(today=sum(at >= day_began for at in person.recent), last_at=last)
        free = earliest(rules, counts, due, zone)
        opens = self._opening(zone, free)
        # `earliest` names no rule: a day that is used up moves further than the gap does.
        gap_over = max(due, last + timedelta(milliseconds=rules.gap_ms))
        rule = "per_day" if free > gap_over else "gap"
        if opens is None:
            return Verdict(rule)
        return Verdict("call", opens, "" if opens == begins else f"waits: {rule}")


def place_in(campaign: Campaign, person: Person) -> str:
    """The zone that the person's time is reckoned in; "" when nobody knows."""
    return called_zone(campaign.calling, person.zone, person.number)


_Found = tuple[str, str] | None


def _meant(campaign: Campaign, person: Person) -> _Found:
    if campaign.when is not None and not evaluate(campaign.when, variables(person)):
        return "filter", campaign.when_text
    return ("duplicate", "") if person.duplicate else None


def _standing(campaign: Campaign, person: Person) -> _Found:
    # Who was only left out, by one of these rules, may be meant again.
    if person.state == "done" and person.outcome not in RULES:
        return "done", person.outcome
    return None


#: No longer number is an emergency's or a short code, whatever stands before it; lists were checked when they came in.
_SHORT: Final = 10


def _number(campaign: Campaign, person: Person) -> _Found:
    if len(person.number) > _SHORT and E164.fullmatch(person.number):
        return None
    found = normalise(person.number)
    return None if found.number else ("number", found.reason)


def _allowed(campaign: Campaign, person: Person) -> _Found:
    if person.listed:
        return "do_not_call", person.listed
    if person.never in FINAL_EVERYWHERE:
        return "never_again", person.never
    if campaign.consent_required and not person.consent.strip():
        return "no_consent", ""
    return None


def _reachable(campaign: Campaign, person: Person) -> _Found:
    if not place_in(campaign, person):
        return "unknown_zone", ""
    if not any(gateway.takes(person.number) for gateway in campaign.gateways):
        return "no_gateway", ""
    return None
