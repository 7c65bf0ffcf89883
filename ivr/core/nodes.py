"""Nodes: what a Program is made of, as plain data.

Law: fields and their meaning, nothing else. ``core.machine`` and ``core.collecting`` are their only interpreters. They
stand apart from :class:`ivr.core.program.Program` because these classes are compiled where there is a compiler
(ADR 0007), and Program keeps what it has worked out in its ``__dict__``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Expr = Any  # a JSON tree of core.expr: a literal, or [operator, argument, ...]

#: Step name that means "hear this step again" wherever a goto is allowed.
REPEAT: Final = "@repeat"
#: Step name of the compiler's own node that ends the call politely.
END: Final = "@end"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a prompt: fixed ``text`` (a clip), or the value of ``expr`` spoken ``as_`` digits, number, ..."""

    text: str = ""
    expr: Expr = None
    as_: str = ""  # "" for fixed text; else digits | number | ordinal | date | time | money


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is said at one point. ``name`` is the catalogue name ("" for a prompt written in place)."""

    name: str
    pieces: Mapping[str, tuple[Piece, ...]]  # by language


@dataclass(frozen=True, slots=True)
class Assign:
    name: str
    expr: Expr


@dataclass(frozen=True, slots=True)
class Way:
    """Where a key or a branch leads: assignments first, then the step. ``when`` false means: not there."""

    goto: str
    when: Expr = None  # None: always
    set: tuple[Assign, ...] = ()
    answer: Any = None  # for a question: the value that this key stands for
    missing: str = ""  # for a question: refused | dont_know; the key answers without a value


@dataclass(frozen=True, slots=True)
class Escalation:
    """What one kind of failure (silence, wrong key) leads to."""

    prompts: tuple[tuple[str, ...], ...] = ()  # the n-th failure plays prompts[n], the last repeats; (): the step's own
    tries: int = 0  # give up after so many of this kind; 0: only the total counts
    give_up: str = ""  # step


@dataclass(frozen=True, slots=True)
class Say:
    prompts: tuple[str, ...]
    next: str
    barge_in: bool = True


@dataclass(frozen=True, slots=True)
class Collect:
    """Plays ``prompts`` and reads keys. Menus, asks and survey questions are all this node.

    With ``ways`` it is a choice: the keys are matched against the ways by longest prefix.
    Without, it is an entry of ``min_keys..max_keys`` keys ended by ``end`` keys, the timer, or ``max_keys``;
    ``core.values`` says what an entry stands for.
    """

    prompts: tuple[str, ...]
    ways: Mapping[str, tuple[Way, ...]] = field(default_factory=dict)  # keys pressed -> first way whose `when` holds
    min_keys: int = 1
    max_keys: int = 1
    end: str = "#"  # keys that end an entry; "" none
    pattern: str = ""  # a vetted regular expression the whole entry matches; "" any
    valid: Expr = None  # a condition on `into` (as if already set); None: always
    value: str = "digits"  # what `into` becomes: choice (the Way's answer), or a kind of core.values
    into: str = ""  # variable to set; "" none
    next: str = ""  # entry accepted
    secret: bool = False
    barge_in: bool = True
    flush: bool = False  # drop what was typed ahead when the step is reached
    first_ms: int = 5000
    between_ms: int = 2500
    tries: int = 3  # failures of any kind together; 0: only the escalations' own
    silence: Escalation = Escalation()
    wrong: Escalation = Escalation()
    confirm: tuple[str, ...] = ()  # prompts; then confirm_yes accepts, confirm_no asks again
    confirm_yes: str = "1"
    confirm_no: str = "2"
    question: str = ""  # name its attempts and answer are stored under ("": the step's name)
    survey: str = ""  # survey id when the answer belongs to one
    store: bool = True  # emit the accepted value as an answer (menus: attempts only)
    rule: Expr = None  # a second condition on `into`, whose failure plays `invalid` instead of what `wrong` plays
    invalid: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)  # of an entry: whole entry -> refused | dont_know
    items: Mapping[str, Any] = field(default_factory=dict)  # of multiple and ranking: key -> what it stands for
    alone: tuple[Any, ...] = ()  # of multiple: items that go with no other
    places: int = 0  # of an amount: digits after the point


@dataclass(frozen=True, slots=True)
class SetVars:
    set: tuple[Assign, ...]
    next: str


@dataclass(frozen=True, slots=True)
class Branch:
    ways: tuple[Way, ...]
    otherwise: str  # where it goes when no way's condition holds


@dataclass(frozen=True, slots=True)
class Transfer:
    destination: str  # name declared in `destinations`, never caller text
    prompts: tuple[str, ...]  # heard before
    ring_ms: int
    next: str  # the far end hung up and the caller is still there
    busy: str
    no_answer: str
    failed: str
    after_agent: str = ""  # the far end hung up in order; "": ``next``


@dataclass(frozen=True, slots=True)
class Queue:
    queue: str  # name declared in `queues`, never caller text
    prompts: tuple[str, ...]  # heard before
    announce: tuple[str, ...]  # heard while waiting, over the music
    announce_ms: int  # and again after so long; 0: nothing is announced
    leave: Mapping[str, str]  # key that leaves the queue -> step
    wait_ms: int
    next: str  # the talk is over and the caller is still there
    after_agent: str  # ... because the agent hung up, in order
    no_agent: str  # nobody is signed in
    full: str
    timed_out: str
    failed: str


@dataclass(frozen=True, slots=True)
class Record:
    prompts: tuple[str, ...]
    limit_ms: int
    silence_ms: int  # so much silence ends the recording
    end: str  # key that ends it: "#" or "any"
    into: str
    next: str
    empty: str  # nothing was said
    failed: str
    question: str = ""
    survey: str = ""


@dataclass(frozen=True, slots=True)
class SurveyMark:
    """Opens or closes a run of a survey in the data, or (resume) goes on with one of an earlier call."""

    survey: str
    mark: str  # begin | resume | complete | partial | screened_out | quota_full | refused
    next: str
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Goes through its entries in an order of the run's own (``core.ordering``); each of them leads back here."""

    entries: tuple[str, ...]
    next: str
    survey: str


@dataclass(frozen=True, slots=True)
class Alert:
    """A row of the outbox when a run is over and ``when`` holds."""

    name: str
    kind: str  # notify | call_back
    when: Expr


@dataclass(frozen=True, slots=True)
class SurveyPlan:
    """What is known of a questionnaire beside its nodes."""

    definition: Mapping[str, Any]  # survey.definition.Definition as JSON
    hash: str  # of the definition
    quotas: tuple[Assign, ...] = ()  # name, and the condition under which a complete counts for it
    alerts: tuple[Alert, ...] = ()
    resume_ms: int = 0  # a run that broke off can be gone on with for so long; 0: it cannot
    not_again_ms: int = 0  # who was asked within this time is not asked


@dataclass(frozen=True, slots=True)
class Detect:
    """Listens to who answered: a greeting of ``greeting_ms`` without a pause is a machine's."""

    greeting_ms: int
    silence_ms: int  # the pause that ends a person's greeting
    end_ms: int  # a machine's greeting is waited for to end, so long at most; 0: not at all
    person: str
    machine: str


@dataclass(frozen=True, slots=True)
class OptOut:
    """The caller's number is put on the do-not-call list, before anything more is said."""

    scope: str  # all | campaign
    next: str


@dataclass(frozen=True, slots=True)
class CallBack:
    """The caller is to be called again: after so long, or at the time of day that ``at`` gives (HHMM)."""

    after_ms: int
    at: str  # the name that holds it; "" none
    next: str


@dataclass(frozen=True, slots=True)
class HangUp:
    prompts: tuple[str, ...] = ()
    cause: str = "NORMAL_CLEARING"


Node = (
    Say
    | Collect
    | SetVars
    | Branch
    | Transfer
    | Queue
    | Record
    | SurveyMark
    | Shuffle
    | Detect
    | OptOut
    | CallBack
    | HangUp
)
NODE_KINDS: Final[dict[str, type[Any]]] = {
    "say": Say,
    "collect": Collect,
    "set": SetVars,
    "branch": Branch,
    "transfer": Transfer,
    "queue": Queue,
    "record": Record,
    "survey_mark": SurveyMark,
    "shuffle": Shuffle,
    "detect": Detect,
    "opt_out": OptOut,
    "call_back": CallBack,
    "hang_up": HangUp,
}
