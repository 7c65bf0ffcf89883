"""Compiler: the model's steps to the Program's nodes.

Law: one branch per verb, each from a shape to nodes, without looking at YAML. A shape that comes here was read
without a mistake; what is missing gets its documented default here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ivr.core.program import (
    END,
    Branch,
    CallBack,
    Collect,
    Detect,
    Escalation,
    HangUp,
    Node,
    OptOut,
    Queue,
    Record,
    Say,
    SetVars,
    Transfer,
)
from ivr.lang import asking, model

FIRST_MS, BETWEEN_MS, TRIES = 5000, 2500, 3
LENGTH = (1, 20)
GREETING_MS, PAUSE_MS = 2500, 1000
RING_MS, LIMIT_MS, QUIET_MS, QUEUE_MS = 30_000, 120_000, 4000, 600_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """How keys are waited for at one step: its own `digits` over those of the file."""

    first_ms: int
    between_ms: int
    tries: tuple[int, int, int]  # together, silence, wrong
    give_up: tuple[str, str] | None  # silence, wrong
    flush: bool
    barge_in: bool

    @classmethod
    def of(cls, layers: tuple[Any, ...], type_ahead: str, give_up: tuple[str, str] | None = None) -> Waiting:
        """``layers``: `digits` shapes, the nearest first; None for those that are not there."""

        def pick(name: str, default: Any) -> Any:
            values = (getattr(layer, name, None) for layer in layers)
            return next((v for v in values if v is not None), default)

        return cls(
            pick("first", FIRST_MS),
            pick("between", BETWEEN_MS),
            pick("tries", (TRIES, 0, 0)),
            give_up or pick("give_up", None),
            pick("type_ahead", type_ahead) == "flush",
            pick("barge_in", True),
        )

    def fields(self, shape: model.Menu | model.Ask | asking.Question) -> dict[str, Any]:
        """The fields of a Collect that say how it waits and fails."""
        total, silent, wrong = self.tries
        give_up = self.give_up or ("", "")
        return {
            "first_ms": self.first_ms,
            "between_ms": self.between_ms,
            "tries": total,
            "flush": self.flush,
            "barge_in": self.barge_in,
            "silence": Escalation(shape.silence or (), silent, give_up[0]),
            "wrong": Escalation(shape.wrong or (), wrong, give_up[1]),
        }


def confirm_fields(confirm: asking.Confirm | None) -> dict[str, Any]:
    if confirm is None:
        return {}
    return {"confirm": confirm.say, "confirm_yes": confirm.yes or "1", "confirm_no": confirm.no or "2"}


@dataclass
class Builder:
    """The nodes so far, and what the whole file says."""

    digits: model.Digits | None
    error: str
    nodes: dict[str, Node] = field(default_factory=dict)
    no_way_on: list[str] = field(default_factory=list)  # steps whose give_up is named nowhere

    def step(self, name: str, shape: model.Step) -> None:
        _COMPILE[type(shape)](self, name, shape)

    def waiting(self, name: str, own: model.Digits | None) -> Waiting:
        waiting = Waiting.of((own, self.digits), "keep")
        if waiting.give_up is None:
            self.no_way_on.append(name)
        return waiting


def _say(b: Builder, name: str, shape: model.Say) -> None:
    if shape.hang_up:
        b.nodes[name] = HangUp(shape.say)
    else:
        b.nodes[name] = Say(shape.say, shape.next or END, shape.barge_in is not False)


def _menu(b: Builder, name: str, shape: model.Menu) -> None:
    keys = list(shape.keys)
    b.nodes[name] = Collect(
        prompts=shape.menu,
        ways=shape.keys,
        max_keys=max(map(len, keys), default=1),
        end="" if any("#" in k for k in keys) else "#",
        store=False,
        **b.waiting(name, shape.digits).fields(shape),
    )


def _ask(b: Builder, name: str, shape: model.Ask) -> None:
    digits = shape.digits or model.EntryDigits()
    low, high = digits.length or LENGTH
    b.nodes[name] = Collect(
        prompts=shape.ask,
        min_keys=low,
        max_keys=high,
        end="" if digits.end == "none" else digits.end or "#",
        pattern=digits.pattern or "",
        valid=shape.valid,
        value=shape.type or "digits",
        into=shape.into,
        next=shape.next,
        secret=bool(shape.secret),
        **confirm_fields(shape.confirm),
        **b.waiting(name, shape.digits).fields(shape),
    )


def _set(b: Builder, name: str, shape: model.Set) -> None:
    b.nodes[name] = SetVars(shape.set, shape.next)


def _branch(b: Builder, name: str, shape: model.Branch) -> None:
    last = shape.branch[-1]
    # The last way's assignments need a Way of their own; without any it is only where the branch falls through to.
    ways = shape.branch if last.set else shape.branch[:-1]
    b.nodes[name] = Branch(ways, last.goto)


def _goto(b: Builder, name: str, shape: model.Goto) -> None:
    b.nodes[name] = Branch((), shape.goto)


def _transfer(b: Builder, name: str, shape: model.Transfer) -> None:
    b.nodes[name] = Transfer(
        destination=shape.transfer,
        prompts=shape.say or (),
        ring_ms=shape.ring or RING_MS,
        next=shape.next or END,
        busy=shape.busy or shape.failed,
        no_answer=shape.no_answer or shape.failed,
        failed=shape.failed,
        after_agent=shape.after_agent or "",
    )


def _queue(b: Builder, name: str, shape: model.Queue) -> None:
    after = shape.next or END
    b.nodes[name] = Queue(
        queue=shape.queue,
        prompts=shape.say or (),
        announce=shape.announce.say if shape.announce else (),
        announce_ms=shape.announce.every if shape.announce else 0,
        leave=shape.leave or {},
        wait_ms=shape.wait or QUEUE_MS,
        next=after,
        after_agent=shape.after_agent or after,
        no_agent=shape.no_agent or shape.failed,
        full=shape.full or shape.failed,
        timed_out=shape.timed_out or shape.failed,
        failed=shape.failed,
    )


def _record(b: Builder, name: str, shape: model.Record) -> None:
    b.nodes[name] = Record(
        prompts=shape.record,
        limit_ms=shape.limit or LIMIT_MS,
        silence_ms=shape.quiet or QUIET_MS,
        end=shape.end or "#",
        into=shape.into or "",
        next=shape.next,
        empty=shape.empty or shape.next,
        failed=shape.failed or b.error,
    )


def _survey(b: Builder, name: str, shape: model.Survey) -> None:
    """Its nodes come from the questionnaire's own file: see ``lang.questionnaire``."""


def _detect(b: Builder, name: str, shape: model.Detect) -> None:
    greeting_ms, silence_ms = shape.greeting or GREETING_MS, shape.pause or PAUSE_MS
    b.nodes[name] = Detect(greeting_ms, silence_ms, shape.end or 0, shape.person, shape.machine)


def _opt_out(b: Builder, name: str, shape: model.OptOut) -> None:
    """Stored first, said then: who is told that it is done can rely on it."""
    b.nodes[name] = OptOut(shape.scope or "all", f"{name}.@said")
    b.nodes[f"{name}.@said"] = Say(shape.opt_out, shape.next)


def _callback(b: Builder, name: str, shape: model.Callback) -> None:
    b.nodes[name] = CallBack(shape.after or 0, shape.at or "", f"{name}.@said")
    b.nodes[f"{name}.@said"] = Say(shape.callback, shape.next)


def _hang_up(b: Builder, name: str, shape: model.HangUp) -> None:
    b.nodes[name] = HangUp()


_COMPILE: dict[type[Any], Callable[[Builder, str, Any], None]] = {
    model.Say: _say,
    model.Menu: _menu,
    model.Ask: _ask,
    model.Set: _set,
    model.Branch: _branch,
    model.Goto: _goto,
    model.Transfer: _transfer,
    model.Queue: _queue,
    model.Record: _record,
    model.Survey: _survey,
    model.Detect: _detect,
    model.OptOut: _opt_out,
    model.Callback: _callback,
    model.HangUp: _hang_up,
}
