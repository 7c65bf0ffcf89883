"""Ranges: which numbers a form takes, as a range that a keypad can enter.

Law: a keypad has no minus sign and no end; what is narrowed or widened for that is reported.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from ivr.authoring import constraints
from ivr.authoring.report import Report
from ivr.authoring.sheets import Row
from ivr.authoring.xpath import Expr

HIGHEST: Final = 999_999  # a number without an upper end
MAX_NUMBER: Final = 999_999_999
MAX_SCALE: Final = 100


def limits(report: Report, row: Row, tree: Expr | None, step: Decimal) -> tuple[str, bool]:
    """The `range` of a number by its constraint, and whether that says all of the constraint."""
    found = constraints.span(tree, step) if tree is not None else constraints.Span(None, None, True)
    low, high = found.low, found.high
    place, name = row.place("constraint"), row.get("name")
    if low is not None and low < 0:
        report.lost(place, f"from {low}: a keypad has no minus sign; from 0", name)
    low = max(low or Decimal(0), Decimal(0))
    if high is None:
        report.note(place, f"no highest number is given; up to {max(HIGHEST, int(low))}", name)
        high = max(Decimal(HIGHEST), low)
    first, last = int(low.to_integral_value(ROUND_FLOOR)), int(high.to_integral_value(ROUND_CEILING))
    if last > MAX_NUMBER:
        report.changed(place, f"the highest number is cut to {MAX_NUMBER}", name)
        first, last = min(first, MAX_NUMBER), MAX_NUMBER
    if last < first:
        report.error(place, f"no number from {first} to {last} can be entered", name)
        last = first
    return f"{first}..{last}", found.exact and low == first and high == last


def of_parameters(report: Report, row: Row) -> tuple[str, int, int] | None:
    """The kind of question, the lowest and the highest number of a `range`; None when a phone cannot ask it."""
    given = dict(re.findall(r"(\w+)\s*=\s*([^\s;]+)", row.get("parameters")))
    place, name = row.place("parameters"), row.get("name")
    values = []
    for key, default in (("start", "1"), ("end", "10"), ("step", "1")):
        try:
            values.append(Decimal(given.get(key, default)))
        except ArithmeticError:
            report.error(place, f"{key}={given[key]} is no number", name)
            return None
    low, high, step = values
    if not all(v.is_finite() and abs(v) <= MAX_NUMBER for v in values) or low >= high or step <= 0:
        report.error(place, "start, end and step make no range", name)
        return None
    if low < 0:
        report.lost(place, f"from {low}: a keypad has no minus sign; left out", name)
        return None
    whole = all(v == v.to_integral_value() for v in values)
    kind = "amount" if not whole else "scale" if step == 1 and high <= MAX_SCALE else "number"
    if step != 1 and whole:
        report.changed(place, f"step {step}: every whole number is taken", name)
    return kind, int(low.to_integral_value(ROUND_FLOOR)), int(high.to_integral_value(ROUND_CEILING))
