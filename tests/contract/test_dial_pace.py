"""How many a dialler calls: the target is held, no second has more calls than it may, whoever comes, goes or dies."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest
from dialtools import add, change, rows
from simtools import World, campaign, fullest, launch, state

from ivr.campaign.model import Attempts, Gateway
from ivr.hosts.switch.exchange import Exchange, Party

ONCE = Attempts(retry=dict.fromkeys(("no_answer", "busy", "rejected", "congestion", "failed", "short", "unknown")))


def as_people_do(digits: str) -> Party:
    """Two of five answer, after 3 to 10 s, and stay for 50 to 90 s."""
    n = int(digits[-4:]) * 7919 % 1000
    if n % 5 < 2:
        return Party("answers", 3000 + n * 7, 50_000 + n * 40)
    return Party("busy", 1500) if n % 5 == 2 else Party("no_answer")


def briefly(digits: str) -> Party:
    return Party("answers", 300, 3500)


def world(url, people, party_of, *more, step_ms=100, **limits):
    launch(url, campaign(attempts=ONCE, **limits), people)
    for each in more:
        launch(url, each, people)
    return World(url, {"one": Exchange(party_of)}, step_ms=step_ms)


def talking(made: World) -> int:
    return sum(call.answered_ms is not None for each in made.switches.values() for call in each.calls.values())


def begun(made: World, database: str, column: str) -> dict[str, list[int]]:
    """When calls began, by owner, gateway or campaign."""
    of = {row["attempt_id"]: row[column] for row in rows(database, "dial_attempt")}
    found: dict[str, list[int]] = defaultdict(list)
    for exchange in made.switches.values():
        for at, uuid, _ in exchange.originated:
            found[of[uuid]].append(at)
    return found


def edit(url: str, version: int, **limits) -> None:
    what = campaign(attempts=ONCE, **limits)
    add(url, "campaign_version", campaign="aftercare", version=version, json=json.dumps(what.to_json()), launch="")
    change(url, "campaign", {"version": version}, campaign="aftercare")


@pytest.mark.parametrize("owners", ["a", "ab"])
def test_the_target_is_held(database, owners):
    made = world(database, 1200, as_people_do, per_second=5, at_once=80, target=30, step_ms=200)
    for owner in owners:
        made.dialler(owner)
    made.run(150)
    held = []
    for _ in range(300):
        made.run(1)
        held.append(talking(made))
    assert sum(held) / len(held) == pytest.approx(30, rel=0.1)
    assert max(held) <= 40
    assert fullest(at for at, _, _ in made.switches["one"].originated) <= 5


def test_a_target_is_held_when_a_dialler_is_killed(database):
    """Its calls go on without it: until they end the others hold as many fewer."""
    made = world(database, 1200, as_people_do, per_second=5, at_once=80, target=30, step_ms=200)
    first = made.dialler("a")
    made.dialler("b")
    made.run(150)
    made.kill(first)
    held = []
    for _ in range(240):
        made.run(1)
        held.append(talking(made))
    assert max(held) <= 40
    assert sum(held[120:]) / 120 == pytest.approx(30, rel=0.15)
    assert {row["owner"] for row in rows(database, "dialler")} == {"a", "b"}


def test_without_a_target_there_are_as_many_calls_as_may_be(database):
    made = world(database, 400, as_people_do, per_second=5, at_once=20)
    made.dialler()
    made.run(20)
    for _ in range(40):
        made.run(1)
        assert 17 <= len(made.switches["one"].calls) <= 20


#: Calls a second of the campaign, of its gateway (0: no limit), of another campaign over the same gateway (0: none).
CAPS = [(5, 0, 0), (8, 3, 0), (1, 0, 0), (0.5, 0, 0), (6, 4, 6)]


@pytest.mark.parametrize(("per_second", "gateway", "beside"), CAPS)
def test_no_second_of_a_whole_run_has_more_calls_than_it_may(database, per_second, gateway, beside):
    """Diallers come, leave in order, and are killed."""
    ways = (Gateway("main", "sofia/gateway/main", per_second=gateway),)
    other = [campaign("spring", per_second=beside, gateways=ways, at_once=90, attempts=ONCE)] if beside else []
    made = world(database, 700, briefly, *other, step_ms=50, per_second=per_second, at_once=90, gateways=ways)
    if beside:
        change(database, "campaign_contact", {"number": "+8613900000000"}, campaign="spring", contact_id="spring-0")
    first, second = made.dialler("b"), made.dialler("d")
    made.run(8.35)
    made.dialler("a")
    made.run(9.2)
    made.kill(first)
    made.run(16.45)
    second.stopping = True
    made.run(3.3)
    made.dialler("c")
    made.run(14)
    window_ms = round(1000 / min(1, per_second))
    for name, times in begun(made, database, "campaign").items():
        cap = max(1, int(per_second if name == "aftercare" else beside))
        assert fullest(times, window_ms) <= cap, name
    times = begun(made, database, "gateway")["main"]
    if gateway:
        assert fullest(times) <= gateway
    cap = min(per_second, gateway or per_second)
    assert len(times) >= 0.5 * cap * made.at_ms / 1000, "and the limits are used"
    assert len({row["owner"] for row in rows(database, "dial_attempt")}) >= (4 if cap > 2 else 2)


@pytest.mark.parametrize(
    ("limits", "seconds", "at_once"),
    [
        ({"per_second": 5, "at_once": 13}, {"a": 3, "b": 2}, {"a": 7, "b": 6}),
        ({"per_second": 8, "at_once": 40, "target": 9}, {"a": 4, "b": 4}, {"a": 20, "b": 20}),
        ({"per_second": 1, "at_once": 13}, {"a": 1, "b": 0}, {"a": 13, "b": 0}),
    ],
)
def test_two_diallers_share_whole_calls(database, limits, seconds, at_once):
    made = world(database, 400, lambda digits: Party("answers", 2000, 9000), **limits)
    for owner in "ab":
        made.dialler(owner)
    most = dict.fromkeys("ab", 0)
    for _ in range(450):
        made.step()
        most = {each.settings.owner: max(most[each.settings.owner], len(each.calls)) for each in made.diallers}
    times = begun(made, database, "owner")
    assert {owner: fullest(times[owner]) for owner in "ab"} == seconds
    assert all(most[owner] <= at_once[owner] for owner in "ab")
    assert not limits.get("target") or talking(made) == pytest.approx(limits["target"], abs=3)


def test_a_dialler_that_comes_or_goes_changes_the_share_and_nothing_that_is_known(database):
    made = world(database, 900, as_people_do, per_second=6, at_once=60, step_ms=200)
    first = made.dialler("a")
    made.run(90)
    alone = len(first.calls)
    pacer = first.turns.paces.pacer(campaign())
    reckoned = pacer.table.chance(0)
    second = made.dialler("b")
    made.run(150)
    shared = (len(first.calls), len(second.calls))
    second.stopping = True
    made.run(120)
    assert alone >= 55
    assert max(shared) <= 30
    assert min(shared) >= 25
    assert len(first.calls) >= 55
    assert first.turns.paces.pacer(campaign()) is pacer
    assert pacer.table.chance(0) == pytest.approx(reckoned, abs=0.1)


def test_a_new_version_brings_its_limits_and_nobody_a_second_anew(database):
    made = world(database, 900, briefly, per_second=6, at_once=30, step_ms=50)
    dialler = made.dialler()
    made.run(20)
    pacer = dialler.turns.paces.pacer(campaign())
    reckoned = pacer.table.chance(0)
    edit(database, 2, per_second=2, at_once=5, target=3, ring_ms=20_000)
    lowered = made.at_ms
    made.run(12)
    assert (pacer.limit.most, pacer.at_once, pacer.target) == (2, 5, 3)
    assert pacer is dialler.turns.paces.pacer(campaign())
    assert reckoned == pytest.approx(pacer.table.chance(0), abs=0.05), "everybody answers, and it knows"
    edit(database, 3, per_second=8, at_once=40)
    raised = made.at_ms
    made.run(12)
    times = [at for at, _, _ in made.switches["one"].originated]
    assert fullest(at for at in times if at < lowered) == 6
    assert fullest(at for at in times if lowered + 600 < at < raised) <= 2
    assert fullest(at for at in times if lowered - 1000 < at < raised) <= 6
    assert fullest(times) == 8
    assert {row["version"] for row in rows(database, "dial_attempt")} == {1, 2, 3}


TROUBLES = {
    "the connection breaks": lambda made: made.cut("one"),
    "the switch is killed": lambda made: (made.lose_switch("one"), made.away.clear()),
    "the switch is away": lambda made: made.lose_switch("one"),
    "the database is away": lambda made: setattr(made, "database_away", True),
    "another dialler is killed": lambda made: made.kill(made.diallers[0]),
    "the switch is full": lambda made: setattr(made.switches["one"], "at_once", 3),
    "every event is lost": lambda made: setattr(made.switches["one"], "loses", lambda event, digits: True),
    "it is paused": lambda made: state(made.url, "aftercare", "paused"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_no_trouble_leaks_a_place(database, trouble):
    made = world(database, 160, as_people_do, per_second=4, at_once=40, target=12, step_ms=200)
    made.dialler("a")
    dialler = made.dialler("b")

    def run(seconds: int) -> None:
        for _ in range(seconds * 5):
            made.step()
            for each in made.diallers:
                assert each.turns.paces.places("aftercare") == each.calls.count(campaign="aftercare")

    run(25)
    assert len(dialler.calls) > 3
    TROUBLES[trouble](made)
    run(40)
    made.away.clear()
    made.database_away = False
    made.switches["one"].at_once, made.switches["one"].loses = 0, lambda event, digits: False
    state(made.url, "aftercare", "running")
    run(400)
    assert dialler.turns.paces.places("aftercare") == 0
    assert "open" not in made.outcomes()
    assert not rows(database, "campaign_contact", state="leased")


@pytest.mark.parametrize("how", ["paused", "draining", "archived"])
@pytest.mark.parametrize("phase_ms", range(0, 1000, 150))
def test_fault_101_after_a_pause_nothing_is_sent(database, how, phase_ms):
    """Whenever it comes within a dialler's turn: each batch asks again just before it is sent."""
    made = world(database, 200, briefly, per_second=10, at_once=90, step_ms=50)
    for owner in "ab":
        made.dialler(owner)
    made.run(6 + phase_ms / 1000)
    state(database, "aftercare", how)
    paused = made.at_ms
    made.run(4)
    times = [at for at, _, _ in made.switches["one"].originated]
    assert len(times) > 10
    assert max(times) <= paused


#: How long the database takes, for each so manieth transaction; whether anybody is called then.
SLOW = [(0, 1, True), (40, 1, True), (300, 1, True), (650, 1, True), (1400, 3, True), (1400, 5, True), (1400, 1, False)]


@pytest.mark.parametrize(("slow_ms", "every", "calls"), SLOW)
def test_fault_101_a_pause_takes_effect_within_a_second_however_slow_the_database(database, slow_ms, every, calls):
    """Paused between any two transactions of the dialler, with another campaign to be dialled in between. A database
    that takes longer than a second to say that somebody may be called is not believed: nobody is called.
    """
    other = campaign("spring", priority=9, per_second=9, at_once=90, attempts=ONCE)
    made = world(database, 900, briefly, other, per_second=9, at_once=90)
    change(database, "campaign_contact", {"state": "done"}, campaign="spring", contact_id="spring-0")
    pauses: list[list[int]] = []
    count = 0

    def slow(work):
        nonlocal count
        result = work()  # committed; the dialler hears of it later
        count += 1
        is_slow = count % every == 0
        running = not pauses or len(pauses[-1]) == 2
        again = pauses[-1][1] + 4000 + 9 * slow_ms + 370 * len(pauses) % 900 if pauses and running else 6000
        if running and is_slow and made.at_ms > again:
            state(database, "aftercare", "paused")
            pauses.append([made.at_ms])
        elif not running and made.at_ms > pauses[-1][0] + 3000:
            state(database, "aftercare", "running")
            pauses[-1].append(made.at_ms)
        made.at_ms += slow_ms if is_slow else 0
        return result

    made.dialler("a", slow)
    while made.at_ms < 180_000:
        made.step()
    times = begun(made, database, "campaign")["aftercare"]
    assert len(pauses) >= 8
    late = [(at, began) for began, ended in (each for each in pauses if len(each) == 2) for at in times
            if began + 1000 < at < ended]  # fmt: skip
    assert late == []
    assert bool(times) is calls
    assert len(times) > 100 or slow_ms > 100
    assert fullest(times) <= 9
