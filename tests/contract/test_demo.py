"""What `make demo` says of its campaigns: played with a few people, and its sums against books that are wrong."""

from __future__ import annotations

import io
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from ivr.cli import demo_books, demo_campaign, demo_people, prompts
from ivr.cli.campaign_report import report as report_command
from ivr.cli.demo_people import APPOINTMENTS, CROWDS, REPAIRS, ROUND
from ivr.store.engine import make_engine

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = 2 * ROUND


def test_both_campaigns_are_played_and_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    prompts.command.main(["build"], standalone_mode=False)
    told = io.StringIO()
    unhappy = demo_campaign.show(Console(file=told, width=100, highlight=False), ROOT, tmp_path, PEOPLE)
    assert unhappy == [], told.getvalue()
    database = f"sqlite:///{tmp_path / 'campaign' / 'campaign.db'}"
    for crowd in CROWDS:
        found = json.loads(
            CliRunner().invoke(report_command, [crowd.campaign, "--db", database, "--format", "json"]).stdout
        )
        attempts, people = found["attempts"]["all"], found["people"]["all"]
        outcomes = {name: attempts[name] for name in crowd.expected(PEOPLE)}
        assert outcomes == crowd.expected(PEOPLE)
        assert sum(outcomes.values()) == attempts["attempts"] == people["called"] == PEOPLE - crowd.unwanted
        assert people["people"] == PEOPLE
        books = demo_books.read(make_engine(database), crowd.campaign, crowd.list_name, crowd.asked, "Asia/Shanghai")
        assert books.faults() == []
        assert f"{books.attempts} attempts = " in told.getvalue()
    by_gateway = {name: tally["attempts"] for name, tally in found["gateway"].items()}
    assert by_gateway == {"main": 27, "backup": 9}


def test_everybody_of_the_issue_is_among_the_people() -> None:
    refused_busy_silent = {"rejected", "busy", "no_answer", "invalid", "congestion", "short", "machine"}
    assert set(APPOINTMENTS.expected(200)) == {*refused_busy_silent, "answered", "opted_out"}
    assert set(REPAIRS.expected(200)) == {*refused_busy_silent, "answered"}
    assert set(APPOINTMENTS.wishes(200)) == {"confirmed", "moved", "cancelled", "no more calls"}
    assert REPAIRS.unwanted
    for crowd in CROWDS:
        assert len(crowd.kinds) == ROUND
        assert crowd.expected(200).total() + crowd.unwanted == 200


def test_nobody_is_called_back_while_the_demo_runs() -> None:
    for hour in range(24):
        now = datetime(2026, 12, 1, hour, 59, tzinfo=demo_people.ZONE).astimezone(UTC)
        wanted = int(demo_people.callback_time(now)[:2])
        assert (wanted - hour) % 24 >= 2, hour


RIGHT = demo_books.Books(
    campaign="spring",
    listed=10,
    people=10,
    called=7,
    left_out={"do_not_call": 2},
    uncalled=1,
    rows=8,
    persons_called=7,
    outcomes=Counter(answered=5, opted_out=1, busy=2),
    ways={"gateway": 8, "list": 8},
    wishes=Counter({"1": 4, "9": 1, "": 1}),
)
WRONG = [
    ({"listed": 11}, "10 people of the campaign, 11 on its list"),
    ({"uncalled": 0}, "10 people, 7 called + 2 left out + 0 not called yet"),
    ({"left_out": {}}, "10 people, 7 called + 0 left out + 1 not called yet"),
    ({"persons_called": 6}, "7 people called, 6 have an attempt"),
    ({"rows": 9, "ways": {}}, "8 attempts by their outcomes, 9 rows"),
    ({"ways": {"gateway": 7}}, "7 attempts by gateway, 8 rows"),
    ({"wishes": Counter({"1": 4})}, "6 talked with, 4 by what they chose"),
]


def test_books_that_are_right() -> None:
    assert RIGHT.faults() == []


@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_books_that_do_not_add_up(wrong: dict[str, object], said: str) -> None:
    assert replace(RIGHT, **wrong).faults() == [f"campaign spring: {said}"]  # type: ignore[arg-type]
