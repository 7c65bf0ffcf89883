"""Questions: a stored definition becomes one row per question and quota, so that views join columns and parse no JSON.

Law: pure, and reads the definition as plain data. A definition that is not what survey.definition writes has no rows
here: its answers are there all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

Row = dict[str, Any]

#: An NPS asks 0..10: 9 and 10 are promoters, 0 to 6 detractors. Of another range, so many steps at each end.
_PROMOTERS: Final = 2
_NOT_DETRACTORS: Final = 4


def question_rows(definition_hash: str, data: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of `survey_question`."""
    languages = data.get("languages") or ()
    for position, question in enumerate(data["questions"], 1):
        yield {
            "definition": definition_hash,
            "question": question["id"],
            "position": position,
            "survey": data["survey"],
            "version": data.get("version", ""),
            "kind": question["kind"],
            "measure": question.get("measure", ""),
            "label": first(question.get("label"), languages) or first(question.get("text"), languages),
            "text": first(question.get("text"), languages),
            "labels_json": _json(question.get("label") or {}),
            "texts_json": _json(question.get("text") or {}),
            "values_json": _json(question.get("values") or []),
            "low": _as_text(question.get("low")),
            "high": _as_text(question.get("high")),
            "direction": question.get("direction", "up"),
            "top": question.get("top", 2),
            **bands(question),
            **{name: question.get(name, "") for name in ("section", "item", "base", "bank", "screen_out")},
            "asked_when": question.get("when", ""),
        }


def quota_rows(definition_hash: str, data: Mapping[str, Any]) -> Iterator[Row]:
    """Rows of `survey_quota`."""
    for quota in data.get("quotas") or ():
        yield {
            "definition": definition_hash,
            "quota": quota["quota"],
            "survey": data["survey"],
            "target": quota["completes"],
            "condition": quota.get("when", ""),
        }


def rows_of(definition_hash: str, text: str | None) -> list[tuple[str, Row]]:
    """(table, row) of everything above; none when ``text`` is no definition."""
    try:
        data = json.loads(text or "")
        return [
            *(("survey_question", row) for row in question_rows(definition_hash, data)),
            *(("survey_quota", row) for row in quota_rows(definition_hash, data)),
        ]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def bands(question: Mapping[str, Any]) -> Row:
    """Which values are good, and which are bad. None of what is no scale with a measure."""
    low, high, measure = question.get("low"), question.get("high"), question.get("measure")
    nothing: Row = dict.fromkeys(("good_low", "good_high", "bad_low", "bad_high"))
    if not measure or not isinstance(low, int | float) or not isinstance(high, int | float):
        return nothing
    good = _PROMOTERS if measure == "nps" else question.get("top", 2)
    spared = _NOT_DETRACTORS if measure == "nps" else good
    if question.get("direction") == "down":
        edges = low, low + good - 1, low + spared, high
    else:
        edges = high - good + 1, high, low, high - spared
    return dict(zip(nothing, map(float, edges), strict=True))


def first(texts: Mapping[str, str] | None, languages: Any) -> str:
    """The text in the questionnaire's first language, else any."""
    if not texts:
        return ""
    return next((texts[language] for language in languages if language in texts), next(iter(texts.values())))


def _as_text(value: Any) -> str | None:
    return None if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
