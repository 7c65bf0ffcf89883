"""Words: how the report says numbers, and what it says of its methods.

Law: pure; plain text, which the page escapes.
"""

from __future__ import annotations

from typing import Final

from ivr.results.reading.questions import Figure
from ivr.results.stats.intervals import Interval

MINUS: Final = "\u2212"
DASH: Final = "\u2013"

KINDS: Final = {
    "choice": "one of several",
    "yes_no": "yes or no",
    "scale": "scale",
    "number": "number",
    "amount": "amount",
    "date": "date",
    "code": "keys",
    "multiple": "several answers",
    "ranking": "ranking",
    "voice": "spoken",
}
STATUS: Final = {
    "complete": "complete",
    "partial": "broke off",
    "screened_out": "screened out",
    "quota_full": "quota full",
    "refused": "declined",
    "begun": "still going on",
    "resumed": "resumed later",
}
#: name of a figure -> what it is, in short (docs/figures)
METHODS: Final[tuple[tuple[str, str], ...]] = (
    ("CSAT", "answers among the best values of the scale / all answers"),
    ("NPS", "100 × (share of 9 and 10 − share of 0 to 6), from −100 to 100"),
    ("CES", "mean of the scale; CES top: share of its best values"),
    ("Interval of a share", "Wilson's score interval, 95 %"),
    ("Interval of a mean or an NPS", "value ± 1.96 × standard error; of amounts and numbers by bootstrap, seeded"),
    ("Differences between groups", "Pearson's chi-square over all answers of the scale"),
    ("Change over time", "two-sided test against the period before, marked where p < 0.05, not corrected"),
    ("Completion", "complete runs / runs that are over, without those that were screened out or over quota"),
    ("Silence, wrong key", "tries without a key, with a key that is no answer / all tries of the question"),
    ("Time", "median of the seconds from the question's first word to its answer, tries included"),
)


def count(value: float) -> str:
    return f"{value:,.0f}"


def share(value: float | None, digits: int = 1) -> str:
    return DASH if value is None else f"{100 * value:.{digits}f} %"


def number(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:,.0f}"


def amount(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return DASH
    if isinstance(figure.value, str):
        return figure.value
    if figure.unit == "share":
        return share(figure.value)
    if figure.unit == "score":
        return signed(figure.value)
    if figure.unit in ("answer", "count"):
        return number(figure.value)
    return f"{figure.value:,.2f}"


def signed(value: float, digits: int = 1) -> str:
    return f"{value:+.{digits}f}".replace("-", MINUS)


def interval(found: Interval | None, unit: str) -> str:
    if found is None:
        return ""
    if unit == "share":
        return f"{100 * found.low:.1f} {DASH} {100 * found.high:.1f} %"
    if unit == "score":
        return f"{signed(found.low)} to {signed(found.high)}"
    return f"{found.low:,.2f} {DASH} {found.high:,.2f}"


def change(value: float, unit: str) -> str:
    if unit == "share":
        return f"{signed(100 * value)} pp"
    return signed(value, 1 if unit == "score" else 2)


def p_value(p: float | None) -> str:
    return "" if p is None else "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
