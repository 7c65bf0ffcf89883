"""A survey's figures out of both databases: every number here is worked out by hand from surveytools.RUNS."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from surveytools import DEFINITION, MONDAY, fill, reading

from ivr.lang.expr import parse
from ivr.results.reading.analysis import cross, figures, trend
from ivr.results.reading.book import ReadingError
from ivr.results.reading.progress import funnel, rates
from ivr.results.reading.questions import QuestionResult
from ivr.results.reading.reader import COUNTED, Reader, Selection
from ivr.results.reading.weighting import Targets, weighted
from ivr.results.stats.aapor import Disposition
from ivr.store.engine import make_engine
from ivr.store.rows import prepare
from ivr.store.write import Database


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


def test_a_condition_of_the_language_chooses_runs(stored: str) -> None:
    """One database for the whole table: to make one takes longer than to ask it."""
    found = {}
    for text, _ in WHERE:
        with reading(stored, Selection(where=parse(text).tree)) as reader:
            found[text] = sum(cell.count for cell in reader.runs())
    assert found == dict(WHERE)


CHOSEN = [
    (Selection(), 13),
    (Selection(statuses=("complete",)), 7),
    (Selection(statuses=(*COUNTED, "resumed")), 14),
    (Selection(since=MONDAY + timedelta(days=7)), 10),
    (Selection(until=MONDAY + timedelta(days=1)), 1),
    (Selection(where=parse("hour == 6").tree, zone=ZoneInfo("Asia/Shanghai")), 1),  # 22:00 in UTC
]


def test_time_and_status_choose_runs(stored: str) -> None:
    for selection, count in CHOSEN:
        with reading(stored, selection) as reader:
            assert sum(cell.count for cell in reader.runs()) == count, selection


UNKNOWN = [
    ("aftercare", "agnet == 'ann'", 'did you mean "agent"?'),
    ("aftercare", "overal == 1", 'did you mean "overall"?'),
    ("aftercar", "", 'did you mean "aftercare"?'),
]


def test_what_is_not_known_says_what_was_meant(stored: str) -> None:
    for name, where, said in UNKNOWN:
        tree = parse(where).tree if where else None
        match = re.escape(said)
        with pytest.raises(ReadingError, match=match), reading(stored, Selection(where=tree), name):
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


def test_a_person_with_several_answers_is_one_person_of_a_crosstab(stored: str) -> None:
    """Shares are of people; nothing is tested that would take every answer for another person's."""
    with reading(stored) as reader:
        by_agent = cross(reader, "used", "agent")
        by_used = cross(reader, "agent", "used")
        counted = {o.value: (o.count, o.share) for o in results(reader)["used"].options}
    assert (by_agent.total, by_agent.chi_square, by_agent.several, by_agent.overlapping) == (3, None, True, False)
    assert by_agent.column_totals == (3,)
    assert {
        row: (total, total / by_agent.total) for row, total in zip(by_agent.rows, by_agent.row_totals, strict=True)
    } == (counted)
    assert by_agent.column_shares() == [[pytest.approx(2 / 3)], [pytest.approx(1 / 3)], [pytest.approx(1 / 3)]]
    assert (by_used.total, by_used.row_totals, by_used.overlapping) == (3, (3,), True)
    assert by_used.column_totals == (2, 1, 1)
    assert by_used.letters == (("", "", ""),)


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


@pytest.mark.parametrize(
    ("asked", "answered", "counts_as"),
    [
        (6, 6, Disposition.COMPLETE),
        (6, 5, Disposition.COMPLETE),
        (6, 4, Disposition.PARTIAL),
        (6, 2, Disposition.BREAK_OFF),
        (6, 0, Disposition.BREAK_OFF),
        (0, 0, Disposition.COMPLETE),
    ],
)
def test_who_came_to_the_end_is_classified_by_what_was_answered(
    stored: str, asked: int, answered: int, counts_as: Disposition
) -> None:
    """A caller who kept silent to the end has completed nothing."""
    with reading(stored) as reader:
        before = rates(reader).dispositions
    run = {"call_id": "silent", "survey": "aftercare", "occurrence": 1, "definition": DEFINITION.hash}
    end = {"status": "complete", "last_question": "overall", "asked": asked, "answered": answered, "at": MONDAY}
    store(stored, ("run", {**run, **end}))
    with reading(stored) as reader:
        after = rates(reader).dispositions
    assert {case: after[case] - before.get(case, 0) for case in after if after[case] != before.get(case)} == {
        counts_as: 1
    }


def store(url: str, *rows: tuple[str, dict[str, Any]]) -> None:
    Database(make_engine(url)).write([prepare(table, row) for table, row in rows])


def test_two_runs_in_one_call_are_two_people_of_the_figures(stored: str) -> None:
    """Each has its own answer and its own tries: a caller who is asked twice, one after the other."""
    call = {"call_id": "twice", "survey": "aftercare"}
    rows: list[tuple[str, dict[str, Any]]] = []
    for number, value in ((1, 5), (2, 1)):
        began = MONDAY + timedelta(days=30, minutes=10 * number)
        run = {**call, "occurrence": number, "definition": DEFINITION.hash}
        rows.append(("run", {**run, "status": "begun", "at": began}))
        given = {**call, "question": "overall", "occurrence": number, "at": began}
        rows.append(("answer", {**given, "run": number, "value": value, "keys": str(value)}))
        times = {"started_at": began, "ended_at": began + timedelta(seconds=5)}
        rows.append(("attempt", {**given, "attempt": 1, "outcome": "digits", **times}))
        end = {"status": "complete", "last_question": "overall", "asked": 1, "answered": 1}
        rows.append(("run", {**run, **end, "at": began + timedelta(minutes=2)}))
    store(stored, *rows)
    with reading(stored, Selection(since=MONDAY + timedelta(days=20))) as reader:
        overall = results(reader)["overall"]
        reached = funnel(reader).steps[0].reached
        low = sum(cell.count for cell in Reader(reader.connection, reader.book, LATE_AND_LOW).runs())
    assert (overall.n, overall.not_answered, reached, low) == (2, 0, 2, 1)
    assert [(o.value, o.count) for o in overall.options if o.count] == [("1", 1), ("5", 1)]


LATE_AND_LOW = Selection(since=MONDAY + timedelta(days=20), where=parse("overall == 1").tree)


def test_answers_that_a_run_goes_on_with_were_not_asked_again(stored: str) -> None:
    """The later call has the answers of the earlier one, without keys; what it asked itself has tries."""
    began = MONDAY + timedelta(days=30)
    call = {"call_id": "later", "survey": "aftercare", "occurrence": 1}
    answer = {**call, "run": 1, "at": began}
    store(
        stored,
        ("run", {**call, "status": "begun", "at": began, "resumed_from": "c13", "definition": DEFINITION.hash}),
        ("answer", {**answer, "question": "overall", "value": 1, "keys": None}),
        ("answer", {**answer, "question": "region", "value": "north", "keys": "1"}),
        ("attempt", {**call, "question": "region", "attempt": 1, "outcome": "digits", "ended_at": began}),
        ("attempt", {**call, "question": "used", "attempt": 1, "outcome": "hangup", "ended_at": began}),
        ("call", {"call_id": "later", "started_at": began, "ended_at": began + timedelta(minutes=1)}),
    )
    with reading(stored, Selection(since=MONDAY + timedelta(days=20))) as reader:
        found = results(reader)
        steps = {step.question.id: step for step in funnel(reader).steps}
        statuses = {cell.group[0]: cell.count for cell in reader.runs(("status",))}
    assert {name: (found[name].n, found[name].not_answered) for name in ("overall", "region", "used")} == {
        "overall": (1, 0),
        "region": (1, 0),
        "used": (0, 1),
    }
    assert (steps["overall"].reached, steps["overall"].answered) == (0, 0)
    assert statuses == {"partial": 1}  # begun, and its call is over


def test_a_secret_answer_counts_without_its_value(stored: str) -> None:
    began = MONDAY + timedelta(days=30)
    call = {"call_id": "secret", "survey": "aftercare", "occurrence": 1}
    store(
        stored,
        ("run", {**call, "status": "begun", "at": began}),
        ("answer", {**call, "run": 1, "question": "overall", "value": None, "keys": None, "at": began}),
        ("run", {**call, "status": "complete", "at": began + timedelta(minutes=1)}),
    )
    with reading(stored, Selection(since=MONDAY + timedelta(days=20))) as reader:
        overall = results(reader)["overall"]
    assert (overall.n, overall.figures[0].value, sum(o.count for o in overall.options)) == (1, None, 0)


def test_an_older_content_keeps_its_questions(stored: str) -> None:
    """What only an older questionnaire asked stands behind the newer one's questions."""
    newer = replace(DEFINITION, version="2", questions=DEFINITION.questions[:2])
    row = {"hash": newer.hash, "survey": "aftercare", "version": "2", "json": newer.to_json()}
    store(stored, ("survey_definition", {**row, "first_seen": MONDAY + timedelta(days=60)}))
    with reading(stored) as reader:
        assert [question.id for question in reader.book.definition.questions][:3] == ["overall", "region", "used"]
        assert (reader.book.definition.version, reader.book.contents, reader.book.hash) == ("2", 2, newer.hash)
        assert results(reader)["used"].n == 3
    with reading(stored, name="spring") as reader:
        assert (reader.book.definition.version, reader.book.contents) == ("1", 1)
