"""A made-up year of surveys: ``python -m benchmarks.year --db URL --answers 10000000 --launches 50``.

Law: deterministic: the seed and the numbers decide every row, whatever the database. Calls come through the day, the
week and the seasons; scores drift; people are silent, press wrong keys, refuse, break off, and some go on later.
How rows get into a database is ``year_load``'s.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from benchmarks.questionnaires import Habit, Questionnaire, questionnaires
from ivr.store.rows import stamp

Row = tuple[object, ...]
DAY_US = 86_400_000_000
FIRST = datetime(2025, 11, 1, tzinfo=UTC)
FIRST_US = int(FIRST.timestamp()) * 1_000_000
DAYS = 365
#: Calls by hour of the day, UTC (the callers live eight hours to the east).
HOURS = (6, 9, 10, 8, 7, 9, 10, 9, 8, 6, 4, 3, 2, 1, 0.4, 0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 0.4, 1, 3)
#: By day of the week, Monday first.
WEEK = (1.25, 1.1, 1.0, 1.0, 1.05, 0.6, 0.45)
QUEUES = ("support", "repairs", "orders", "billing", "vip")
#: Answers that a run has on average, to know how many runs make so many answers.
ANSWERS_A_RUN = 7.12


@dataclass(frozen=True)
class Launch:
    name: str
    questionnaire: Questionnaire
    first_day: int
    days: int
    share: float  # of all calls
    drift: float  # what its scores gain or lose by its end, in shares of the scale


@dataclass
class Call:
    """The rows of one call, by table."""

    call: Row
    run: Row
    attempts: list[Row]
    answers: list[Row]


def launches(count: int, seed: int) -> list[Launch]:
    rng = random.Random(f"launches {seed}")
    kinds = questionnaires()
    weights = [rng.lognormvariate(0, 0.5) for _ in range(count)]
    found = []
    for n in range(count):
        kind = kinds[n] if n < len(kinds) else rng.choices(kinds, [k.share for k in kinds])[0]
        days = rng.choice((14, 28, 28, 56, 84))
        first = round((DAYS - days) * n / max(1, count - 1))
        name = f"{kind.definition.survey}-{n + 1:02}"
        found.append(Launch(name, kind, first, days, weights[n] / sum(weights), rng.gauss(0, 0.06)))
    return found


class Year:
    """Call number ``n`` is made of the seed and n alone, so that each database may take them in the order it likes."""

    def __init__(self, answers: int, launch_count: int = 50, seed: int = 1) -> None:
        self.seed = seed
        self.calls = max(launch_count, math.ceil(answers / ANSWERS_A_RUN))
        self.launches = launches(launch_count, seed)
        self._starts = [0.0]
        for launch in self.launches:
            self._starts.append(self._starts[-1] + launch.share)
        self._hours = [sum(HOURS[: n + 1]) / sum(HOURS) for n in range(24)]
        self._rng = random.Random()

    def call_ids(self) -> list[str]:
        """One for each call; random, as the switch's are, and ascending."""
        rng = random.Random(f"ids {self.seed}")
        return [str(UUID(int=n)) for n in sorted(rng.getrandbits(128) for _ in range(self.calls))]

    def order(self) -> list[int]:
        """Where in time the call of the n-th id is: ids know nothing of time."""
        numbers = list(range(self.calls))
        random.Random(f"order {self.seed}").shuffle(numbers)
        return numbers

    def fixed(self) -> dict[str, list[Row]]:
        """Rows of launches and definitions."""
        defined: dict[str, Row] = {}
        launched: list[Row] = []
        for launch in self.launches:
            definition = launch.questionnaire.definition
            began, ended = (
                stamp(FIRST_US + DAY_US * day) for day in (launch.first_day, launch.first_day + launch.days)
            )
            body = json.dumps(definition.to_json(), ensure_ascii=False)
            row = (definition.hash, definition.survey, definition.version, definition.title, body, began)
            defined.setdefault(definition.hash, row)
            content = f"{definition.hash[:16]}{launch.name}"
            launched.append((launch.name, definition.survey, definition.hash, "p1", content, 12, began, ended))
        return {"survey_definition": list(defined.values()), "launch": launched}

    def make(self, number: int, call_id: str, earlier: str = "") -> Call:
        """The rows of call ``number``. ``earlier``: the call whose run this one goes on with."""
        self._rng.seed(self.seed * 1_000_003 + number)
        share = (number + 0.5) / self.calls
        n = min(len(self.launches), bisect(self._starts, share)) - 1
        into = (share - self._starts[n]) / self.launches[n].share  # 0 to 1, its beginning to its end
        return _Talk(self, self._rng, self.launches[n], call_id, earlier, into).call()

    def started_us(self, rng: random.Random, launch: Launch, into: float) -> int:
        """Days are drawn by how busy they are: fewer at weekends and in summer, more before the new year."""
        day = launch.first_day + min(launch.days - 1, int(into * launch.days))
        if rng.random() > WEEK[(day + 5) % 7] * (1 + 0.25 * math.cos(2 * math.pi * (day - 50) / 365)) / 1.6:
            day = launch.first_day + rng.randrange(launch.days)
        hour = bisect(self._hours, rng.random())
        return FIRST_US + day * DAY_US + min(hour, 23) * 3_600_000_000 + rng.randrange(3_600_000_000)


class _Talk:
    """One call: what is asked, pressed and answered."""

    def __init__(self, year: Year, rng: random.Random, launch: Launch, call_id: str, earlier: str, into: float) -> None:
        self.rng, self.launch, self.call_id, self.earlier = rng, launch, call_id, earlier
        self.definition = launch.questionnaire.definition
        self.survey = self.definition.survey
        later = DAY_US * 3 if earlier else 0
        self.began_us = self.now = year.started_us(rng, launch, into) + later
        self.language = "zh" if rng.random() < 0.76 else "en"
        self.agent = f"10{rng.randrange(40):02}"
        self.drift = launch.drift * into + (int(self.agent[-1]) - 4.5) * 0.012
        # Some call again: there are fewer numbers than calls.
        self.caller = f"13{rng.randrange(year.calls * 7 // 10 + 1) * 7_919_993 % 1_000_000_000:09}"
        self.attempts: list[Row] = []
        self.answers: list[Row] = []
        self.asked = 0
        self.last = ""

    def call(self) -> Call:
        status = self._talk()
        queue = QUEUES[int(self.agent[-2:]) % len(QUEUES)]
        began, ended = stamp(self.began_us), stamp(self.now + 2_000_000)
        by = "flow" if status not in ("partial", "begun") else "switch-lost" if status == "begun" else "caller"
        flow = self.launch.questionnaire.flow
        call = (
            *(self.call_id, flow, "p1", self.caller, "95588", self.language, began, began, ended, by),
            *(f"ask.{self.last}" if by == "caller" else "bye", "NORMAL_CLEARING", "ended"),
        )
        answered = sum(answer[8] is None for answer in self.answers)
        run = (
            *(self.call_id, self.survey, 1, status, self.last, answered, self.asked, began, stamp(self.now)),
            *(
                self.definition.hash,
                self.launch.name,
                self.rng.randrange(2**31),
                self.agent,
                queue,
                self.earlier or None,
            ),
        )
        return Call(call, run, self.attempts, self.answers)

    def _talk(self) -> str:
        rng = self.rng
        if rng.random() < 0.03:
            return "refused"
        for n, habit in enumerate(self.launch.questionnaire.habits):
            if habit.asked < 1 and rng.random() > habit.asked:
                continue
            self.asked += 1
            self.last = habit.question.id
            self.now += 4_000_000 + rng.randrange(5_000_000)
            if not self._ask(habit):
                return "begun" if rng.random() < 0.01 else "partial"
            if n == 1 and rng.random() < 0.01:
                return "screened_out"
        return "quota_full" if self.survey == "annual" and rng.random() < 0.01 else "complete"

    def _ask(self, habit: Habit) -> bool:
        """False when the caller hangs up."""
        rng = self.rng
        tries = 1
        luck = rng.random()
        while luck < 0.07 and tries < 3:  # silence and wrong keys, some twice
            outcome, keys = ("noinput", "") if luck < 0.03 else ("nomatch", "9")
            self._attempt(habit, tries, outcome, keys)
            tries, luck = tries + 1, rng.random()
        if luck > 1 - habit.break_off and not self.earlier:
            self._attempt(habit, tries, "hangup", "")
            return False
        if habit.question.missing and luck > 1 - habit.break_off - habit.missing:
            why = rng.choice(tuple(habit.question.missing))
            keys = habit.question.missing[why]
            value, number = None, None
        else:
            why = None
            value, number, keys = self._value(habit)
        self._attempt(habit, tries, "digits", keys)
        at = stamp(self.now)
        given = (self.survey, value, number, keys, self.language, why, 1)
        self.answers.append((self.call_id, habit.question.id, 1, *given, at))
        return True

    def _attempt(self, habit: Habit, n: int, outcome: str, keys: str) -> None:
        began = stamp(self.now)
        self.now += 2_500_000
        ident = habit.question.id
        timer = "first" if outcome == "noinput" else ""
        named = (self.call_id, ident, 1, n, f"ask.{ident}", outcome, keys, len(keys), timer)
        self.attempts.append((*named, self.survey, self.language, began, stamp(self.now)))

    def _value(self, habit: Habit) -> tuple[str, float | None, str]:
        """The value as it is stored, its number, and the keys."""
        question, rng = habit.question, self.rng
        kind = question.kind
        if kind in ("scale", "choice", "yes_no"):
            luck = rng.random() + (self.drift if kind == "scale" and question.direction == "up" else 0.0)
            chosen = question.values[min(bisect(habit.cumulative, luck), len(question.values) - 1)]
            return str(chosen.value), float(chosen.value) if kind == "scale" else None, chosen.key
        if kind == "multiple":
            picked = [v for v, weight in zip(question.values, habit.weights, strict=True) if rng.random() < weight][:3]
            picked = picked or [question.values[-1]]
            return json.dumps([v.value for v in picked]), None, "".join(v.key for v in picked) + "#"
        if kind == "ranking":
            first = question.values[min(bisect(habit.cumulative, rng.random()), len(question.values) - 1)]
            second = rng.choice([v for v in question.values if v is not first])
            return json.dumps([first.value, second.value]), None, first.key + second.key
        if kind == "number":
            found = min(30, int(rng.expovariate(0.6)))
            return str(found), float(found), str(found)
        if kind == "amount":
            paid = round(rng.lognormvariate(4.2, 1.0), 2)
            return json.dumps(paid), paid, str(paid).replace(".", "*")
        if kind == "date":
            day = stamp(self.now - rng.randrange(1, 20) * DAY_US)[:10]
            return day, None, day.replace("-", "")
        if kind == "code":
            code = str(rng.randrange(10_000_000, 99_999_999))
            return code, None, code
        return f"recordings/{self.call_id}.words.wav", None, "#"


def calls(year: Year, *, by_id: bool) -> Iterator[Call]:
    """All calls, in the order of their ids or in that of time; about one break-off in eight is gone on with later."""
    ids, order = year.call_ids(), year.order()
    if not by_id:
        by_time = sorted(range(len(order)), key=order.__getitem__)
        ids, order = [ids[n] for n in by_time], list(range(len(ids)))
    for call_id, number in zip(ids, order, strict=True):
        found = year.make(number, call_id)
        if found.run[3] == "partial" and found.answers and number % 8 == 0:
            yield from _gone_on(year, found, number, call_id)
        else:
            yield found


def _gone_on(year: Year, first: Call, number: int, call_id: str) -> Iterator[Call]:
    """The run that broke off, and another call that saves again what it knew and goes on to the end."""
    yield replace(first, run=(*first.run[:3], "resumed", *first.run[4:]))
    later_id = str(UUID(int=random.Random(f"later {year.seed} {number}").getrandbits(128)))
    yield year.make(number, later_id, earlier=call_id)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.year", description=__doc__)
    parser.add_argument("--db", required=True, metavar="URL", help="An empty database; its tables are made.")
    parser.add_argument("--answers", type=int, default=10_000_000, help="About so many.")
    parser.add_argument("--launches", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    from benchmarks.year_load import load

    console = Console(stderr=True)
    columns = ("[progress.description]{task.description}", BarColumn(), MofNCompleteColumn())
    year = Year(args.answers, args.launches, args.seed)
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("calls", total=year.calls)
        counts = load(args.db, year, lambda done: progress.update(task, completed=done), progress.console.print)
    console.print(", ".join(f"{count:,} rows of {table}" for table, count in counts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
