"""A wish to be called back becomes the person's next attempt, once, at that time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dialtools import NOW, add, change, finish, ledger, number, rows, seed, send, take

from ivr.campaign.callbacks import due
from ivr.ops.settling import settle
from ivr.store import callbacks, sample
from ivr.store.campaigns import Who
from ivr.store.engine import make_engine

SIX_PM = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)  # in Shanghai
DUE: dict[str, tuple[dict[str, Any], str, datetime]] = {
    "in two hours": ({"after_ms": 7_200_000}, "Asia/Shanghai", SIX_PM + timedelta(hours=2)),
    "later today": ({"at": "1930"}, "Asia/Shanghai", SIX_PM + timedelta(minutes=90)),
    "tomorrow morning": ({"at": "0900"}, "Asia/Shanghai", datetime(2026, 12, 2, 1, 0, tzinfo=UTC)),
    "this very minute is tomorrow": ({"at": "1800"}, "Asia/Shanghai", SIX_PM + timedelta(days=1)),
    "no zone": ({"at": "1930"}, "", datetime(2026, 12, 1, 19, 30, tzinfo=UTC)),
    "no time of day": ({"at": "2561"}, "Asia/Shanghai", SIX_PM + timedelta(hours=1)),
    "nothing": ({}, "Asia/Shanghai", SIX_PM + timedelta(hours=1)),
}


@pytest.mark.parametrize("name", DUE)
def test_when_it_is_due(name: str) -> None:
    told, zone, at = DUE[name]
    assert due(told, SIX_PM, zone) == at


def wish(url: str, call_id: str, campaign: str = "aftercare") -> None:
    told = json.dumps({"after_ms": 7_200_000, "campaign": campaign})
    row = {"call_id": call_id, "survey": "-", "occurrence": 1, "alert": "later", "kind": "call_back", "json": told}
    add(url, "outbox", **row, at=NOW)


def met(url: str) -> int:
    book = ledger(url)
    some = [(one, due(one.told, one.asked_at, one.zone)) for one in callbacks.wishes(book)]
    return callbacks.meet(book, some, NOW)


def test_the_next_attempt_is_at_that_time_after_the_call_has_ended(database: str) -> None:
    seed(database, 2)
    book = ledger(database)
    lease = send(book, take(book, 1))[0]
    wish(database, lease.attempt_id)
    assert met(database) == 0, "the call goes on: its end must not undo it"
    finish(book, lease, "answered")
    assert met(database) == 1
    (person,) = rows(database, "campaign_contact", contact_id=lease.person.contact_id)
    assert (person["state"], person["next_at"]) == ("waiting", NOW + timedelta(hours=2))
    assert rows(database, "outbox")[0]["done_at"] == NOW
    assert met(database) == 0


def called(url: str, now: datetime, outcome: str = "answered") -> Any:
    """The person's turn, to its end; None where nobody may be called."""
    book = ledger(url)
    taken = take(book, 1, now=now)
    for lease in send(book, taken, now=now):
        finish(book, lease, outcome, now)
        return lease
    return None


@pytest.mark.parametrize("earlier", [1, 2], ids=["within the gap", "the day's attempts are used up"])
def test_a_call_that_was_asked_for_is_not_moved_by_gap_or_per_day(database: str, earlier: int) -> None:
    """Found in review: "call me in an hour" came two hours later, or the next day."""
    seed(database, 1)
    then = NOW
    for _ in range(earlier):
        then = then + timedelta(hours=3)
        change(database, "campaign_contact", {"state": "waiting", "next_at": then})
        lease = called(database, then)
    wish(database, lease.attempt_id)
    assert met(database) == 1
    soon = then + timedelta(hours=1)  # the gap is two
    change(database, "campaign_contact", {"next_at": soon})
    assert called(database, soon, "busy") is not None
    (person,) = rows(database, "campaign_contact")
    assert person["wished_at"] is None
    change(database, "campaign_contact", {"state": "waiting", "next_at": soon})
    assert called(database, soon) is None, "the next one nobody asked for"


def test_a_wish_outlives_a_call_that_was_not_made_and_not_the_do_not_call_list(database: str) -> None:
    seed(database, 1)
    lease = called(database, NOW)
    wish(database, lease.attempt_id)
    assert met(database) == 1
    soon = NOW + timedelta(minutes=30)
    change(database, "campaign_contact", {"next_at": soon})
    assert called(database, soon, "not_attempted") is not None
    change(database, "campaign_contact", {"state": "waiting", "next_at": soon})
    (person,) = rows(database, "campaign_contact")
    assert person["wished_at"] is not None
    add(database, "dnc", scope="-", number=person["number"], is_prefix=0, reason="asked", source="x", at=NOW)
    assert called(database, soon) is None
    assert rows(database, "campaign_contact")[0]["outcome"] == "do_not_call"


def test_an_edit_of_the_campaign_leaves_a_wish_and_forgets_one_of_somebody_who_was_left_out(database: str) -> None:
    seed(database, 1)
    engine = make_engine(database)
    (person,) = rows(database, "campaign_contact")
    place = sample.Place(person["contact_id"], person["number"], "Asia/Shanghai", NOW)
    later = NOW + timedelta(hours=3)
    change(database, "campaign_contact", {"next_at": later, "wished_at": later})
    sample.put(engine, "aftercare", 5, [place], ["no_consent"])
    assert rows(database, "campaign_contact")[0]["next_at"] == later
    change(database, "campaign_contact", {"state": "done", "outcome": "no_consent"})
    sample.put(engine, "aftercare", 5, [place], ["no_consent"])
    (person,) = rows(database, "campaign_contact")
    assert (person["state"], person["next_at"], person["wished_at"]) == ("waiting", NOW, None)


def test_a_campaign_is_not_over_while_somebody_is_to_be_called_back(database: str) -> None:
    """Its last call asks for another; the dialler looks for wishes, and whether campaigns are over, in no order."""
    seed(database, 1)
    book, engine = ledger(database), make_engine(database)
    lease = send(book, take(book, 1))[0]
    wish(database, lease.attempt_id)
    finish(book, lease, "answered")
    assert settle(engine, Who("dialler", NOW)) == []
    assert met(database) == 1
    change(database, "campaign_contact", {"state": "done", "outcome": "answered"})
    assert settle(engine, Who("dialler", NOW)) == [("aftercare", "done")]


def test_a_strangers_wish_keeps_no_campaign_open(database: str) -> None:
    seed(database, 1)
    change(database, "campaign_contact", {"state": "done", "outcome": "answered"})
    for call_id, caller, campaign in OTHERS.values():
        add(database, "call", call_id=f"{call_id}-{campaign}", caller=caller, started_at=NOW)
        wish(database, f"{call_id}-{campaign}", campaign)
    assert settle(make_engine(database), Who("dialler", NOW)) == [("aftercare", "done")]


def test_who_called_themselves_is_found_by_number(database: str) -> None:
    seed(database, 1)
    change(database, "campaign_contact", {"state": "done", "outcome": "answered"})
    add(database, "call", call_id="in-1", caller=number(0), started_at=NOW)
    wish(database, "in-1", "")
    assert met(database) == 1
    assert rows(database, "campaign_contact")[0]["state"] == "waiting"


@pytest.mark.parametrize("state", ["draft", "draining", "done", "archived"])
def test_a_campaign_that_calls_nobody_any_more_moves_nobody(database: str, state: str) -> None:
    seed(database, {"running": 1, "over": 1})
    change(database, "campaign", {"state": state}, campaign="over")
    change(database, "campaign_contact", {"state": "done", "outcome": "answered"})
    add(database, "call", call_id="in-1", caller=number(0), started_at=NOW)
    wish(database, "in-1", "")
    assert met(database) == 1
    found = {row["campaign"]: (row["state"], row["outcome"]) for row in rows(database, "campaign_contact")}
    assert found == {"running": ("waiting", None), "over": ("done", "answered")}


OTHERS = {"of another campaign": ("in-1", number(0), "another"), "a stranger's": ("in-1", "+8613900139000", "")}


@pytest.mark.parametrize("case", OTHERS)
def test_nobody_elses_wish_moves_anybody(database: str, case: str) -> None:
    call_id, caller, campaign = OTHERS[case]
    seed(database, 1)
    add(database, "call", call_id=call_id, caller=caller, started_at=NOW)
    wish(database, call_id, campaign)
    assert met(database) == 0
    assert rows(database, "outbox")[0]["done_at"] is None
