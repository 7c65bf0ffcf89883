"""AAPOR's outcome rates against published numbers, and the rules that hold whatever the counts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.results.stats.aapor import GROUPS, RATES, Counts, Disposition, classify_run, eligibility, rate, rates
from ivr.results.stats.distributions import StatsError

# Published examples. The standard itself (AAPOR, Standard Definitions, 9th edition 2016) prints formulas, no numbers.
# README and vignette: R package "outcomerate" 1.0.1 (R. Pilliard Hellwig, rOpenSci, reviewed), its README's example of
# twelve cases, and its vignette "Intro to outcomerate", the table of 1691 cases.
# Suite: the same package's test-rate.R, expected values as fractions, e = 0.5.
# Leeper: R package "responserates" (T. J. Leeper), README, i = 100, nc = 20, uo = 100, e = 0.25.
README = Counts(I=4, P=2, R=1, NC=1, O=1, UH=1, UO=1, NE=1)
VIGNETTE = Counts(I=760, P=339, R=59, NC=288, O=1, UO=173, NE=71)
SUITE = Counts(I=5, P=3, R=2, NC=1, O=2, UH=1, UO=1, NE=1)
LEEPER = Counts(I=100, NC=20, UO=100)
PUBLISHED = [
    (
        README,
        None,
        0.0005,
        "0.364 0.545 0.370 0.556 0.444 0.667 0.500 0.750 0.571 0.857 0.091 0.093 0.111 0.727 0.741 0.889",
    ),
    (
        VIGNETTE,
        None,
        5e-9,
        "0.46913580 0.67839506 0.47149080 0.68180052 0.52522460 0.75950242 0.65573770 0.94823123 0.65630397 0.94905009"
        " 0.03641975 0.03660258 0.04077402 0.71543210 0.71902347 0.80096752",
    ),
    (SUITE, 0.5, 1e-12, "1/3 8/15 5/14 4/7 5/13 8/13 5/12 2/3 1/2 4/5 2/15 1/7 2/13 4/5 6/7 12/13"),
    (LEEPER, 0.25, 0.0005, ".455 .455 .690 .690 .833 .833 1 1 1 1 0 0 0 .455 .690 .833"),
]


def number(text: str) -> float:
    part, _, whole = text.partition("/")
    return float(part) / float(whole or 1)


@pytest.mark.parametrize(
    ("counts", "e", "within", "expected"), PUBLISHED, ids=["readme", "vignette", "suite", "leeper"]
)
def test_published_rates(counts: Counts, e: float | None, within: float, expected: str) -> None:
    found = rates(counts, e)
    assert list(found.values()) == pytest.approx([number(text) for text in expected.split()], abs=within)


def test_there_are_sixteen_rates() -> None:
    assert " ".join(RATES) == ("RR1 RR2 RR3 RR4 RR5 RR6 COOP1 COOP2 COOP3 COOP4 REF1 REF2 REF3 CON1 CON2 CON3")


# Hand-computed.
NOTHING = [
    (Counts(), dict.fromkeys(RATES)),
    (Counts(NE=7), dict.fromkeys(RATES)),
    # Only unknown cases: without e, and with nothing to estimate it from, the rates that need it are None.
    (Counts(UO=2), {name: 0.0 if name in ("RR1", "RR2", "REF1", "CON1") else None for name in RATES}),
    (Counts(NC=3), {name: None if name.startswith("COOP") else 0.0 for name in RATES}),
]


@pytest.mark.parametrize(("counts", "expected"), NOTHING)
def test_nothing_to_divide_by_is_none(counts: Counts, expected: dict[str, float | None]) -> None:
    assert rates(counts) == expected


def test_eligibility_is_the_share_among_the_known() -> None:
    assert eligibility(README) == 9 / 10  # hand-computed
    assert eligibility(Counts(UH=5)) is None


case_counts = st.builds(Counts, **{group: st.integers(0, 1000) for group in GROUPS})


@settings(deadline=None)
@given(case_counts, st.none() | st.floats(0, 1))
def test_orders_that_hold_for_all_counts(counts: Counts, e: float | None) -> None:
    found = rates(counts, e)
    for chain in (
        "RR1 RR2", "RR3 RR4", "RR5 RR6", "RR1 RR3 RR5", "RR2 RR4 RR6", "COOP1 COOP2", "COOP3 COOP4", "COOP1 COOP3",
        "REF1 REF2 REF3", "CON1 CON2 CON3", "RR2 CON1", "REF1 CON1", "RR5 COOP1",
    ):  # fmt: skip
        known = [value for value in (found[name] for name in chain.split()) if value is not None]
        assert all(0 <= value <= 1 for value in known)
        assert all(small <= large + 1e-12 for small, large in pairwise(known)), chain


@settings(deadline=None)
@given(case_counts)
def test_e_of_one_and_of_nothing(counts: Counts) -> None:
    assert rate(counts, "RR3", 1) == rate(counts, "RR1")
    assert rate(counts, "RR4", 0) == rate(counts, "RR6")


CODES = [
    ("1.1", "I"), ("1.2", "P"), ("2.11", "R"), ("2.12", "R"), ("2.21", "NC"), ("2.22", "NC"), ("2.33", "O"),
    ("3.12", "UH"), ("3.13", "UH"), ("3.14", "UH"), ("3.20", "UO"), ("3.90", "UO"), ("4.20", "NE"), ("4.70", "NE"),
    ("4.80", "NE"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "group"), CODES)
def test_codes_have_their_group(code: str, group: str) -> None:
    assert Disposition.of_code(code).group == group


def test_every_code_is_in_the_group_of_its_digits() -> None:
    groups = {
        "1": {"I", "P"},
        "2.1": {"R"},
        "2.2": {"NC"},
        "2.3": {"O"},
        "3.1": {"UH"},
        "3.2": {"UO"},
        "3.9": {"UO"},
        "4": {"NE"},
    }
    for disposition in Disposition:
        fitting = [group for start, group in groups.items() if disposition.code.startswith(start)]
        assert any(disposition.group in group for group in fitting), disposition
    assert len({disposition.code for disposition in Disposition}) == len(Disposition)
    assert {disposition.group for disposition in Disposition} == set(GROUPS)


def test_counts_from_cases_and_from_sums() -> None:
    cases = [Disposition.COMPLETE, Disposition.COMPLETE, Disposition.NO_ANSWER, Disposition.QUOTA_FILLED]
    assert Counts.of(cases) == Counts(I=2, UH=1, NE=1)
    assert Counts.of({Disposition.BREAK_OFF: 2.5, Disposition.REFUSAL: 1}) == Counts(R=3.5)


RUNS = [
    (0.0, {}, Disposition.BREAK_OFF),
    (0.49, {}, Disposition.BREAK_OFF),
    (0.5, {}, Disposition.PARTIAL),
    (0.8, {}, Disposition.PARTIAL),
    (0.81, {}, Disposition.COMPLETE),
    (1.0, {}, Disposition.COMPLETE),
    (0.99, {"complete_above": 1}, Disposition.PARTIAL),
    (1.0, {"complete_above": 1}, Disposition.COMPLETE),
    (0.3, {"partial_from": 0.3}, Disposition.PARTIAL),
]


@pytest.mark.parametrize(("answered", "options", "expected"), RUNS)
def test_runs_by_the_share_of_answered_questions(
    answered: float, options: dict[str, float], expected: Disposition
) -> None:
    assert classify_run(answered, **options) is expected


WRONG = [
    (lambda: Counts(I=-1), "group I"),
    (lambda: rate(README, "RR7"), "RR7"),
    (lambda: rate(README, "RR3", 1.2), "1.2"),
    (lambda: rate(Counts(I=1), "RR3", -1), "-1"),
    (lambda: Disposition.of_code("9.9"), "9.9"),
    (lambda: classify_run(1.5), "1.5"),
    (lambda: classify_run(0.5, complete_above=0.3), "0.3"),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_errors_say_what(call, words) -> None:
    with pytest.raises(StatsError, match=words):
        call()
