"""Who would be called, when, and by which rule not: everybody on the lists is counted once, on both databases."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from campaigntools import ANNA, CAMPAIGN, NOW, SURVEY, Field, number
from click.testing import CliRunner

from ivr.campaign.forecast import DEFAULT, Expected, forecast
from ivr.campaign.scrub import RULES
from ivr.cli.main import main
from ivr.ops import campaigning, previewing
from ivr.results.queries import reading
from ivr.store import sample


@pytest.fixture
def field(tmp_path: Path, database: str) -> Field:
    return Field(tmp_path, database)


def seen(field: Field, now: datetime = NOW) -> tuple[previewing.Preview, dict[str, previewing.Line]]:
    campaign = campaigning.read_file(field.config, field.path)
    with reading(field.engine) as connection:
        found = previewing.begin(connection, campaign, now)
        lines = {line.contact_id: line for chunk in previewing.lines(connection, found) for line in chunk}
    return found, lines


def dnc(number: str, scope: str = "-", prefix: bool = False, reason: str = "opt_out") -> dict[str, Any]:
    return {"scope": scope, "number": number, "is_prefix": int(prefix), "reason": reason, "at": NOW}


def test_every_rule_has_somebody_and_the_counts_add_up(field: Field) -> None:
    """One person for each rule; what the person has that the others have not."""
    field.write(
        CAMPAIGN.replace("lists: [march]", "lists: [march, twice], when: region == 'north'")
        .replace("dial: sofia/gateway/main", 'dial: sofia/gateway/main, prefixes: ["+86"]')
        .replace("zone: Asia/Shanghai", "zone: none")
        + "ends: 2026-12-01\nattempts: {each: 4, per_day: 1, gap: 4h}\n"
    )
    north = {"region": "north"}
    field.people(12, facts=north)
    field.people(1, first=20, facts={"region": "south"})  # filter
    field.people(1, "twice", first=0, facts=north)  # duplicate
    field.people(1, first=21, facts=north, consent=" ")  # no_consent
    field.people(1, first=22, facts=north, zone="")  # unknown_zone
    field.people(1, first=23, facts=north, number="+14155550123")  # no_gateway
    field.people(1, first=24, facts=north, number="+86110")  # number
    field.rows("dnc", dnc(number(1)), dnc(number(2), "spring"), dnc("+86138000000031", prefix=True), dnc("+1415", "x"))
    contact = {"campaign": "spring", "attempts": 1, "priority": 5, "fence": 1}
    field.rows(
        "campaign_contact",
        {**contact, "contact_id": "march-0000003", "number": number(3), "state": "done", "outcome": "answered"},
        {**contact, "contact_id": "march-0000004", "number": number(4), "state": "leased"},
    )
    field.attempt("march-0000005", "invalid", NOW - timedelta(days=9), campaign="winter")
    field.attempt("march-0000006", "no_answer", NOW - timedelta(hours=1), campaign="winter")  # per_day
    field.attempt("march-0000007", "not_attempted", NOW - timedelta(minutes=1), campaign="winter")  # counts as none
    late = datetime(2026, 11, 30, 15, 59, tzinfo=UTC)  # yesterday in China
    field.attempt("march-0000008", "busy", late, campaign="winter")
    found, lines = seen(field)
    rules = {ident: line.rule for ident, line in lines.items()}
    assert rules == {
        **{f"march-{n:07}": "call" for n in (0, 7, 8, 9, 10, 11)},
        **{"march-0000001": "do_not_call", "march-0000002": "do_not_call", "march-0000003": "done"},
        **{"march-0000004": "going_on", "march-0000005": "never_again", "march-0000006": "per_day"},
        **{"march-0000020": "filter", "twice-0000000": "duplicate", "march-0000021": "no_consent"},
        **{"march-0000022": "unknown_zone", "march-0000023": "no_gateway", "march-0000024": "number"},
    }
    assert lines["march-0000001"].why == "all campaigns: opt_out"
    assert lines["march-0000002"].why == "this campaign: opt_out"
    assert sum(found.rules.values()) == found.people == len(lines) == 18
    assert found.called == 7
    assert sum(found.ready.values()) == sum(found.lists.values()) == 7


WAITS = [
    # minutes since the last attempt, per_day, gap -> rule or when after now, in hours
    (30, 2, "2h", 1.5, "waits: gap"),
    (180, 2, "2h", 0, ""),
    (180, 1, "2h", 23, "waits: per_day"),  # the next window: tomorrow at nine
    (30, 1, "10m", 23, "waits: per_day"),
]


@pytest.mark.parametrize(("minutes", "per_day", "gap", "hours", "why"), WAITS)
def test_who_was_called_lately_waits(
    field: Field, minutes: int, per_day: int, gap: str, hours: float, why: str
) -> None:
    field.write(CAMPAIGN + f"attempts: {{per_day: {per_day}, gap: {gap}}}\n")
    field.people(1)
    field.attempt("march-0000000", "busy", NOW - timedelta(minutes=minutes), campaign="winter")
    _, lines = seen(field)
    line = lines["march-0000000"]
    assert (line.rule, line.at, line.why) == ("call", NOW + timedelta(hours=hours), why)


ENDS = [
    # last day, gap, per_day, attempt minutes ago -> rule
    ("2026-11-30", "10m", 2, None, "window"),
    ("2026-12-01", "15h", 2, 30, "gap"),
    ("2026-12-01", "10m", 1, 30, "per_day"),
    ("2026-12-01", "10m", 2, 30, "call"),
]


@pytest.mark.parametrize(("ends", "gap", "per_day", "minutes", "rule"), ENDS)
def test_who_could_only_be_called_after_the_end_is_not(
    field: Field, ends: str, gap: str, per_day: int, minutes: int | None, rule: str
) -> None:
    field.write(CAMPAIGN + f"ends: {ends}\nattempts: {{per_day: {per_day}, gap: {gap}}}\n")
    field.people(1)
    if minutes is not None:
        field.attempt("march-0000000", "busy", NOW - timedelta(minutes=minutes), campaign="winter")
    _, lines = seen(field)
    assert lines["march-0000000"].rule == rule


def test_a_window_in_each_persons_own_zone(field: Field) -> None:
    zones = {"Asia/Shanghai": "2026-12-01T02:00", "Europe/Berlin": "2026-12-01T08:00", "Asia/Tokyo": "2026-12-01T02:00"}
    for n, zone in enumerate(zones):
        field.people(1, first=n, zone=zone)
    _, lines = seen(field)
    assert {line.zone: f"{line.at:%Y-%m-%dT%H:%M}" for line in lines.values() if line.at} == zones


@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_prefixes_and_chunks(field: Field, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "CHUNK", chunk)
    field.people(10)
    field.rows("dnc", dnc(number(1)[:-1], prefix=True, reason="list"))
    found, lines = seen(field)
    assert found.rules == {"do_not_call": 10}
    assert lines["march-0000000"].why == f"all campaigns: list (numbers that begin with {number(1)[:-1]})"


def run(field: Field, *args: str) -> str:
    env = {"CALLWEAVE_CONFIG": str(field.site.config), "CALLWEAVE_DB": field.database}
    result = CliRunner().invoke(main, ["campaign", *args], env=env, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


NOBODY = "`when` names `{}`, which no contact of these lists has; "
MISSPELT = [
    # when, what is said
    ("region == 'north'", ""),
    ("member and region == 'north'", ""),  # one contact has it
    ("zone == 'Asia/Shanghai' and list == 'march'", ""),
    ("regoin == 'north'", NOBODY.format("regoin") + 'did you mean "region"?\n'),
    ("zoen == 'Asia/Shanghai' and region", NOBODY.format("zoen") + 'did you mean "zone"?\n'),
    (
        "postcode == '1'",
        NOBODY.format("postcode") + "known here: consent, language, list, member, name, number, region, zone\n",
    ),
]


@pytest.mark.parametrize(("when", "says"), MISSPELT)
def test_a_fact_that_nobody_has_is_named(field: Field, when: str, says: str) -> None:
    field.people(3, facts={"region": "north"})
    field.people(1, first=3, facts={"member": True})
    field.write(CAMPAIGN.replace("lists: [march]", f'lists: [march], when: "{when}"'))
    commands = [["preview", str(field.path)], ["create", str(field.path)], ["preview", "spring", "--format", "json"]]
    for args in [*commands, ["check", "spring"], ["edit", str(field.path)]]:
        env = {"CALLWEAVE_CONFIG": str(field.site.config), "CALLWEAVE_DB": field.database}
        result = CliRunner().invoke(main, ["campaign", *args], env=env, catch_exceptions=False)
        assert (result.exit_code, result.stderr) == (0, says), args


def test_of_an_empty_list_no_fact_is_misspelt(field: Field) -> None:
    field.write(CAMPAIGN.replace("lists: [march]", "lists: [march], when: region"))
    assert "0 of 0 people" in run(field, "preview", str(field.path))
    with reading(field.engine) as connection:
        assert campaigning.doubts(connection, campaigning.read_file(field.config, field.path)) == []


def test_formats_say_the_same(field: Field) -> None:
    field.people(6, name="=1+1")
    field.people(3, first=6, consent="")
    table = run(field, "preview", str(field.path))
    assert "6 of 9 people would be called" in table
    rows = list(csv.DictReader(io.StringIO(run(field, "preview", str(field.path), "--format", "csv"))))
    assert [row["rule"] for row in rows] == ["call"] * 6 + ["no_consent"] * 3
    assert {row["name"] for row in rows} == {"'=1+1", "P6", "P7", "P8"}
    assert not any(row["number"] == number(0) for row in rows)
    told = json.loads(run(field, "preview", str(field.path), "--format", "json", "--unmask"))
    assert told["counts"] == {"people": 9, "called": 6, "rules": {"call": 6, "no_consent": 3}}
    assert told["people"][0]["number"] == number(0)
    assert told["forecast"]["worst_hour"]["calls"] > 0


def test_of_an_empty_list_nothing_is_forecast(field: Field) -> None:
    field.people(1, consent="")
    assert "nobody is called" in run(field, "preview", str(field.path))


def test_a_campaign_is_previewed_by_name_as_it_stands(field: Field) -> None:
    field.people(4)
    campaigning.create(field.config, field.engine, field.path, ANNA)
    field.write(CAMPAIGN.replace("[march]", "[nobody]"))
    assert "4 of 4 people would be called" in run(field, "preview", "spring")


# -- forecast --------------------------------------------------------------------------------------------------------

ALL = Expected({"answered": 1.0}, talk_s=45, complete=1.0, source="")


def made(field: Field, more: str = "") -> Any:
    text = CAMPAIGN + more
    if "stop_at" in more:
        text = text.replace("flow: quick", "survey: visits")
        (field.folder / "surveys" / "visits.yaml").write_text(SURVEY)
    return campaigning.read_file(field.config, field.write(text))


@pytest.mark.parametrize(("people", "each", "calls"), [(100, 1, 100), (100, 2, 200), (100, 3, 300), (100, 9, 400)])
def test_retries_are_those_of_the_campaign(field: Field, people: int, each: int, calls: int) -> None:
    """Nobody answers: no_answer is retried three times, and never more often than `each` says."""
    campaign = made(field, f"attempts: {{each: {each}, per_day: 9}}\n")
    silent = Expected({"no_answer": 1.0}, 60, 0.5, "")
    found = forecast(campaign, {("Asia/Shanghai", NOW, 0): people}, silent)
    assert round(found.calls) == calls
    assert found.left == 0
    assert sum(count for _, count in found.hours) == pytest.approx(found.calls)


def test_attempts_before_count_for_each(field: Field) -> None:
    campaign = made(field, "attempts: {each: 3, per_day: 9}\n")
    silent = Expected({"no_answer": 1.0}, 60, 0.5, "")
    found = forecast(campaign, {("Asia/Shanghai", NOW, 0): 100, ("Asia/Shanghai", NOW, 2): 100}, silent)
    assert round(found.calls) == 400


def test_pacing_bounds_each_hour_and_the_end(field: Field) -> None:
    campaign = made(field)
    found = forecast(campaign, {("Asia/Shanghai", NOW, 0): 3000}, ALL)
    # 20 lines, 15 s of ringing and 45 s of talk: 1200 an hour.
    assert found.per_hour == pytest.approx(1200)
    assert max(count for _, count in found.hours) <= 1200 + 1e-6
    assert found.ends is not None
    assert found.begins == NOW
    assert found.ends - NOW == timedelta(hours=2, minutes=20)
    assert found.lines == pytest.approx(20)


def test_nobody_is_called_at_night_and_the_last_day_ends_it(field: Field) -> None:
    campaign = made(field, "ends: 2026-12-02\n")
    found = forecast(campaign, {("Asia/Shanghai", NOW, 0): 100_000}, ALL)
    local = {begins.astimezone(UTC) + timedelta(hours=8) for begins, _ in found.hours}
    assert {at.hour for at in local} <= set(range(9, 20))
    assert {at.day for at in local} == {1, 2}
    assert found.calls + found.left == pytest.approx(100_000)
    assert found.left > 0


def test_it_stops_at_its_target(field: Field) -> None:
    campaign = made(field, "stop_at: {completes: 100}\n")
    found = forecast(campaign, {("Asia/Shanghai", NOW, 0): 5000}, ALL)
    assert found.enough
    assert found.complete == pytest.approx(100)


def test_a_day_has_so_many_calls_to_one_number(field: Field) -> None:
    campaign = made(field, "attempts: {each: 3, per_day: 1, gap: 1h}\n")
    busy = Expected({"busy": 1.0}, 60, 0.5, "")
    found = forecast(campaign, {("Asia/Shanghai", NOW, 0): 60}, busy)
    days: dict[int, float] = {}
    for begins, count in found.hours:
        days[begins.day] = days.get(begins.day, 0) + count
    assert {day: round(count) for day, count in days.items()} == {1: 60, 2: 60, 3: 60}


def test_rates_come_from_campaigns_before(field: Field) -> None:
    field.people(300)
    campaign = made(field)
    with reading(field.engine) as connection:
        assert previewing.expected_of(connection, campaign) == DEFAULT
    field.rows("campaign", {"campaign": "winter", "state": "done", "version": 1, "started_at": NOW, "priority": 5})
    for n in range(300):
        outcome = "answered" if n < 75 else "no_answer" if n < 297 else "not_attempted"
        billed = 40_000 if outcome == "answered" else 0
        field.attempt(f"march-{n:07}", outcome, NOW - timedelta(days=30), campaign="winter", billed_ms=billed)
    with reading(field.engine) as connection:
        found = previewing.expected_of(connection, campaign)
    assert found.shares == {"answered": 75 / 297, "no_answer": 222 / 297}
    assert found.talk_s == 40
    assert "winter" in found.source


def test_defaults_are_shares_of_one_whole() -> None:
    assert sum(DEFAULT.shares.values()) == pytest.approx(1)


def test_rules_have_words() -> None:
    assert all(text and text[0].islower() for text in RULES.values())
