"""What the switch is told of a person: row 102 of the faults, at its last door."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from ivr.campaign.model import Calling, Campaign, Gateway
from ivr.esl.event import PlainEvent
from ivr.hosts.dialler.originate import HEX_FACT, OriginateError, caller_id, originate
from ivr.hosts.registry import _from_hex
from ivr.store.leases import Candidate, Lease

GATEWAY = Gateway("main", "sofia/gateway/main", ("+861", "+862", "+863"))
CAMPAIGN = Campaign("c", Calling(()), (GATEWAY,), 1, 1, flow="hello", ring_ms=25_000)
UUID = "0b1c4f0e-0000-4000-8000-000000000001"


def said(number: str = "+8613800138000", facts: object = None, gateway: Gateway = GATEWAY, **more: str) -> str:
    person = Candidate("c1", number, "", 0, 0, "", "zh", "", json.dumps(facts or {}))
    lease = Lease(UUID, "c", 1, "main", more.pop("caller", "+862112345678"), datetime(2026, 1, 1, tzinfo=UTC), person)
    return originate(lease, CAMPAIGN, gateway, workers=("10.0.0.5:8084", "10.0.0.6:8084"), path="hello", **more)


def test_the_whole_command():
    assert said(facts={"city": "Ulm"}) == (
        "{origination_uuid=" + UUID + ",ignore_early_media=true,originate_timeout=25,park_timeout=7200,"
        f"callweave_campaign=c,callweave_attempt={UUID},callweave_detect=none,origination_caller_id_number=+862112345678,"
        "origination_caller_id_name=+862112345678,callweave_fact_city=Ulm,callweave_fact_language=zh,"
        "callweave_fact_contact=c1,callweave_fact_contact.number=+8613800138000,callweave_fact_contact.id=c1,"
        "callweave_fact_campaign.name=c}sofia/gateway/main/8613800138000"
        " '&socket(10.0.0.5:8084|10.0.0.6:8084/hello async full)'"
    )


@pytest.mark.parametrize(
    "value",
    ["王小明", "a,b=c", "a}b", "'", '"', "${system id}", "a\nb", "^^:a", "a b", "\\", "[x]", "|", "x" * 300, "\0", "{"],
)
def test_fault_102_no_value_is_anything_but_a_value(value):
    text = said(facts={"name": value})
    (found,) = [pair for pair in text[1 : text.index("}")].split(",") if "_name=" in pair and "caller" not in pair]
    name, _, sent = found.partition("=")
    assert name == HEX_FACT + "name"
    assert _from_hex(sent) == value
    assert PlainEvent(f"\nvariable_{found.replace('=', ': ', 1)}".encode()).get(f"variable_{name}") == sent


@pytest.mark.parametrize(
    "number",
    ["", "+", "12", "+861380013800a", "138,0", "138@x", "{x=1}138", "138 ", "１３８００", "1" * 21, "+1+2", "138\n"],
)
def test_fault_102_a_number_is_digits_or_nobody_is_called(number):
    with pytest.raises(OriginateError):
        said(number)


@pytest.mark.parametrize("dial", ["sofia/gateway/main,x", "user/${x}", "a b/c", "sofia", "{x}sofia/a", "sofia/a|b"])
def test_a_dial_string_is_one_leg(dial):
    with pytest.raises(OriginateError, match="dial of gateway"):
        said(gateway=Gateway("main", dial))


@pytest.mark.parametrize("name", ["a b", "x}", "1", "a=b", "", "a-b"])
def test_a_fact_that_no_flow_can_name_stays_here(name):
    assert "secret" not in said(facts={name: "secret"})


def test_facts_without_end_are_refused():
    with pytest.raises(OriginateError, match="the limit is"):
        said(facts={f"f{n}": "王" * 100 for n in range(100)})


def test_one_person_sees_one_caller_id():
    seen = {contact: {caller_id(GATEWAY, contact) for _ in range(3)} for contact in map(str, range(40))}
    assert all(len(each) == 1 for each in seen.values())
    assert set.union(*seen.values()) == set(GATEWAY.caller_ids)
    assert caller_id(Gateway("x", "a/b"), "1") == ""


@pytest.mark.parametrize("text", ["", "zz", "abc"])
def test_what_is_no_hexadecimal_is_no_fact(text):
    assert _from_hex(text) is None
