"""One turn of the machine: what a step collects while it moves from one wait to the next.

Law: belongs to a single ``step`` and dies with it. Holds the copied state and the effects so far; knows how a prompt
becomes items, how a wait is opened and how rows to be saved look. It decides nothing: the node modules do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ivr.core.effects import Effect, Failed, Item, Listen, Play, Save, Spoken, StopPlay
from ivr.core.expr import evaluate, text
from ivr.core.program import Assign, Collect, Program, Record
from ivr.core.state import CallState


class Turn:
    __slots__ = ("effects", "path", "program", "state")

    def __init__(self, program: Program, state: CallState, path: list[tuple[str, str]] | None = None) -> None:
        self.program = program
        self.state = state
        self.effects: list[Effect] = []
        self.path = path

    def took(self, way: str) -> None:
        """The call leaves its step by ``way`` ("" : it has reached the step), for who asked to be told."""
        if self.path is not None:
            self.path.append((self.state.node, way))

    # -- what is said ------------------------------------------------------------------------------------

    def language(self) -> str:
        """The caller's language, or the first of the flow when the variable names none of its languages."""
        chosen = self.state.variables.get("language")
        return chosen if chosen in self.program.languages else self.program.languages[0]

    def items(self, prompts: Iterable[str], variables: Mapping[str, Any] | None = None) -> tuple[Item, ...]:
        """Prompt ids as what is heard now. Values that are empty are left out, as nothing can be said of them."""
        program, lang = self.program, self.language()
        fixed = program.fixed_items
        if len(prompts := tuple(prompts)) == 1 and (items := fixed.get((prompts[0], lang))) is not None:
            return items
        known = self.state.variables if variables is None else variables
        found: list[Item] = []
        for prompt_id in prompts:
            items = fixed.get((prompt_id, lang))
            if items is not None:
                found += items
                continue
            for item in program.items_of(prompt_id, lang):
                if not isinstance(item, tuple):
                    found.append(item)
                elif item[1] == "label":
                    found += self._labels(item[2][1], evaluate(item[2], known))
                elif value := text(evaluate(item[2], known)):
                    found.append(Spoken(item[0], item[1], value))
        return tuple(found)

    def _labels(self, name: str, value: Any) -> list[Item]:
        """What an answer stands for, in words: of each of them, when there are several."""
        labels = (self.program.label(name, one) for one in (value if isinstance(value, list) else [value]))
        return [item for label in labels if label for item in self.items((label,))]

    # -- waits -------------------------------------------------------------------------------------------

    def open_wait(self, waiting: str) -> int:
        self.state.wait += 1
        self.state.waiting = waiting
        return self.state.wait

    def play(self, items: tuple[Item, ...], barge_in: bool) -> None:
        self.effects.append(Play(self.open_wait("play"), items, barge_in, self.state.node))

    def stop_play(self) -> None:
        self.effects.append(StopPlay(self.state.wait))

    def listen(self, timer: str, timeout_ms: int) -> None:
        self.effects.append(Listen(self.open_wait(timer), timeout_ms, timer))

    # -- what is remembered ------------------------------------------------------------------------------

    def assign(self, name: str, value: Any) -> None:
        if name:
            self.state.variables = {**self.state.variables, name: value}

    def assign_all(self, assigns: Iterable[Assign]) -> None:
        for one in assigns:
            self.assign(one.name, evaluate(one.expr, self.state.variables))

    def fail(self, name: str, detail: str = "") -> str:
        """Report a named failure; gives the step that the call goes on with ("" when it can only end)."""
        self.effects.append(Failed(name, self.state.node, detail))
        self.state.failures += 1
        return self.program.error if self.state.failures == 1 else ""

    def reach(self, question: str, survey: str) -> None:
        """The caller has come to a question: counts the visit, and the survey's progress."""
        state = self.state
        state.visits = {**state.visits, question: state.visits.get(question, 0) + 1}
        run = state.runs.get(survey)
        if run and run[4]:
            state.runs = {**state.runs, survey: [run[0], run[1] + 1, run[2], question, True, run[5]]}

    # -- what is saved -----------------------------------------------------------------------------------

    def save_attempt(
        self, node: Collect | Record, question: str, outcome: str, keys: str, timer: str, attempt: int
    ) -> None:
        state = self.state
        row = {
            "node": state.node,
            "question": question,
            "occurrence": state.visits.get(node.question or state.node, 1),
            "attempt": attempt,
            "outcome": outcome,
            "keys": None if getattr(node, "secret", False) else keys,
            "key_count": len(keys),
            "timer": timer,
            "survey": node.survey,
            "language": self.language(),
            "started_ms": state.attempt_ms,
            "ended_ms": state.now_ms,
        }
        self.effects.append(Save("attempt", row))

    def save_answer(self, node: Collect | Record, value: Any, keys: str, missing: str | None = None) -> None:
        state = self.state
        question = node.question or state.node
        secret = getattr(node, "secret", False)
        row = self.answer_row(question, node.survey, None if secret else value, None if secret else keys, missing)
        self.effects.append(Save("answer", row))
        run = state.runs.get(node.survey)
        if run and run[4]:
            state.runs = {**state.runs, node.survey: [run[0], run[1], run[2] + 1, *run[3:]]}

    def answer_row(
        self, question: str, survey: str, value: Any, keys: str | None, missing: str | None
    ) -> dict[str, Any]:
        run = self.state.runs.get(survey)
        return {
            "question": question,
            "occurrence": self.state.visits.get(question, 1),
            "survey": survey,
            "value": value,
            "keys": keys,
            "language": self.language(),
            "missing": missing,
            "run": run[0] if run and run[4] else None,
            "at_ms": self.state.now_ms,
        }

    def save_run(self, survey: str, status: str, **circumstances: Any) -> None:
        """``circumstances``: what is known when the run begins, and stays."""
        run = self.state.runs[survey]
        row = {
            "survey": survey,
            "occurrence": run[0],
            "status": status,
            "last_question": run[3],
            "asked": run[1],
            "answered": run[2],
            "seed": run[5],
            "at_ms": self.state.now_ms,
            **circumstances,
        }
        self.effects.append(Save("run", row))
