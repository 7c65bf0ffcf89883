"""Outcome rates of AAPOR's Standard Definitions (9th edition, 2016), for telephone surveys.

Law: pure functions of counts of final dispositions. A rate whose denominator is 0 is None, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from enum import Enum

from ivr.results.stats.distributions import StatsError

GROUPS = ("I", "P", "R", "NC", "O", "UH", "UO", "NE")


class Disposition(Enum):
    """How a telephone case ended for good: AAPOR's code and the group that the rates count it in."""

    COMPLETE = ("1.1", "I")
    PARTIAL = ("1.2", "P")
    REFUSAL_AND_BREAK_OFF = ("2.10", "R")
    REFUSAL = ("2.11", "R")
    HOUSEHOLD_REFUSAL = ("2.111", "R")
    RESPONDENT_REFUSAL = ("2.112", "R")
    BREAK_OFF = ("2.12", "R")
    NON_CONTACT = ("2.20", "NC")
    RESPONDENT_NEVER_AVAILABLE = ("2.21", "NC")
    ANSWERING_MACHINE_OF_HOUSEHOLD = ("2.22", "NC")  # its message confirms a household
    ANSWERING_MACHINE_NO_MESSAGE_LEFT = ("2.221", "NC")
    ANSWERING_MACHINE_MESSAGE_LEFT = ("2.222", "NC")
    OTHER_NON_INTERVIEW = ("2.30", "O")  # eligible, no refusal
    DECEASED = ("2.31", "O")
    UNABLE = ("2.32", "O")  # physically or mentally
    LANGUAGE = ("2.33", "O")
    HOUSEHOLD_LANGUAGE = ("2.331", "O")
    RESPONDENT_LANGUAGE = ("2.332", "O")
    NO_INTERVIEWER_FOR_LANGUAGE = ("2.333", "O")
    PLACE_DOES_NOT_ALLOW = ("2.35", "O")  # the caller drives, say
    UNKNOWN_IF_HOUSEHOLD = ("3.10", "UH")
    NOT_ATTEMPTED = ("3.11", "UH")
    ALWAYS_BUSY = ("3.12", "UH")
    NO_ANSWER = ("3.13", "UH")
    ANSWERING_MACHINE_UNKNOWN = ("3.14", "UH")  # nobody knows whether of a household
    CALL_BLOCKING = ("3.15", "UH")
    TECHNICAL_PROBLEM = ("3.16", "UH")
    UNKNOWN_IF_ELIGIBLE_RESPONDENT = ("3.20", "UO")
    NO_SCREENER_COMPLETED = ("3.21", "UO")
    UNKNOWN_OTHER = ("3.90", "UO")
    OUT_OF_SAMPLE = ("4.10", "NE")
    FAX_OR_DATA_LINE = ("4.20", "NE")
    NON_WORKING_OR_DISCONNECTED = ("4.30", "NE")
    NON_WORKING = ("4.31", "NE")
    DISCONNECTED = ("4.32", "NE")
    TEMPORARILY_OUT_OF_SERVICE = ("4.33", "NE")
    SPECIAL_TECHNOLOGY = ("4.40", "NE")
    NUMBER_CHANGED = ("4.41", "NE")
    CALL_FORWARDING = ("4.43", "NE")
    PAGER = ("4.44", "NE")
    NON_RESIDENCE = ("4.50", "NE")
    BUSINESS = ("4.51", "NE")
    INSTITUTION = ("4.52", "NE")
    GROUP_QUARTERS = ("4.53", "NE")
    NO_ELIGIBLE_RESPONDENT = ("4.70", "NE")
    QUOTA_FILLED = ("4.80", "NE")
    NOT_ELIGIBLE_OTHER = ("4.90", "NE")

    @property
    def code(self) -> str:
        return self.value[0]

    @property
    def group(self) -> str:
        return self.value[1]

    @classmethod
    def of_code(cls, code: str) -> Disposition:
        for disposition in cls:
            if disposition.code == code:
                return disposition
        known = ", ".join(disposition.code for disposition in cls)
        raise StatsError(f"{code!r} is no disposition of a telephone survey; there are {known}.")


@dataclass(frozen=True)
class Counts:
    """Cases by group; they may be sums of weights."""

    I: float = 0  # complete interviews
    P: float = 0  # partial interviews
    R: float = 0  # refusals and break-offs
    NC: float = 0  # non-contacts
    O: float = 0  # other eligible non-interviews
    UH: float = 0  # unknown if a household
    UO: float = 0  # unknown, other
    NE: float = 0  # known not to be eligible

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) < float("inf"):
                raise StatsError(f"{getattr(self, field.name)} cases in group {field.name}: a count is 0 or more.")

    @classmethod
    def of(cls, cases: Iterable[Disposition] | Mapping[Disposition, float]) -> Counts:
        """From the dispositions of the cases, or how many cases each has."""
        found = dict.fromkeys(GROUPS, 0.0)
        for disposition, count in cases.items() if isinstance(cases, Mapping) else ((case, 1.0) for case in cases):
            found[disposition.group] += count
        return cls(**found)

    @property
    def interviews(self) -> float:
        return self.I + self.P

    @property
    def contacted(self) -> float:
        return self.I + self.P + self.R + self.O

    @property
    def eligible(self) -> float:
        return self.contacted + self.NC

    @property
    def unknown(self) -> float:
        return self.UH + self.UO


def eligibility(counts: Counts) -> float | None:
    """e: the share of the unknown cases that is taken for eligible, as large as among the known ones (CASRO)."""
    return _ratio(counts.eligible, counts.eligible + counts.NE)


def rates(counts: Counts, e: float | None = None) -> dict[str, float | None]:
    """All sixteen rates by name, ``RR1`` to ``CON3``; ``e`` is estimated from the counts when it is not given."""
    return {name: rate(counts, name, e) for name in RATES}


def rate(counts: Counts, name: str, e: float | None = None) -> float | None:
    """One rate. None where nothing is counted, or where e is needed and cannot be estimated."""
    if name not in RATES:
        raise StatsError(f"{name!r} is no outcome rate; there are {', '.join(RATES)}.")
    if e is not None and not 0 <= e <= 1:
        raise StatsError(f"e is {e}; it is a share of the unknown cases, between 0 and 1.")
    part, whole, takes_e = RATES[name]
    denominator = whole(counts)
    if takes_e and counts.unknown:
        e = eligibility(counts) if e is None else e
        if e is None:
            return None
        denominator += e * counts.unknown
    return _ratio(part(counts), denominator)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


_Sum = Callable[[Counts], float]


def _complete(c: Counts) -> float:
    return c.I


def _interviews(c: Counts) -> float:
    return c.interviews


def _refused(c: Counts) -> float:
    return c.R


def _contacted(c: Counts) -> float:
    return c.contacted


def _eligible(c: Counts) -> float:
    return c.eligible


def _everybody(c: Counts) -> float:
    return c.eligible + c.unknown


def _asked(c: Counts) -> float:
    return c.I + c.P + c.R


#: name -> (numerator, denominator, whether e times the unknown cases are added to the denominator)
RATES: dict[str, tuple[_Sum, _Sum, bool]] = {
    "RR1": (_complete, _everybody, False),
    "RR2": (_interviews, _everybody, False),
    "RR3": (_complete, _eligible, True),
    "RR4": (_interviews, _eligible, True),
    "RR5": (_complete, _eligible, False),
    "RR6": (_interviews, _eligible, False),
    "COOP1": (_complete, _contacted, False),
    "COOP2": (_interviews, _contacted, False),
    "COOP3": (_complete, _asked, False),
    "COOP4": (_interviews, _asked, False),
    "REF1": (_refused, _everybody, False),
    "REF2": (_refused, _eligible, True),
    "REF3": (_refused, _eligible, False),
    "CON1": (_contacted, _everybody, False),
    "CON2": (_contacted, _eligible, True),
    "CON3": (_contacted, _eligible, False),
}


def classify_run(answered_share: float, complete_above: float = 0.8, partial_from: float = 0.5) -> Disposition:
    """What a begun interview counts as, by the share of the applicable questions that were answered.

    The standard's first proposal: under 50 % break-off, 50 to 80 % partial, more than 80 % complete. Who answered
    everything is complete in any case, so that ``complete_above=1`` means "all questions".
    """
    if not 0 <= answered_share <= 1:
        raise StatsError(f"The share of answered questions is {answered_share}; it lies between 0 and 1.")
    if not 0 <= partial_from <= complete_above <= 1:
        raise StatsError(
            f"Partial from {partial_from} and complete above {complete_above}: both lie between 0 and 1,"
            " the first not above the second."
        )
    if answered_share > complete_above or answered_share == 1:
        return Disposition.COMPLETE
    return Disposition.PARTIAL if answered_share >= partial_from else Disposition.BREAK_OFF
