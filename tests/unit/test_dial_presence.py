"""What a dialler may rely on of the others: parts that sum to the whole, and more of it only when it is surely free."""

from __future__ import annotations

import random

import pytest

from ivr.campaign.pacing import Pacer, RateLimit
from ivr.campaign.shares import WHOLE, Share
from ivr.hosts.dialler.presence import Presence, Timing
from ivr.store.dialling import Seen

WINDOW_S = 1.0
TIMING = Timing(know_s=3, beat_s=2, gone_s=10)


@pytest.mark.parametrize("of", range(1, 9))
@pytest.mark.parametrize("whole", [0, 1, 2, 5, 7, 100])
def test_parts_sum_to_the_whole(whole, of):
    parts = [Share(((rank, of),)).part(whole) for rank in range(of)]
    assert sum(parts) == whole
    assert max(parts) - min(parts) <= 1


@pytest.mark.parametrize(
    ("share", "whole", "part"),
    [
        (WHOLE, 7, 7),
        (Share(((0, 0),)), 7, 0),
        (Share(((0, 2), (0, 1))), 7, 4),
        (Share(((1, 2), (2, 3), (0, 1))), 7, 2),
        (Share(((1, 3),)).first(1), 7, 0),
        (Share(((0, 3),)).first(1), 7, 7),
        (Share(((1, 3),)).first(2), 7, 3),
        (WHOLE, -4, 0),
    ],
)
def test_the_smallest_part_of_all_views_counts(share, whole, part):
    assert share.part(whole) == part


def test_a_limit_that_changes_keeps_what_it_has_seen():
    limit = RateLimit(5)
    for at in (0, 100, 200, 300):
        limit.take(at)
    limit.change(2)
    assert [limit.room(t) for t in (400, 1_000, 1_100, 1_300)] == [0, 0, 0, 2]
    limit.change(6, Share(((0, 2),)))
    assert [limit.room(t) for t in (1_050, 1_150, 1_250)] == [0, 1, 2]


def test_a_pacer_takes_other_limits_and_knows_what_it_knew():
    pacer = Pacer(999, 999, 50, ring_ms=30_000)
    for n in range(300):
        pacer.sent(f"{n}", n * 1_000)
        pacer.ended(f"{n}", n * 1_000 + 900, "no_answer" if n % 5 else "failed")
    before = (pacer.table.chance(0), pacer.reach)
    pacer.change(3, 40, 20, 60_000, share=Share(((1, 2),)), holders=Share(((1, 2),)), held_elsewhere=4)
    assert (pacer.table.chance(0), pacer.reach) == before
    assert (pacer.limit.most, pacer.at_once, pacer.target) == (1, 20, 8)
    pacer.change(3, 40, 0, 10_000)
    assert pacer.table.chance(0) == pytest.approx(before[0], abs=0.01)
    assert (pacer.at_once, pacer.target) == (40, 40)


@pytest.mark.parametrize(
    ("tell", "learns"),
    [
        (lambda pacer: pacer.ended("a", 9_000, "no_answer"), True),
        (lambda pacer: pacer.ended("a", 9_000, "congestion"), True),
        (lambda pacer: pacer.ended("a", 9_000, "unknown"), False),
        (lambda pacer: pacer.given_back("a", 9_000), False),
    ],
)
def test_every_end_gives_the_place_back_and_some_tell_nothing(tell, learns):
    for is_ours in (True, False):
        pacer = Pacer(1, 1)
        if is_ours:
            pacer.sent("a", 0)
        else:
            pacer.taken_over("a", False, 0)
        assert pacer.wanted(5_000) == 0
        before = (pacer.table.chance(0), pacer.reach)
        tell(pacer)
        assert ((pacer.table.chance(0), pacer.reach) != before) is (learns and is_ours)
        assert pacer.wanted(10_000) == 1


class Book:
    """The rows of the diallers, as they all read them."""

    def __init__(self) -> None:
        self.rows: dict[str, Seen] = {}

    def refresh(self, presence: Presence, owner: str, now: float, writes: bool = True) -> None:
        if writes and (number := presence.next_beat(now)):
            self.rows[owner] = Seen("", number)
            presence.beaten(now, now)
        presence.learn(dict(self.rows), now, now)


def test_a_newcomer_begins_when_all_have_seen_it():
    book, one = Book(), Presence("a", TIMING)
    parts = []
    for tick in range(12):
        book.refresh(one, "a", tick * 0.5)
        parts.append(one.share(tick * 0.5, WINDOW_S).part(10))
    assert parts == [0] * 8 + [10] * 4


@pytest.mark.parametrize(("silent_s", "part"), [(4, 10), (6, 0), (60, 0)])
def test_one_that_could_not_say_that_it_lives_begins_again(silent_s, part):
    book, one = Book(), Presence("a", TIMING)
    for tick in range(13):
        book.refresh(one, "a", tick * 0.5)
    assert one.is_fresh(6.0)
    assert not one.is_fresh(6.0 + 3.1), "what it knows is old"
    now = 6.0 + silent_s
    book.refresh(one, "a", now)
    assert one.share(now, WINDOW_S).part(10) == part


@pytest.mark.parametrize(
    ("beaten_at", "read_at", "fresh"),
    [(5.0, 5.0, True), (0.5, 5.0, True), (-0.5, 5.0, False), (5.0, 2.1, True), (5.0, 1.9, False)],
)
def test_nobody_is_called_on_old_knowledge_nor_by_one_that_others_may_take_for_gone(beaten_at, read_at, fresh):
    """At 5 s: what was read is good for 3 s, and a row that could not be written for 5 s is not enough."""
    presence = Presence("a", TIMING)
    for what, at in sorted([("beat", beaten_at), ("read", read_at)], key=lambda each: each[1]):
        if what == "beat":
            presence.beaten(at, at)
        else:
            presence.learn({"a": Seen("", 1)}, at, at)
    assert presence.is_fresh(5.0) is fresh


def test_the_share_of_one_that_leaves_is_taken_when_its_calls_are_out_of_the_window():
    book, one, two = Book(), Presence("a", TIMING), Presence("b", TIMING)
    now = 0.0
    while now < 10:
        book.refresh(one, "a", now)
        book.refresh(two, "b", now)
        now += 0.5
    assert [each.share(now, WINDOW_S).part(7) for each in (one, two)] == [4, 3]
    del book.rows["b"]
    book.refresh(one, "a", now)
    assert one.share(now + 3.9, WINDOW_S).part(7) == 4
    assert one.share(now + 4.1, WINDOW_S).part(7) == 7


def test_one_whose_row_stays_the_same_is_gone_after_a_while():
    book, one, two = Book(), Presence("a", TIMING), Presence("b", TIMING)
    book.refresh(two, "b", 0.0)
    parts = {}
    for tick in range(40):
        book.refresh(one, "a", tick * 0.5)
        parts[tick * 0.5] = one.share(tick * 0.5, WINDOW_S).part(7)
    assert [parts[at] for at in (3.5, 4.0, 10.0, 13.5, 14.0)] == [0, 4, 4, 4, 7]


@pytest.mark.parametrize("seed", range(30))
def test_parts_that_are_acted_upon_never_sum_to_more_than_the_whole(seed):
    """Diallers come, stall, die and leave; each looks when it can. Counted within every window of a second."""
    chance = random.Random(seed)
    cap = chance.choice([1, 2, 5, 10])
    book, limits, begun = Book(), {}, []
    live: dict[str, Presence] = {}
    stalled: dict[str, float] = {}
    now = 0.0
    for step in range(2500):
        now = step * 0.1
        if chance.random() < 0.01 or not live:
            name = f"{chance.randint(0, 99)}-{step}"
            live[name], limits[name] = Presence(name, TIMING), RateLimit(cap)
        if chance.random() < 0.006 and len(live) > 1:
            name = chance.choice(list(live))
            live.pop(name)
            if chance.random() < 0.5:
                book.rows.pop(name, None)
        if chance.random() < 0.02 and live:
            stalled[chance.choice(list(live))] = now + chance.choice([0.7, 2.0, 4.0, 7.0, 15.0])
        for name, presence in live.items():
            if stalled.get(name, 0) > now:
                continue
            if chance.random() < 0.3:
                book.refresh(presence, name, now, writes=chance.random() < 0.95)
            limits[name].change(cap, presence.share(now, WINDOW_S))
            if presence.is_fresh(now):
                for _ in range(limits[name].room(round(now * 1000))):
                    limits[name].take(round(now * 1000))
                    begun.append(round(now * 1000))
    assert len(begun) > 100 * min(cap, 2)
    assert max(sum(t <= u < t + 1000 for u in begun[n : n + 40]) for n, t in enumerate(begun)) <= cap
