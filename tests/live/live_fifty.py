"""Fifty people on two lists, and a network of SIPp telephones that behave as they do.

A way to behave has a gateway and a SIPp process of its own, and a beginning of numbers in each campaign that has people
of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ivr.cli.demo_people import callback_time
from ivr.hosts.caller import Action, HangsUp, Hears, Press, Speak

APPOINTMENT, SURVEY = "appointment_reminder", "aftercare_survey"
FILES = {APPOINTMENT: "appointment-reminder.yaml", SURVEY: "aftercare-survey.yaml"}
LISTS = {APPOINTMENT: "appointments", SURVEY: "repairs"}
#: Whoever asks to be called back: not while the test runs.
AT = callback_time()
DAY = (date.today() + timedelta(days=1)).isoformat()
FACTS: Mapping[str, Mapping[str, str]] = {
    APPOINTMENT: {"language": "en", "appointment_date": DAY, "appointment_time": "14:30"},
    SURVEY: {"language": "en", "customer.region": "north"},
}


@dataclass(frozen=True)
class Way:
    """``people``: how many of each campaign. ``script``: of whoever answers, as in a .calls.yaml; without, ``phone``.

    ``answers``: what the database has to hold of the call, by question.
    """

    outcome: str
    cause: str
    sip_code: int | None
    people: Mapping[str, int]
    phone: Mapping[str, Any] = field(default_factory=dict)
    script: Sequence[Action] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    run: str = ""  # of the questionnaire: its status
    ended_by: str = "flow"

    @property
    def campaign(self) -> str:
        """Of a way that one campaign alone has."""
        return next(iter(self.people))


def _silent(outcome: str, cause: str, sip_code: int | None, people: tuple[int, int], **phone: Any) -> Way:
    """Whom nobody talks with."""
    by_campaign = {name: n for name, n in zip((APPOINTMENT, SURVEY), people, strict=True) if n}
    return Way(outcome, cause, sip_code, by_campaign, phone)


def _chose(people: int, script: Sequence[Action], outcome: str = "answered", **answers: str) -> Way:
    begin = (Hears("press any digit"), Press("5"), Hears("To confirm it"))
    kept = {"hello": "5", **answers}
    return Way(outcome, "NORMAL_CLEARING", None, {APPOINTMENT: people}, script=[*begin, *script], answers=kept)


def _rated(people: int, script: Sequence[Action], run: str, ended_by: str = "flow", **answers: str) -> Way:
    begin = (Speak(500), Hears("a few questions"), Hears("How satisfied"))
    sip_code = 200 if ended_by == "caller" else None
    return Way(
        "answered",
        "NORMAL_CLEARING",
        sip_code,
        {SURVEY: people},
        script=[*begin, *script],
        answers=answers,
        run=run,
        ended_by=ended_by,
    )


_VISITS = Hears("How many times")
_REST = (Hears("You entered"), Press("1"), Hears("How likely"))

WAYS: dict[str, Way] = {
    "confirms": _chose(5, [Press("1"), Hears("is confirmed")], choose="1"),
    "moves": _chose(
        3,
        [Press("2"), Hears("When may we"), Press(AT), Hears("You entered"), Press("1"), Hears("call you then")],
        choose="2",
        new_time=AT,
    ),
    "cancels": _chose(3, [Press("3"), Hears("is cancelled")], choose="3"),
    "stops": _chose(4, [Press("9"), Hears("not call you again")], "opted_out", choose="9"),
    # In this campaign a machine is known by the keys that it does not press.
    "presses_nothing": Way("machine", "NORMAL_CLEARING", None, {APPOINTMENT: 2}),
    "content": _rated(
        4,
        [Press("5"), _VISITS, Press("1#"), *_REST, Press("10#"), Hears("Thank you")],
        "complete",
        overall="5",
        visits="1",
        recommend="10",
    ),
    "cross": _rated(
        3,
        [Press("2"), Hears("What went wrong"), Press("2"), _VISITS, Press("3#"), *_REST, Press("1#"), Hears("Thank")],
        "complete",
        overall="2",
        reason="not_fixed",
        visits="3",
        recommend="1",
    ),
    "hurries": _rated(2, [Press("3"), _VISITS, HangsUp()], "partial", "caller", overall="3"),
    "speaks_on": Way("machine", "NORMAL_CLEARING", None, {SURVEY: 2}, script=[Speak(9000)], run=""),
    "busy": _silent("busy", "USER_BUSY", 486, (2, 2), status="486 Busy Here"),
    "rings_out": _silent("no_answer", "NO_ANSWER", None, (2, 2), rings=True),
    "declines": _silent("rejected", "CALL_REJECTED", 603, (1, 2), status="603 Decline"),
    "no_such_number": _silent("invalid", "UNALLOCATED_NUMBER", 404, (1, 1), status="404 Not Found"),
    "no_room": _silent("congestion", "NORMAL_TEMPORARY_FAILURE", 503, (1, 1), status="503 Service Unavailable"),
    "gone_early": _silent("short", "NORMAL_CLEARING", 200, (2, 2), talk_ms=800),
    "away": _silent("no_answer", "NO_USER_RESPONSE", 480, (1, 2), status="480 Temporarily Unavailable"),
}
PEOPLE = {name: sum(way.people.get(name, 0) for way in WAYS.values()) for name in FILES}
_FIRST = {APPOINTMENT: "+861380", SURVEY: "+861390"}


def numbers(name: str, campaign: str) -> list[str]:
    """Of the people of a campaign who behave so."""
    return [f"{prefix(name, campaign)}{n:04}" for n in range(WAYS[name].people.get(campaign, 0))]


def prefix(name: str, campaign: str) -> str:
    return f"{_FIRST[campaign]}{list(WAYS).index(name):03}"


def people(campaign: str) -> list[list[str]]:
    """The rows of its spreadsheet."""
    facts = FACTS[campaign]
    rows = [["phone", "name", "consent", *facts]]
    for name in WAYS:
        rows += [[number, f"{name} {n}", "form 7", *facts.values()] for n, number in enumerate(numbers(name, campaign))]
    return rows


def adapted(said: dict[str, Any]) -> dict[str, Any]:
    """A shipped campaign as it can be called at any hour, over the network of this test, and everybody once."""
    name = said["campaign"]
    gateways = [
        {
            "gateway": way,
            "dial": f"sofia/gateway/{way}",
            "caller_ids": ["+862112345678"],
            "prefixes": [prefix(way, name)],
        }
        for way, what in WAYS.items()
        if name in what.people
    ]
    return {
        **said,
        "gateways": gateways,
        "calling": {"zone": said["calling"]["zone"], "open": ["Mon-Sun 00:00-24:00"]},
        "attempts": {"each": 1},
        "ring": "5s",
        "per_second": 6,
        "at_once": 40,
    }
