"""Model: a campaign as it runs, whole and checked: what a version of it is in the database.

Law: plain data, with ``to_json`` and ``from_json`` that give an equal Campaign back. Times are milliseconds, minutes of
a day count from its midnight. ``campaign.reader`` makes it from a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Final

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """Open on ``days`` (Monday is 0) from the minute ``opens`` until before ``closes``; 1440 is midnight."""

    days: tuple[int, ...]
    opens: int
    closes: int


@dataclass(frozen=True)
class Calling:
    """When a number may be called, in its own local time."""

    open: tuple[Window, ...]
    zone: str = ""  # of numbers whose zone is not known; "": these are not called
    holidays: str = ""  # a country (CN), or a part of one (DE-BY): no calls on its holidays; "": no matter
    starts: str = ""  # first day, ISO; in `zone`, or where there is none in the called party's
    ends: str = ""  # last day

    @cached_property
    def first_day(self) -> date | None:
        return date.fromisoformat(self.starts) if self.starts else None

    @cached_property
    def last_day(self) -> date | None:
        return date.fromisoformat(self.ends) if self.ends else None


@dataclass(frozen=True, slots=True)
class Gateway:
    gateway: str
    dial: str  # what stands before /number
    caller_ids: tuple[str, ...] = ()  # E.164
    weight: int = 1
    prefixes: tuple[str, ...] = ()  # E.164 beginnings that it takes; (): any
    per_second: float = 0  # 0: as the campaign
    at_once: int = 0

    def takes(self, number: str) -> bool:
        return not self.prefixes or number.startswith(self.prefixes)


@dataclass(frozen=True, slots=True)
class Retry:
    after_ms: int
    times: int


#: What is done after each outcome where the file does not say; None: never again.
DEFAULT_RETRIES: Final[Mapping[str, Retry | None]] = {
    "answered": None,
    "machine": Retry(DAY_MS, 2),
    "no_answer": Retry(2 * HOUR_MS, 3),
    "busy": Retry(HOUR_MS // 6, 3),
    "rejected": Retry(DAY_MS, 1),
    "invalid": None,
    "congestion": Retry(HOUR_MS // 12, 5),
    "failed": Retry(HOUR_MS // 2, 3),
    "short": Retry(DAY_MS, 1),
    "opted_out": None,
    "unknown": Retry(HOUR_MS, 1),
}


@dataclass(frozen=True, slots=True)
class Attempts:
    each: int = 4  # at one person, in all
    per_day: int = 2  # at one number, over all campaigns, in its local day
    gap_ms: int = HOUR_MS // 6  # between two at one number, over all campaigns
    retry: Mapping[str, Retry | None] = field(default_factory=lambda: dict(DEFAULT_RETRIES))


@dataclass(frozen=True, slots=True)
class Machines:
    detect: str = "none"  # signal | key | none
    leave: str = ""  # prompt that is left on it; "": hang up


@dataclass(frozen=True)
class Campaign:
    campaign: str
    calling: Calling
    gateways: tuple[Gateway, ...]
    per_second: float
    at_once: int  # calls, ringing and answered together
    title: str = ""
    survey: str = ""  # one of the two
    flow: str = ""
    lists: tuple[str, ...] = ()
    when: Any = None  # an expression of core.expr over a contact's columns; None: everybody on the lists
    when_text: str = ""
    target: int = 0  # answered calls to hold at a time; 0: as many as at_once lets
    ring_ms: int = 30_000
    attempts: Attempts = field(default_factory=Attempts)
    completes: int = 0  # stop at so many complete interviews; 0: when everybody was called
    machines: Machines = field(default_factory=Machines)
    priority: int = 5
    consent_required: bool = True
    recording_notice: str = ""  # prompt

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Campaign:
        calling, attempts = data["calling"], data["attempts"]
        windows = tuple(Window(tuple(w["days"]), w["opens"], w["closes"]) for w in calling["open"])
        retry = {outcome: Retry(**r) if r else None for outcome, r in attempts["retry"].items()}
        return cls(
            **{
                **data,
                "lists": tuple(data["lists"]),
                "gateways": tuple(_gateway(g) for g in data["gateways"]),
                "calling": Calling(**{**calling, "open": windows}),
                "attempts": Attempts(**{**attempts, "retry": retry}),
                "machines": Machines(**data["machines"]),
            }
        )

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of everything that it says."""
        text = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _gateway(data: Mapping[str, Any]) -> Gateway:
    return Gateway(**{**data, "caller_ids": tuple(data["caller_ids"]), "prefixes": tuple(data["prefixes"])})
