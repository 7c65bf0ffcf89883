"""Pacing: the limits hold whatever happens, and the target is held where people answer as people do."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.campaign.lines import REFUSALS, REST_MS, Lines, caller_id, dial_string
from ivr.campaign.model import Calling, Campaign, Gateway, Window
from ivr.campaign.outcomes import OUTCOMES
from ivr.campaign.pacing import AnswerTable, Pacer, RateLimit
from ivr.campaign.simulation import WARM_UP_S, People, simulate
from ivr.cli.campaign_simulate import command


@pytest.mark.parametrize("per_second", [0.1, 0.5, 1, 2, 5, 30])
def test_no_second_has_more_calls_than_it_may(per_second):
    limit, chance, begun, now = RateLimit(per_second), random.Random(1), [], 0
    for _ in range(3_000):
        now += chance.choice([0, 0, 1, 7, 90, 400])
        for _ in range(min(chance.randint(0, 4), limit.room(now))):
            limit.take(now)
            begun.append(now)
    window = max(1_000, round(1_000 / per_second))
    fullest = max(sum(at <= other < at + window for other in begun) for at in begun)
    assert fullest == max(1, int(per_second))


def test_a_call_over_the_limit_is_an_error():
    limit = RateLimit(2)
    limit.take(0)
    limit.take(10)
    assert [limit.room(t) for t in (10, 999, 1_000, 1_010)] == [0, 0, 1, 2]
    with pytest.raises(ValueError, match="ask room"):
        limit.take(900)


@pytest.mark.parametrize("seed", range(20))
def test_limits_hold_whatever_happens(seed):
    """Words in any order, calls nobody knows, answers that never come: neither limit is passed."""
    chance = random.Random(seed)
    at_once = chance.randint(1, 30)
    pacer = Pacer(chance.choice([0.5, 1, 3, 10]), at_once, chance.randint(0, at_once))
    now, live, n = 0, [], 0
    for _ in range(2_000):
        now += chance.choice([0, 50, 500, 5_000])
        for _ in range(pacer.wanted(now)):
            n += 1
            live.append(f"a{n}")
            pacer.sent(live[-1], now)
        assert pacer.ringing + pacer.talking <= at_once
        if live and chance.random() < 0.5:
            pacer.answered(chance.choice(live), now)
        if live and chance.random() < 0.4:
            pacer.ended(live.pop(chance.randrange(len(live))), now, chance.choice(OUTCOMES))
        if chance.random() < 0.1:
            pacer.ended("a stranger", now, "busy")
    assert n > 20


def test_dials_more_where_fewer_answer():
    def first(answers: bool) -> int:
        pacer = Pacer(999, 999, 20)
        for n in range(600):
            pacer.sent(str(n), n * 1_000)
            if answers or n % 5 == 0:
                pacer.answered(str(n), n * 1_000 + 500)
            pacer.ended(str(n), n * 1_000 + 999, "answered" if answers else "no_answer")
        return pacer.wanted(700_000)

    assert first(True) == pytest.approx(20, abs=2)
    assert 70 < first(False) <= 100


def test_a_call_that_rings_for_long_is_expected_less():
    table = AnswerTable(30_000)
    assert table.chance(0) == pytest.approx(0.7, abs=0.1), "little is known: rather too much"
    for n in range(400):
        table.add(8_000 + n % 5 * 1_000 if n % 2 else 30_000, n % 2 == 1)
    assert table.chance(0) == pytest.approx(0.5, abs=0.03)
    assert table.chance(10_500) < table.chance(5_000)
    assert table.chance(20_000) == 0
    assert table.lag_ms == pytest.approx(10_000, abs=1_500)


# Gateways.

MAIN = Gateway("main", "sofia/gateway/main", weight=3)
OTHER = Gateway("other", "sofia/gateway/other")
NUMBER = "+8613800138000"


def test_gateways_share_by_weight():
    lines = Lines((MAIN, OTHER), 999, 999)
    chosen = []
    for n in range(400):
        gateway = lines.choose(NUMBER, n)
        assert gateway is not None
        lines.lines[gateway.gateway].sent(n)
        chosen.append(gateway.gateway)
    assert chosen.count("main") == 300


@pytest.mark.parametrize(
    ("gateway", "number", "takes"),
    [
        (replace(MAIN, prefixes=("+86",)), NUMBER, True),
        (replace(MAIN, prefixes=("+49",)), NUMBER, False),
        (replace(MAIN, at_once=1), NUMBER, False),
        (replace(MAIN, per_second=1), NUMBER, False),
    ],
)
def test_a_gateway_takes_what_it_has_room_for(gateway, number, takes):
    lines = Lines((gateway,), 10, 10)
    lines.lines["main"].sent(0)
    assert (lines.choose(number, 500) is not None) is takes


def test_a_gateway_that_takes_no_call_rests_and_is_tried_with_one():
    line = Lines((MAIN,), 99, 99).lines["main"]
    line.sent(0)  # and it rings through all of this
    for n in range(1, REFUSALS + 1):
        assert line.may(n)
        line.sent(n)
        line.ended(n, "congestion", n)
    line.took(0)
    assert not line.may(REST_MS), "a call of before the trouble tells nothing"
    after = REST_MS + REFUSALS
    assert line.may(after)
    line.sent(after)
    assert not line.may(after + 1_000), "one call, and no second one before it rings"
    line.ended(after, "failed", after)
    assert not line.may(after + REST_MS), "the second rest is longer"
    again = after + 2 * REST_MS
    assert line.may(again)
    line.sent(again)
    line.took(again)
    assert line.may(again + 1_000)


def test_a_busy_person_is_not_the_gateways_doing():
    line = Lines((MAIN,), 99, 99).lines["main"]
    for n in range(50):
        line.sent(n * 100)
        line.ended(n * 100, "busy", n * 100)
    assert line.may(6_000)


@pytest.mark.parametrize("number", ["13800138000", "+86138,1", "+8613800138000@x", "+8613800138000\n", "", "{a}"])
def test_nothing_but_a_number_is_dialled(number):
    assert dial_string(MAIN, NUMBER) == "sofia/gateway/main/+8613800138000"
    with pytest.raises(ValueError, match="not dialled"):
        dial_string(MAIN, number)


def test_a_contact_is_called_from_the_same_number_each_time():
    gateway = replace(MAIN, caller_ids=("+8621", "+8622", "+8623"))
    drawn = [caller_id(gateway, f"contact-{n}") for n in range(300)]
    assert drawn == [caller_id(gateway, f"contact-{n}") for n in range(300)]
    assert all(60 < drawn.count(number) < 140 for number in gateway.caller_ids)
    assert caller_id(MAIN, "contact-1") == ""


# A short day.


def short_day(target: int = 60, **more) -> Campaign:
    calling = Calling((Window(tuple(range(7)), 9 * 60, 11 * 60),), "Asia/Shanghai")
    return Campaign("c", calling, (MAIN, OTHER), per_second=7, at_once=130, target=target, survey="s", **more)


def test_a_short_day_holds_its_target():
    day = simulate(short_day(), date(2026, 12, 1), People(), random.Random(4))
    assert sum(day.open) == 7_200
    assert sum(day.counted) == 7_200 - WARM_UP_S
    assert day.within() >= 0.95
    assert day.most_in_a_second() <= 7
    assert day.most_at_once <= 130
    assert day.outage[1] - day.outage[0] == 600
    assert max(day.talking[: 9 * 3_600]) == 0
    assert day.talking[11 * 3_600] > 0, "calls go on when the window closes"
    assert 5 <= sum(hour["congestion"] for hour in day.outcomes) <= 40, "few numbers are burned in ten minutes"
    assert not any(at < 9 * 3_600_000 or at >= 11 * 3_600_000 for at in day.begun_ms)


def test_the_same_chance_plays_the_same_day():
    days = [simulate(short_day(), date(2026, 12, 1), People(), random.Random(4)) for _ in range(2)]
    assert days[0] == days[1]


def test_figures_are_low_where_the_pacing_knows_nothing_of_lag(monkeypatch):
    """The figure can be low: with every ringing call left out of account it dials far too much."""
    monkeypatch.setattr(Pacer, "expected", lambda self, now_ms: float(self.talking))
    day = simulate(short_day(), date(2026, 12, 1), People(), random.Random(4))
    assert day.within() < 0.8
    assert day.most_in_a_second() <= 7
    assert day.most_at_once <= 130


def test_the_command_draws_the_day(tmp_path: Path):
    for folder in ("flows", "campaigns"):
        (tmp_path / folder).mkdir()
    (tmp_path / "callweave.yaml").write_text("{}\n")
    (tmp_path / "flows" / "f.yaml").write_text(
        'flow: f\nlanguages: [en]\nsteps:\n  a: {say: {en: "Hello."}, hang_up: true}\n'
    )
    file = tmp_path / "campaigns" / "c.yaml"
    file.write_text(
        "campaign: c\nflow: f\ncontacts: {lists: [a]}\ngateways: [{gateway: main, dial: sofia/gateway/main}]\n"
        "per_second: 3\nat_once: 50\ntarget: 20\ncalling: {zone: Asia/Shanghai, open: [daily 09:00-10:00]}\n"
    )
    shown = CliRunner().invoke(command, [str(file), "--day", "2026-12-01"], catch_exceptions=False)
    assert shown.exit_code == 0
    assert "09:00 " in shown.output
    assert "within 10 % of 20:" in shown.output
    assert "the gateway main took no call from 09:" in shown.output
    refused = CliRunner().invoke(command, [str(file), "--target", "51"])
    assert refused.exit_code != 0
    assert "do not fit" in refused.output
