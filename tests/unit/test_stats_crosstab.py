"""Cross-tabs, chi-square, Fisher's test, the letters of column tests, and the test of two periods."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.results.stats.crosstab import Cells, column_letter, crosstab
from ivr.results.stats.distributions import StatsError, chi_square_survival
from ivr.results.stats.shares import chi_square, difference_of_shares, fisher_exact, holm

# A. Agresti, "An Introduction to Categorical Data Analysis" (2nd edition, 2007), Table 2.5: party by gender.
# The statistic is the book's; R's help of chisq.test prints the same example: X-squared = 30.07, df = 2,
# p-value = 2.954e-07.
PARTY = {
    ("Democrat", "women"): 762, ("Independent", "women"): 327, ("Republican", "women"): 468,
    ("Democrat", "men"): 484, ("Independent", "men"): 239, ("Republican", "men"): 477,
}  # fmt: skip


def test_published_chi_square() -> None:
    found = crosstab(PARTY)
    assert found.chi_square is not None
    assert (round(found.chi_square.statistic, 2), found.chi_square.df) == (30.07, 2)
    assert found.chi_square.p == pytest.approx(2.954e-07, abs=5e-11)
    assert found.warning == ""
    assert found.fisher_p is None


def test_percentages_totals_and_letters() -> None:
    found = crosstab(PARTY, columns=["men", "women"])
    assert found.columns == ("men", "women")
    assert (found.row_totals, found.column_totals, found.total) == ((1246, 566, 945), (1200, 1557), 2757)
    assert found.column_shares()[0] == pytest.approx([484 / 1200, 762 / 1557])
    assert found.row_shares()[0] == pytest.approx([484 / 1246, 762 / 1246])
    assert found.total_shares()[2] == pytest.approx([477 / 2757, 468 / 2757])
    # By hand: z of Democrats 4.49, of Independents 0.69, of Republicans 5.29.
    assert found.letters == (("", "A"), ("", ""), ("B", ""))


# fisher_exact: "tea" is Fisher's tasting experiment (The Design of Experiments, 1935), 2 * (16 + 1) / 70.
# "convictions" is R's help of fisher.test (Fisher 1962), whose two-sided p-value is 0.0005367.
FISHER = [((3, 1, 1, 3), 34 / 70), ((2, 10, 15, 3), 0.0005367), ((0, 5, 5, 0), 2 / 252), ((0, 0, 3, 4), 1.0)]


@pytest.mark.parametrize(("table", "p"), FISHER, ids=["tea", "convictions", "by hand", "empty row"])
def test_fisher(table, p) -> None:
    assert fisher_exact(*table) == pytest.approx(p, abs=5e-8)


small = st.integers(0, 15)


@settings(deadline=None)
@given(small, small, small, small)
def test_fisher_equals_the_sum_over_all_tables(a: int, b: int, c: int, d: int) -> None:
    row, other, column = a + b, c + d, a + c
    ways = {x: math.comb(row, x) * math.comb(other, column - x) for x in range(min(row, column) + 1)}
    expected = sum(way for way in ways.values() if way <= ways[a]) / math.comb(row + other, column)
    assert fisher_exact(a, b, c, d) == pytest.approx(expected, rel=1e-9)


def test_small_tables_warn_and_give_fishers_p() -> None:
    found = crosstab({("yes", "north"): 3, ("no", "north"): 1, ("yes", "south"): 1, ("no", "south"): 3})
    assert found.fisher_p == pytest.approx(34 / 70)
    assert "100% of the cells" in found.warning
    assert found.not_tested == ("north", "south")
    assert found.letters == (("", ""), ("", ""))


def test_warning_begins_above_a_fifth() -> None:
    # Expected counts: 10 cells, of which two are under 5 (a fifth: no warning), then four.
    two = chi_square([[40, 40, 40, 40, 4], [40, 40, 40, 40, 4]])
    four = chi_square([[40, 40, 40, 4, 4], [40, 40, 40, 4, 4]])
    assert two is not None
    assert four is not None
    assert (two.low_cells, two.warning) == (0.2, "")
    assert four.warning.startswith("40% of the cells")


def test_an_expected_count_of_five_is_enough() -> None:
    found = chi_square([[5, 5], [5, 5]])
    assert found is not None
    assert found.low_cells == 0


PLAIN = st.lists(st.lists(st.integers(0, 60), min_size=3, max_size=3), min_size=2, max_size=4)


@settings(deadline=None)
@given(PLAIN)
def test_chi_square_as_numpy_counts_it(table: list[list[int]]) -> None:
    found = chi_square(table)
    array = numpy.array(table, float)
    array = array[array.sum(axis=1) > 0][:, array.sum(axis=0) > 0]
    if min(array.shape) < 2:
        assert found is None
        return
    expected = array.sum(axis=1)[:, None] * array.sum(axis=0) / array.sum()
    assert found is not None
    assert found.statistic == pytest.approx(float(((array - expected) ** 2 / expected).sum()), abs=1e-9)
    assert found.df == (array.shape[0] - 1) * (array.shape[1] - 1)
    assert 0 <= found.cramers_v <= 1
    assert found.low_cells == pytest.approx(float((expected < 5).mean()))


def test_cramers_v_is_one_where_one_tells_the_other() -> None:
    found = chi_square([[20, 0, 0], [0, 30, 0], [0, 0, 5]])
    assert found is not None
    assert found.cramers_v == pytest.approx(1)


counts = st.integers(1, 500)


@settings(deadline=None)
@given(counts, counts, counts, counts)
def test_z_of_two_shares_squared_is_chi_square(a: int, b: int, c: int, d: int) -> None:
    table, test = chi_square([[a, b], [c, d]]), difference_of_shares(a / (a + c), a + c, b / (b + d), b + d)
    assert table is not None
    assert test is not None
    assert test.z is not None
    assert test.z**2 == pytest.approx(table.statistic, rel=1e-6, abs=1e-9)
    assert test.p == pytest.approx(chi_square_survival(table.statistic, 1), abs=1e-7)
    assert test.interval.low <= test.value <= test.interval.high


def test_shares_that_nobody_or_everybody_has_are_not_tested() -> None:
    found = difference_of_shares(1, 50, 1, 70)
    assert found is not None
    assert (found.value, found.z, found.p) == (0, None, None)
    assert difference_of_shares(0.5, 0, 0.5, 10) is None


# By hand: sorted .005 .01 .03 .04, times 4 3 2 1, never falling. The three 0.02 stay equal.
HOLM = [([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]), ([0.02] * 3, [0.06] * 3), ([0.9, 0.8], [1, 1]), ([], [])]


@pytest.mark.parametrize(("given_", "adjusted"), HOLM)
def test_holm(given_, adjusted) -> None:
    assert holm(given_) == pytest.approx(adjusted)


def test_letters_are_corrected_for_many_comparisons() -> None:
    # By hand: A against B has p = 0.033, under 0.05 alone; of three pairs it needs a third of 0.05.
    two = {("yes", "a"): 50, ("no", "a"): 50, ("yes", "b"): 65, ("no", "b"): 35}
    three = {**two, ("yes", "c"): 57, ("no", "c"): 43}
    assert crosstab(two).letters[0] == ("", "A")
    assert crosstab(three).letters[0] == ("", "", "")


def test_several_letters_in_one_cell() -> None:
    cells = {("yes", "a"): 20, ("no", "a"): 80, ("yes", "b"): 25, ("no", "b"): 75, ("yes", "c"): 70, ("no", "c"): 30}
    assert crosstab(cells).letters == (("", "", "A B"), ("C", "C", ""))


def test_letters_go_on_after_z() -> None:
    assert [column_letter(at) for at in (0, 25, 26, 51, 52, 702)] == ["A", "Z", "AA", "AZ", "BA", "AAA"]


def test_weights_of_one_change_nothing() -> None:
    answers = [(row, column, 1.0) for (row, column), count in PARTY.items() for _ in range(count)]
    weighted, plain = crosstab(Cells.of_weighted(answers)), crosstab(PARTY)
    assert weighted == plain


def test_uneven_weights_count_for_less() -> None:
    # Weights 3 and 1 in turn: Kish 0.8 of the answers, (4 / 2)^2 / ((9 + 1) / 2).
    pairs = {("yes", "a"): 50, ("no", "a"): 50, ("yes", "b"): 64, ("no", "b"): 36}
    answers = [(*pair, 3.0 if at % 2 else 1.0) for pair, count in pairs.items() for at in range(count)]
    weighted, plain = crosstab(Cells.of_weighted(answers)), crosstab(pairs)
    assert weighted.effective_n == pytest.approx(160)
    assert weighted.column_bases == pytest.approx((80, 80))
    assert weighted.column_shares() == plain.column_shares()
    assert weighted.chi_square.statistic == pytest.approx(0.8 * plain.chi_square.statistic)
    assert (plain.letters[0], weighted.letters[0]) == (("", "A"), ("", ""))
    assert weighted.fisher_p is None


def test_empty_and_one_sided_tables() -> None:
    assert crosstab({}).chi_square is None
    lonely = crosstab({("yes", "a"): 5}, columns=["a", "b"])
    assert lonely.chi_square is None
    assert lonely.column_shares() == [[1.0, None]]


WRONG = [
    (lambda: crosstab({("a", "b"): -1}), "'a' by 'b'"),
    (lambda: crosstab({("a", "b"): 1}, rows=["x"]), "row 'a'"),
    (lambda: crosstab({("a", "b"): 1}, level=5), "level"),
    (lambda: Cells.of_weighted([("a", "b", -1.0)]), "-1"),
    (lambda: fisher_exact(1, -1, 0, 0), "-1"),
    (lambda: difference_of_shares(1.5, 1, 0, 1), "1.5"),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_errors_say_what(call, words) -> None:
    with pytest.raises(StatsError, match=words):
        call()
