"""Speech: a value becomes words that have clips, or a text that a person can read.

Law: total and pure. Whatever the value is, nothing raises: what is not of the format is spelled, and what cannot
be spelled is not said. The words are a finite vocabulary per language, so that all of them can be built before a
call. Languages: en and zh (and their regions, `zh-CN`); any other language's values are spoken in English.

| format  | value            | en                              | zh                     |
|---------|------------------|---------------------------------|------------------------|
| digits  | 120#             | one two zero hash               | 一 二 零 井号          |
| number  | -220.5           | minus two hundred and twenty ... | 负 两 百 二 十 点 五   |
| ordinal | 3                | third                           | 第 三                  |
| date    | 2026-05-06       | May sixth twenty twenty six     | 二 零 二 六 年 五月 六日 |
| time    | 14:05            | two oh five PM                  | 十四点 零 五 分        |
| money   | 12.5             | twelve dollars and fifty cents  | 十 二 元 五 角         |
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Protocol

from ivr.core.effects import Clip, Item
from ivr.media import speech_en, speech_zh

FORMATS = ("digits", "number", "ordinal", "date", "time", "money")

_NUMBER = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]+))?")
_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ].*)?", re.DOTALL)
_TIME = re.compile(r"(?:[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[T ])?([0-9]{1,2}):([0-9]{2})(?::[0-9]{2}.*)?", re.DOTALL)


class _Language(Protocol):
    VOCABULARY: dict[str, list[str]]
    DIGITS: dict[str, str]
    SIGNS: dict[str, str]

    def number(self, sign: str, whole: str, fraction: str) -> list[str] | None: ...
    def ordinal(self, whole: str) -> list[str] | None: ...
    def date(self, day: dt.date) -> list[str]: ...
    def time(self, hour: int, minute: int) -> list[str]: ...
    def money(self, sign: str, whole: str, cents: int) -> list[str] | None: ...


_LANGUAGES: dict[str, _Language] = {"en": speech_en, "zh": speech_zh}


def spoken_language(lang: str) -> str:
    """The language whose words a value is spoken with: `zh` for zh and its regions, else `en`."""
    base = re.split("[-_]", lang.lower(), maxsplit=1)[0]
    return base if base in _LANGUAGES else "en"


def warm_up() -> None:
    """Loads what speaking numbers needs: a server does it at its start, so that no call waits for it."""
    speech_en.english(1)
    speech_zh.chinese(1)


def words(lang: str, as_: str, value: str) -> list[str]:
    """The clips to play for ``value`` spoken as ``as_``, in order; every one is in `vocabulary(lang, [as_])`."""
    language = _LANGUAGES[spoken_language(lang)]
    text = unicodedata.normalize("NFKC", value).strip()
    return _words(language, as_, text) or _spelled(language, text)


def vocabulary(lang: str, formats: Iterable[str] = FORMATS) -> list[str]:
    """Every word that `words` can return for these formats, each once."""
    tables = _LANGUAGES[spoken_language(lang)].VOCABULARY
    return list(dict.fromkeys(w for f in formats for w in tables.get(f, tables["digits"])))


def say_text(item: Item) -> str:
    """What a person would read for ``item``: `1 2 3`, `2026年5月6日`, `2:05 PM`."""
    if isinstance(item, Clip):
        return item.text
    lang = spoken_language(item.lang)
    text = unicodedata.normalize("NFKC", item.value).strip()
    if item.as_ == "date" and (day := _date(text)):
        if lang == "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{speech_en.MONTHS[day.month - 1]} {day.day}, {day.year}"
    if item.as_ == "time" and (at := _time(text)):
        if lang == "zh":
            return f"{at[0]}:{at[1]:02}"
        return f"{at[0] % 12 or 12}:{at[1]:02} {'PM' if at[0] >= 12 else 'AM'}"
    if item.as_ in ("number", "ordinal", "money") and (found := _number(text)):
        return _number_text(lang, item.as_, *found)
    return " ".join(c.upper() for c in text if _is_spelled(c))


def _number_text(lang: str, as_: str, sign: str, whole: str, fraction: str) -> str:
    if as_ == "money":
        units, cents = _cents(whole, fraction)
        amount = f"{units}.{cents:02}"
        return f"{sign}{amount}元" if lang == "zh" else f"{sign}${amount}"
    if as_ == "ordinal" and not sign and not fraction:
        if lang == "zh":
            return f"第{whole}"
        teen = len(whole) > 1 and whole[-2] == "1"
        return whole + ("th" if teen else {"1": "st", "2": "nd", "3": "rd"}.get(whole[-1], "th"))
    return f"{sign}{whole}{'.' + fraction if fraction else ''}"


def _words(language: _Language, as_: str, text: str) -> list[str] | None:
    if as_ == "date":
        day = _date(text)
        return language.date(day) if day else None
    if as_ == "time":
        at = _time(text)
        return language.time(*at) if at else None
    if as_ not in ("number", "ordinal", "money") or not (found := _number(text)):
        return None
    sign, whole, fraction = found
    if as_ == "money":
        units, cents = _cents(whole, fraction)
        return language.money(sign, units, cents)
    if as_ == "ordinal" and not sign and not fraction:
        return language.ordinal(whole)
    return language.number(sign, whole, fraction)


def _spelled(language: _Language, text: str) -> list[str]:
    known = language.DIGITS | language.SIGNS
    return [known.get(c, c.upper()) for c in text if _is_spelled(c)]


def _is_spelled(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char in speech_en.SIGNS)


def _number(text: str) -> tuple[str, str, str] | None:
    """Sign ("" or "-"), whole part without leading zeros, fraction without trailing zeros."""
    found = _NUMBER.fullmatch(text)
    if not found:
        return None
    whole, fraction = found[2].lstrip("0") or "0", (found[3] or "").rstrip("0")
    return ("-" if found[1] == "-" and (whole != "0" or fraction) else ""), whole, fraction


def _cents(whole: str, fraction: str) -> tuple[str, int]:
    """The amount rounded to cents. Only the fraction is arithmetic: the whole part may be any length."""
    part = Decimal(f"0.{fraction[:20] or 0}")
    cents = int((part * 100).quantize(Decimal(1), ROUND_HALF_UP))
    if cents < 100 or len(whole) > 15:
        return whole, min(cents, 99)
    return str(int(whole) + 1), 0


def _date(text: str) -> dt.date | None:
    found = _DATE.fullmatch(text)
    try:
        return dt.date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


def _time(text: str) -> tuple[int, int] | None:
    found = _TIME.fullmatch(text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        return None
    return int(found[1]), int(found[2])
