"""English: values as words of a finite vocabulary.

Law: pure. Every function returns words of `VOCABULARY[format]`, or None when the value is not of that format.
"""

from __future__ import annotations

import datetime as dt
import re
import string


def _list(words: str) -> list[str]:
    return words.split()


_ONES = _list("zero one two three four five six seven eight nine")
_TEENS = _list(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen "
    "twenty thirty forty fifty sixty seventy eighty ninety"
)
_ORDINALS = _list(
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth fortieth fiftieth "
    "sixtieth seventieth eightieth ninetieth hundredth thousandth millionth billionth trillionth"
)
MONTHS = _list("January February March April May June July August September October November December")
SIGNS = {"*": "star", "#": "hash", "+": "plus", ".": "point"}

_SPELLED = [*_ONES, *SIGNS.values(), *string.ascii_uppercase]
_CARDINAL = [*_ONES, *_TEENS, "hundred", "thousand", "million", "billion", "trillion", "and", "minus", "point"]

VOCABULARY: dict[str, list[str]] = {
    "digits": _SPELLED,
    "number": [*_SPELLED, *_CARDINAL],
    "ordinal": [*_SPELLED, *_CARDINAL, *_ORDINALS],
    "date": [*_SPELLED, *_CARDINAL, *_ORDINALS, *MONTHS, "oh"],
    "time": [*_SPELLED, *_CARDINAL, "oh", "AM", "PM", "noon", "midnight"],
    "money": [*_SPELLED, *_CARDINAL, "dollar", "dollars", "cent", "cents"],
}

DIGITS = dict(zip(string.digits, _ONES, strict=True))


def english(number: int, to: str = "cardinal") -> str:
    """Twelve. The library is loaded with the first number: most commands speak none, and it takes a while."""
    from num2words import num2words

    found: str = num2words(number, to=to)
    return found


def number(sign: str, whole: str, fraction: str) -> list[str] | None:
    """`-`, `12`, `5` is "minus twelve point five". More than 15 digits is nothing anybody says: None."""
    if len(whole) > 15:
        return None
    words = ["minus"] if sign else []
    words += _split(english(int(whole)))
    return words + (["point", *(DIGITS[d] for d in fraction)] if fraction else [])


def ordinal(whole: str) -> list[str] | None:
    return None if len(whole) > 15 else _split(english(int(whole), to="ordinal"))


def date(day: dt.date) -> list[str]:
    """May sixth, twenty twenty-six."""
    year = _split(english(day.year, to="year").replace("oh-", "oh "))
    return [MONTHS[day.month - 1], *_split(english(day.day, to="ordinal")), *year]


def time(hour: int, minute: int) -> list[str]:
    """Two oh five PM; noon; midnight."""
    if minute == 0 and hour in (0, 12):
        return ["noon" if hour else "midnight"]
    words = _split(english(hour % 12 or 12))
    if 0 < minute < 10:
        words.append("oh")
    if minute:
        words += _split(english(minute))
    return [*words, "PM" if hour >= 12 else "AM"]


def money(sign: str, whole: str, cents: int) -> list[str] | None:
    """Twelve dollars and fifty cents."""
    if len(whole) > 15:
        return None
    amount = int(whole)
    words = ["minus"] if sign else []
    if amount or not cents:
        words += [*_split(english(amount)), "dollar" if amount == 1 else "dollars"]
        if cents:
            words.append("and")
    if cents:
        words += [*_split(english(cents)), "cent" if cents == 1 else "cents"]
    return words


def _split(text: str) -> list[str]:
    return [w for w in re.split(r"[\s,-]+", text) if w]
