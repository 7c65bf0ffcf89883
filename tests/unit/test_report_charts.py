"""The report's pictures: how long each bar is, where the columns of numbers begin, and what is escaped."""

from __future__ import annotations

import re

import pytest

from ivr.results.reading.questions import Gathered, question_result
from ivr.results.reading.reader import AnswerCell
from ivr.results.report import charts, words
from ivr.results.report.answers import bins, round_up
from ivr.results.report.charts import Dot, Part
from ivr.results.stats.intervals import Interval
from ivr.survey.definition import QuestionDef

HALF = Interval(0.4, 0.6, 0.95, "wilson")


@pytest.mark.parametrize(
    ("share", "most", "width"),
    [(0.5, 1.0, "50.00%"), (0.25, 0.5, "50.00%"), (1.0, 1.0, "100.00%"), (0.7, 0.5, "100.00%"), (0.0, 1.0, None)],
)
def test_a_bar_is_as_long_as_its_share(share: float, most: float, width: str | None) -> None:
    found = re.findall(r'class="fill [^"]*" width="([^"]+)"', charts.bar(share, None, "good", most))
    assert found == ([width] if width else [])


def test_the_whisker_lies_where_the_interval_does() -> None:
    assert 'x1="40.00%" x2="60.00%"' in charts.bar(0.5, HALF)
    assert "whisker" not in charts.bar(None, HALF)


@pytest.mark.parametrize(
    ("value", "low", "high", "place", "zero"),
    [(0.5, 0, 1, "50.00%", False), (-20, -100, 100, "40.00%", True), (4, 1, 7, "50.00%", False)],
)
def test_a_gauge_has_its_dot_between_the_ends(value: float, low: float, high: float, place: str, zero: bool) -> None:
    found = charts.gauge(value, None, low, high)
    assert f'cx="{place}"' in found
    assert ('class="zero"' in found) is zero


def test_stacked_parts_lie_side_by_side_and_small_ones_have_no_number() -> None:
    found = charts.stacked([Part("a", 0.2, "bad"), Part("b", 0.05, "mid"), Part("c", 0.75, "good")])
    assert re.findall(r'x="([\d.]+%)" width', found) == ["0.00%", "20.00%", "25.00%"]
    assert re.findall(r">(\d+%)<", found) == ["20%", "75%"]


def test_texts_in_pictures_are_escaped() -> None:
    hostile = "<script>\"'"
    for found in (
        charts.columns([Part(hostile, 0.5, hostile)]),
        charts.line([Dot(hostile, 0.5, HALF, hostile, True)], 0, 1, [(0, hostile)]),
    ):
        assert "<script>" not in found
        assert "&lt;script&gt;" in found


def test_a_line_breaks_where_a_period_has_no_value() -> None:
    dots = [Dot("a", 0.1, None, ""), Dot("b", None, None, ""), Dot("c", 0.3, None, ""), Dot("d", 0.4, None, "40 %")]
    found = charts.line(dots, 0, 1, [])
    assert found.count('class="path"') == 1
    assert found.count("<circle") == 3
    assert "40 %" in found


def numbers(kind: str, values: dict[float, int]) -> list[tuple[str, float]]:
    gathered = Gathered()
    for value, count in values.items():
        gathered.add(AnswerCell("q", value, "", (), count, 0))
    result = question_result(QuestionDef("q", kind, {}), gathered)
    return [(part.label, part.share) for part in bins(result, kind == "number")]


@pytest.mark.parametrize(
    ("kind", "values", "found"),
    [
        ("number", {1: 1, 3: 3}, [("1", 0.25), ("2", 0.0), ("3", 0.75)]),
        ("number", {7: 2}, [("7", 1.0)]),
        ("number", {0: 1, 4: 1, 5: 2}, [("0", 0.25), ("1", 0), ("2", 0), ("3", 0), ("4", 0.25), ("5", 0.5)]),
        ("amount", {2.5: 2}, [("2", 1.0)]),
        ("number", {0: 1, 49: 1}, [*((f"{n}–{n + 4}", 0.5 * (n in (0, 45))) for n in range(0, 50, 5))]),
    ],
)
def test_numbers_become_columns(kind: str, values: dict[float, int], found: list[tuple[str, float]]) -> None:
    assert numbers(kind, values) == found


@pytest.mark.parametrize(
    ("width", "rounded"), [(0, 0), (0.003, 0.01), (0.5, 0.5), (1, 1), (3, 5), (15, 20), (21, 25), (900, 1000)]
)
def test_spans_have_round_widths(width: float, rounded: float) -> None:
    assert round_up(width) == pytest.approx(rounded)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (words.signed(-20.04), "−20.0"),
        (words.number(1234.5), "1,234.5"),
        (words.number(3.0), "3"),
        (words.share(None), "–"),
        (words.interval(HALF, "share"), "40.0 – 60.0 %"),
        (words.change(-0.321, "share"), "−32.1 pp"),
        (words.p_value(0.0004), "p < 0.001"),
    ],
)
def test_numbers_in_words(said: str, text: str) -> None:
    assert said == text
