"""Outcomes and retries of campaigns (faults 92, 93, 94, 98)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ivr.campaign import model, outcomes
from ivr.campaign.model import Attempts, Calling, Campaign, Gateway, Retry, Window
from ivr.campaign.outcomes import CAUSES, OUTCOMES, SIP, Seen, outcome_of
from ivr.campaign.retries import Counts, after_attempt
from ivr.campaign.windows import local_day, may_call, next_opening

GONE = {"reply": "-ERR DESTINATION_OUT_OF_ORDER\n", "channel": False}
TABLE = [
    (Seen(answered=True, billed_ms=42_000, cause="NORMAL_CLEARING", sip_code=200), "answered"),
    (Seen(answered=True, billed_ms=2_999, cause="NORMAL_CLEARING"), "short"),
    (Seen(answered=True, billed_ms=3_000, cause="NORMAL_CLEARING"), "answered"),
    (Seen(answered=True, billed_ms=9_000, machine=True), "machine"),
    (Seen(answered=True, billed_ms=9_000, machine=True, opted_out=True), "opted_out"),
    (Seen(sent=False), "not_attempted"),
    (Seen(**GONE), "not_attempted"),  # over the switch's session rate, or the uuid is in use: nobody was called
    (Seen(reply="-ERR DESTINATION_OUT_OF_ORDER", cause="DESTINATION_OUT_OF_ORDER"), "failed"),
    (Seen(reply="-USAGE: <call url> <exten>|&<application_name>...", channel=False), "not_attempted"),
    (Seen(reply="-ERR GATEWAY_DOWN", channel=False), "not_attempted"),
    (Seen(reply="-ERR USER_BUSY", channel=False), "busy"),
    (Seen(reply="-ERR USER_BUSY", cause="USER_BUSY", sip_code=486), "busy"),
    (Seen(cause="17"), "busy"),
    (Seen(cause="user_busy"), "busy"),
    (Seen(cause="NORMAL_TEMPORARY_FAILURE", sip_code=503), "congestion"),
    (Seen(cause="NORMAL_TEMPORARY_FAILURE", sip_code=500), "failed"),
    (Seen(cause="CALL_REJECTED", sip_code=603), "rejected"),
    (Seen(cause="CALL_REJECTED", sip_code=407), "failed"),
    (Seen(cause="NO_ROUTE_DESTINATION", sip_code=604), "invalid"),
    (Seen(cause="NO_ROUTE_DESTINATION"), "failed"),
    (Seen(cause="UNALLOCATED_NUMBER", sip_code=404), "invalid"),
    (Seen(cause="NO_USER_RESPONSE", sip_code=480), "no_answer"),
    (Seen(cause="NO_ANSWER"), "no_answer"),
    (Seen(cause="ORIGINATOR_CANCEL", sip_code=487), "no_answer"),
    (Seen(cause="CRASH", sip_code=200), "unknown"),
    (Seen(cause="A_WORD_OF_NEXT_YEAR"), "failed"),
    (Seen(cause="99999999"), "failed"),
    (Seen(), "unknown"),
    (Seen(reply="+OK 7f4e"), "unknown"),
]


@pytest.mark.parametrize(("seen", "outcome"), TABLE)
def test_outcomes(seen, outcome):
    assert outcome_of(seen) == outcome


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("sip", [0, 200, 418, *SIP])
def test_every_cause_with_every_status_has_an_outcome_of_the_table(cause, sip):
    found = outcome_of(Seen(cause=cause, sip_code=sip))
    assert found in OUTCOMES
    assert found not in ("answered", "machine", "short", "opted_out")
    assert outcomes.of_cause(str(CAUSES[cause].code)) == CAUSES[cause].outcome


def test_causes_are_those_of_the_switch():
    """The 82 of switch_call_cause_t in FreeSWITCH (commit cc93a68 of 2026-08-21), and no code twice."""
    assert len(CAUSES) == 82
    assert len({c.code for c in CAUSES.values()}) == 82
    assert {"NONE", "REJECT_ALL", "BEARERCAPABILITY_NOTIMPL", "SRTP_READ_ERROR", "INTERWORKING"} <= set(CAUSES)


def test_every_outcome_has_a_default_retry():
    assert set(model.DEFAULT_RETRIES) | {"not_attempted"} == set(OUTCOMES)


# Retries.

DAILY = tuple(range(7))
AT = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai, a Tuesday


def campaign(attempts: Attempts | None = None, **calling) -> Campaign:
    when = Calling((Window(DAILY, 9 * 60, 20 * 60),), "Asia/Shanghai", **calling)
    gateway = Gateway("main", "sofia/gateway/main")
    return Campaign("c", when, (gateway,), 5, 60, survey="s", attempts=attempts or Attempts(gap_ms=600_000))


def counts(outcome: str, n: int = 1, **more) -> Counts:
    return Counts(**{"attempts": n, "outcomes": {outcome: n}, "today": n, "last_at": AT, **more})


RETRIES = [
    ("busy", counts("busy"), timedelta(minutes=10), "retry after busy"),
    ("busy", counts("busy", 4), None, "4 attempts of 4"),
    ("busy", counts("busy", 4, attempts=3), None, "busy was retried 3 times"),
    ("no_answer", counts("no_answer"), timedelta(hours=2), "retry"),
    ("no_answer", counts("no_answer", 2), timedelta(hours=23), "retry"),  # two today: tomorrow at 9
    ("machine", counts("machine"), timedelta(days=1), "retry"),
    ("answered", counts("answered"), None, "no retry after answered"),
    ("invalid", counts("invalid"), None, "in no campaign"),
    ("opted_out", counts("opted_out"), None, "in no campaign"),
    ("unknown", counts("unknown"), timedelta(minutes=61, seconds=30), "retry after unknown"),
    ("not_attempted", Counts(), timedelta(0), "nobody was called"),
    ("not_attempted", Counts(attempts=9), timedelta(0), "nobody was called"),
]


@pytest.mark.parametrize(("outcome", "known", "after", "why"), RETRIES)
def test_retries(outcome, known, after, why):
    turn = after_attempt(campaign(), outcome, known, AT, "")
    assert turn.at == (None if after is None else AT + after)
    assert why in turn.why
    assert turn.outcome == outcome


def test_gap_over_all_campaigns_holds_a_retry_back():
    rules = Attempts(gap_ms=3 * 3_600_000)
    turn = after_attempt(campaign(rules), "busy", counts("busy"), AT + timedelta(seconds=40), "")
    assert turn.at == AT + timedelta(hours=3)


def test_a_retry_of_the_evening_waits_for_the_morning_of_the_called_party():
    evening = datetime(2026, 12, 1, 18, 30, tzinfo=UTC)  # 19:30 in Berlin
    turn = after_attempt(campaign(), "no_answer", counts("no_answer", last_at=evening), evening, "Europe/Berlin")
    assert turn.at == datetime(2026, 12, 2, 8, 0, tzinfo=UTC)


def test_done_when_the_campaign_ends_before_the_retry():
    turn = after_attempt(campaign(ends="2026-12-01"), "machine", counts("machine"), AT, "")
    assert turn.at is None
    assert "before the campaign ends" in turn.why


def test_file_may_say_never_and_more():
    rules = Attempts(retry={**model.DEFAULT_RETRIES, "busy": None, "answered": Retry(60_000, 1)}, gap_ms=1)
    assert after_attempt(campaign(rules), "busy", counts("busy"), AT, "").at is None
    assert after_attempt(campaign(rules), "answered", counts("answered"), AT, "").at == AT + timedelta(minutes=1)


def test_campaign_is_whole_in_json():
    whole = campaign(Attempts(retry={"busy": None, "failed": Retry(5, 6)}), holidays="CN", starts="2026-12-01")
    again = Campaign.from_json(whole.to_json())
    assert again == whole
    assert again.hash == whole.hash
    assert campaign().hash != whole.hash


# Windows: what the schedules of tests/property do not name.

OPEN = Calling((Window(DAILY, 9 * 60, 20 * 60),))


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Asia"])
def test_an_unknown_zone_is_never_called(zone):
    assert not may_call(OPEN, zone, AT)
    assert next_opening(OPEN, zone, AT) is None


def test_an_unknown_place_of_holidays_is_never_called():
    assert not may_call(Calling(OPEN.open, "UTC", "XX"), "", AT)


def test_the_year_1970_is_outside_of_starts_and_ends():
    """Fault 104: a clock that begins anew calls nobody in a campaign with days."""
    assert not may_call(Calling(OPEN.open, "UTC", starts="2026-12-01"), "", datetime(1970, 1, 1, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "hours"), [("Europe/Berlin", 23), ("Asia/Shanghai", 24)], ids=["clocks forward", "no change"]
)
def test_local_day(zone, hours):
    begins, ends = local_day(zone, datetime(2026, 3, 29, 10, tzinfo=UTC))
    assert ends - begins == timedelta(hours=hours)
