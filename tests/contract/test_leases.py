"""Leases and attempts on both databases: rows 89, 90, 92, 95, 98, 99, 101 of the faults."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from dialtools import HOUR, NOW, add, again, call, change, finish, ledger, number, rows, seed, send, take, terms

from ivr.store import attempts, contacts, leases
from ivr.store.engine import make_engine


def state_of(url, contact="aftercare-0", campaign="aftercare"):
    (row,) = rows(url, "campaign_contact", campaign=campaign, contact_id=contact)
    return row


def test_a_lease_is_a_person_taken_and_nothing_else(database):
    seed(database, 3)
    (lease,) = take(ledger(database), 1)
    contact = state_of(database)
    assert (contact["state"], contact["owner"], contact["fence"]) == ("leased", "a", 1)
    assert (contact["lease_until"], contact["attempt_id"]) == (NOW + timedelta(seconds=60), lease.attempt_id)
    assert rows(database, "dial_attempt") == []


def test_the_attempt_is_written_before_anybody_is_called(database):
    seed(database, 3)
    book = ledger(database)
    some = take(book, 1)
    later = NOW + timedelta(seconds=1)
    (lease,) = send(book, some, now=later)
    (attempt,) = rows(database, "dial_attempt")
    assert attempt["attempt_id"] == lease.attempt_id == state_of(database)["attempt_id"]
    assert (attempt["campaign"], attempt["contact_id"], attempt["version"]) == ("aftercare", "aftercare-0", 1)
    assert (attempt["leased_at"], attempt["sent_at"], attempt["owner"]) == (NOW, later, "a")
    assert (attempt["number"], attempt["number_of"], attempt["fence"]) == (number(0), 1, 1)
    assert (attempt["consent"], attempt["gateway"], attempt["caller_id"]) == ("c0", "main", "+862112345678")
    assert attempt["outcome"] is None


@pytest.mark.parametrize(
    ("change_to", "leased"),
    [
        ({"state": "waiting"}, True),
        ({"state": "leased"}, False),
        ({"state": "done"}, False),
        ({"next_at": NOW + timedelta(seconds=1)}, False),
        ({"next_at": NOW}, True),
        ({"priority": 4}, False),
    ],
)
def test_only_who_waits_and_is_due_is_leased(database, change_to, leased):
    seed(database, 1)
    change(database, "campaign_contact", change_to)
    assert bool(take(ledger(database))) is leased


def test_the_order_is_that_of_being_due(database):
    seed(database, 3)
    for n, minutes in enumerate((1, 3, 2)):
        change(database, "campaign_contact", {"next_at": NOW - minutes * HOUR / 60}, contact_id=f"aftercare-{n}")
    assert [lease.person.contact_id for lease in take(ledger(database), 2)] == ["aftercare-1", "aftercare-2"]


def test_who_was_removed_from_the_list_during_a_call_is_done_and_in_nobodys_way(database):
    seed(database, 2)
    book = ledger(database)
    (lease,) = call(book, 1)
    assert contacts.remove(make_engine(database), "aftercare", number(0)) == (1, 0)
    finish(book, lease, "busy")
    later = NOW + 2 * HOUR
    change(database, "campaign_contact", {"next_at": NOW}, contact_id="aftercare-1")
    change(database, "campaign_contact", {"next_at": NOW - HOUR}, contact_id="aftercare-0")
    assert take(book, 1, now=later) == []
    assert [lease.person.contact_id for lease in take(book, 1, now=later)] == ["aftercare-1"]
    assert (state_of(database)["state"], state_of(database)["outcome"]) == ("done", "removed")


def test_priorities_are_found_however_many_wait(database):
    seed(database, 9)
    for n, priority in ((0, 1), (1, 9), (2, 1)):
        change(database, "campaign_contact", {"priority": priority}, contact_id=f"aftercare-{n}")
    change(database, "campaign_contact", {"state": "done"}, priority=9)
    assert leases.priorities(ledger(database), "aftercare") == [1, 5]
    assert leases.priorities(ledger(database), "nobody") == []


@pytest.mark.parametrize(
    ("scope", "listed", "is_prefix", "called"),
    [
        ("-", number(0), 0, False),
        ("aftercare", number(0), 0, False),
        ("other", number(0), 0, True),
        ("-", "+86138", 1, False),
        ("-", "+86138", 0, True),
        ("-", number(0) + "1", 0, True),
        ("-", "+", 1, False),
        ("-", number(1), 0, True),
    ],
)
@pytest.mark.parametrize("when", ["before the lease", "before sending"])
def test_fault_95_a_listed_number_is_not_called_whenever_it_was_listed(
    database, scope, listed, is_prefix, called, when
):
    seed(database, 1)
    book = ledger(database)
    some = [] if when == "before the lease" else take(book)
    add(database, "dnc", scope=scope, number=listed, is_prefix=is_prefix, reason="opt_out", source="x", at=NOW)
    some = some or take(book)
    assert bool(send(book, some)) is called
    assert bool(rows(database, "dial_attempt")) is called
    if not called:
        take(book)
        assert (state_of(database)["state"], state_of(database)["outcome"]) == ("done", "do_not_call")


@pytest.mark.parametrize(("consent", "required", "called"), [("", True, False), ("", False, True), ("c", True, True)])
def test_fault_99_without_consent_nobody_is_called(database, consent, required, called):
    seed(database, 1)
    change(database, "contact", {"consent": consent})
    assert bool(take(ledger(database), consent_required=required)) is called
    assert state_of(database)["state"] == ("leased" if called else "done")


@pytest.mark.parametrize(
    ("earlier", "outcome", "free"),
    [
        ([timedelta(minutes=119)], "busy", timedelta(minutes=1)),
        ([timedelta(minutes=120)], "busy", None),
        ([timedelta(minutes=1)], "not_attempted", None),
        # the day of `terms` began two hours ago
        ([timedelta(minutes=30), timedelta(minutes=60)], "busy", "next day"),
        ([timedelta(minutes=30), timedelta(hours=5)], "busy", None),
    ],
)
def test_fault_98_gap_and_day_count_over_all_campaigns(database, earlier, outcome, free):
    seed(database, 1)
    for n, ago in enumerate(earlier):
        row = {"attempt_id": f"old-{n}", "campaign": "another", "contact_id": "x", "number": number(0), "fence": 1}
        add(database, "dial_attempt", **row, leased_at=NOW - ago, sent_at=NOW - ago, outcome=outcome)
    gap = timedelta(minutes=10) if free == "next day" or len(earlier) > 1 else 2 * HOUR
    got = take(ledger(database), gap=gap)
    assert bool(got) is (free is None)
    if free == "next day":
        assert state_of(database)["next_at"] == NOW - 2 * HOUR + 25 * HOUR
    elif free is not None:
        assert state_of(database)["next_at"] == NOW + free


def test_fault_89_one_number_is_in_one_attempt_whatever_the_campaigns(database):
    seed(database, {"one": 2, "two": 2})
    book = ledger(database)
    leased_too = take(book, campaign="two", owner="b")
    first = call(book, campaign="one")
    assert len(first) == 2
    assert send(book, leased_too, owner="b") == []
    contact = state_of(database, "two-0", "two")
    assert (contact["state"], contact["next_at"]) == ("waiting", NOW + timedelta(seconds=leases.BESIDE_S))
    assert take(book, campaign="two", owner="b") == []
    finish(book, first[0], "not_attempted")
    change(database, "campaign_contact", {"next_at": NOW}, campaign="two")
    assert [lease.person.number for lease in call(book, campaign="two", owner="b")] == [number(0)]
    assert len(rows(database, "dial_attempt", outcome=None)) == 2


def test_fault_89_two_people_of_one_number_in_one_batch(database):
    seed(database, 3)  # as from two lists
    for n in range(2):
        change(database, "campaign_contact", {"number": number(7)}, contact_id=f"aftercare-{n}")
    got = take(ledger(database))
    assert sorted(lease.person.number for lease in got) == [number(2), number(7)]


@pytest.mark.parametrize("campaigns", [{"one": 60}, {"one": 60, "two": 60}])
def test_fault_89_workers_at_once_take_each_number_once(database, campaigns):
    """Eight diallers on all campaigns: each number is in one open attempt, none is left."""
    seed(database, campaigns)
    got: list[leases.Lease] = []
    errors: list[BaseException] = []

    def work(owner: str) -> None:
        book = ledger(database)
        try:
            for n in range(60):
                name = list(campaigns)[n % len(campaigns)]
                got.extend(call(book, 5, owner=owner, campaign=name))
        except BaseException as error:  # noqa: BLE001 - told below
            errors.append(error)
        finally:
            book.close()

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(lease.person.number for lease in got) == sorted(number(n) for n in range(60))
    assert len(rows(database, "dial_attempt")) == 60


def attempt_at(url, **said):
    """Of another campaign, at the number of the person who is leased."""
    row = {"attempt_id": "o", "campaign": "another", "contact_id": "x", "number": number(0), "fence": 1}
    add(url, "dial_attempt", **{**row, "leased_at": NOW - HOUR, "sent_at": NOW - HOUR, **said})


ALONG = NOW + timedelta(seconds=leases.BESIDE_S)


@pytest.mark.parametrize(
    ("what", "sent", "left"),
    [
        (lambda url: None, True, ("leased", "a", NOW - HOUR)),
        (lambda url: change(url, "campaign", {"state": "paused"}), False, ("waiting", None, NOW)),
        (lambda url: change(url, "campaign", {"state": "draining"}), False, ("waiting", None, NOW)),
        (lambda url: change(url, "campaign_contact", {"lease_until": NOW}), False, ("waiting", None, NOW)),
        (lambda url: change(url, "campaign_contact", {"owner": "b"}), False, ("leased", "b", NOW - HOUR)),
        (lambda url: change(url, "campaign_contact", {"attempt_id": "2"}), False, ("leased", "a", NOW - HOUR)),
        (lambda url: change(url, "campaign_contact", {"state": "done"}), False, ("done", "a", NOW - HOUR)),
        (lambda url: attempt_at(url, outcome=None), False, ("waiting", None, ALONG)),
        (lambda url: attempt_at(url, outcome="busy"), False, ("waiting", None, NOW)),
        (lambda url: attempt_at(url, outcome="not_attempted"), True, ("leased", "a", NOW - HOUR)),
        (lambda url: attempt_at(url, outcome="busy", sent_at=NOW - HOUR * 2), True, ("leased", "a", NOW - HOUR)),
        (lambda url: attempt_at(url, outcome="busy", number=number(1)), True, ("leased", "a", NOW - HOUR)),
    ],
    ids=[
        "all well",
        "paused",
        "draining",
        "expired",
        "adopted",
        "leased again",
        "done",
        "being called",
        "called meanwhile",
        "not called after all",
        "called before the gap",
        "another called",
    ],
)
def test_fault_101_at_the_moment_of_sending_all_is_looked_at_again(database, what, sent, left):
    seed(database, 1)
    book = ledger(database)
    some = take(book)
    what(database)
    assert send(book, some) == (some if sent else [])
    contact = state_of(database)
    assert (contact["state"], contact["owner"], contact["next_at"]) == left
    assert bool(rows(database, "dial_attempt", attempt_id=some[0].attempt_id)) is sent


def test_fault_101_who_was_called_since_the_lease_is_not_called_now_even_without_a_gap(database):
    """Else the attempts a day, which were counted for the lease, would be one more."""
    seed(database, {"one": 1, "two": 1})
    book = ledger(database)
    leased_before = take(book, campaign="one", gap=timedelta(0), per_day=1)
    later = NOW + timedelta(seconds=9)
    (other,) = call(book, campaign="two", owner="b", now=later)
    finish(book, other, "busy", later)
    assert leases.send(book, leased_before, owner="a", gap=timedelta(0), now=later) == []
    assert take(book, campaign="one", now=later, gap=timedelta(0), per_day=1) == []
    assert state_of(database, "one-0", "one")["next_at"] > later + HOUR


def test_who_asked_to_be_called_now_is_sent_within_the_gap(database):
    seed(database, 2)
    for n in range(2):
        attempt_at(database, attempt_id=f"o{n}", number=number(n), outcome="busy")
    change(database, "campaign_contact", {"wished_at": NOW}, contact_id="aftercare-0")
    book = ledger(database)
    some = take(book, gap=timedelta(0))
    assert len(some) == 2
    assert [lease.person.contact_id for lease in send(book, some)] == ["aftercare-0"]


def test_one_that_is_not_sent_leaves_the_others_of_its_batch(database):
    seed(database, 9)
    book = ledger(database)
    some = take(book)
    attempt_at(database, outcome=None, number=number(3))
    add(database, "dnc", scope="-", number=number(5), is_prefix=0, reason="opt_out", source="x", at=NOW)
    sent = send(book, some)
    assert [lease.person.number for lease in sent] == [number(n) for n in (0, 1, 2, 4, 6, 7, 8)]
    states = {row["number"]: row["state"] for row in rows(database, "campaign_contact")}
    assert {of for of, state in states.items() if state == "waiting"} == {number(3), number(5)}


def test_what_is_sent_twice_is_sent_once(database):
    seed(database, 2)
    book = ledger(database)
    some = take(book)
    assert send(book, some) == some
    assert send(book, some) == []
    assert [row["outcome"] for row in rows(database, "dial_attempt")] == [None, None]
    assert [row["state"] for row in rows(database, "campaign_contact")] == ["leased", "leased"]


def test_fault_90_who_is_adopted_is_not_sent_and_who_is_sent_is_not_given_back(database):
    """At the very moment a lease runs out: of the two that act on it, one has it."""
    seed(database, 40)
    sent: list[leases.Lease] = []
    found: list[attempts.Open] = []
    some = take(ledger(database), 40)
    end = NOW + timedelta(seconds=60)
    start = threading.Barrier(2)

    def late() -> None:
        book = ledger(database)
        start.wait()
        for n in range(0, 40, 4):
            sent.extend(send(book, some[n : n + 4], now=end - timedelta(seconds=1)))
        book.close()

    def adopt() -> None:
        book = ledger(database)
        start.wait()
        for _ in range(10):
            found.extend(attempts.adopt(book, owner="b", now=end + timedelta(seconds=1), until=end + HOUR, most=4))
        book.close()

    threads = [threading.Thread(target=late), threading.Thread(target=adopt)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = {row["attempt_id"] for row in rows(database, "dial_attempt")}
    assert written == {lease.attempt_id for lease in sent}
    assert {each.attempt_id for each in found} <= written
    states = {row["contact_id"]: row["state"] for row in rows(database, "campaign_contact")}
    for lease in some:
        state = states[lease.person.contact_id]
        assert (state == "leased") is (lease.attempt_id in written)


@pytest.mark.parametrize(
    ("outcome", "state", "next_at", "attempts_now"),
    [
        ("busy", "waiting", NOW + HOUR, 1),
        ("answered", "done", None, 1),
        ("not_attempted", "waiting", NOW, 0),
        ("unknown", "waiting", NOW + HOUR, 1),
    ],
)
def test_fault_92_an_outcome_and_what_follows_are_one_transaction(database, outcome, state, next_at, attempts_now):
    seed(database, 1)
    book = ledger(database)
    (lease,) = call(book)
    (ended,) = finish(book, lease, outcome, cause="X", sip_code=486, billed_ms=7, answered_at=NOW)
    contact = state_of(database)
    (attempt,) = rows(database, "dial_attempt")
    assert (contact["state"], contact["next_at"], contact["attempts"]) == (state, next_at, attempts_now)
    assert (contact["owner"], contact["attempt_id"], contact["outcome"]) == (None, None, outcome)
    assert (attempt["outcome"], attempt["cause"], attempt["sip_code"], attempt["billed_ms"]) == (outcome, "X", 486, 7)
    assert ended.tries == {outcome: 1}
    assert finish(book, lease, "failed") == ([] if outcome != "unknown" else [rows_ended(lease)])


def rows_ended(lease):
    who = lease.person
    return attempts.Ended(
        lease.attempt_id, "aftercare", who.contact_id, who.number, who.zone, "failed", NOW, {"failed": 1}
    )


def test_fault_89_a_result_with_an_older_fence_changes_its_own_attempt_only(database):
    seed(database, 1)
    book = ledger(database)
    (old,) = call(book)
    finish(book, old, "unknown")
    change(database, "campaign_contact", {"next_at": NOW})
    (new,) = call(book, owner="b", now=NOW + 3 * HOUR)
    finish(book, old, "answered", NOW + 3 * HOUR)
    contact = state_of(database)
    assert (contact["state"], contact["owner"], contact["fence"]) == ("leased", "b", 2)
    outcomes = {row["attempt_id"]: row["outcome"] for row in rows(database, "dial_attempt")}
    assert outcomes == {old.attempt_id: "answered", new.attempt_id: None}


def test_fault_93_an_invalid_number_is_done_in_every_campaign(database):
    seed(database, {"one": 1, "two": 1})
    book = ledger(database)
    (lease,) = call(book, campaign="one")
    finish(book, lease, "invalid")
    assert [row["state"] for row in rows(database, "campaign_contact")] == ["done", "done"]


def test_fault_90_what_a_dead_dialler_left_is_adopted_once(database):
    seed(database, 4)
    book = ledger(database)
    some = take(book, 4)
    sent = send(book, some[:3])
    leases.renew(book, [some[2].attempt_id], owner="a", until=NOW + HOUR)
    later = NOW + timedelta(seconds=61)
    found = attempts.adopt(book, owner="b", now=later, until=later + HOUR)
    assert {each.attempt_id: each.sent_at for each in found} == {lease.attempt_id: NOW for lease in sent[:2]}
    assert attempts.adopt(book, owner="c", now=later, until=later + HOUR) == []
    left = {row["contact_id"]: (row["state"], row["owner"]) for row in rows(database, "campaign_contact")}
    assert list(left.values()) == [("leased", "b"), ("leased", "b"), ("leased", "a"), ("waiting", None)]
    leases.renew(book, [each.attempt_id for each in found], owner="a", until=NOW + 9 * HOUR)
    assert attempts.adopt(book, owner="d", now=later + HOUR * 1.5, until=later + 9 * HOUR) != []


def test_fault_90_who_was_leased_and_not_sent_waits_again(database):
    seed(database, 1)
    book = ledger(database)
    late = take(book)
    later = NOW + timedelta(seconds=61)
    assert attempts.adopt(book, owner="b", now=later, until=later + HOUR) == []
    contact = state_of(database)
    assert (contact["state"], contact["next_at"], contact["attempts"], contact["outcome"]) == (
        "waiting",
        later,
        0,
        None,
    )
    (lease,) = take(book, owner="b", now=later)
    assert send(book, late, now=later) == []
    assert send(book, [lease], owner="b", now=later) == [lease]
    assert lease.fence == 2


def test_fault_104_the_latest_moment_in_the_database(database):
    book = ledger(database)
    seed(database, 2)
    assert attempts.latest(book) is None
    call(book, 1)
    call(book, 1, now=NOW + HOUR)
    assert attempts.latest(book) == NOW + HOUR


def test_fault_96_an_opt_out_is_found_by_its_call(database):
    seed(database, 2)
    book = ledger(database)
    one, two = take(book)
    for who, source in ((one, one.attempt_id), (two, "a file")):
        more = {"is_prefix": 0, "reason": "opt_out", "source": source, "at": NOW}
        add(database, "dnc", scope="-", number=who.person.number, **more)
    assert attempts.opted_out(book, {one.attempt_id: one.person.number, two.attempt_id: two.person.number}) == {
        one.attempt_id
    }


def test_fault_95_a_long_list_is_looked_into_and_not_read(database):
    """PostgreSQL made a table of the whole list in memory for each batch that was sent."""
    book = ledger(database)
    if not book.postgres:
        return
    with book.transaction() as now:
        now.do(
            "INSERT INTO dnc SELECT '-', '+86139' || n, 0, 'import', 'f', :at FROM generate_series(1, 9000) n", at=NOW
        )
        now.do("ANALYZE dnc")
        shared = {"campaign": "aftercare", "owner": "a", "leased": NOW, "now": NOW, "given": "[]"}
        plans = [now.all("EXPLAIN " + leases._WRITE_POSTGRES, **shared)]
        due = {"campaign": "aftercare", "priority": 5, "now": NOW, "since": NOW - HOUR}
        plans.append(now.all("EXPLAIN " + leases._due(2000, True), **due))
    for plan in plans:
        assert [line for (line,) in plan if "dnc_pkey" in line], plan
        assert [line for (line,) in plan if "Seq Scan on dnc" in line or "hashed" in line] == []


def test_a_batch_that_fails_leaves_nothing(database):
    seed(database, 2)

    def judge(person):
        raise ZeroDivisionError

    book = ledger(database)
    with pytest.raises(ZeroDivisionError):
        leases.take(book, terms(), 5, owner="a", most=2, now=NOW, judge=judge)
    assert len(take(book)) == 2


def test_the_plan_is_told_of_every_try(database):
    seed(database, 1)
    book = ledger(database)
    told = []
    for n, outcome in enumerate(("busy", "busy", "no_answer")):
        change(database, "campaign_contact", {"next_at": NOW})
        (lease,) = call(book, now=NOW + n * 30 * HOUR)
        result = attempts.Result(lease.attempt_id, outcome, NOW)
        attempts.finish(book, [result], lambda ended: told.append(ended) or again(ended))
    assert [(each.attempts, each.tries) for each in told] == [
        (1, {"busy": 1}),
        (2, {"busy": 2}),
        (3, {"busy": 2, "no_answer": 1}),
    ]
