"""Numbers: whatever a list calls a phone number, to E.164, or the reason in words why nobody can be called there.

Law: pure. What comes out matches ``E164`` and nothing else: it can stand in a dial string. Emergency numbers never come
out, whatever the country. A number is checked against its country's plan, as the library ``phonenumbers`` has it: a
range that was opened last week is refused until the library is updated.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
from phonenumbers import ValidationResult, shortnumberinfo, timezone
from phonenumbers.tzdata import TIMEZONE_DATA

E164: Final = re.compile(r"\+[0-9]{3,15}")
#: Beside those that the library knows of each country.
EMERGENCY: Final = frozenset(
    {"000", "100", "101", "102", "103", "104", "108", "110", "111", "112", "113", "115", "117", "118", "119", "120"}
    | {"122", "123", "133", "144", "190", "191", "192", "193", "911", "912", "991", "995", "997", "998", "999", "12110"}
)
_CODES: Final = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
_SEPARATORS: Final = frozenset(" -().[]‐‑‒–—―−ー\t")
_LONGEST_TEXT: Final = 60
_SCIENTIFIC: Final = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]{1,2}")
_FLOAT: Final = re.compile(r"(\+?[0-9]{4,})\.0+")


class Normal(NamedTuple):
    """``number`` in E.164; "" when it is refused, and then ``reason`` says why."""

    number: str
    reason: str = ""


def normalise(value: object, country: str = "") -> Normal:
    """One cell of a list. ``country`` (CN, DE ...) is where numbers without a country code belong; "": nowhere."""
    country = country.upper()
    if isinstance(value, str) and value.isascii() and 7 < len(value) < 17:
        quick = _quick(value, country)
        if quick:
            return Normal(quick)
    text, reason = _text(value)
    if reason:
        return Normal("", reason)
    return _parsed(text, country)


def zone_of(number: str) -> str:
    """The IANA zone of an E.164 number; "" unless the plan leaves exactly one."""
    zones = timezone.time_zones_for_number(_number(number))
    return zones[0] if len(zones) == 1 and zones[0] in _zones() else ""


def may_be_in(number: str, zone: str) -> bool:
    """Whether ``zone``, by this or another name, is one of the E.164 number's country (or countries: +1 is many)."""
    code = next((n for n in (number[1:2], number[1:3], number[1:4]) if n.isdigit() and int(n) in _CODES), "")
    return bool(code) and _is_of(code, zone)


@lru_cache(maxsize=4096)
def _is_of(code: str, zone: str) -> bool:
    named = {each for prefix, zones in TIMEZONE_DATA.items() if prefix.startswith(code) for each in zones}
    if zone in named:
        return True
    # The same place may be written in two ways: US/Eastern. Perth has Shanghai's hours, and never had its past.
    return zone in _zones() and _history(zone) in {_history(each) for each in named if each in _zones()}


@lru_cache(maxsize=1024)
def _history(zone: str) -> tuple[timedelta | None, ...]:
    where = ZoneInfo(zone)
    days = (datetime(year, month, 15, tzinfo=where) for year in range(1970, 2027) for month in (1, 4, 7, 10))
    return tuple(day.utcoffset() for day in days)


def country_of(number: str) -> str:
    """The country (CN, DE ...) of an E.164 number, "" if the plan does not say."""
    region = phonenumbers.region_code_for_number(_number(number))
    return region if region and region.isalpha() else ""


def is_country(code: str) -> bool:
    """Whether numbers can belong there."""
    return code in phonenumbers.SUPPORTED_REGIONS


def _number(number: str) -> phonenumbers.PhoneNumber:
    if not E164.fullmatch(number):
        raise ValueError(f"{number!r} is no E.164 number; take it from normalise()")
    return phonenumbers.parse(number)


class _Plan(NamedTuple):
    code: str
    people: tuple[tuple[re.Pattern[str], frozenset[int]], ...]  # mobile and fixed lines: pattern, lengths
    otherwise: re.Pattern[str]  # how digits begin that the parser would take for something else


def _quick(text: str, country: str) -> str:
    """What most cells of most lists are: plain digits that can be read in one way only. "" for all others."""
    if text.isdigit():
        plan, national = _plan(country), text
    elif text[:1] == "+" and text[1:].isdigit():
        code = next((text[1:n] for n in (2, 3, 4) if int(text[1:n]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), "")
        if not code:
            return ""
        plan, national = _plan(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code)][0]), text[1 + len(code) :]
    else:
        return ""
    if plan is None or plan.otherwise.match(national):
        return ""
    length = len(national)
    for pattern, lengths in plan.people:
        if length in lengths and pattern.fullmatch(national):
            return f"+{plan.code}{national}"
    return ""


@lru_cache(maxsize=512)
def _plan(country: str) -> _Plan | None:
    """None where quick reading is not safe: several countries share the code, or a 0 of the number is dialled."""
    if country not in phonenumbers.SUPPORTED_REGIONS:
        return None
    code = phonenumbers.country_code_for_region(country)
    plan = phonenumbers.PhoneMetadata.metadata_for_region(country)
    if plan is None or phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code] != (country,):
        return None
    people = tuple(
        (re.compile(kind.national_number_pattern), frozenset(kind.possible_length))
        for kind in (plan.mobile, plan.fixed_line)
        if kind is not None and kind.national_number_pattern and kind.possible_length
    )
    begins = [b for b in (plan.national_prefix_for_parsing, plan.international_prefix) if b]
    return _Plan(str(code), people, re.compile("|".join([*begins, "0", str(code)])))


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _text(value: object) -> tuple[str, str]:
    """(digits with a + before them perhaps, why not)."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return "", "the cell is empty" if value is None else f"a {type(value).__name__} is no phone number"
    if isinstance(value, float):
        if not value.is_integer() or not 0 < value < 1e15:
            return "", f"{value!r} is no phone number"
        value = int(value)
    raw = str(value)
    if len(raw) > _LONGEST_TEXT:
        return "", f"longer than {_LONGEST_TEXT} characters"
    text = unicodedata.normalize("NFKC", raw).strip()
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")  # marks of direction, from copied contacts
    formula = re.fullmatch(r'="([^"]*)"', text)  # how a spreadsheet is told to keep digits as text
    text = (formula[1] if formula else text).removeprefix("'").strip()
    if text.startswith("="):
        return "", "a formula, not a number"
    text = re.sub(r"(?i)^tel:", "", text)
    if not text:
        return "", "the cell is empty"
    if _SCIENTIFIC.fullmatch(text):
        text, reason = _whole(text)
        if reason:
            return "", reason
    floating = _FLOAT.fullmatch(text)
    return _digits(floating[1] if floating else text)


def _whole(text: str) -> tuple[str, str]:
    """1.3800138E+10 as digits, where none of them were rounded away."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return "", f'"{text}" is no phone number'
    mantissa = re.sub(r"\D", "", re.split("[eE]", text)[0])
    whole = f"{number:f}".split(".")[0]
    if number != number.to_integral_value() or len(whole) > len(mantissa):
        return "", f'"{text}": the spreadsheet has lost digits; format the column as text and export again'
    return whole, ""


def _digits(text: str) -> tuple[str, str]:
    found = []
    for n, char in enumerate(text):
        if char.isdecimal():
            found.append(str(unicodedata.decimal(char)))
        elif char == "+" and not found:
            found.append("+")
        elif char not in _SEPARATORS and not char.isspace():
            if char.isalpha():
                return "", f"a letter ({char}): a number, without extension or name"
            return "", f"a character that no number has: {char if char.isprintable() else f'U+{ord(char):04X}'}"
        elif n == 0 and char not in "([":
            return "", f"it begins with {char}"
    return "".join(found), ""


@lru_cache(maxsize=4096)
def _is_emergency(digits: str) -> bool:
    return digits in EMERGENCY or any(
        shortnumberinfo.is_emergency_number(digits, region) for region in shortnumberinfo.SUPPORTED_SHORT_REGIONS
    )


_TOO: Final = {
    ValidationResult.TOO_SHORT: "too short",
    ValidationResult.TOO_LONG: "too long",
    ValidationResult.INVALID_LENGTH: "no number there has that many digits",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "the area code is missing",
    ValidationResult.INVALID_COUNTRY_CODE: "no country has that code",
}


def _parsed(text: str, country: str) -> Normal:
    digits = text.lstrip("+")
    if not digits.strip("0"):
        return Normal("", "an emergency number" if digits in EMERGENCY else "no digits")
    if len(digits) <= 6:
        # With a country code or a trunk prefix in front as well.
        urgent = any(_is_emergency(digits[n:]) for n in range(max(1, len(digits) - 2)))
        return Normal("", "an emergency number: never called" if urgent else "a short code, not a person's number")
    if text.startswith("00"):
        text = "+" + text[2:]
    if not text.startswith("+") and not country:
        return Normal("", "without a country code, and no country is given for the list")
    try:
        parsed = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException as error:
        return Normal("", _PARSE.get(error.error_type, "no phone number"))
    national = phonenumbers.national_significant_number(parsed)
    if len(national) <= 6 and _is_emergency(national):
        return Normal("", "an emergency number: never called")
    verdict = phonenumbers.is_possible_number_with_reason(parsed)
    if verdict != ValidationResult.IS_POSSIBLE:
        return Normal("", _TOO.get(verdict, "no phone number"))
    if not phonenumbers.is_valid_number(parsed):
        return Normal("", "no range of the country's numbering plan has it")
    made = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return Normal(made) if E164.fullmatch(made) else Normal("", "no number that can be dialled")


_PARSE: Final = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "no country has that code",
    phonenumbers.NumberParseException.NOT_A_NUMBER: "no phone number",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "too short",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "too short",
    phonenumbers.NumberParseException.TOO_LONG: "too long",
}
