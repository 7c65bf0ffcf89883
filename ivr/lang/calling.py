"""Calling: what a campaign's file says, one dataclass per shape, one row per key (docs/adr/0011).

Law: as for ``lang.model``, of which these shapes are part. What they mean is ``ivr.campaign``'s.
"""

# ruff: noqa: RUF009  (`key` is dataclasses.field with our own row in it)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ivr.lang import calling_parts as c
from ivr.lang import kinds as k
from ivr.lang import parts as p
from ivr.lang import survey_parts as sp
from ivr.lang.rows import key


@dataclass(slots=True)
class ContactsShape:
    """Who is called."""

    lists: tuple[str, ...] = key(sp.WORDS, "Lists that `ivr contacts import` has made.", required=True)
    when: Any = key(k.CONDITION, "Those of them for whom this holds; it sees the contact's columns. Default: all.")


@dataclass(slots=True)
class GatewayShape:
    """A way to the telephone network."""

    gateway: str = key(k.NAME_KIND, "Its name in figures and logs.", required=True)
    dial: str = key(
        c.DIAL_KIND, "What FreeSWITCH dials, `sofia/gateway/main`; the number follows after a slash.", required=True
    )
    caller_ids: tuple[str, ...] | None = key(
        c.CALLER_IDS, "Numbers that it calls from. A contact sees the same one each time. Default: the gateway's own."
    )
    weight: int | None = key(k.COUNT, "Its share beside other gateways that may take the number. Default 1.")
    prefixes: tuple[str, ...] | None = key(c.PREFIXES, "It takes numbers that begin so, and no others. Default: any.")
    per_second: float | None = key(c.RATE, "At most so many calls begin in any second. Default: the campaign's.")
    at_once: int | None = key(c.CALLS, "At most so many calls at the same time. Default: the campaign's.")


@dataclass(slots=True)
class CallingShape:
    """When a number may be called: in the called party's own local time."""

    zone: str = key(
        c.ZONE, "Time zone of contacts whose own is not known; `none`: these are not called.", required=True
    )
    open: Any = key(c.WINDOWS, "`[Mon-Fri 09:00-12:00, Sat,Sun 10:00-18:00]`; also `daily 09:00-20:00`.", required=True)
    holidays: str | None = key(
        c.HOLIDAYS, "No calls on the holidays of this country, `CN`, or part of one, `DE-BY`. Default none."
    )


@dataclass(slots=True)
class RetryShape:
    """Called again after an outcome."""

    after: int = key(k.SPAN, "Not before so long.", required=True)
    times: int = key(k.COUNT, "So often at most.", required=True)


@dataclass(slots=True)
class AttemptsShape:
    """How often, and how soon again, a person is called."""

    each: int | None = key(k.COUNT, "At most so many attempts at one person. Default 4.")
    per_day: int | None = key(k.COUNT, "At one number in its local day, over all campaigns. Default 2.")
    gap: int | None = key(k.SPAN, "Between two attempts at one number, over all campaigns. Default 10m.")
    retry: dict[str, Any] | None = key(
        c.RETRIES, "`{busy: {after: 10m, times: 3}, invalid: never}`; the others as in docs/campaigns.md."
    )


@dataclass(slots=True)
class StopAtShape:
    """When enough is enough. The questionnaire's own quotas count besides."""

    completes: int = key(sp.COMPLETES, "So many complete interviews.", required=True)


@dataclass(slots=True)
class MachinesShape:
    """What is done about answering machines."""

    detect: str = key(
        c.DETECT,
        "`signal`: by what is heard. `key`: whoever presses no key in the flow's first menu is one. `none`: not "
        "at all.",
        required=True,
    )
    then: str | None = key(c.HANG_UP, "`hang_up`. This is the default.")
    leave: str | None = key(c.PROMPT_NAME, "A prompt that is left on it, instead.")


@dataclass(slots=True)
class CampaignFile:
    """A campaign: one file in campaigns/. It calls the people of a list with a questionnaire or a flow."""

    campaign: str = key(k.NAME_KIND, "The campaign's name.", required=True)
    title: str | None = key(k.TEXT, "For people.")
    survey: str | None = key(k.NAME_KIND, "The questionnaire that answers; or:")
    flow: str | None = key(k.NAME_KIND, "The flow that does. Exactly one of the two.")
    contacts: ContactsShape = key(p.nested("ContactsShape"), "Who is called.", required=True)
    gateways: tuple[GatewayShape, ...] = key(sp.shapes("GatewayShape"), "The ways out, at least one.", required=True)
    per_second: float = key(c.RATE, "At most so many calls begin in any second, in all.", required=True)
    at_once: int = key(c.CALLS, "At most so many calls at the same time, ringing or answered.", required=True)
    target: int | None = key(
        c.CALLS, "So many answered calls at the same time are aimed at. Default: what `at_once` leaves."
    )
    calling: CallingShape = key(p.nested("CallingShape"), "When.", required=True)
    starts: str | None = key(c.DAY, "The first day, in the zone of `calling`; with `none` in the called party's.")
    ends: str | None = key(c.DAY, "The last day.")
    ring: int | None = key(k.DURATION, "How long it rings. Default 30s.")
    attempts: AttemptsShape | None = key(p.nested("AttemptsShape"), "How often.")
    stop_at: StopAtShape | None = key(p.nested("StopAtShape"), "When enough were reached.")
    machines: MachinesShape | None = key(p.nested("MachinesShape"), "Answering machines. Default: not detected.")
    priority: int | None = key(c.PRIORITY, "1 first to 9 last, where campaigns share a gateway. Default 5.")
    consent: str | None = key(
        c.CONSENT, "`required`: a contact without a reference to a consent is not called. This is the default."
    )
    recording_notice: str | None = key(
        c.PROMPT_NAME, "A prompt that tells of the recording, before anything else. Needed when the flow records."
    )


SHAPES: tuple[type[Any], ...] = (
    ContactsShape,
    GatewayShape,
    CallingShape,
    RetryShape,
    AttemptsShape,
    StopAtShape,
    MachinesShape,
    CampaignFile,
)
