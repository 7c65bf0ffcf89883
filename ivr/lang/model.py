"""Model: what a file says, one dataclass per shape, one row per key.

Law: these rows are the grammar. The reader, the JSON Schema and the reference are all generated from them, so a key
cannot exist in one and be missing in another. A value is already what the compiler needs: prompts are ids, targets
step names, conditions trees.
"""

# ruff: noqa: RUF009  (`key` is dataclasses.field with our own row in it)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ivr.core.program import Assign, Way
from ivr.lang import calling
from ivr.lang import kinds as k
from ivr.lang import parts as p
from ivr.lang.asking import (
    AlertShape,
    BankFile,
    BankVersion,
    Confirm,
    ConsentShape,
    LoopShape,
    OptionShape,
    OptOutKey,
    Prompts,
    Question,
    QuestionDigits,
    QuotaShape,
    ResumeShape,
    SayText,
    Section,
    SurveyFile,
    Trees,
)
from ivr.lang.rows import Row, key, rows
from ivr.lang.source import Map, Text


@dataclass(slots=True)
class Digits:
    """How keys are waited for. A step's own `digits` win over those of the file, key by key."""

    first: int | None = key(k.DURATION, "Silence before the first key, counted from the end of the prompt. Default 5s.")
    between: int | None = key(k.DURATION, "Silence between two keys. Default 2.5s.")
    tries: tuple[int, int, int] | None = key(
        p.TRIES,
        "After so many failures the caller is sent to `give_up`: all failures together, or "
        "`{silence: 2, wrong: 3}`, each on its own count. Default 3.",
    )
    give_up: tuple[str, str] | None = key(
        p.GIVE_UP, "Where a caller goes who has failed so often: a target, or `{silence: target, wrong: target}`."
    )
    type_ahead: str | None = key(
        k.TYPE_AHEAD, "`keep`: keys pressed before this step count. `flush`: they are dropped. Default keep."
    )
    barge_in: bool | None = key(k.BOOL, "Whether a key silences the prompt. Default true.")


@dataclass(slots=True)
class EntryDigits(Digits):
    """`digits` of an `ask`: also what an entry looks like."""

    length: tuple[int, int] | None = key(k.LENGTH, "How many keys, `6` or `6..10`. Default 1..20.")
    end: str | None = key(k.END_KEY, 'The key that ends the entry: `"#"`, `"*"` or `none`. Default `"#"`.')
    pattern: str | None = key(k.PATTERN, "A regular expression that the whole entry matches.")


@dataclass(slots=True)
class Say:
    """Speaks, and goes on."""

    say: Prompts = key(k.PROMPT, "What is said.", required=True)
    next: str | None = key(k.TARGET, "The step after it. Needed unless `hang_up: true`.")
    hang_up: bool | None = key(k.TRUE, "The call ends when it has been said.")
    barge_in: bool | None = key(k.BOOL, "Whether a key silences the prompt. Default true.")


@dataclass(slots=True)
class Menu:
    """Speaks, and goes where the pressed key says."""

    menu: Prompts = key(k.PROMPT, "What is said.", required=True)
    keys: dict[str, tuple[Way, ...]] = key(
        p.KEYS,
        'What each key does: `1`, `"*"`, `"#"`, `12` to a target, to `{goto, set, when}`, or to a list of such maps, '
        "of which the first counts whose `when` holds.",
        required=True,
    )
    silence: tuple[Prompts, ...] | None = key(
        p.ESCALATION, "What the first, the second ... silence plays, and nothing else; the last entry repeats."
    )
    wrong: tuple[Prompts, ...] | None = key(p.ESCALATION, "The same for a key that is not on offer.")
    digits: Digits | None = key(p.nested("Digits"), "How keys are waited for.")


@dataclass(slots=True)
class Ask:
    """Speaks, and reads a number of keys into a name."""

    ask: Prompts = key(k.PROMPT, "What is said.", required=True)
    into: str = key(k.VARIABLE, "The name that the entry gets.", required=True)
    next: str = key(k.TARGET, "The step after a good entry.", required=True)
    type: str | None = key(
        k.ENTRY_TYPE, "`digits`: the keys as text, `012` stays `012`. `number`: a number. Default digits."
    )
    digits: EntryDigits | None = key(p.nested("EntryDigits"), "How keys are waited for, and how many.")
    valid: Trees = key(k.CONDITION, "A condition that a good entry meets; it sees the entry under its name.")
    confirm: Confirm | None = key(
        p.CONFIRM, "Said after the entry: 1 accepts, 2 asks again; or `{say: prompt, yes: 1, no: 2}`."
    )
    silence: tuple[Prompts, ...] | None = key(p.ESCALATION, "What each silence plays, as in a menu.")
    wrong: tuple[Prompts, ...] | None = key(p.ESCALATION, "What each bad entry plays, as in a menu.")
    secret: bool | None = key(
        k.BOOL,
        "The keys are never spoken, logged or stored, and conditions alone may read them; the switch collects them, "
        "and any key silences the prompt. Default false.",
    )


@dataclass(slots=True)
class Set:
    """Gives names new values."""

    set: tuple[Assign, ...] = key(
        p.ASSIGNS, '`{name: value}`. A text `"{{ expression }}"` is computed; any other value is itself.', required=True
    )
    next: str = key(k.TARGET, "The step after it.", required=True)


@dataclass(slots=True)
class Branch:
    """Goes where the first condition that holds says."""

    branch: tuple[Way, ...] = key(
        p.BRANCHES, "A list of `{when: condition, goto: target, set: {...}}`; the last has no `when`.", required=True
    )


@dataclass(slots=True)
class Goto:
    """Goes to another step."""

    goto: str = key(k.TARGET, "The step.", required=True)


@dataclass(slots=True)
class Transfer:
    """Connects the caller to someone else."""

    transfer: str = key(k.DESTINATION, "One of the file's `destinations`.", required=True)
    say: Prompts | None = key(k.PROMPT, "What is said before.")
    ring: int | None = key(k.DURATION, "How long it may ring. Default 30s.")
    next: str | None = key(k.TARGET, "When the talk is over and the caller is still there. Default hang_up.")
    after_agent: str | None = key(
        k.TARGET, "When the far end has hung up, and the caller is still there: a survey, say. Default: `next`."
    )
    failed: str = key(k.TARGET, "When the connection fails.", required=True)
    busy: str | None = key(k.TARGET, "When the far end is busy. Default: `failed`.")
    no_answer: str | None = key(k.TARGET, "When nobody answers. Default: `failed`.")


@dataclass(slots=True)
class Queue:
    """Lets the caller wait for an agent of a queue, and talk."""

    queue: str = key(k.QUEUE, "One of the file's `queues`.", required=True)
    say: Prompts | None = key(k.PROMPT, "What is said before.")
    announce: Announce | None = key(p.nested("Announce"), "What is said while the caller waits, again and again.")
    leave: dict[str, str] | None = key(p.LEAVE, 'Keys that leave the queue, each to a target: `{"#": leave_message}`.')
    wait: int | None = key(k.DURATION, "The longest wait. Default 10m.")
    next: str | None = key(k.TARGET, "When the talk is over and the caller is still there. Default hang_up.")
    after_agent: str | None = key(
        k.TARGET, "When the agent has hung up, and the caller is still there: a survey, say. Default: `next`."
    )
    failed: str = key(k.TARGET, "When the switch has no such queue.", required=True)
    no_agent: str | None = key(k.TARGET, "When no agent of the queue is signed in. Default: `failed`.")
    full: str | None = key(k.TARGET, "When as many callers wait as `full` of the queue says. Default: `failed`.")
    timed_out: str | None = key(k.TARGET, "When the caller has waited for so long. Default: `failed`.")


@dataclass(slots=True)
class Record:
    """Records a message of the caller."""

    record: Prompts = key(k.PROMPT, "What is said before; it must tell the caller of the recording.", required=True)
    limit: int | None = key(k.DURATION, "The longest message. Default 120s.")
    quiet: int | None = key(k.DURATION, "So much silence ends the message. Default 4s.")
    end: str | None = key(k.RECORD_END, 'The key that ends the message: `"#"` or `any`. Default `"#"`.')
    into: str | None = key(k.VARIABLE, "The name that gets the recording's file name.")
    next: str = key(k.TARGET, "The step after it.", required=True)
    empty: str | None = key(k.TARGET, "When nothing was said. Default: `next`.")
    failed: str | None = key(k.TARGET, "When it could not be recorded. Default: the file's `error`.")


@dataclass(slots=True)
class Survey:
    """Asks the questions of a questionnaire."""

    survey: Text = key(k.SURVEY, "The name of a file in surveys/.", required=True)
    next: str = key(k.TARGET, "The step after the survey, however it ended.", required=True)
    share: float | None = key(k.SHARE, "So many of the calls are asked, drawn by the call's id: `30%`. Default all.")
    not_again: int | None = key(k.SPAN, "A caller who was asked within this time is not asked: `30d`.")


@dataclass(slots=True)
class Detect:
    """Tells a person who answered from a machine, by how they greet. For calls that Callweave makes."""

    detect: str = key(k.DETECT, "`machine`.", required=True)
    greeting: int | None = key(k.DURATION, "A greeting so long without a pause is a machine's. Default 2.5s.")
    pause: int | None = key(k.DURATION, "The pause that ends a person's greeting, in whole seconds. Default 1s.")
    end: int | None = key(
        k.DURATION, "So long, at most, a machine is listened to until its greeting ends: to leave a message after it."
    )
    person: str = key(k.TARGET, "The step for a person, and for whoever says nothing.", required=True)
    machine: str = key(k.TARGET, "The step for a machine.", required=True)


@dataclass(slots=True)
class OptOut:
    """Puts the caller's number on the do-not-call list, and then says so."""

    opt_out: Prompts = key(k.PROMPT, "What is said when it is done.", required=True)
    scope: str | None = key(k.OPT_OUT_SCOPE, "`all` campaigns, or the `campaign` of this call only. Default all.")
    next: str = key(k.TARGET, "The step after it.", required=True)


@dataclass(slots=True)
class Callback:
    """Has the caller called again later, and says so."""

    callback: Prompts = key(k.PROMPT, "What is said when it is noted.", required=True)
    after: int | None = key(k.SPAN, "After so long: `2h`. Either this or `at`.")
    at: str | None = key(k.NAME_KIND, "The name that holds the time of day, keyed in as four digits: `1830`.")
    next: str = key(k.TARGET, "The step after it.", required=True)


@dataclass(slots=True)
class HangUp:
    """Ends the call."""

    hang_up: bool = key(k.TRUE, "`true`.", required=True)


#: verb -> its shape. A step has exactly one of these keys.
VERBS: dict[str, type[Any]] = {
    "say": Say,
    "menu": Menu,
    "ask": Ask,
    "set": Set,
    "branch": Branch,
    "goto": Goto,
    "transfer": Transfer,
    "queue": Queue,
    "record": Record,
    "survey": Survey,
    "detect": Detect,
    "opt_out": OptOut,
    "callback": Callback,
    "hang_up": HangUp,
}
Step = Say | Menu | Ask | Set | Branch | Goto | Transfer | Queue | Record | Survey | Detect | OptOut | Callback | HangUp


@dataclass(slots=True)
class WayShape:
    """What a key does: `{goto, set, when}`."""

    goto: str = key(k.KEY_TARGET, "The step; `repeat` to hear this one again.", required=True)
    set: tuple[Assign, ...] | None = key(p.ASSIGNS, "Names that get new values on the way.")
    when: Trees = key(k.CONDITION, "The key is only there when this holds.")


@dataclass(slots=True)
class BranchShape:
    """One way of a branch."""

    when: Trees = key(k.CONDITION, "This way is taken when this holds; the last way has none.")
    goto: str = key(k.TARGET, "The step.", required=True)
    set: tuple[Assign, ...] | None = key(p.ASSIGNS, "Names that get new values on the way.")


@dataclass(slots=True)
class Announce:
    """Said to a caller who waits in a queue, over its music."""

    every: int = key(k.DURATION, "After so long, and again after so long.", required=True)
    say: Prompts = key(k.PROMPT, "What is said.", required=True)


@dataclass(slots=True)
class QueueSettings:
    """A queue, and what `ivr queues render` tells mod_callcenter of it."""

    queue: str = key(k.SWITCH_QUEUE, "Its name on the switch, `support@default`.", required=True)
    full: int | None = key(k.CALLERS, "So many callers may wait; who comes then is sent to the step's `full`.")
    strategy: str | None = key(k.STRATEGY, "Who is rung first. The switch's default is longest-idle-agent.")
    music: str | None = key(k.SOUND, "What waiting callers hear: a file or stream of the switch.")
    announce: str | None = key(k.SOUND, "A sound that the switch itself plays over the music.")
    every: int | None = key(k.DURATION, "How often it does, in whole seconds.")
    wait: int | None = key(k.DURATION, "The longest wait of any caller, in whole seconds.")
    empty: int | None = key(k.DURATION, "The longest wait while no agent is signed in, in whole seconds.")


@dataclass(slots=True)
class FlowFile:
    """A flow: one file in flows/."""

    flow: str = key(k.NAME_KIND, "The flow's name.", required=True)
    title: str | None = key(k.TEXT, "For people.")
    languages: tuple[str, ...] = key(
        p.LANGUAGES, "What is spoken, `[zh, en]`; the first is the fallback.", required=True
    )
    start: str | None = key(k.TARGET, "The first step. Default: the first in the file.")
    facts: tuple[str, ...] | None = key(p.FACTS, "Names that the host brings with the call; none when it does not.")
    variables: dict[str, Any] | None = key(p.VARIABLES, "Names and their first values.")
    destinations: dict[str, str] | None = key(
        p.DESTINATIONS, "What `transfer` may reach, `{operator: user/1000}`; callweave.yaml may say otherwise."
    )
    queues: dict[str, dict[str, Any]] | None = key(
        p.QUEUES,
        "What `queue` may reach, `{support: support@default}` or `{support: {queue: support@default, full: 20}}`; "
        "callweave.yaml may say otherwise.",
    )
    digits: Digits | None = key(p.nested("Digits"), "Defaults for every menu, ask and question of the file.")
    error: str | None = key(k.TARGET, "Where a named failure leads: a loop, a missing prompt file. Default: hang up.")
    max_call: int | None = key(k.DURATION, "The longest call; then the error exit, then the end. Default 1h.")
    steps: Map = key(p.STEPS, "`{name: step}`; a step has exactly one verb.", required=True)


#: Every shape that a map in a file can have, by the name that `kinds.nested` uses.
SHAPES: dict[str, type[Any]] = {
    shape.__name__: shape
    for shape in (
        *VERBS.values(),
        Digits,
        EntryDigits,
        QuestionDigits,
        WayShape,
        BranchShape,
        Confirm,
        OptionShape,
        Announce,
        QueueSettings,
        Question,
        SayText,
        Section,
        LoopShape,
        QuotaShape,
        AlertShape,
        ResumeShape,
        ConsentShape,
        OptOutKey,
        FlowFile,
        SurveyFile,
        BankFile,
        BankVersion,
        *calling.SHAPES,
    )
}
ROWS: dict[type[Any], dict[str, Row]] = {shape: rows(shape) for shape in SHAPES.values()}
