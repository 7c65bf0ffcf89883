"""A crowd: callers who answer a questionnaire by chance, over the simulator, so that every row is the machine's own.

Law: chance comes from a seed; the same seed and questionnaire make the same calls. What they say is made
up, and each call's id says so. Nothing here is for live calls.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from ivr.core.effects import End, Play, RecordMessage, Save
from ivr.core.nodes import Collect, Record
from ivr.core.program import Program
from ivr.hosts.journal import Journal
from ivr.hosts.simulator import SimulatedCall
from ivr.store.rows import Prepared, prepare
from ivr.survey.definition import Definition, QuestionDef

#: How the ids of made-up calls begin.
MARK: Final = "example-"
#: agent -> (queue, how much better callers fare than others, -1 to 1)
AGENTS: Final[dict[str, tuple[str, float]]] = {
    "chen": ("billing", 0.25),
    "lopez": ("billing", 0.0),
    "mueller": ("repairs", 0.05),
    "okafor": ("repairs", -0.35),
}
REGIONS: Final = ("north", "south", "east", "west")
#: Weeks in which something went wrong, counted from the first: callers are less content.
BAD_WEEKS: Final = (6, 7)
WEEKS: Final = 13
OPENS, CLOSES = 8, 20


@dataclass(frozen=True)
class Habits:
    """How likely a caller does what at each question."""

    silence: float = 0.035
    wrong: float = 0.03
    refuse: float = 0.012
    hang_up: float = 0.022
    no_consent: float = 0.09


@dataclass
class Person:
    """One caller: who was talked to, and how content that left them, about -1.5 to 1.5."""

    agent: str
    queue: str
    language: str
    region: str
    mood: float
    started_at: datetime


def calls(
    program: Program, count: int, seed: int, first_day: date, habits: Habits | None = None
) -> Iterator[list[Prepared]]:
    """The rows of each call, in the order in which they began. Another seed makes other calls beside these."""
    rng = random.Random(seed)
    people = sorted((_person(rng, first_day, program.languages) for _ in range(count)), key=lambda p: p.started_at)
    definition = Definition.from_json(next(iter(program.surveys.values())).definition)
    for number, person in enumerate(people):
        call_id = f"{MARK}{definition.survey[:40]}-{seed}-{number:06}"
        yield _call(program, definition, person, call_id, rng, habits or Habits())


def _person(rng: random.Random, first_day: date, languages: tuple[str, ...]) -> Person:
    agent = rng.choices(list(AGENTS), (5, 4, 4, 3))[0]
    queue, gain = AGENTS[agent]
    while True:
        day = rng.randrange(WEEKS * 7)
        if day % 7 < 5 or rng.random() < 0.085:
            break
    hour = rng.triangular(OPENS, CLOSES, 11)
    moment = datetime.combine(first_day, time(), UTC) + timedelta(days=day, hours=hour)
    week = day // 7
    mood = rng.gauss(0.35 + gain + 0.012 * week - 0.55 * (week in BAD_WEEKS), 0.75)
    region = rng.choices(REGIONS, (4, 3, 2, 1))[0]
    return Person(agent, queue, rng.choices(languages, range(len(languages) + 1, 1, -1))[0], region, mood, moment)


def _call(
    program: Program, definition: Definition, person: Person, call_id: str, rng: random.Random, habits: Habits
) -> list[Prepared]:
    rows: list[Prepared] = []

    def put(table: str, row: Any) -> None:
        made = row() if callable(row) else row
        rows.append(made if isinstance(made, tuple) else prepare(table, made))

    journal = Journal(put, call_id, person.started_at)
    facts = {"agent.id": person.agent, "queue.name": person.queue, "language": person.language}
    line = SimulatedCall(program, {**facts, "customer.region": person.region}, call_id)

    def keep(effect: Any) -> None:
        if isinstance(effect, Save):
            journal.save(effect)
        elif isinstance(effect, End):
            journal.end(effect, person.started_at + timedelta(milliseconds=line.now_ms), person.language)

    line.on_effect = keep
    journal.begin(program, _number(rng), "95588", person.language)
    _Caller(line, definition, person, rng, habits).talk()
    return rows


def _number(rng: random.Random) -> str:
    """Of the range that is kept for stories: nobody has it."""
    return f"+1555010{rng.randrange(1000):04}"


@dataclass
class _Caller:
    line: SimulatedCall
    definition: Definition
    person: Person
    rng: random.Random
    habits: Habits

    def talk(self) -> None:
        line = self.line
        line.begin()
        while not line.over:
            node = line.program.nodes[line.state.node]
            if isinstance(line.waiting_for, RecordMessage):
                self._speak()
            elif isinstance(node, Collect) and self._hears_enough(node):
                self._at(node)
            elif (due := line.next_due_ms) is not None:
                if isinstance(node, Record) and self.rng.random() < 0.08:
                    line.hang_up()
                else:
                    line.advance(due)

    def _hears_enough(self, node: Collect) -> bool:
        """Whether the caller acts now: most hear the question out, some know it already."""
        line = self.line
        if not isinstance(line.waiting_for, Play):
            return True
        due = line.next_due_ms or line.now_ms
        heard_ms = round((due - line.now_ms) * self.rng.uniform(0.55, 1.0)) if node.barge_in else due - line.now_ms
        line.advance(line.now_ms + heard_ms)
        return not line.over and line.program.nodes[line.state.node] is node

    def _at(self, node: Collect) -> None:
        rng, habits = self.rng, self.habits
        chance = rng.random()
        question = self.definition.question(node.question)
        if chance < habits.hang_up * (2.0 if question and question.kind == "multiple" else 1.0):
            self.line.advance(self.line.now_ms + rng.randrange(300, 3000))
            if not self.line.over:
                self.line.hang_up()
        elif chance < habits.hang_up + habits.silence:
            self._stay_silent()
        else:
            self._think()
            if not self.line.over:
                self._press(self._keys(node, question))

    def _stay_silent(self) -> None:
        """Until the question is asked again, or is over."""
        line, attempts = self.line, len(self.line.saves)
        while not line.over and len(line.saves) == attempts and (due := line.next_due_ms) is not None:
            line.advance(due)

    def _think(self) -> None:
        """Not beyond the time there is for the first key."""
        line = self.line
        due = line.next_due_ms
        pause_ms = round(self.rng.lognormvariate(6.9, 0.5))
        line.advance(line.now_ms + (pause_ms if due is None else min(pause_ms, max(0, due - line.now_ms - 1))))

    def _press(self, keys: str) -> None:
        line = self.line
        for at, key in enumerate(keys):
            if line.over:
                return
            if at:
                line.advance(line.now_ms + self.rng.randrange(180, 500))
            line.press(key)

    def _speak(self) -> None:
        length_ms = round(self.rng.uniform(3000, 20_000))
        self.line.speak(length_ms)
        self.line.advance(self.line.now_ms + length_ms)
        if not self.line.over and isinstance(self.line.waiting_for, RecordMessage):
            self.line.press("#")

    def _keys(self, node: Collect, question: QuestionDef | None) -> str:
        rng = self.rng
        if self.line.state.phase == "confirm":
            return node.confirm_yes
        if question is None:  # consent, resume: the first way agrees, the last does not
            ways = list(node.ways)
            return ways[-1] if rng.random() < self.habits.no_consent else ways[0]
        if rng.random() < self.habits.wrong:
            return self._wrong(node)
        if "refused" in question.missing and rng.random() < self.habits.refuse * (4 if question.id == "age" else 1):
            return question.missing["refused"]
        return _ANSWERS[question.kind](self, node, question)

    def _wrong(self, node: Collect) -> str:
        taken = {*node.ways, *node.items, *node.missing}
        free = [key for key in "9876" if key not in taken]
        if node.ways or node.items:
            return free[0] if free else "#"
        return f"{'9' * min(6, node.max_keys)}#"

    # -- answers -------------------------------------------------------------------------------------------

    def scale(self, node: Collect, question: QuestionDef) -> str:
        low, high = int(question.low or 0), int(question.high or 5)
        wish = low + (high - low) * (0.56 + 0.3 * self.person.mood + self.rng.gauss(0, 0.1))
        value = min(high, max(low, round(wish)))
        if question.direction == "down":
            value = low + high - value
        return f"{value}#" if node.max_keys > 1 else str(value)

    def yes_no(self, node: Collect, question: QuestionDef) -> str:
        yes = self.rng.random() < min(0.95, max(0.1, 0.62 + 0.3 * self.person.mood))
        return next(value.key for value in question.values if value.value == ("yes" if yes else "no"))

    def choice(self, node: Collect, question: QuestionDef) -> str:
        weights = [1 / (1 + 0.35 * abs(at - 1)) for at in range(len(question.values))]
        return self.rng.choices([value.key for value in question.values], weights)[0]

    def multiple(self, node: Collect, question: QuestionDef) -> str:
        low, high = question.choose or (1, len(question.values))
        keys = [value.key for at, value in enumerate(question.values) if self.rng.random() < 0.75 - 0.2 * at]
        keys = keys[:high] if len(keys) >= max(1, low) else [value.key for value in question.values[: max(1, low)]]
        return "".join(keys) + ("#" if len(set(keys)) < node.max_keys else "")

    def ranking(self, node: Collect, question: QuestionDef) -> str:
        keys = [value.key for value in question.values]
        places = (question.choose or (len(keys), len(keys)))[1]
        return "".join(sorted(keys, key=lambda key: keys.index(key) + self.rng.gauss(0, 1.5))[:places])

    def number(self, node: Collect, question: QuestionDef) -> str:
        low, high = int(question.low or 0), int(question.high or 10)
        value = low + round(self.rng.gammavariate(2.0, 2.0 + 1.2 * (self.person.queue == "repairs")))
        return f"{min(high, value)}#"

    def amount(self, node: Collect, question: QuestionDef) -> str:
        low, high = float(question.low or 0), float(question.high or 100)
        value = min(high, low + self.rng.gammavariate(2.0, (high - low) / 12))
        return f"{value:.{question.decimals}f}".replace(".", "*") + "#"

    def date(self, node: Collect, question: QuestionDef) -> str:
        low = date.fromisoformat(str(question.low or "2026-01-01"))
        high = date.fromisoformat(str(question.high or self.person.started_at.date().isoformat()))
        day = low + timedelta(days=self.rng.randrange(max(1, (high - low).days + 1)))
        return day.strftime({"ymd": "%Y%m%d", "dmy": "%d%m%Y", "mdy": "%m%d%Y"}[node.value])

    def code(self, node: Collect, question: QuestionDef) -> str:
        length = max(node.min_keys, min(node.max_keys, 6))
        return "".join(self.rng.choices("0123456789", k=length)) + ("#" if length < node.max_keys else "")


_Answer = Callable[[_Caller, Collect, QuestionDef], str]
_ANSWERS: Final[Mapping[str, _Answer]] = {
    "scale": _Caller.scale,
    "yes_no": _Caller.yes_no,
    "choice": _Caller.choice,
    "multiple": _Caller.multiple,
    "ranking": _Caller.ranking,
    "number": _Caller.number,
    "amount": _Caller.amount,
    "date": _Caller.date,
    "code": _Caller.code,
}
