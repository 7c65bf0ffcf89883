"""Leases and attempts on both databases: rows 89, 90, 92, 95, 98, 99, 101 of the faults."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from dialtools import HOUR, NOW, add, again, change, finish, ledger, number, rows, seed, send, take, terms

from ivr.store import attempts, leases


def state_of(url, contact="aftercare-0", campaign="aftercare"):
    (row,) = rows(url, "campaign_contact", campaign=campaign, contact_id=contact)
    return row


def test_a_lease_writes_the_attempt_before_anybody_is_called(database):
    seed(database, 3)
    (lease,) = take(ledger(database), 1)
    (attempt,) = rows(database, "dial_attempt")
    contact = state_of(database)
    assert attempt["attempt_id"] == lease.attempt_id == contact["attempt_id"]
    assert (contact["state"], contact["owner"], contact["fence"]) == ("leased", "a", 1)
    assert contact["lease_until"] == NOW + timedelta(seconds=60)
    assert (attempt["number"], attempt["number_of"], attempt["fence"]) == (number(0), 1, 1)
    assert (attempt["consent"], attempt["gateway"], attempt["caller_id"]) == ("c0", "main", "+862112345678")
    assert attempt["outcome"] is None
    assert attempt["sent_at"] is None


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
    if when == "before the lease" and not called:
        assert (state_of(database)["state"], state_of(database)["outcome"]) == ("done", "do_not_call")
        assert rows(database, "dial_attempt") == []


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
    first = take(ledger(database), campaign="one")
    assert len(first) == 2
    assert take(ledger(database), campaign="two", owner="b") == []
    assert state_of(database, "two-0", "two")["next_at"] > NOW
    finish(ledger(database), first[0], "not_attempted")
    change(database, "campaign_contact", {"next_at": NOW}, campaign="two")
    again_for_two = take(ledger(database), campaign="two", owner="b")
    assert [lease.person.number for lease in again_for_two] == [number(0)]


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
                got.extend(take(book, 5, owner=owner, campaign=name))
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


@pytest.mark.parametrize(
    ("what", "sent"),
    [
        (lambda url: None, True),
        (lambda url: change(url, "campaign", {"state": "paused"}), False),
        (lambda url: change(url, "campaign", {"state": "draining"}), False),
        (lambda url: change(url, "campaign_contact", {"lease_until": NOW}), False),
        (lambda url: change(url, "campaign_contact", {"owner": "b"}), False),
        (lambda url: change(url, "campaign_contact", {"fence": 2}), False),
        (lambda url: change(url, "dial_attempt", {"outcome": "not_attempted"}), False),
        (lambda url: change(url, "dial_attempt", {"sent_at": NOW}), False),
        (
            lambda url: add(
                url, "dial_attempt", attempt_id="o", number=number(0), sent_at=NOW - HOUR, outcome="busy", fence=1
            ),
            False,
        ),
    ],
    ids=[
        "all well",
        "paused",
        "draining",
        "expired",
        "adopted",
        "leased again",
        "given up",
        "sent",
        "called meanwhile",
    ],
)
def test_fault_101_at_the_moment_of_sending_all_is_looked_at_again(database, what, sent):
    seed(database, 1)
    book = ledger(database)
    some = take(book)
    what(database)
    assert send(book, some) == (some if sent else [])


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
    (lease,) = take(book)
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
    (old,) = take(book)
    finish(book, old, "unknown")
    change(database, "campaign_contact", {"next_at": NOW})
    (new,) = take(book, owner="b", now=NOW + 3 * HOUR)
    finish(book, old, "answered", NOW + 3 * HOUR)
    contact = state_of(database)
    assert (contact["state"], contact["owner"], contact["fence"]) == ("leased", "b", 2)
    outcomes = {row["attempt_id"]: row["outcome"] for row in rows(database, "dial_attempt")}
    assert outcomes == {old.attempt_id: "answered", new.attempt_id: None}


def test_fault_93_an_invalid_number_is_done_in_every_campaign(database):
    seed(database, {"one": 1, "two": 1})
    book = ledger(database)
    (lease,) = take(book, campaign="one")
    finish(book, lease, "invalid")
    assert [row["state"] for row in rows(database, "campaign_contact")] == ["done", "done"]


def test_fault_90_what_a_dead_dialler_left_is_adopted_once(database):
    seed(database, 3)
    book = ledger(database)
    some = take(book, 3)
    sent = send(book, some[:1])
    leases.renew(book, [some[2].attempt_id], owner="a", until=NOW + HOUR)
    later = NOW + timedelta(seconds=61)
    found = attempts.adopt(book, owner="b", now=later, until=later + HOUR)
    assert {each.attempt_id: each.sent_at for each in found} == {
        sent[0].attempt_id: NOW,
        some[1].attempt_id: None,
    }
    assert attempts.adopt(book, owner="c", now=later, until=later + HOUR) == []
    owners = {row["attempt_id"]: row["owner"] for row in rows(database, "campaign_contact")}
    assert owners == {some[0].attempt_id: "b", some[1].attempt_id: "b", some[2].attempt_id: "a"}
    leases.renew(book, [each.attempt_id for each in found], owner="a", until=NOW + 9 * HOUR)
    assert attempts.adopt(book, owner="d", now=later + HOUR * 1.5, until=later + 9 * HOUR) != []


def test_fault_104_the_latest_moment_in_the_database(database):
    book = ledger(database)
    seed(database, 2)
    assert attempts.latest(book) is None
    take(book, 1)
    take(book, 1, now=NOW + HOUR)
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
        (lease,) = take(book, now=NOW + n * 30 * HOUR)
        result = attempts.Result(lease.attempt_id, outcome, NOW)
        attempts.finish(book, [result], lambda ended: told.append(ended) or again(ended))
    assert [(each.attempts, each.tries) for each in told] == [
        (1, {"busy": 1}),
        (2, {"busy": 2}),
        (3, {"busy": 2, "no_answer": 1}),
    ]
