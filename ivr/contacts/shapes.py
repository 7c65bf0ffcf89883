"""Shapes: a number as people write it becomes E.164, quickly where its shape leaves no doubt.

Law: says what the long way (the library's own parse and check) says, or hands over to it. The quick way is one pattern,
made of the library's own data for the country: the number is all digits, fits a mobile or fixed line whole, and begins
like no call abroad, no trunk prefix and no carrier code, so the library could do nothing to it but put the country
code before it. A property test holds the two equal.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType, shortnumberinfo
from phonenumbers.tzdata import TIMEZONE_DATA

#: Longest text that is looked at as a number.
MOST_CHARACTERS: Final = 40
_FEWEST_DIGITS: Final = 3
_BETWEEN: Final = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u3000()\[\]./\u2010-\u2015\u2212-]+")
_UNSEEN: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
#: Digits that went through a spreadsheet's number: 1.38001E+10, 1.38e10.
_LOST: Final = re.compile(r"\+?[0-9]+(?:[.,][0-9]+)?E\+?[0-9]+", re.IGNORECASE)
_ZERO_PLACES: Final = re.compile(r"(\+?[0-9]{7,})\.0{1,2}")
#: How spreadsheets are kept from reading a number as one: ="138..." and '138...
_GUARDED: Final = re.compile(r"=\s*\"([^\"]*)\"|'(.*)")
_BEGINNING: Final = re.compile(r"\+[1-9][0-9]{0,14}|[0-9]{1,15}", re.ASCII)
_DIGITS: Final = re.compile(r"\+?[0-9]{3,20}")

#: Types that somebody answers for and that cost the caller no more than a call.
_PEOPLE: Final = frozenset(
    {
        *(PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE),
        *(PhoneNumberType.VOIP, PhoneNumberType.PERSONAL_NUMBER, PhoneNumberType.UAN, PhoneNumberType.TOLL_FREE),
    }
)


@dataclass(frozen=True)
class Result:
    """``number`` in E.164, or "" and the ``reason`` in words."""

    number: str = ""
    reason: str = ""


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

    def __call__(self, text: str) -> Result:
        """Raises nothing: what is no number has its reason."""
        number = self.quick(text)
        if number:
            return Result(number)
        plain, reason = plain_number(text)
        if reason:
            return Result(reason=reason)
        number = self.quick(plain)
        return Result(number) if number else long_way(plain, self.country)


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
    idd, trunk, general = data.international_prefix, data.national_prefix_for_parsing, data.general_desc
    if not lines or not general.national_number_pattern:
        return None
    plain = "".join(f"(?!{prefix})" for prefix in (trunk,) if prefix)
    whole = f"(?:{general.national_number_pattern})"
    abroad = f"(?!{idd})" if idd else ""
    line = "(?:" + "|".join(_bare(text) for text in lines) + ")"
    own = f"{plain}(?={whole}\\Z)(?!{code})({line})"
    with_plus = rf"\+{code}{plain}(?={whole}\Z)({line})"
    without_plus = rf"{abroad}{plain}(?!{whole}\Z){code}{plain}(?={whole}\Z)({line})"
    return re.compile(f"{abroad}{own}|{with_plus}|{without_plus}", re.ASCII)


def _bare(pattern: str) -> str:
    """Without groups of its own: the group that counts is ours."""
    return re.sub(r"\((?!\?)", "(?:", pattern)


def plain_number(text: str) -> tuple[str, str]:
    """Digits, perhaps after a +; or the reason why the text is no number."""
    if len(text) > MOST_CHARACTERS:
        return "", f"it is longer than {MOST_CHARACTERS} characters"
    text = _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).strip()
    guarded = _GUARDED.fullmatch(text)
    if guarded:
        text = (guarded[1] or guarded[2] or "").strip()
    if not text:
        return "", "there is no number"
    if _LOST.fullmatch(text):
        return "", "the spreadsheet lost digits of it: make the column text, type the number again, and save anew"
    places = _ZERO_PLACES.fullmatch(text)
    if places:
        text = places[1]
    text = _BETWEEN.sub("", text)
    if text.startswith("+0") or text.startswith("++"):
        return "", "after + comes the country's code"
    if _DIGITS.fullmatch(text):
        return text, ""
    wrong = re.sub(r"[0-9+]", "", text)
    if wrong:
        return "", f"a number has no {wrong[0]!r}" if wrong[0].isprintable() else "it has a control character"
    if "+" in text[1:]:
        return "", "a + stands at the beginning only"
    digits = sum(c.isdigit() for c in text)
    return "", "it has too few digits" if digits < _FEWEST_DIGITS else "it has more digits than any number"


def long_way(plain: str, country: str) -> Result:
    """The library's own look."""
    try:
        parsed = phonenumbers.parse(plain, country)
    except phonenumbers.NumberParseException as error:
        return Result(reason=_UNREADABLE.get(error.error_type, "it is no number"))
    if plain in _EMERGENCY or (not plain.startswith("+") and shortnumberinfo.is_emergency_number(plain, country)):
        return Result(reason="it is an emergency number")
    if not phonenumbers.is_valid_number(parsed):
        short = not plain.startswith("+") and _is_short(plain, country)
        return Result(reason="it is a short number: a service, no person" if short else _why_invalid(parsed))
    kind = phonenumbers.number_type(parsed)
    if kind not in _PEOPLE:
        name = str(PhoneNumberType.to_string(kind)).lower().replace("_", " ")
        return Result(reason=f"it is no person's number: {name}")
    return Result(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


#: Mobile networks everywhere take these.
_EMERGENCY: Final = ("112", "911")
_UNREADABLE: Final = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "there is no such country code",
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: "it ends after the digits for a call abroad",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "it has too few digits",
    phonenumbers.NumberParseException.TOO_LONG: "it has more digits than any number",
}


def _is_short(plain: str, country: str) -> bool:
    code = phonenumbers.country_code_for_region(country)
    parsed = phonenumbers.PhoneNumber(country_code=code, national_number=int(plain))
    return bool(shortnumberinfo.is_possible_short_number_for_region(parsed, country)) and bool(
        shortnumberinfo.is_valid_short_number_for_region(parsed, country)
    )


def _why_invalid(parsed: phonenumbers.PhoneNumber) -> str:
    reason = phonenumbers.is_possible_number_with_reason(parsed)
    where = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    where = f" of {where}" if len(where) == 2 else ""
    if reason in (phonenumbers.ValidationResult.TOO_SHORT, phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        return f"it has too few digits for a number{where}"
    if reason == phonenumbers.ValidationResult.TOO_LONG:
        return f"it has too many digits for a number{where}"
    return f"there is no such number{where}"


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


def prefix_of(text: str, country: str) -> Result:
    """The beginning of numbers in E.164: +86400 of 400, of 0086400 and of +86 400."""
    plain = _BETWEEN.sub("", _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).strip().removeprefix("'"))
    if not _BEGINNING.fullmatch(plain):
        return Result(reason="a beginning has 1 to 15 digits, perhaps after a +")
    if plain.startswith("+"):
        return Result(plain)
    if plain.startswith("00"):
        return Result("+" + plain[2:]) if plain[2:] else Result(reason="after 00 comes the country's code")
    data = PhoneMetadata.metadata_for_region(country)
    trunk = data.national_prefix if data else ""
    local = plain.removeprefix(trunk) if trunk == "0" else plain
    return Result(f"+{phonenumbers.country_code_for_region(country)}{local}")
