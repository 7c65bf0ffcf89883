"""A survey's figures out of both databases: every number here is worked out by hand from surveytools.RUNS."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from surveytools import MONDAY, fill, reading

from ivr.lang.expr import parse
from ivr.results.reading.analysis import cross, figures, trend
from ivr.results.reading.book import ReadingError
from ivr.results.reading.progress import funnel, rates
from ivr.results.reading.questions import QuestionResult
from ivr.results.reading.reader import COUNTED, Reader, Selection
from ivr.results.reading.weighting import Targets, weighted
from ivr.results.stats.aapor import Disposition


@pytest.fixture
def stored(database: str) -> str:
    fill(database)
    return database


def results(reader: Reader, **more: object) -> dict[str, QuestionResult]:
    return {r.question.id: r for r in figures(reader, **more).groups[()]}  # type: ignore[arg-type]


def test_every_kind_has_its_figures(stored: str) -> None:
    with reading(stored) as reader:
        found = results(reader)
    overall = found["overall"]
    assert (overall.n, overall.refused, overall.dont_know, overall.not_answered) == (9, 1, 0, 1)
    assert [(o.value, o.count) for o in overall.options] == [("1", 1), ("2", 1), ("3", 1), ("4", 3), ("5", 3)]
    numbers = {figure.name: figure.value for figure in overall.figures}
    assert list(numbers) == ["CSAT", "mean", "median", "sd", "bottom box"]
    assert numbers["CSAT"] == pytest.approx(6 / 9)
    assert numbers["mean"] == pytest.approx(33 / 9)
    assert (numbers["median"], numbers["bottom box"]) == (4, pytest.approx(2 / 9))
    assert [(o.label, o.count) for o in found["region"].options] == [("North", 4), ("south", 4)]
    assert {o.value: o.share for o in found["used"].options} == pytest.approx(
        {"web": 2 / 3, "app": 1 / 3, "shop": 1 / 3}
    )
    best = {o.value: (o.mean_rank, o.first) for o in found["best"].options}
    assert best == {"price": (1.5, pytest.approx(1 / 3)), "speed": (pytest.approx(4 / 3), pytest.approx(2 / 3))}
    spent = {figure.name: figure.value for figure in found["spent"].figures}
    assert [spent[name] for name in ("mean", "sd", "least", "median", "greatest")] == [20, 10, 10, 20, 30]
    assert [figure.value for figure in found["bought"].figures] == ["2026-01-31", "2026-02-10", "2026-03-01"]
    assert (found["said"].n, found["said"].figures[0].value) == (2, 2)


WHERE = [
    ("overall <= 2", 2),
    ("agent == 'ann' and overall >= 4", 3),
    ("week == '2026-W19'", 3),
    ("day == '2026-05-11'", 3),
    ("month == '2026-05'", 13),
    ("overall.missing == 'refused'", 1),
    ("'web' in used", 2),
    ("language == 'en'", 6),
    ("hour >= 20", 3),
    ("status == 'partial'", 3),
    ("launch == 'spring'", 3),
    ("not answered(agent)", 3),
    ("version == '1' and flow == 'line'", 13),
    ("region == 'south' or overall == 5", 7),
]


@pytest.mark.parametrize(("text", "count"), WHERE)
def test_a_condition_of_the_language_chooses_runs(stored: str, text: str, count: int) -> None:
    with reading(stored, Selection(where=parse(text).tree)) as reader:
        assert sum(cell.count for cell in reader.runs()) == count


@pytest.mark.parametrize(
    ("selection", "count"),
    [
        (Selection(), 13),
        (Selection(statuses=("complete",)), 7),
        (Selection(statuses=(*COUNTED, "resumed")), 14),
        (Selection(since=MONDAY + timedelta(days=7)), 10),
        (Selection(until=MONDAY + timedelta(days=1)), 1),
        (Selection(where=parse("hour == 6").tree, zone=ZoneInfo("Asia/Shanghai")), 1),  # 22:00 in UTC
    ],
)
def test_time_and_status_choose_runs(stored: str, selection: Selection, count: int) -> None:
    with reading(stored, selection) as reader:
        assert sum(cell.count for cell in reader.runs()) == count


@pytest.mark.parametrize(
    ("name", "where", "said"),
    [
        ("aftercare", "agnet == 'ann'", 'did you mean "agent"?'),
        ("aftercare", "overal == 1", 'did you mean "overall"?'),
        ("aftercar", "", 'did you mean "aftercare"?'),
    ],
)
def test_what_is_not_known_says_what_was_meant(stored: str, name: str, where: str, said: str) -> None:
    tree = parse(where).tree if where else None
    with pytest.raises(ReadingError, match=said.replace("?", r"\?")), reading(stored, Selection(where=tree), name):
        pass


def test_a_launch_has_its_own_runs(stored: str) -> None:
    with reading(stored, name="spring") as reader:
        assert results(reader)["overall"].n == 3


def test_groups_come_in_order_with_the_unknown_last(stored: str) -> None:
    with reading(stored) as reader:
        found = figures(reader, by=["agent"])
    assert list(found.groups) == [("ann",), ("bob",), (None,)]
    csat = {group: questions[0].main.value for group, questions in found.groups.items()}  # type: ignore[union-attr]
    assert csat == {("ann",): 0.75, ("bob",): 0.5, (None,): 1.0}
    assert found.runs == {("ann",): 4, ("bob",): 6, (None,): 3}


def test_weights_count_in_every_figure(stored: str) -> None:
    with reading(stored) as reader:
        weighting = weighted(reader, Targets({"region": {"north": 0.25, "south": 0.75}}))
        found = results(reader, weighting=weighting)
        crossed = cross(reader, "region", "agent", weighting)
    assert found["overall"].figures[0].value == pytest.approx(5 / 8.5)
    assert [o.share for o in found["region"].options] == pytest.approx([0.25, 0.75])
    assert found["region"].n == 8
    assert found["region"].effective_n == pytest.approx(64 / (4 * 0.25 + 4 * 2.25))
    assert crossed.counts == ((1.5, 0.5), (1.5, 4.5))
    assert weighting.report is not None
    assert weighting.report.converged


def test_a_target_for_nobody_is_told(stored: str) -> None:
    targets = Targets({"region": {"north": 0.25, "south": 0.5, "west": 0.25}})
    with reading(stored) as reader, pytest.raises(ReadingError, match="'west' has a target"):
        weighted(reader, targets)


def test_crosstab_has_the_questionnaires_order(stored: str) -> None:
    with reading(stored) as reader:
        found = cross(reader, "overall", "agent")
        several = cross(reader, "used", "language")
    assert found.rows == ("1", "2", "3", "4", "5")
    assert found.columns == ("ann", "bob")
    assert found.counts == ((0, 1), (0, 1), (1, 0), (2, 0), (1, 2))
    assert found.not_tested == ("ann", "bob")
    assert several.rows == ("web", "app", "shop")
    assert several.counts == ((1, 1), (0, 1), (0, 1))


def test_trend_compares_each_week_with_the_one_before(stored: str) -> None:
    with reading(stored) as reader:
        found = trend(reader, "overall")
        days = trend(reader, "overall", "day")
        option = trend(reader, "region", value="south")
    assert [(p.bucket.key, p.n) for p in found.points] == [("2026-W19", 3), ("2026-W20", 6)]
    assert [p.figure.value for p in found.points if p.figure] == [1.0, 0.5]
    assert found.points[1].change == -0.5
    # pooled share 6/9, z = 0.5 / sqrt(2/9 * (1/3 + 1/6)) = 1.5
    assert found.points[1].p == pytest.approx(0.1336, abs=1e-4)
    assert [p.n for p in days.points] == [1, 1, 1, 0, 0, 0, 0, 3, 2, 1]
    assert [p.figure.value for p in option.points if p.figure] == pytest.approx([1 / 3, 3 / 5])


def test_funnel_keeps_silence_wrong_keys_and_break_offs_apart(stored: str) -> None:
    with reading(stored) as reader:
        found = funnel(reader)
    overall, used = found.steps[0], found.steps[2]
    assert (overall.reached, overall.answered, overall.refused, overall.no_answer) == (11, 9, 1, 1)
    assert overall.silence.value == pytest.approx(3 / 17)
    assert overall.wrong_key.value == pytest.approx(3 / 17)
    assert overall.median_s == 8
    assert (overall.broke_off, used.broke_off) == (1, 1)
    assert found.statuses == {"complete": 7, "partial": 3, "screened_out": 1, "quota_full": 1, "refused": 1}


def test_rates_classify_each_partial_run_by_what_it_answered(stored: str) -> None:
    """5 of 6 answered is complete, 2 and 0 of 6 are broken off; ``said`` has a condition and applied to nobody."""
    with reading(stored) as reader:
        found = rates(reader)
        more = rates(reader, {Disposition.NO_ANSWER: 11})
    assert found.dispositions == {
        Disposition.COMPLETE: 8,
        Disposition.REFUSAL: 1,
        Disposition.BREAK_OFF: 2,
        Disposition.NO_ELIGIBLE_RESPONDENT: 1,
        Disposition.QUOTA_FILLED: 1,
    }
    assert found.resumed == 1
    assert found.rates["RR1"] == pytest.approx(8 / 11)
    assert found.rates["REF1"] == pytest.approx(3 / 11)
    assert found.e == pytest.approx(11 / 13)
    assert more.rates["RR1"] == pytest.approx(8 / 22)
    assert more.rates["RR3"] == pytest.approx(8 / (11 + 11 * 11 / 13))
