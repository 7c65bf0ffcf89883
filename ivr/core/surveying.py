"""Surveying: how a run of a questionnaire begins, is gone on with, keeps its order, and ends.

Law: as for ``core.machine``, whose nodes SurveyMark and Shuffle these are. A run that is over says so once; what it
leads to (quotas it counts for, alerts) is saved with it.
"""

from __future__ import annotations

from typing import Any, Final

from ivr.core import ordering
from ivr.core.effects import Save
from ivr.core.expr import evaluate
from ivr.core.program import Shuffle, SurveyMark
from ivr.core.turn import Turn

#: What a quota's row says where there is no launch: a key column is never empty.
NO_LAUNCH: Final = "-"


def mark(turn: Turn, node: SurveyMark) -> str:
    """A SurveyMark is reached; gives the step after it."""
    runs = turn.state.runs
    run = runs.get(node.survey)
    if node.mark == "begin":
        _begin(turn, node, run[0] + 1 if run else 1)
    elif node.mark == "resume":
        _resume(turn, node)
    elif run and run[4]:
        end(turn, node.survey, node.mark)
    turn.took("next")
    return node.next


def _begin(turn: Turn, node: SurveyMark, occurrence: int) -> None:
    state, survey = turn.state, node.survey
    _forget(turn, node)
    seed = ordering.seed(state.call_id, survey, occurrence)
    state.runs = {**state.runs, survey: [occurrence, 0, 0, "", True, seed]}
    plan = turn.program.surveys.get(survey)
    turn.save_run(survey, "begun", definition=plan.hash if plan else None, **_circumstances(turn))


def _forget(turn: Turn, node: SurveyMark) -> None:
    """A run begins with nothing of another run of this call: no answer, no place in an order, nothing to go on with.

    Only what was asked in this call: a fact of a question's name is the caller's, not another run's.
    """
    state, nodes = turn.state, turn.program.nodes
    stale: dict[str, Any] = {}
    for question in node.questions:
        if question in state.visits:
            stale |= {question: None, f"{question}.missing": None}
    if node.survey in state.runs:
        stale |= {f"resume.{node.survey}": False, f"{node.survey}.resumed": False, f"{node.survey}.alerted": None}
    if stale:
        state.variables = {**state.variables, **stale}
    state.orders = {k: v for k, v in state.orders.items() if getattr(nodes.get(k), "survey", "") != node.survey}


def _circumstances(turn: Turn) -> dict[str, Any]:
    """Whom the caller has talked to before, for the row of the run."""
    known = turn.state.variables
    return {
        "launch": turn.program.launch or None,
        "agent": _text(known.get("agent.id")),
        "queue": _text(known.get("queue.name")),
    }


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _resume(turn: Turn, node: SurveyMark) -> None:
    """What an earlier call answered is this run's too, in its order; that run is no longer counted."""
    state, survey = turn.state, node.survey
    known, prefix = state.variables, f"resume.{node.survey}"
    run = state.runs[survey]
    seed = known.get(f"{prefix}.seed")
    answered = 0
    for question in node.questions:
        value, missing = known.get(f"{prefix}.answer.{question}"), known.get(f"{prefix}.missing.{question}")
        if value is None and not missing:
            continue
        answered += 1
        state.visits = {**state.visits, question: 1}
        turn.assign(question, value)
        turn.assign(f"{question}.missing", missing)
        turn.effects.append(Save("answer", turn.answer_row(question, survey, value, None, missing or None)))
    seed = seed if isinstance(seed, int) else run[5]
    state.runs = {**state.runs, survey: [run[0], answered, answered, run[3], True, seed]}
    turn.assign(f"{survey}.resumed", True)
    turn.assign(f"{survey}.alerted", known.get(f"{prefix}.alerts"))
    before = _text(known.get(f"{prefix}.call"))
    turn.save_run(survey, "begun", resumed_from=before, **_circumstances(turn))
    occurrence = known.get(f"{prefix}.run")
    if before is not None and before != state.call_id:
        row = {
            "call_id": before,
            "survey": survey,
            "occurrence": occurrence if isinstance(occurrence, int) else 1,
            "status": "resumed",
            "at_ms": state.now_ms,
        }
        turn.effects.append(Save("run", row))


def end(turn: Turn, survey: str, status: str) -> None:
    """An open run is over."""
    state = turn.state
    run = state.runs[survey]
    turn.assign(f"{survey}.outcome", status)
    turn.save_run(survey, status)
    state.runs = {**state.runs, survey: [*run[:4], False, run[5]]}
    plan = turn.program.surveys.get(survey)
    if plan is None:
        return
    at = {"survey": survey, "occurrence": run[0], "at_ms": state.now_ms}
    if status == "complete":
        launch = turn.program.launch or NO_LAUNCH
        for quota in plan.quotas:
            if evaluate(quota.expr, state.variables):
                turn.effects.append(Save("quota", {**at, "launch": launch, "quota": quota.name}))
    alerted = state.variables.get(f"{survey}.alerted")  # already, by the runs that this one goes on with
    for alert in plan.alerts:
        if not (isinstance(alerted, list) and alert.name in alerted) and evaluate(alert.when, state.variables):
            row = {**at, "alert": alert.name, "kind": alert.kind, "json": _told(turn, plan.definition)}
            turn.effects.append(Save("outbox", row))


def _told(turn: Turn, definition: Any) -> dict[str, Any]:
    """What who is alerted is told: the answers, and whom the caller talked to. No number: the call has it."""
    known = turn.state.variables
    questions = [question["id"] for question in definition["questions"]]
    answers = {question: known[question] for question in questions if known.get(question) is not None}
    return {"answers": answers, "agent": known.get("agent.id"), "queue": known.get("queue.name")}


def end_all(turn: Turn) -> None:
    """Surveys still open when the call ends are partial."""
    for survey, run in turn.state.runs.items():
        if run[4]:
            end(turn, survey, "partial")


def shuffle(turn: Turn, name: str, node: Shuffle) -> str:
    """A Shuffle is reached, for the first time or from one of its entries; gives the next."""
    orders = turn.state.orders
    known = orders.get(name)
    if known is None:
        run = turn.state.runs.get(node.survey)
        known = [ordering.order(run[5] if run else 0, name, len(node.entries)), 0]
    order: list[int] = known[0]
    done: int = known[1]
    if done >= len(order):
        turn.state.orders = {k: v for k, v in orders.items() if k != name}
        turn.took("next")
        return node.next
    turn.state.orders = {**orders, name: [order, done + 1]}
    turn.took(f"entry {order[done] + 1}")
    return node.entries[order[done]]
