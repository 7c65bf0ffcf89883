"""Figure views: scores, funnels, break-off, quotas and launches, counted from the other views and tables.

Law: pure text, as store.viewlist. Every figure is a sum that can be added up over days, beside what it is divided by.
"""

from __future__ import annotations

from ivr.store.sqlwords import Words
from ivr.store.viewlist import COUNTED, OF_RUN, STATUS, Col, View


def figure_views(w: Words) -> tuple[View, ...]:
    """They stand on store.viewlist's."""
    return (
        *(_scores(w, measure, by) for measure in ("csat", "ces") for by in ("agent", "queue")),
        *(_nps(w, by) for by in ("agent", "queue")),
        _funnel(w),
        _breakoff(),
        _quota(),
        _launches(),
    )


def _scored(by: str, measure: str) -> str:
    # a.agent <> '' leaves out what has none.
    # CROSS JOIN: SQLite begins with the few questions, each once for all versions, and finds answers by an index.
    return f"""FROM (SELECT DISTINCT survey, question FROM survey_question WHERE measure = '{measure}') m
CROSS JOIN v_answers a
CROSS JOIN survey_question q
WHERE a.survey = m.survey AND a.question = m.question AND q.definition = a.definition AND q.question = a.question
AND q.measure = '{measure}' AND a.value_number IS NOT NULL AND a.{by} <> ''
GROUP BY a.{by}, a.survey, a.question, a.day"""


def _by(by: str) -> tuple[Col, ...]:
    return (
        Col(by, "text", f"a.{by}", "who the caller talked to" if by == "agent" else "where the caller waited"),
        Col("survey", "text", "a.survey", "name of the questionnaire"),
        Col("question", "text", "a.question", "name of the question"),
        Col("day", "day", "a.day", "local day on which the surveys began"),
        Col("answers", "whole", "count(*)", "answers with a value"),
    )


def _sum(condition: str) -> str:
    return f"sum(CASE WHEN {condition} THEN 1 ELSE 0 END)"


_GOOD = _sum("a.value_number BETWEEN q.good_low AND q.good_high")
_BAD = _sum("a.value_number BETWEEN q.bad_low AND q.bad_high")


def _scores(w: Words, measure: str, by: str) -> View:
    good = "answers among the best steps, as many as the questionnaire says (top, direction)"
    name = {"csat": "Satisfaction", "ces": "Effort"}[measure]
    return View(
        f"v_{measure}_{by}",
        f"{name} by {by}, survey, question and day, of counted runs. Add up days and divide: satisfied / answers.",
        (
            *_by(by),
            Col("satisfied", "whole", _GOOD, good),
            Col("mean", "number", w.number("avg(a.value_number)"), "mean of the answers, as they were keyed"),
        ),
        _scored(by, measure),
    )


def _nps(w: Words, by: str) -> View:
    score = f"100.0 * ({_GOOD} - {_BAD}) / count(*)"
    return View(
        f"v_nps_{by}",
        f"Net promoter score by {by}, survey, question and day, of counted runs. Add up promoters, detractors and "
        "answers before you divide.",
        (
            *_by(by),
            Col("promoters", "whole", _GOOD, "9 and 10; of another range, its two best steps"),
            Col("detractors", "whole", _BAD, "0 to 6; of another range, all but its four best steps"),
            Col("nps", "number", w.number(score), "share of promoters less share of detractors, -100 to 100"),
        ),
        _scored(by, "nps"),
    )


def _funnel(w: Words) -> View:
    day = w.day("c.started_at")

    def left(outcome: str) -> str:
        return _sum(f"a.outcome = '{outcome}'")

    return View(
        "v_flow_funnel",
        "How many calls came to each question of a flow, and how they left it the last time.",
        (
            Col("flow", "text", "c.flow", "flow of the calls"),
            Col("survey", "text", "coalesce(a.survey, '')", "questionnaire; empty outside of one"),
            Col("node", "text", "a.node", "step of the flow"),
            Col("question", "text", "a.question", "what is asked there"),
            Col("day", "day", day, "local day on which the calls came in"),
            Col("reached", "whole", "count(*)", "calls that came to it"),
            Col("answered", "whole", left("digits"), "left it with an answer"),
            Col("silence", "whole", left("noinput"), "left it because nothing was pressed"),
            Col("wrong", "whole", left("nomatch"), "left it because what was pressed is none of the answers"),
            Col("hangup", "whole", left("hangup"), "hung up there"),
        ),
        f"""FROM attempt a
JOIN call c ON c.call_id = a.call_id
WHERE NOT EXISTS (
  SELECT 1 FROM attempt b WHERE b.call_id = a.call_id AND b.question = a.question
  AND (b.occurrence > a.occurrence OR (b.occurrence = a.occurrence AND b.attempt > a.attempt))
)
GROUP BY c.flow, coalesce(a.survey, ''), a.node, a.question, {day}""",
    )


def _breakoff() -> View:
    # One group over runs and their questions: conditions of whoever asks reach the tables. An attempt knows no run.
    tried = """EXISTS (SELECT 1 FROM attempt t WHERE t.call_id = r.call_id AND t.question = q.question
    AND (r.begun_at IS NULL OR t.started_at >= r.begun_at)
    AND (r.status = 'begun' OR r.at IS NULL OR t.started_at <= r.at))"""
    last = "r.last_question = q.question"
    reached = f"a.call_id IS NOT NULL OR {last} OR {tried}"
    return View(
        "v_breakoff",
        "How many counted runs came to each question of a survey, what they gave, and how many ended there.",
        (
            Col("survey", "text", "r.survey", "name of the questionnaire"),
            Col("launch", "text", "r.launch", "name of the launch; empty or none outside of one"),
            Col("question", "text", "q.question", "name of the question"),
            Col("position", "whole", "max(q.position)", "place in the questionnaire, from 1"),
            Col("reached", "whole", _sum(reached), "runs that came to it"),
            Col("answered", "whole", _sum("a.call_id IS NOT NULL AND a.missing IS NULL"), "gave an answer"),
            Col("refused", "whole", _sum("a.missing = 'refused'"), "would not say"),
            Col("dont_know", "whole", _sum("a.missing = 'dont_know'"), "did not know"),
            Col("broke_off", "whole", _sum(f"({STATUS}) = 'partial' AND {last}"), "partial runs that came no further"),
        ),
        f"""FROM survey_run r
JOIN survey_question q ON q.definition = r.definition
LEFT JOIN answer a ON {OF_RUN} AND a.question = q.question
LEFT JOIN call c ON c.call_id = r.call_id
WHERE {COUNTED}
GROUP BY r.survey, r.launch, q.question""",
    )


def _quota() -> View:
    return View(
        "v_quota",
        "Each quota of each launch: how many were wanted, how many there are.",
        (
            Col("survey", "text", "k.survey", "name of the questionnaire"),
            Col("launch", "text", "k.launch", "name of the launch; - outside of one"),
            Col("quota", "text", "k.quota", "name of the quota"),
            Col(
                "target", "whole", "max(k.target)", "completed runs wanted; outside of a launch, by the newest version"
            ),
            Col("completes", "whole", "CAST(sum(k.completes) AS bigint)", "completed runs that count for it"),
        ),
        """FROM (
SELECT l.survey, l.launch, s.quota, s.target, 0 AS completes
FROM launch l JOIN survey_quota s ON s.definition = l.definition
UNION ALL
SELECT s.survey, '-', s.quota, s.target, 0
FROM survey_quota s JOIN survey_definition d ON d.hash = s.definition
WHERE NOT EXISTS (
  SELECT 1 FROM survey_definition n WHERE n.survey = d.survey
  AND (n.first_seen > d.first_seen OR (n.first_seen = d.first_seen AND n.hash > d.hash))
)
UNION ALL
SELECT survey, launch, quota, NULL, count(*) FROM quota_complete GROUP BY survey, launch, quota
) k
GROUP BY k.survey, k.launch, k.quota""",
    )


def _launches() -> View:
    def runs(status: str) -> str:
        return f"sum(CASE WHEN ({STATUS}) = '{status}' AND {COUNTED} THEN 1 ELSE 0 END)"

    columns = (
        ("launch", "text", "name of the launch"),
        ("survey", "text", "name of the questionnaire"),
        ("definition", "text", "hash of what is asked, as in v_questions"),
        ("program_hash", "text", "hash of the program that asks it"),
        ("content_hash", "text", "hash of definition, program and sounds together"),
        ("sounds", "whole", "sound files frozen with it"),
        ("created_at", "time", "when it was made"),
        ("closed_at", "time", "when it was closed; none while it is open"),
    )
    statuses = {
        "complete": "to the end",
        "partial": "caller broke off",
        "screened_out": "not among those who are asked",
        "quota_full": "there were enough like this caller",
        "refused": "caller would not take part",
        "begun": "going on",
    }
    return View(
        "v_launches",
        "One row a launch, with its counted runs by how they ended.",
        (
            *(Col(name, kind, f"l.{name}", text) for name, kind, text in columns),
            Col("version", "text", "d.version", "version that the questionnaire's author gave it"),
            Col("runs", "whole", _sum(f"r.call_id IS NOT NULL AND {COUNTED}"), "counted runs"),
            *(Col(status, "whole", runs(status), text) for status, text in statuses.items()),
        ),
        """FROM launch l
LEFT JOIN survey_definition d ON d.hash = l.definition
LEFT JOIN survey_run r ON r.launch = l.launch AND r.launch <> ''
LEFT JOIN call c ON c.call_id = r.call_id
GROUP BY l.launch, d.hash""",
    )
