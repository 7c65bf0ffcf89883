"""View list: the rows of the store as views, each column with its meaning, written once for both databases.

Law: pure text. Names and meanings stay: people's reports stand on them. What counts them is in
store.figureviews, the view that each survey has of its own in store.wide; store.views brings them into a database.

Counted runs are those of people, once each: a run that another call went on with is part of that other one, and a
rehearsal is nobody's.
"""

from __future__ import annotations

from dataclasses import dataclass

from ivr.store.schema import REHEARSAL
from ivr.store.sqlwords import Words, literal, quoted

#: kind of a column -> what docs/views.md says of it.
KINDS = {
    "text": "text",
    "whole": "whole number",
    "number": "number",
    "time": "time, in UTC",
    "day": "date",
    "json": "JSON as text",
}


@dataclass(frozen=True)
class Col:
    name: str
    kind: str  # one of KINDS
    sql: str
    text: str


@dataclass(frozen=True)
class View:
    name: str
    text: str
    columns: tuple[Col, ...]
    rest: str  # from FROM on
    survey: str = ""  # of a wide view

    def sql(self) -> str:
        chosen = ",\n  ".join(f"{c.sql} AS {quoted(c.name)}" for c in self.columns)
        return f"SELECT\n  {chosen}\n{self.rest}"


#: An answer belongs to its run by number; one stored before runs had numbers belongs to the first.
OF_RUN = "a.call_id = r.call_id AND a.survey = r.survey AND coalesce(a.run, 1) = r.occurrence"
STATUS = "CASE WHEN r.status = 'begun' AND c.ended_at IS NOT NULL THEN 'partial' ELSE r.status END"
_STATUS_WORDS = "begun (its call goes on), partial, complete, screened_out, quota_full, refused, resumed"
#: What a run was asked when nothing else says: rows of old versions have no begin.
_BEGAN = "coalesce(r.begun_at, r.at)"
_RUN_ENDED = "CASE WHEN r.status = 'begun' THEN c.ended_at ELSE r.at END"
COUNTED = f"coalesce(r.status, '') <> 'resumed' AND coalesce(r.launch, '') NOT LIKE {literal(REHEARSAL + '%')}"


def run_columns(w: Words) -> tuple[Col, ...]:
    """Of a survey run ``r`` with its call ``c`` and its definition ``d``."""
    return (
        Col("call_id", "text", "r.call_id", "the call, as in v_calls"),
        Col("run", "whole", "r.occurrence", "1, or more when the survey was run again in the same call"),
        Col("survey", "text", "r.survey", "name of the questionnaire"),
        Col("launch", "text", "r.launch", "name of the launch; empty or none outside of one"),
        Col("definition", "text", "r.definition", "hash of what was asked, as in v_questions"),
        Col("version", "text", "d.version", "version that the questionnaire's author gave it"),
        Col("status", "text", STATUS, _STATUS_WORDS),
        Col("asked", "whole", "r.asked", "questions that the caller came to"),
        Col("answered", "whole", "r.answered", "questions that got an answer"),
        Col("last_question", "text", "r.last_question", "the last one that the caller came to"),
        Col("begun_at", "time", _BEGAN, "when the survey began"),
        Col("ended_at", "time", _RUN_ENDED, "when it ended; none while it goes on"),
        Col("seconds", "number", w.seconds("r.begun_at", f"({_RUN_ENDED})"), "how long it took"),
        Col("agent", "text", "r.agent", "who the caller talked to before"),
        Col("queue", "text", "r.queue", "where the caller waited before"),
        Col("flow", "text", "c.flow", "flow of the call"),
        Col("language", "text", "c.language", "language of the call"),
        Col("day", "day", w.day(_BEGAN), "local day on which it began"),
        Col("week", "day", w.week(_BEGAN), "Monday of that week"),
    )


RUNS = """FROM survey_run r
LEFT JOIN call c ON c.call_id = r.call_id
LEFT JOIN survey_definition d ON d.hash = r.definition"""


def plain_views(w: Words) -> tuple[View, ...]:
    """Rows of the store as they are, joined; in the order in which they can be made."""
    return _calls(w), _attempts(w), _runs(w), _answers(w), _questions()


def _calls(w: Words) -> View:
    started = "c.started_at"
    return View(
        "v_calls",
        "One row a call.",
        (
            Col("call_id", "text", "c.call_id", "the channel's uuid"),
            Col("flow", "text", "c.flow", "flow that answered it"),
            Col("caller_masked", "text", w.masked("c.caller"), "caller's number, all but its end hidden"),
            Col("called", "text", "c.called", "number that was called"),
            Col("language", "text", "c.language", "language that was spoken last"),
            Col("status", "text", "c.status", "live, ended"),
            Col("started_at", "time", started, "when it came in"),
            Col("answered_at", "time", "c.answered_at", "when it was answered"),
            Col("ended_at", "time", "c.ended_at", "when it ended; none while it goes on"),
            Col("seconds", "number", w.seconds(started, "c.ended_at"), "how long it was"),
            Col("ended_by", "text", "c.ended_by", "flow, caller, error, switch-lost, transferred"),
            Col("end_node", "text", "c.end_node", "step at which it ended"),
            Col("cause", "text", "c.cause", "FreeSWITCH's hang-up cause"),
            Col("day", "day", w.day(started), "local day on which it came in"),
            Col("week", "day", w.week(started), "Monday of that week"),
            Col("hour", "whole", w.hour(started), "local hour, 0 to 23"),
        ),
        "FROM call c",
    )


def _attempts(w: Words) -> View:
    return View(
        "v_attempts",
        "One row for each time that a caller was listened to.",
        (
            Col("call_id", "text", "a.call_id", "the call, as in v_calls"),
            Col("flow", "text", "c.flow", "flow of the call"),
            Col("survey", "text", "a.survey", "questionnaire; empty outside of one"),
            Col("node", "text", "a.node", "step of the flow"),
            Col("question", "text", "a.question", "what was asked"),
            Col("occurrence", "whole", "a.occurrence", "visit to the question within the call, from 1"),
            Col("attempt", "whole", "a.attempt", "try within the visit, from 1"),
            Col("outcome", "text", "a.outcome", "digits, noinput (silence), nomatch (wrong key), hangup"),
            Col("keys", "text", "a.keys", "keys that were pressed; none when they are secret"),
            Col("key_count", "whole", "a.key_count", "how many"),
            Col("timer", "text", "a.timer", "what ran out: first, between; empty: none did"),
            Col("language", "text", "a.language", "language it was asked in"),
            Col("started_at", "time", "a.started_at", "when listening began"),
            Col("ended_at", "time", "a.ended_at", "when it ended"),
            Col("seconds", "number", w.seconds("a.started_at", "a.ended_at"), "how long it took"),
            Col("day", "day", w.day("a.started_at"), "local day"),
        ),
        "FROM attempt a\nLEFT JOIN call c ON c.call_id = a.call_id",
    )


def _runs(w: Words) -> View:
    counted = Col(
        "counted",
        "whole",
        f"CASE WHEN {COUNTED} THEN 1 ELSE 0 END",
        "1; 0 when another call went on with it (that one has the answers), or in a rehearsal",
    )
    resumed = Col("resumed_from", "text", "r.resumed_from", "call_id of the run that this one goes on with")
    columns = run_columns(w)
    chosen = (*columns[:7], counted, *columns[7:], resumed)
    return View("v_runs", "One row for each time that a survey was run.", chosen, RUNS)


def _answers(w: Words) -> View:
    given = (
        Col("question", "text", "a.question", "name of the question"),
        Col("occurrence", "whole", "a.occurrence", "visit to the question within the call, from 1"),
        Col("value", "text", "a.value", "the answer as text; lists as JSON"),
        Col("value_number", "number", "a.value_number", "the answer when it is a number"),
        Col("missing", "text", "a.missing", "why there is none: refused, dont_know"),
        Col("answered_at", "time", "a.at", "when it was given"),
        Col("kind", "text", "q.kind", "kind of the question, as in v_questions"),
        Col("measure", "text", "q.measure", "csat, nps, ces, or empty"),
        Col("label", "text", "q.label", "the question in short, in the questionnaire's first language"),
    )
    return View(
        "v_answers",
        "One row an answer of a counted survey run, beside what is known of the run. Secret answers are not there.",
        (*run_columns(w), *given),
        f"""FROM survey_run r
JOIN answer a ON {OF_RUN} AND a.survey <> ''
LEFT JOIN call c ON c.call_id = r.call_id
LEFT JOIN survey_definition d ON d.hash = r.definition
LEFT JOIN survey_question q ON q.definition = r.definition AND q.question = a.question
WHERE {COUNTED} AND (a.value IS NOT NULL OR a.missing IS NOT NULL)""",
    )


def _questions() -> View:
    columns = (
        ("definition", "text", "hash of the questionnaire as it was asked"),
        ("survey", "text", "name of the questionnaire"),
        ("version", "text", "version that its author gave it"),
        ("position", "whole", "place in the questionnaire, from 1"),
        ("question", "text", "name of the question"),
        ("kind", "text", "choice, yes_no, scale, number, amount, date, code, multiple, ranking, voice"),
        ("measure", "text", "csat, nps, ces, or empty"),
        ("label", "text", "the question in short, in the first language"),
        ("text", "text", "what is asked, in the first language"),
        ("labels_json", "json", "label by language"),
        ("texts_json", "json", "what is asked, by language"),
        ("values_json", "json", "possible answers: value, key, label by language"),
        ("low", "text", "least answer of a range"),
        ("high", "text", "greatest"),
        ("direction", "text", "up: the highest is best; down: the lowest is"),
        ("top", "whole", "steps at the good end that count as satisfied"),
        ("good_low", "number", "satisfied (csat, ces) or promoter (nps) from here"),
        ("good_high", "number", "to here"),
        ("bad_low", "number", "not satisfied, or detractor, from here"),
        ("bad_high", "number", "to here"),
        ("section", "text", "section it stands in"),
        ("item", "text", "item of the list that its loop goes over"),
        ("base", "text", "its name before the loop made several of it"),
        ("bank", "text", "question of the bank that it is, csat5@2"),
        ("asked_when", "text", "condition under which it is asked"),
        ("screen_out", "text", "condition under which the survey ends there"),
    )
    return View(
        "v_questions",
        "One row a question of each questionnaire as it was asked: what answers mean, years later.",
        tuple(Col(name, kind, f"q.{name}", text) for name, kind, text in columns),
        "FROM survey_question q",
    )
