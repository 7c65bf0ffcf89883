"""The book of a survey: its Definition as stored beside the answers, and the launch that is meant.

Law: reads only. The newest content stands for all: what older ones asked besides comes after it, so that no answer is
without its question.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches

from sqlalchemy import Connection, select, union

from ivr.store.schema import launch, survey_definition, survey_run
from ivr.survey.definition import Definition, QuestionDef, Value


class ReadingError(ValueError):
    """What was asked for cannot be read; the words say what is wrong and what there is."""


@dataclass(frozen=True)
class Book:
    definition: Definition
    launch: str = ""  # "" for all of them
    contents: int = 1  # how many contents of the questionnaire answers may be of
    hash: str = ""  # of the newest content, as stored

    @property
    def survey(self) -> str:
        return self.definition.survey

    def question(self, ident: str) -> QuestionDef:
        found = self.definition.question(ident)
        if found is None:
            known = [question.id for question in self.definition.questions]
            raise ReadingError(f"{self.survey} has no question {ident!r}; {meant(ident, known)}")
        return found


def open_book(connection: Connection, name: str, chosen_launch: str = "") -> Book:
    """``name`` is a survey, or a launch: then only its runs are meant."""
    found = select(launch.c.survey, launch.c.definition).where(launch.c.launch == (chosen_launch or name))
    row = connection.execute(found).first()
    if chosen_launch and row is None:
        known = connection.scalars(select(launch.c.launch).order_by(launch.c.launch)).all()
        raise ReadingError(f"there is no launch {chosen_launch!r}; {meant(chosen_launch, known)}")
    if row is None:
        return _book(connection, name, "", "")
    survey, definition = row
    if chosen_launch and name not in (survey, chosen_launch):
        raise ReadingError(f"launch {chosen_launch!r} is of survey {survey!r}, not of {name!r}")
    return _book(connection, survey, chosen_launch or name, definition or "")


def _book(connection: Connection, survey: str, chosen_launch: str, definition: str) -> Book:
    table = survey_definition
    query = select(table.c.hash, table.c.json).where(table.c.survey == survey)
    stored = connection.execute(query.order_by(table.c.first_seen.desc().nulls_last(), table.c.hash)).all()
    if not stored:
        raise _unknown(connection, survey)
    stored = [row for row in stored if row.hash == definition] or stored  # a launch has one content
    definitions = [Definition.from_json(json.loads(text)) for _, text in stored]
    return Book(merged(definitions), chosen_launch, len(definitions), stored[0].hash)


def _unknown(connection: Connection, survey: str) -> ReadingError:
    known = connection.scalars(union(select(survey_definition.c.survey), select(launch.c.launch))).all()
    if connection.scalar(select(survey_run.c.survey).where(survey_run.c.survey == survey).limit(1)):
        return ReadingError(
            f"{survey!r} has runs, but what it asked is not stored: they are of a version before 0.2."
            f" Type: ivr results summary --survey {survey}"
        )
    return ReadingError(f"there is no survey or launch {survey!r} in this database; {meant(survey, known)}")


def merged(definitions: list[Definition]) -> Definition:
    """The first, with the questions and options that only others have behind its own."""
    newest = definitions[0]
    questions = {question.id: question for question in newest.questions}
    for older in definitions[1:]:
        for question in older.questions:
            known = questions.get(question.id)
            if known is None:
                questions[question.id] = question
            elif known.kind == question.kind:
                questions[question.id] = replace(known, values=_all_values(known, question))
    return replace(newest, questions=tuple(questions.values()))


def _all_values(newer: QuestionDef, older: QuestionDef) -> tuple[Value, ...]:
    names = {value.value for value in newer.values}
    return (*newer.values, *(value for value in older.values if value.value not in names))


def meant(word: str, known: Iterable[str]) -> str:
    """What to write instead: the nearest of the known words, or what there is."""
    names = sorted(name for name in set(known) if name)
    near = get_close_matches(word.lower()[:80], {name.lower(): name for name in names}, 1, 0.6)
    if near:
        return f'did you mean "{next(name for name in names if name.lower() == near[0])}"?'
    return f"there are: {', '.join(names[:30])}" if names else "there are none yet"
