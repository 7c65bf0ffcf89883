"""What `ivr check` claims of a questionnaire's logic: nothing that is not so, and what is plainly so."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ivr.lang.check import check_file
from ivr.lang.project import Project

QUESTIONS = """
  - {id: m, multiple: {en: "M?"}, options: {1: a, 2: b, 3: c, 4: d}}
  - {id: r, ranking: {en: "R?"}, options: {1: a, 2: b, 3: c}}
  - {id: n, number: {en: "N?"}, range: 0..9}
  - {id: o, number: {en: "O?"}, range: 0..9}
  - {id: big, number: {en: "Big?"}, range: 0..99999}
  - {id: x, amount: {en: "X?"}, range: 0..100}
  - {id: c, code: {en: "C?"}, digits: {length: 1..11}}
  - {id: d, date: {en: "D?"}, range: 2020-01-01..2026-12-31}
  - {id: y, choice: {en: "Y?"}, options: {1: "5", 2: "6"}}
  - {id: s, csat: {en: "S?"}, screen_out: s == 1}
  - {id: t, csat: {en: "T?"}, when: s <= 3}
  - {id: p, csat: {en: "P?"}, refuse: "9", valid: p > 2}
  - {id: k, multiple: {en: "K?"}, options: {1: a, 2: b, 3: none, 4: c}, choose: 1..2, alone: [none]}
"""
POSSIBLE = (
    *("'a' in m and 'b' in m and 'c' not in m", "length(m) == 2", "not ('a' in m) and answered(m)"),
    *("'a' in r and 'b' in r and 'c' not in r", "length(r) == 3"),
    *("n + n == 8", "n + o == 17", "n - o == 9", "n > o", "n == '7'", "n in ['6', '7']"),
    *("big + n == 60000", "big > 500 and big < 502", "big == '70'", "big != 0 and big < n"),
    *("x > 5 and x < 6", "x > 5 and x != 6 and x < 6.5", "x + x == 3", "x < 0.5 and x > 0"),
    *("length(c) == 4", "starts_with(c, '9') and c != '9'", "'1' in c and '2' in c", "c > 7", "c == '0123'"),
    *("d > '2024-01-01' and d < '2024-01-03'", "starts_with(d, '2024')", "'2025' in d"),
    *("y == 5", "y + 1 == 7", "y > 5"),
    *("length(f) == 11", "f > 'm'", "f > 'm' and f < 'n'", "starts_with(f, 'ab') and ends_with(f, 'yz')"),
    *("'a' in f and 'b' in f and 'c' not in f", "f < g", "f == -5", "f == 2 + 3", "f > 5 and f != 6 and f < 7"),
    *("f > 'b' and 'a' in f", "f > 7 and '7' in f", "f < 'm' and f > 5", "f + g == 7", "f != g", "f == g"),
    *("lower(f) == 'gold' and f != 'gold'", "number(f) > 3", "default(f, 'x') == 'x'", "f == n", "s == 1 or s == 2"),
    *("t == 2 and s == 3", "not answered(t)", "caller.number == '10086'"),
    *("p.missing == 'refused'", "p.missing == 'refused' or p == 3", "not answered(p) and p.missing != 'refused'"),
    *("p == 3", "p > 4 and p.missing != 'refused'", "'a' in k and 'b' in k", "'none' in k and 'a' not in k"),
    *("length(k) == 2", "'a' in k and not ('b' in k)", "not ('a' in k) and not ('none' in k) and answered(k)"),
)
IMPOSSIBLE = (
    *("s == 6", "s == 2 and s == 3", "n > 9", "n == 5 and n == 6", "x > 100", "d > '2027-01-01'", "'e' in m"),
    *("t == 2 and s == 4", "s == 1", "f == 1 and f == 2", "y == 'x'", "big < 0", "n + o > 18", "s > t and s < t"),
    *("answered(n) and not answered(n)", "'a' in r and 'a' not in r"),
    *("s.missing == 'dont_know'", "p.missing == 'dont_know'", "p == 4 and p.missing == 'refused'", "p == 2", "p < 3"),
    *("'a' in k and 'b' in k and 'c' in k", "'a' in k and 'none' in k"),
)


def problems(folder: Path, rest: str, questions: str = QUESTIONS) -> list[str]:
    file = folder / "s.yaml"
    head = "survey: s\nlanguages: [en]\nfacts: [f, g]\n"
    file.write_text(f"{head}{rest}questions:{questions}", encoding="utf-8")
    return [p.code for p in check_file(file, Project(folder)).problems]


def last(condition: str) -> str:
    return f'{QUESTIONS}  - {{id: last, csat: {{en: "L?"}}, when: "{condition}"}}\n'


@pytest.mark.parametrize("condition", POSSIBLE)
def test_what_can_happen_is_not_called_impossible(tmp_path: Path, condition: str) -> None:
    assert problems(tmp_path, "", last(condition)) == []


@pytest.mark.parametrize("condition", IMPOSSIBLE)
def test_what_cannot_happen_is_found(tmp_path: Path, condition: str) -> None:
    assert problems(tmp_path, "", last(condition)) == ["IVR078"]


def test_an_alert_of_those_who_are_screened_out(tmp_path: Path) -> None:
    """Alerts are raised however a run ends; only completes count for a quota."""
    assert problems(tmp_path, "alerts: [{alert: low, when: s == 1, do: notify}]\n") == []
    assert problems(tmp_path, "quotas: [{quota: low, when: s == 1, completes: 1}]\n") == ["IVR079"]


RANDOM = """
  - {id: a, csat: {en: "A?"}}
  - {id: b, csat: {en: "B?"}, screen_out: a == 2 and b == 2}
  - {id: c, csat: {en: "C?"}, when: a != 5}
  - {id: d, csat: {en: "D?"}, when: "%s"}
"""


@pytest.mark.parametrize("condition", ["a == 2 and b == 2", "c == 1 and a == 5"])
def test_in_random_order_later_questions_come_earlier(tmp_path: Path, condition: str) -> None:
    """Who answered b first was not screened out for a; c may have been asked before a was answered."""
    assert problems(tmp_path, "order: random\n", RANDOM % condition) == []
    assert problems(tmp_path, "", RANDOM % condition) == ["IVR078"]
    assert problems(tmp_path, "order: random\n", RANDOM % f"{condition} and a == 6") == ["IVR078"]


def test_five_thousand_lines_are_checked_in_seconds(tmp_path: Path) -> None:
    """Each condition reads several answers with many values each: the worst that is still tried out."""
    lines = ['  - {id: q0, scale: {en: "Q?"}, range: 0..9}', '  - {id: q1, scale: {en: "Q?"}, range: 0..9}']
    lines += ['  - {id: q2, scale: {en: "Q?"}, range: 0..9}', '  - {id: q3, scale: {en: "Q?"}, range: 0..9}']
    lines += [
        f'  - {{id: p{n}, scale: {{en: "P?"}}, range: 0..9, when: q0 + q1 + q2 + q3 == 36 and q3 != {n + 10}}}'
        for n in range(5000)
    ]
    began = time.process_time()
    assert problems(tmp_path, "", "\n" + "\n".join(lines) + "\n") == []
    assert time.process_time() - began < 60
