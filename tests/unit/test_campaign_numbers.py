"""Spellings of phone numbers (faults 95, 102), and what is never dialled."""

from __future__ import annotations

import random

import phonenumbers
import pytest

from ivr.campaign import numbers
from ivr.campaign.numbers import E164, normalise

MOBILE = "+8613800138000"
SPELLINGS = [
    "13800138000",
    "+86 138-0013-8000",
    "0086 138 0013 8000",
    "8613800138000",
    "（+86）13800138000",
    "１３８００１３８０００",
    "٠٠٨٦١٣٨٠٠١٣٨٠٠٠",
    "'13800138000",
    '="13800138000"',
    "13800138000.0",
    "1.3800138000E+10",
    "tel:+86-138-0013-8000",
    "\u202a+8613800138000\u202c",
    "\ufeff138\u00a00013\u20098000",
    13800138000.0,
    13800138000,
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_one_number_however_it_is_spelt(spelling):
    assert normalise(spelling, "CN") == (MOBILE, "")


@pytest.mark.parametrize(
    ("spelling", "country", "number"),
    [
        ("(021) 1234-5678", "CN", "+862112345678"),
        ("+44 (0)20 7183 8750", "CN", "+442071838750"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("212-555-0123", "us", "+12125550123"),
        ("06 1234 5678", "IT", "+390612345678"),
    ],
)
def test_national_numbers(spelling, country, number):
    assert normalise(spelling, country) == (number, "")


REFUSED = [
    ("", "empty"),
    (None, "empty"),
    (True, "bool"),
    (float("nan"), "nan"),
    (13800138000.5, "no phone number"),
    ("13800138000;ext=1", "no number has: ;"),
    ("13800138000,13900139000", "no number has: ,"),
    ("{sip_h_X=1}13800138000", "no number has: {"),
    ("13800138000}", "no number has: }"),
    ("13800138000@10.0.0.1", "no number has: @"),
    ("1380013800|", "no number has: |"),
    ("$13800138000", "no number has: $"),
    ("13800138000\n&park", "no number has: &"),
    ("138\x0000138000", "U+0000"),
    ("13800138000/13900139000", "no number has: /"),
    ("138001380+00", "no number has: +"),
    ("1-800-FLOWERS", "a letter"),
    ("张三", "a letter"),
    ("=A1+A2", "a formula"),
    ("1.38001E+10", "lost digits"),
    ("95588", "a short code"),
    ("10086", "a short code"),
    ("138001380", "plan has it"),
    ("138001380001234567", "too long"),
    ("+999123456789", "no country"),
    ("9" * 100, "longer than"),
    ("+", "no digits"),
    ("0000000", "no digits"),
]


@pytest.mark.parametrize(("spelling", "why"), REFUSED, ids=[repr(s)[:30] for s, _ in REFUSED])
def test_refused_with_a_reason(spelling, why):
    number, reason = normalise(spelling, "CN")
    assert number == ""
    assert why in reason


@pytest.mark.parametrize("country", ["", "CN", "DE", "US", "GB", "AU", "JP"])
@pytest.mark.parametrize(
    "digits", ["110", "119", "120", "122", "911", "112", "999", "000", "+86110", "+1911", "１１０", "0112"]
)
def test_emergency_numbers_never(country, digits):
    number, reason = normalise(digits, country)
    assert number == ""
    assert "emergency" in reason


def test_without_a_country_a_number_brings_its_own():
    assert normalise("13800138000")[1].startswith("without a country code")
    assert normalise("0086 13800138000") == (MOBILE, "")


@pytest.mark.parametrize(
    ("number", "zone", "may_be"),
    [
        (MOBILE, "Asia/Shanghai", True),
        (MOBILE, "PRC", True),  # another name of the same place
        (MOBILE, "Asia/Singapore", False),  # the same hours, and another country
        ("+61412345678", "Asia/Shanghai", False),  # as Perth has; who knows where this one is
        (MOBILE, "America/New_York", False),
        ("+12125550123", "America/Los_Angeles", True),  # whoever has it may live there
        ("+12125550123", "US/Eastern", True),
        ("+12125550123", "Asia/Shanghai", False),
        ("+61412345678", "Australia/Sydney", True),
        ("+61412345678", "America/Los_Angeles", False),
        ("+491711234567", "Europe/Berlin", True),
        ("+491711234567", "Europe/Moscow", False),
        ("+79161234567", "Asia/Vladivostok", True),
        ("+80055512345", "UTC", False),
        (MOBILE, "Mars/Olympus", False),
    ],
)
def test_a_number_may_only_be_in_the_zones_of_its_country(number, zone, may_be):
    assert numbers.may_be_in(number, zone) is may_be


@pytest.mark.parametrize(
    ("number", "zone", "country"),
    [
        (MOBILE, "Asia/Shanghai", "CN"),
        ("+12125550123", "America/New_York", "US"),
        ("+61412345678", "", "AU"),
        ("+442071838750", "Europe/London", "GB"),
        ("+80055512345", "", ""),
    ],
)
def test_zone_and_country_only_where_they_are_sure(number, zone, country):
    assert numbers.zone_of(number) == zone
    assert numbers.country_of(number) == country


@pytest.mark.parametrize("wrong", ["13800138000", "+86 1", "+12", "+" + "1" * 16, "+8613800138000\n"])
def test_zones_are_of_e164_numbers(wrong):
    assert not E164.fullmatch(wrong)
    with pytest.raises(ValueError, match="normalise"):
        numbers.zone_of(wrong)


def test_quick_reading_reads_nothing_else_than_the_parser(monkeypatch):
    """Made-up numbers of every country, spelt with and without its code: the shortcut changes no answer."""
    chance = random.Random(102)
    cells = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        code = phonenumbers.country_code_for_region(region)
        example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        base = str(example.national_number) if example else "5550123"
        for _ in range(8):
            head = base[: chance.randint(0, len(base))]
            tail = "".join(
                chance.choices("0123456789", k=max(0, len(base) - len(head) + chance.choice([-1, 0, 0, 0, 1])))
            )
            cells += [(head + tail, region), (f"+{code}{head}{tail}", ""), (f"{code}{head}{tail}", region)]
    quick = [normalise(*cell) for cell in cells]
    taken = sum(bool(numbers._quick(*cell)) for cell in cells)
    monkeypatch.setattr(numbers, "_quick", lambda text, country: "")
    assert quick == [normalise(*cell) for cell in cells]
    assert taken > len(cells) / 8
