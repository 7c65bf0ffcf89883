"""Showing: figures as cells of a table, the same words everywhere.

Law: pure functions of figures; prints nothing.
"""

from __future__ import annotations

from typing import Any

from ivr.results.reading.questions import Figure, OptionShare, QuestionResult
from ivr.results.stats.intervals import Interval

SPARKS = "▁▂▃▄▅▆▇█"


def share(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{100 * value:.{digits}f}%"


def number(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def count(value: float) -> int | str:
    """Weighted counts have a decimal, others none."""
    return round(value) if abs(value - round(value)) < 1e-9 else f"{value:.1f}"


def amount(value: float | str | None, unit: str) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if unit == "share":
        return share(value)
    forms = {"score": "+.1f", "count": ".0f", "answer": "g"}
    return f"{value:{forms.get(unit, '.2f')}}"


def interval(found: Interval | None, unit: str = "share") -> str:
    if found is None:
        return ""
    if unit == "share":
        return f"{100 * found.low:.1f}-{100 * found.high:.1f}%"
    form = "+.1f" if unit == "score" else ".2f"
    return f"{found.low:{form}} to {found.high:{form}}"


def told(figure: Figure) -> str:
    """CSAT 66.7% (35.4-87.9%)"""
    span = interval(figure.interval, figure.unit)
    return f"{figure.name} {amount(figure.value, figure.unit)}" + (f" ({span})" if span else "")


def missing(result: QuestionResult) -> str:
    parts = [(result.refused, "refused"), (result.dont_know, "did not know"), (result.not_answered or 0, "no answer")]
    return ", ".join(f"{n} {what}" for n, what in parts if n)


def option_name(option: OptionShare) -> str:
    return option.label if option.label == option.value else f"{option.value} {option.label}"


def spark(values: list[float | None]) -> list[str]:
    """One block for each value, from the least to the greatest; a blank where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return ["" for _ in values]
    low, span = min(known), max(known) - min(known)
    steps = len(SPARKS) - 1
    return [" " if v is None else SPARKS[round((v - low) / span * steps) if span else steps // 2] for v in values]


def p_value(p: float | None) -> str:
    if p is None:
        return ""
    stars = "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else ""
    return f"{'<0.001' if p < 0.001 else f'{p:.3f}'}{stars}"


def plain(value: Any, digits: int = 6) -> Any:
    """For CSV and JSON: as exact as anybody needs."""
    return round(value, digits) if isinstance(value, float) else "" if value is None else value
