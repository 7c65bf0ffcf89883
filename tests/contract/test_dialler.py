"""The dialler against scripted switches in simulated time: rows 89 to 101 and 104 of the faults."""

from __future__ import annotations

from datetime import timedelta

import pytest
from dialtools import add, change, number, rows
from simtools import BEGIN, World, by_last_digit, campaign, fullest, launch, state

from ivr.campaign.model import Attempts, Calling, Gateway, Retry, Window
from ivr.hosts.switch.exchange import Exchange, Party

NO_RETRY = Attempts(retry=dict.fromkeys(("no_answer", "busy", "rejected", "congestion", "failed", "short", "unknown")))

PARTIES = {
    "0": (Party("answers", 1000, 20_000), "answered", "NORMAL_CLEARING", 200),
    "1": (Party("busy", 1000), "busy", "USER_BUSY", 486),
    "2": (Party("no_answer"), "no_answer", "NO_ANSWER", None),
    "3": (Party("invalid", 300), "invalid", "UNALLOCATED_NUMBER", 404),
    "4": (Party("rejected", 800), "rejected", "CALL_REJECTED", 603),
    "5": (Party("congestion", 200), "congestion", "NORMAL_TEMPORARY_FAILURE", 503),
    "6": (Party("failed", 200), "failed", "INCOMPATIBLE_DESTINATION", 488),
    "7": (Party("answers", 1000, 1500), "short", "NORMAL_CLEARING", 200),
    "8": (Party("machine", 1000, 9000), "machine", "NORMAL_CLEARING", 200),
    "9": (Party("answers", 60_000), "no_answer", "NO_ANSWER", None),
}


def world(url, people=10, parties=None, switches=("one",), what=None, **exchange):
    party_of = by_last_digit(parties if parties is not None else {k: v[0] for k, v in PARTIES.items()})
    launch(url, what or campaign(attempts=NO_RETRY), people)
    return World(url, {name: Exchange(party_of, **exchange) for name in switches})


def test_fault_93_every_outcome_is_told_and_right(database):
    made = world(database)
    made.dialler()
    made.run(60)
    found = {row["number"][-1]: row for row in rows(database, "dial_attempt")}
    assert len(found) == 10
    for last, (_, outcome, cause, sip_code) in PARTIES.items():
        row = found[last]
        assert (row["outcome"], row["cause"], row["sip_code"]) == (outcome, cause, sip_code), last
        assert (row["answered_at"] is not None) is (outcome in ("answered", "short", "machine")), last
        assert row["billed_ms"] == (PARTIES[last][0].talk_ms if row["answered_at"] else None)
        assert row["leased_at"] <= row["sent_at"] <= row["ended_at"]
    states = {row["number"][-1]: (row["state"], row["outcome"]) for row in rows(database, "campaign_contact")}
    assert {last: done[1] for last, done in states.items()} == {last: row[1] for last, row in PARTIES.items()}
    assert states["0"][0] == "done"
    assert states["8"][0] == "waiting"  # a machine is called again the next day


def test_gateways_share_the_calls_by_weight_however_few_begin_at_a_time(database):
    """Of the three calls a second of campaigns/aftercare-survey.yaml each is a turn of its own."""
    main = Gateway("main", "sofia/gateway/main", weight=3)
    backup = Gateway("backup", "sofia/gateway/backup")
    what = campaign(per_second=3, at_once=100, gateways=(main, backup), attempts=NO_RETRY)
    made = world(database, 40, {}, what=what)
    made.dialler()
    made.run(30)
    by = [row["gateway"] for row in rows(database, "dial_attempt")]
    assert (by.count("main"), by.count("backup")) == (30, 10)


def test_pacing_holds_calls_per_second_and_at_once(database):
    what = campaign(per_second=5, at_once=12)
    made = world(database, 200, {}, what=what)
    made.dialler()
    most = 0
    for _ in range(600):
        made.step()
        most = max(most, len(made.switches["one"].calls))
    times = [at for at, _, _ in made.switches["one"].originated]
    assert most == 12
    assert fullest(times) == 5
    assert len(times) >= 30


@pytest.mark.parametrize("limits", [{"per_second": 3}, {"at_once": 6}])
def test_fault_92_over_the_switchs_limit_nobody_is_burnt(database, limits):
    made = world(database, 40, {}, what=campaign(per_second=20), **limits)
    made.dialler()
    made.run(240)
    exchange = made.switches["one"]
    assert exchange.refused > 0
    assert made.outcomes() == {"answered": 40, "not_attempted": exchange.refused}
    assert all(row["attempts"] == 1 for row in rows(database, "campaign_contact"))
    assert made.events("switch_full")
    assert exchange.refused < 150, "it backs off"


def test_fault_91_a_job_that_never_comes_is_looked_for(database):
    """Neither the job's event nor the call's end is told; the switch is asked, and no slot leaks."""
    made = world(database, 10, loses=lambda event, digits: True)
    dialler = made.dialler()
    made.run(180)
    assert len(dialler.calls) == 0
    assert set(made.outcomes()) == {"unknown"}
    assert made.switches["one"].calls == {}


@pytest.mark.parametrize("lost", ["BACKGROUND_JOB", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_ANSWER"])
def test_fault_91_one_kind_of_event_is_lost(database, lost):
    made = world(database, 10, loses=lambda event, digits: event == lost)
    made.dialler()
    made.run(120)
    outcomes = {row["number"][-1]: row["outcome"] for row in rows(database, "dial_attempt")}
    expected = {last: row[1] for last, row in PARTIES.items()}
    if lost == "CHANNEL_HANGUP_COMPLETE":  # what a person does after the answer is in it
        expected |= {"7": "answered", "8": "answered"}
    assert outcomes == expected


@pytest.mark.parametrize("moment_s", [0.3, 1.0, 5.0, 12.0, 31.0])
def test_fault_91_the_connection_breaks_and_the_calls_go_on(database, moment_s):
    made = world(database, 20)
    made.dialler()
    made.run(moment_s)
    made.cut("one")
    made.run(200)
    found = made.outcomes()
    assert sum(found.values()) == 20
    assert "open" not in found
    assert len(made.rung()) == len(set(made.rung())) == 20


@pytest.mark.parametrize("away_s", [20, 600])
def test_loss_of_the_switch_loses_nothing_and_calls_nobody_twice(database, away_s):
    made = world(database, 120, {}, what=campaign(per_second=2, at_once=30))
    made.dialler()
    made.run(10)
    made.lose_switch("one")
    before = len(made.rung())
    made.run(away_s)
    assert len(made.rung()) == before
    made.away.clear()
    made.run(240)
    found = made.outcomes()
    assert found["unknown"] + found["answered"] == 120
    assert 1 <= found["unknown"] <= 6, "who had answered is known to have been reached"
    assert len(made.rung()) == len(set(made.rung()))
    # Nobody knows of those: not before the safe gap, and then once more.
    waiting = [row for row in rows(database, "campaign_contact") if row["outcome"] == "unknown"]
    assert {row["state"] for row in waiting} == {"waiting"}
    assert all(row["next_at"] >= BEGIN + timedelta(hours=1) for row in waiting)


def test_loss_of_the_database_loses_nothing_and_calls_nobody(database):
    made = world(database, 60, {}, what=campaign(per_second=2, at_once=30))
    dialler = made.dialler()
    made.run(10)
    made.database_away = True
    before = len(made.rung())
    made.run(600)
    assert len(made.rung()) == before
    assert len(dialler.calls) == 0, "their ends are known, and wait"
    made.database_away = False
    made.run(120)
    assert made.outcomes() == {"answered": 60}


def test_fault_94_nobody_is_called_out_of_hours_when_the_database_comes_back(database):
    """It goes at 18:01 and comes back at 18:11, and calls end at 18:05 in Shanghai; the next window is tomorrow's."""
    calling = Calling((Window(tuple(range(7)), 9 * 60, 18 * 60 + 5),), zone="Asia/Shanghai")
    made = world(database, 200, {}, what=campaign(per_second=1, calling=calling))
    made.dialler()
    made.run(60)
    made.database_away = True
    made.run(600)
    made.database_away = False
    made.run(60)
    assert all(at <= 300_000 for at, _, _ in made.switches["one"].originated)
    waiting = rows(database, "campaign_contact", state="waiting")
    tomorrow = BEGIN.replace(day=2, hour=1)
    assert {row["next_at"] for row in waiting} == {tomorrow}
    assert "open" not in made.outcomes()


def test_fault_94_at_the_end_of_the_window_calling_ends(database):
    calling = Calling((Window(tuple(range(7)), 9 * 60, 18 * 60 + 1),), zone="Asia/Shanghai")
    made = world(database, 200, {}, what=campaign(per_second=1, calling=calling))
    made.dialler()
    made.run(180)
    times = [at for at, _, _ in made.switches["one"].originated]
    assert max(times) <= 60_000
    assert len(times) >= 50


@pytest.mark.parametrize("theirs", ["+12125550123", "+61412345678"])
def test_fault_94_a_number_of_another_country_is_not_called_by_the_campaigns_clock(database, theirs):
    """Its zone is not known: the campaign's may stand for it only where the number's country has that clock."""
    calling = Calling((Window(tuple(range(7)), 9 * 60, 20 * 60),), zone="Asia/Shanghai")
    made = world(database, 3, {}, what=campaign(per_second=2, calling=calling))
    for n, number_ in enumerate((theirs, number(1))):
        for table in ("contact", "campaign_contact"):
            change(database, table, {"number": number_, "zone": ""}, contact_id=f"aftercare-{n}")
    made.dialler()
    made.run(30)
    called = {digits for _, _, digits in made.switches["one"].originated}
    assert called == {number(1)[1:], number(2)[1:]}
    (row,) = rows(database, "campaign_contact", contact_id="aftercare-0")
    assert (row["state"], row["outcome"], row["attempts"]) == ("done", "unknown_zone", 0)


@pytest.mark.parametrize("how", ["running", "paused", "draining"])
def test_fault_97_nobody_is_abandoned(database, how):
    """A flow answers at once, so that there is nobody to wait for; who begins to be called is not given up, neither
    when far more answer than the target, nor when the campaign is stopped while telephones ring."""
    answered = []
    what = campaign(target=5, per_second=10, at_once=60, attempts=NO_RETRY, ring_ms=30_000)
    made = world(database, 80, {}, what=what, on_answer=answered.append)
    made.switches["one"].party_of = lambda digits: Party("answers", 14_900 + 1000 * int(digits[-1]), 20_000)
    made.dialler()
    made.run(8)
    ringing = len(made.switches["one"].calls)
    assert ringing > 5
    state(database, "aftercare", how)
    made.run(8 * 60)
    assert len(answered) == len(made.rung()) >= ringing
    for call in answered:
        assert (call.hosts, call.path) == (("127.0.0.1:8084",), "survey_line")
        assert call.channel.get("sip_hangup_disposition") == "recv_bye", "it was the person who hung up"
    assert set(made.outcomes()) == {"answered"}


@pytest.mark.parametrize("how", ["paused", "draining", "archived"])
def test_fault_101_a_pause_takes_effect_within_a_second(database, how):
    made = world(database, 300, {})
    made.dialler()
    made.run(5)
    state(database, "aftercare", how)
    paused = made.at_ms
    made.run(60)
    assert [at for at, _, _ in made.switches["one"].originated if at > paused + 1000] == []
    assert "open" not in made.outcomes(), "calls that are on go on to their end"
    state(database, "aftercare", "running")
    made.run(5)
    assert made.switches["one"].originated[-1][0] > paused + 60_000


def test_fault_95_a_number_listed_while_it_waits_is_not_called(database):
    made = world(database, 50, {}, what=campaign(per_second=2))
    made.dialler()
    made.run(3)
    add(database, "dnc", scope="-", number=number(49), is_prefix=0, reason="opt_out", source="x", at=BEGIN)
    made.run(120)
    assert number(49)[1:] not in {digits for _, _, digits in made.switches["one"].originated}
    assert made.outcomes() == {"answered": 49}


@pytest.mark.parametrize(("offset", "dials"), [(timedelta(days=-20_000), False), (timedelta(minutes=-30), False),
                                               (timedelta(minutes=-1), True), (timedelta(0), True)])  # fmt: skip
def test_fault_104_a_clock_before_the_last_attempt_calls_nobody(database, offset, dials):
    made = world(database, 5, {})
    old = {"attempt_id": "old", "campaign": "aftercare", "contact_id": "x", "number": "+861", "outcome": "busy"}
    add(database, "dial_attempt", **old, leased_at=BEGIN)
    made.offset = offset
    made.dialler()
    made.run(5)
    assert bool(made.rung()) is dials
    assert bool(made.events("clock_alarm")) is not dials


def test_a_killed_diallers_calls_go_on_with_another(database):
    made = world(database, 40, {"1": Party("busy", 1500)}, what=campaign(per_second=4, attempts=NO_RETRY))
    first = made.dialler("a")
    made.dialler("b")
    made.run(6)
    made.kill(first)
    made.run(180)
    found = made.outcomes()
    assert "open" not in found
    assert len(made.rung()) == len(set(made.rung())) == 40
    # What ended after its dialler died is known to nobody; who answered is known by the mark of the answer, if written.
    assert found["answered"] + found["busy"] + found.get("unknown", 0) == 40
    assert made.events("attempt_taken_over")


def test_several_diallers_and_switches_share_one_campaign(database):
    what = campaign(per_second=20, at_once=24)
    made = world(database, 200, {}, switches=("one", "two"), what=what)
    for owner in "abc":
        made.dialler(owner)
    most = 0
    for _ in range(1200):
        made.step()
        most = max(most, sum(len(each.calls) for each in made.switches.values()))
    made.run(90)
    assert made.outcomes() == {"answered": 200}
    assert all(len(each.originated) > 60 for each in made.switches.values())
    assert len({row["owner"] for row in rows(database, "dial_attempt")}) == 3
    assert most == 24


def test_a_gateway_that_fails_is_left_alone_and_tried_again(database):
    two = (
        Gateway("bad", "sofia/gateway/bad", (), prefixes=("+861380000000",)),
        Gateway("good", "sofia/gateway/good", ()),
    )
    retry = {"congestion": Retry(1000, 9)}
    what = campaign(per_second=5, gateways=two[:1], attempts=Attempts(each=20, per_day=20, gap_ms=0, retry=retry))
    made = world(database, 9, dict.fromkeys("012345678", Party("congestion", 100)), what=what)
    made.dialler()
    made.run(25)
    opened = len(made.rung())
    assert 5 <= opened <= 9
    assert len(made.events("gateway_alarm")) == 1
    made.run(30)
    assert len(made.rung()) == opened + 1, "one call tries it"
    made.switches["one"].party_of = lambda digits: Party("answers", 500, 5000)
    made.run(120)
    assert made.outcomes()["answered"] == 9


@pytest.mark.parametrize(
    ("party", "why"),
    [
        (Party("no_answer"), "0 of the last 30 calls were answered"),
        (Party("answers", 500, 1000), "answered calls were gone within 3 s"),
        (Party("invalid", 500), "0 of the last 30 calls were answered"),
    ],
)
def test_a_gateway_that_burns_numbers_is_paused(database, party, why):
    made = world(database, 200, dict.fromkeys("0123456789", party), what=campaign(per_second=5, at_once=10))
    made.dialler()
    made.run(600)
    assert 30 <= len(made.rung()) <= 41
    (alarm,) = made.events("gateway_alarm")
    assert why in alarm["why"]
