"""Effects: everything the machine asks of the world, as plain data.

Law: plain data. A step yields immediate effects (Answer, StopPlay, Save, Failed), then exactly one wait (Play,
Listen, CollectSecret, RecordMessage, Dial, Enqueue) or End. No effect at all means: still waiting for the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Clip:
    """Fixed text in one language: a recording named ``prompt`` if there is one, else the text synthesised.

    ``part`` is the piece's index, for a prompt of several pieces (0 for a whole prompt; recordings of pieces are
    called ``name.0``, ``name.2``).
    """

    lang: str
    text: str
    prompt: str = ""
    part: int = 0
    parts: int = 1

    def __hash__(self) -> int:  # a text knows its own; that of all fields was worked out at each play
        return hash(self.text)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A value in one language: ``as_`` is digits | number | ordinal | date | time | money."""

    lang: str
    as_: str
    value: str


Item = Clip | Spoken


@dataclass(frozen=True, slots=True)
class Answer:
    pass


@dataclass(frozen=True, slots=True)
class StopPlay:
    """The prompt of ``wait`` is to be silent at once (a key was pressed); a switch that stopped it already is right."""

    wait: int


@dataclass(slots=True, init=False)
class Save:
    """One row to keep for ever. ``table``: attempt | answer | run. Its key makes storing it twice harmless.

    attempt: node, question, occurrence, attempt, outcome (digits|noinput|nomatch|hangup), keys (None when secret),
             key_count, timer (first|between|""), survey, language, started_ms, ended_ms
             key: (call, question, occurrence, attempt)
    answer:  question, occurrence, survey, value (JSON value; None when secret), keys (None when secret), language,
             at_ms; key: (call, question, occurrence)
    run:     survey, occurrence, status (begun|complete|partial), last_question, answered, asked, at_ms
             key: (call, survey, occurrence)
    """

    table: str
    row: Mapping[str, Any]

    def __init__(self, table: str, row: Mapping[str, Any]) -> None:
        self.table = table
        self.row = row


@dataclass(frozen=True, slots=True)
class Failed:
    """A named failure, for logs and the trace: loop, missing_prompt, broken_prompt, no_such_step, too_long, ..."""

    name: str
    node: str
    detail: str = ""


@dataclass(slots=True, init=False)
class Play:
    """Answered by PlayDone(wait). With ``barge_in`` any key silences it; without, keys are reported all the same."""

    wait: int
    items: tuple[Item, ...]
    barge_in: bool
    node: str

    def __init__(self, wait: int, items: tuple[Item, ...], barge_in: bool, node: str = "") -> None:
        self.wait = wait
        self.items = items
        self.barge_in = barge_in
        self.node = node


@dataclass(slots=True, init=False)
class Listen:
    """Silence until a Digit comes, or TimerFired(wait) after ``timeout_ms``."""

    wait: int
    timeout_ms: int
    timer: str  # first | between

    def __init__(self, wait: int, timeout_ms: int, timer: str) -> None:
        self.wait = wait
        self.timeout_ms = timeout_ms
        self.timer = timer


@dataclass(frozen=True, slots=True)
class CollectSecret:
    """The switch collects, so that no key is seen on the way. One try. Answered by SecretDone(wait)."""

    wait: int
    items: tuple[Item, ...]
    min_keys: int
    max_keys: int
    end: str
    first_ms: int
    between_ms: int
    barge_in: bool = True
    node: str = ""


@dataclass(frozen=True, slots=True)
class RecordMessage:
    """Answered by RecordDone(wait). Without ``keep`` only its length is wanted, and the file is removed."""

    wait: int
    limit_ms: int
    silence_ms: int
    end: str
    node: str = ""
    tone: bool = True
    keep: bool = True


@dataclass(frozen=True, slots=True)
class Mark:
    """A word for whoever made the call: the channel's variable ``callweave_<name>`` when it ends."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Bridge the caller to a declared destination; TransferDone(wait) comes when it failed or the far end left."""

    wait: int
    destination: str  # the name; the host knows the dial string
    ring_ms: int
    node: str = ""


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Wait in a declared queue for an agent, and talk; QueueDone(wait) comes when both are over.

    ``keys``: any of them leaves the queue. ``announce`` is heard every ``announce_ms`` over the music (0: nothing is).
    """

    wait: int
    queue: str  # the name; the host knows the switch's own
    wait_ms: int
    keys: str = ""
    announce: tuple[Item, ...] = ()
    announce_ms: int = 0
    node: str = ""


@dataclass(frozen=True, slots=True)
class End:
    """The call is over. ``by``: flow (hang up now) | caller (already gone) | error (hang up now, with a reason)."""

    by: str
    node: str
    cause: str = "NORMAL_CLEARING"


Wait = Play | Listen | CollectSecret | RecordMessage | Dial | Enqueue
Effect = Answer | StopPlay | Save | Failed | Mark | Wait | End
