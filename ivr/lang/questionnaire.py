"""Questionnaires: a survey file to nodes of the Program that asks it.

Law: a question is a Collect like any other. The survey at step ``s`` opens with the mark ``s``, its questions are
``s.<id>``, and what surrounds them has names no question can have: ``s.@intro``, ``s.@thanks``, ``s.@complete``,
``s.@partial``, and ``s.<id>.@when`` before a question that is not always asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ivr.core import expr
from ivr.core.program import Branch, Collect, Node, Prompt, Say, SurveyMark, Way
from ivr.lang.catalogue import Catalogue
from ivr.lang.compiler import Waiting, confirm_fields
from ivr.lang.model import Question, SurveyFile
from ivr.lang.problem import Problems, nearest, quoted, undeclared
from ivr.lang.reader import Reader
from ivr.lang.source import Map, Seq, Source, Text

MAX_SCALE = 100
TYPES = ("scale", "choice", "number")


@dataclass
class Questionnaire:
    """One survey as read for one step."""

    file: SurveyFile
    reader: Reader
    questions: list[tuple[Question, int]]  # with the line they begin at
    sound: bool  # no mistake in it


def read(
    source: Source,
    step: str,
    problems: Problems,
    catalogue: Catalogue,
    prompts: dict[str, Prompt],
    builtin: frozenset[str],
) -> Questionnaire | None:
    """Reads a survey file for the step ``step``; None when it is no survey file at all."""
    before = problems.errors
    if not isinstance(source.root, Map) or source.root.get("survey") is None:
        return None
    reader = Reader(source, problems, catalogue, prompts)
    reader.owner = step
    file = read_head(reader, source.root, "SurveyFile", "a survey file")
    known = {*builtin, *(file.facts or ())}
    _check_names(reader, known, set())
    questions: list[tuple[Question, int]] = []
    nodes = file.questions.items if isinstance(file.questions, Seq) else []
    ids = {node.get("id") for node in nodes if isinstance(node, Map)}
    later = {i.value for i in ids if isinstance(i, Text)}
    if file.questions is not None and not nodes:
        reader.add("IVR010", file.questions, "`questions` is a list of questions", "`- {id: ..., scale: ...}`")
    seen: dict[str, int] = {}
    for node in nodes:
        ident = node.get("id") if isinstance(node, Map) else None
        name = ident.value if isinstance(ident, Text) else ""
        reader.start(f"{step}.{name}")
        shape: Question | None = reader.shape(node, "Question", f"question {quoted(name)}" if name else "a question")
        later.discard(name)
        # A confirmation speaks of the answer itself; the condition before the question cannot.
        _check_names(reader, {*known, name}, later)
        if shape is None:
            continue
        if name in expr.names(shape.when) and name not in known and isinstance(node, Map):
            message = f"{quoted(name)} is not answered before it is asked"
            reader.add("IVR074", node.get("when") or node, message, "use an earlier answer", part=name)
        if ident and name in seen:
            reader.add("IVR008", ident, f"{quoted(name)} is here a second time; the first is at line {seen[name]}")
        seen[name] = node.start.line + 1
        known.add(name)
        _check_question(reader, shape, node)
        questions.append((shape, node.start.line + 1))
    return Questionnaire(file, reader, questions, problems.errors == before)


def read_head(reader: Reader, root: Map, shape: str, what: str) -> Any:
    """The file's own keys, `languages` first wherever it stands: every prompt is read against them."""
    first = root.get("languages")
    if first is not None:
        muted, reader.problems = reader.problems, Problems()
        from ivr.lang.parts import LANGUAGES

        reader.languages = LANGUAGES.read(reader, first, "languages")
        reader.problems = muted
    return reader.shape(root, shape, what)


def _check_names(reader: Reader, known: set[str], later: set[str]) -> None:
    """Every name used so far is known by now; empties the reader's list."""
    for word, name, where in reader.used:
        if name in known:
            continue
        place = f" in {where}" if where else ""
        if name in later:
            reader.add("IVR074", word, f"{quoted(name)} is asked later{place}", "move the question up", part=name)
        else:
            near = nearest(name, known)
            hint = f'did you mean "{near}"?' if near else f"known here: {', '.join(sorted(known))}"
            if "." in name:
                hint = undeclared(name, near, "questionnaire")
            reader.add("IVR052", word, f"no name {quoted(name)}{place}", hint, part="" if where else name)
    reader.used.clear()


def _check_question(reader: Reader, shape: Question, node: Any) -> None:
    given = [k.value for k, _ in node.items if k.value in TYPES]
    if len(given) != 1:
        found = " and ".join(f"`{g}`" for g in given) or "none of them"
        message = f"a question has exactly one of `scale`, `choice` and `number`, not {found}"
        reader.add("IVR071", node, message)
        return
    needs, other = ("options", "range") if given[0] == "choice" else ("range", "options")
    if node.get(needs) is None:
        example = "{1: late, 2: price}" if needs == "options" else "1..5"
        reader.add("IVR013", node, f"a `{given[0]}` needs `{needs}`", f"add `{needs}: {example}`")
    if node.get(other) is not None:
        reader.add("IVR011", node.get(other), f"a `{given[0]}` has no `{other}`", "leave it out")
    if given[0] == "scale" and shape.range and shape.range[1] > MAX_SCALE:
        reader.add("IVR072", node.get("range"), f"a scale ends at {MAX_SCALE} at most", "ask for a `number`")


def compile_survey(survey: Questionnaire, step: str, next_step: str, nodes: dict[str, Node]) -> dict[str, int]:
    """Adds the nodes of a sound questionnaire; returns each node's line in the survey's file."""
    file, name = survey.file, survey.file.survey
    complete, partial, thanks = f"{step}.@complete", f"{step}.@partial", f"{step}.@thanks"
    line = {step: 1, complete: 1, partial: 1}
    nodes_before = set(nodes)
    entries = [f"{step}.{q.id}" + (".@when" if q.when is not None else "") for q, _ in survey.questions]
    order = [*entries, complete]
    first = order[0]
    ids = tuple(q.id for q, _ in survey.questions)
    if file.intro:
        nodes[f"{step}.@intro"] = Say(file.intro, first)
        first = f"{step}.@intro"
    nodes[step] = SurveyMark(name, "begin", first, ids)
    for n, (question, at) in enumerate(survey.questions):
        after = order[n + 1]
        ident = f"{step}.{question.id}"
        if question.when is not None:
            nodes[entries[n]] = Branch((Way(ident, question.when),), after)
            line[entries[n]] = at
        line[ident] = at
        give_up = partial if file.give_up == "stop" else after
        nodes[ident] = _question(question, file, after, give_up)
    nodes[complete] = SurveyMark(name, "complete", thanks if file.thanks else next_step, ids)
    if file.thanks:
        nodes[thanks] = Say(file.thanks, next_step)
    if file.give_up == "stop":
        nodes[partial] = SurveyMark(name, "partial", next_step, ids)
    return {n: line.get(n, 1) for n in nodes if n not in nodes_before}


def _question(question: Question, file: SurveyFile, after: str, give_up: str) -> Collect:
    waiting = Waiting.of((question.digits, file.digits), "flush", (give_up, give_up))
    common: dict[str, Any] = {
        "into": question.id,
        "next": after,
        "question": question.id,
        "survey": file.survey,
        **confirm_fields(question.confirm),
        **waiting.fields(question),
    }
    low, high = question.range or (0, 0)
    if question.number is not None:
        valid = ["and", [">=", ["name", question.id], low], ["<=", ["name", question.id], high]]
        return Collect(
            prompts=question.number,
            min_keys=len(str(low)),
            max_keys=len(str(high)),
            valid=valid,
            value="number",
            **common,
        )
    answers: dict[str, Any] = dict(question.options or {})
    if question.scale is not None:
        answers = {str(n): n for n in range(low, high + 1)}
    ways = {keys: (Way(after, answer=answer),) for keys, answer in answers.items()}
    return Collect(
        prompts=question.scale or question.choice or (),
        ways=ways,
        max_keys=max(map(len, ways)),
        end="" if any("#" in k for k in ways) else "#",
        value="choice",
        **common,
    )
