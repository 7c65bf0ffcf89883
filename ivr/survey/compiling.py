"""Compiling: a questionnaire's tree to nodes of the Program that asks it (docs/adr/0009).

Law: a question is a Collect or a Record like any other. The survey at step ``s`` opens at ``s``, its questions are
``s.<id>``, and what surrounds them has names no question can have: ``s.@intro``, ``s.<id>.@when``, ``s.@complete``...
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ivr.core import expr
from ivr.core.nodes import (
    Alert,
    Assign,
    Branch,
    Collect,
    Escalation,
    Expr,
    Node,
    OptOut,
    Say,
    Shuffle,
    SurveyMark,
    SurveyPlan,
    Way,
)
from ivr.lang.asking import QuotaShape
from ivr.lang.compiler import Waiting
from ivr.survey.defining import define
from ivr.survey.kinds import Place, node_of
from ivr.survey.naming import Names
from ivr.survey.tree import Asking, Group, Heard, Item, Questionnaire

ENDS: Final = ("complete", "partial", "screened_out", "quota_full", "refused")


@dataclass(frozen=True)
class Offer:
    """To whom the survey is offered: a share of the calls, and not to the same caller again."""

    share: float | None = None
    not_again_ms: int = 0


@dataclass
class Compiled:
    nodes: dict[str, Node]
    lines: dict[str, int]  # of each node in the survey's file
    plan: SurveyPlan


def compile_survey(survey: Questionnaire, step: str, next_step: str, offer: Offer = Offer()) -> Compiled:
    """The nodes of a sound questionnaire at ``step``."""
    return _Compiling(survey, step, next_step, offer).run()


@dataclass
class _Compiling:
    survey: Questionnaire
    step: str
    next_step: str
    offer: Offer
    nodes: dict[str, Node] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    ends: list[str] = field(default_factory=lambda: ["complete"])  # those that are reached

    def __post_init__(self) -> None:
        file = self.survey.file
        self.name = file.survey
        quotas = {f"quota.{q.quota}": ["name", f"quota.{file.survey}.{q.quota}"] for q in file.quotas or ()}
        self.names = Names(quotas)
        self.ids = tuple(q.shape.id for q in self.survey.questions)
        self.resumes = file.resume is not None

    def run(self) -> Compiled:
        self.opening()
        self.group(self.survey.top, self.end("complete"))
        self.endings()
        return Compiled(self.nodes, self.lines, self.plan())

    def add(self, name: str, node: Node, line: int = 1) -> None:
        self.nodes[name] = node
        self.lines[name] = line

    def end(self, outcome: str) -> str:
        """The step that ends the survey so."""
        if outcome not in self.ends:
            self.ends.append(outcome)
        return f"{self.step}.@{outcome}"

    # -- before the first question ------------------------------------------------------------------------

    def opening(self) -> None:
        """Offer, begin, full quotas, resume, consent, intro: as many of them as there are."""
        step, file = self.step, self.survey.file
        chain: list[tuple[str, Any]] = []
        if self.offer.share is not None or self.offer.not_again_ms:
            chain.append((step, "offer"))
        chain.append((f"{step}.@begin" if chain else step, "begin"))
        known_at_once = [q for q in file.quotas or () if not self._asked_for(q)]
        chain += [(f"{step}.@quota.{quota.quota}", quota) for quota in known_at_once]
        chain += [(f"{step}.@resume", "resume")] if self.resumes else []
        chain += [(f"{step}.@consent", "consent")] if file.consent else []
        chain += [(f"{step}.@intro", "intro")] if file.intro else []
        first = self.entry(self.survey.top)
        for number, (name, what) in enumerate(chain):
            after = chain[number + 1][0] if number + 1 < len(chain) else first
            if isinstance(what, QuotaShape):
                self.gate(name, what, after)
            elif what == "offer":
                self.add(name, Branch((Way(after, self._offered()),), self.next_step))
            elif what == "begin":
                self.add(name, SurveyMark(self.name, "begin", after, self.ids))
            elif what == "resume":
                self.resume(name, after, first)
            elif what == "consent":
                self.consent(name, after)
            else:
                self.add(name, Say(file.intro or (), after))

    def _offered(self) -> Expr:
        tests: list[Any] = []
        if self.offer.share is not None:
            drawn = ["call", "draw", ["name", "call.id"], f"{self.step}.{self.name}"]
            tests.append(["<", drawn, self.offer.share])
        if self.offer.not_again_ms:
            days = ["name", f"asked.{self.name}"]  # since the caller was asked last
            tests.append(
                ["or", ["not", ["call", "answered", days]], [">=", days, self.offer.not_again_ms / 86_400_000]]
            )
        return tests[0] if len(tests) == 1 else ["and", *tests]

    def resume(self, name: str, after: str, first: str) -> None:
        """Who broke off before is asked whether to go on: then the answers of then are those of now."""
        file = self.survey.file
        assert file.resume is not None
        ask, resumed = f"{self.step}.@ask_resume", f"{self.step}.@resumed"
        self.add(name, Branch((Way(ask, ["name", f"resume.{self.name}"]),), after))
        ways = {"1": (Way(resumed, answer="resume"),), "2": (Way(after, answer="anew"),)}
        self.add(ask, self._aside(file.resume.ask, ways, "resume", after))
        self.add(resumed, SurveyMark(self.name, "resume", first, self.ids))

    def consent(self, name: str, after: str) -> None:
        consent = self.survey.file.consent
        assert consent is not None
        ways = {
            consent.yes or "1": (Way(after, answer="yes"),),
            consent.no or "2": (Way(self.end("refused"), answer="no"),),
        }
        if consent.opt_out is not None:
            listed, said = f"{self.step}.@opt_out", f"{self.step}.@opted_out"
            ways[consent.opt_out.key or "9"] = (Way(listed, answer="opt_out"),)
            self.add(listed, OptOut(consent.opt_out.scope or "all", said))
            self.add(said, Say(consent.opt_out.say, self.end("refused")))
        self.add(name, self._aside(consent.say, ways, "consent", self.end("partial")))

    def _aside(self, prompts: tuple[str, ...], ways: Mapping[str, tuple[Way, ...]], what: str, give_up: str) -> Collect:
        """A question about the survey, no question of it."""
        waiting = Waiting.of((self.survey.file.digits,), "flush")
        total, silent, wrong = waiting.tries
        return Collect(
            prompts=prompts,
            ways=ways,
            value="choice",
            into=f"{self.name}.{what}",
            question=f"{self.name}.{what}",
            first_ms=waiting.first_ms,
            between_ms=waiting.between_ms,
            tries=total,
            flush=waiting.flush,
            barge_in=waiting.barge_in,
            silence=Escalation((), silent, give_up),
            wrong=Escalation((), wrong, give_up),
        )

    # -- the questions ------------------------------------------------------------------------------------

    def entry(self, item: Item) -> str:
        """The first node of an item."""
        if isinstance(item, Group):
            return self._group_entry(item)
        if isinstance(item, Heard):
            return f"{self.step}.{item.name}" + (".@when" if item.when is not None else "")
        asks_first = self.resumes or item.shape.when is not None
        return f"{self.step}.{item.shape.id}" + (".@when" if asks_first else "")

    def _group_entry(self, group: Group) -> str:
        if group.when is not None:
            return f"{self.step}.@section.{group.name}"
        if group.random:
            return self._order(group)
        return self.entry(group.items[0]) if group.items else f"{self.step}.@empty.{group.name}"

    def _order(self, group: Group) -> str:
        return f"{self.step}.@order" + (f".{group.name}" if group.name else "")

    def group(self, group: Group, after: str) -> None:
        first = self.entry(group.items[0]) if group.items else after
        if group.random:
            first = self._order(group)
        if group.when is not None:
            self.add(self._group_entry(group), Branch((Way(first, self.names.tree(group.when)),), after), group.line)
        elif not group.items:
            self.add(self._group_entry(group), Branch((), after), group.line)
        if group.random:
            self.add(first, Shuffle(tuple(self.entry(i) for i in group.items), after, self.name), group.line)
        for number, item in enumerate(group.items):
            following = group.items[number + 1 :]
            then = first if group.random else self.entry(following[0]) if following else after
            self.item(item, then)

    def item(self, item: Item, after: str) -> None:
        if isinstance(item, Group):
            self.group(item, after)
        elif isinstance(item, Heard):
            name = f"{self.step}.{item.name}"
            if item.when is not None:
                self.add(f"{name}.@when", Branch((Way(name, self.names.tree(item.when)),), after), item.line)
            self.add(name, Say(item.prompts, after), item.line)
        else:
            self.question(item, after)

    def question(self, asked: Asking, after: str) -> None:
        name, file = f"{self.step}.{asked.shape.id}", self.survey.file
        shape = replace(asked.shape, valid=self.names.tree(asked.shape.valid))
        gates = [quota for quota in file.quotas or () if shape.id in self._asked_for(quota)]
        steps = [f"{name}.@screen"] if shape.screen_out is not None else []
        steps += [f"{name}.@quota.{quota.quota}" for quota in gates]
        ways: list[Way] = []
        if self.resumes:  # an answer of before is not asked for; a quota may have become full since
            ways.append(Way([*steps, after][0], ["and", ["name", f"{self.name}.resumed"], self._given(shape.id)]))
        if shape.when is not None:
            self.add(f"{name}.@when", Branch((*ways, Way(name, self.names.tree(shape.when))), after), asked.line)
        elif ways:
            self.add(f"{name}.@when", Branch(tuple(ways), name), asked.line)
        give_up = self.end("partial") if file.give_up == "stop" else after
        place = Place(self.name, file.digits, [*steps, after][0], give_up, asked.missing)
        self.add(name, node_of(shape, place), asked.line)
        for number, step in enumerate(steps):
            then = [*steps, after][number + 1]
            if step.endswith(".@screen"):
                tree = self.names.tree(shape.screen_out)
                self.add(step, Branch((Way(self.end("screened_out"), tree),), then), asked.line)
            else:
                self.gate(step, gates[number - (len(steps) - len(gates))], then)

    def _given(self, question: str) -> Expr:
        """There is an answer, or a reason why there is none."""
        return ["or", ["call", "answered", ["name", question]], ["name", f"{question}.missing"]]

    # -- quotas -------------------------------------------------------------------------------------------

    def _asked_for(self, quota: QuotaShape) -> set[str]:
        """The questions that decide whether a call counts for a quota."""
        return {name.removesuffix(".missing") for name in expr.names(quota.when)} & set(self.ids)

    def gate(self, name: str, quota: QuotaShape, after: str) -> None:
        """Who counts for a quota that is full goes no further. Only asked when all is known that decides it."""
        known = [self._given(asked) for asked in sorted(self._asked_for(quota))]
        tests = [["name", f"quota.{self.name}.{quota.quota}"], *known]
        tests += [self.names.tree(quota.when)] if quota.when is not None else []
        self.add(name, Branch((Way(self.end("quota_full"), ["and", *tests]),), after))

    # -- the ends -----------------------------------------------------------------------------------------

    def endings(self) -> None:
        thanks = self.survey.file.thanks or {}
        if self.survey.file.give_up == "stop":
            self.end("partial")
        for outcome in ENDS:
            if outcome not in self.ends:
                continue
            said = thanks.get(outcome)
            say = f"{self.step}.@thanks" + ("" if outcome == "complete" else f".{outcome}")
            mark = SurveyMark(self.name, outcome, say if said else self.next_step, self.ids)
            self.add(f"{self.step}.@{outcome}", mark)
            if said:
                self.add(say, Say(said, self.next_step))

    def plan(self) -> SurveyPlan:
        file = self.survey.file
        definition = define(self.survey)
        always = True
        quotas = (Assign(q.quota, always if q.when is None else self.names.tree(q.when)) for q in file.quotas or ())
        alerts = (Alert(a.alert, a.do, self.names.tree(a.when)) for a in file.alerts or ())
        return SurveyPlan(
            definition=definition.to_json(),
            hash=definition.hash,
            quotas=tuple(quotas),
            alerts=tuple(alerts),
            resume_ms=file.resume.within if file.resume else 0,
            not_again_ms=self.offer.not_again_ms,
        )
