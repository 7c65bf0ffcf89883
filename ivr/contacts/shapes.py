"""Shapes: a number as people write it becomes E.164, quickly where its shape leaves no doubt.

Law: says what ``campaign.numbers`` says, or hands over to it. The quick way is one pattern,
made of the library's own data for the country: the number is all digits, fits a mobile or fixed line whole, and begins
like no call abroad, no trunk prefix and no carrier code, so the library could do nothing to it but put the country
code before it. A property test holds the two equal.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any, Final

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType
from phonenumbers.tzdata import TIMEZONE_DATA

from ivr.campaign.numbers import Normal, normalise

_BETWEEN: Final = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u3000()\[\]./\u2010-\u2015\u2212-]+")
_UNSEEN: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_BEGINNING: Final = re.compile(r"\+[1-9][0-9]{0,14}|[0-9]{1,15}", re.ASCII)


def countries() -> frozenset[str]:
    return frozenset(phonenumbers.SUPPORTED_REGIONS)


class Normaliser:
    """Numbers of people of one country, where they name no other. ``country``: two capital letters."""

    def __init__(self, country: str) -> None:
        if country not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"{country!r} is no country; write two letters: CN, DE, US")
        self.country = country
        code = phonenumbers.country_code_for_region(country)
        self.plus = f"+{code}"
        shape = _shape(country, code)
        self._quick: Any = shape.fullmatch if shape else _never
        self.zone = zone_of_code(str(code))

    def quick(self, text: str) -> str:
        """E.164 of a number of the country written in digits; "" when it takes a longer look."""
        found = self._quick(text)
        return self.plus + found[found.lastindex] if found else ""

    def __call__(self, text: str) -> Normal:
        """Raises nothing: what is no number has its reason."""
        number = self.quick(text)
        return Normal(number) if number else normalise(text, self.country)


def _never(_text: str) -> None:
    return None


@lru_cache(maxsize=64)
def _shape(country: str, code: int) -> re.Pattern[str] | None:
    """What fits is valid, and is itself the national number. None: the country's rules allow no such short cut."""
    if phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code][0] != country:
        return None  # the code's first country alone is asked without looking at others
    data = PhoneMetadata.metadata_for_region(country)
    if data is None or data.leading_digits or data.general_desc is None:
        return None
    lines = [
        f"(?:{line.national_number_pattern})"
        for line in (data.mobile, data.fixed_line)
        if line and line.national_number_pattern and line.national_number_pattern != "NA"
    ]
    general = data.general_desc.national_number_pattern
    if not lines or not general:
        return None
    idd, trunk = data.international_prefix, data.national_prefix_for_parsing
    abroad = f"(?!{_bare(idd)})" if idd else ""
    plain = f"(?!{_bare(trunk)})" if trunk else ""
    whole = f"(?:{_bare(general)})"
    # Of fewer than seven digits some are short codes.
    line = rf"(?={whole}\Z)((?=[0-9]{{7}})(?:{'|'.join(map(_bare, lines))}))"
    own = f"{abroad}{plain}(?!{code}){line}"
    with_plus = rf"\+{code}{plain}{line}"
    without_plus = rf"{abroad}{plain}(?!{whole}\Z){code}{plain}{line}"
    return re.compile(f"{own}|{with_plus}|{without_plus}", re.ASCII)


def _bare(pattern: str) -> str:
    """Without groups of its own: the group that counts is ours."""
    return re.sub(r"\((?!\?)", "(?:", pattern)


# -- zones -------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def zone_of_code(code: str) -> str:
    """The zone of every number of a country code, when it has but one; else ""."""
    found = {zones for prefix, zones in TIMEZONE_DATA.items() if prefix.startswith(code)}
    if len(found) != 1 or code not in TIMEZONE_DATA:
        return ""
    zones = next(iter(found))
    return str(zones[0]) if len(zones) == 1 else ""


@lru_cache(maxsize=1024)
def _code_of(begin: str) -> str:
    return next((begin[:n] for n in (1, 2, 3) if int(begin[:n]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), "")


def zone_of(number: str) -> str:
    """IANA zone of an E.164 number where that is sure, else "".

    Sure: the country has one zone, or the number is a fixed line of a place with one zone. Mobiles of other countries
    go everywhere.
    """
    code = _code_of(number[1:4])
    if not code:
        return ""
    sure = zone_of_code(code)
    if sure:
        return sure
    parsed = phonenumbers.parse(number, None)
    if phonenumbers.number_type(parsed) != PhoneNumberType.FIXED_LINE:
        return ""
    digits = number[1:]
    for end in range(len(digits), 0, -1):
        zones = TIMEZONE_DATA.get(digits[:end])
        if zones:
            return str(zones[0]) if len(zones) == 1 else ""
    return ""


def prefix_of(text: str, country: str) -> Normal:
    """The beginning of numbers in E.164: +86400 of 400, of 0086400 and of +86 400."""
    plain = _BETWEEN.sub("", _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).strip().removeprefix("'"))
    if not _BEGINNING.fullmatch(plain):
        return Normal("", "a beginning has 1 to 15 digits, perhaps after a +")
    if plain.startswith("+"):
        return Normal(plain)
    if plain.startswith("00"):
        return Normal("+" + plain[2:]) if plain[2:] else Normal("", "after 00 comes the country's code")
    data = PhoneMetadata.metadata_for_region(country)
    trunk = data.national_prefix if data else ""
    local = plain.removeprefix(trunk) if trunk == "0" else plain
    return Normal(f"+{phonenumbers.country_code_for_region(country)}{local}")
