"""Mandarin: values as words of a finite vocabulary.

Law: pure. Every function returns words of `VOCABULARY[format]`, or None when the value is not of that format.
Two is 两 before 百 千 万 亿 at the head of its group (两百二十, 两万), and 二 elsewhere (二十, 一千二百, 十二万).
"""

from __future__ import annotations

import datetime as dt
import re
import string

_ONES = list("零一二三四五六七八九")
DIGITS = dict(zip(string.digits, _ONES, strict=True))
SIGNS = {"*": "星号", "#": "井号", "+": "加", ".": "点"}
_HEAD_TWO = re.compile("(?<![十百千零])二(?=[百千万亿])")

_SPELLED = [*_ONES, *SIGNS.values(), *string.ascii_uppercase]
_CARDINAL = [*_ONES, *"两十百千万亿点负"]
_TO_31 = [*_ONES, *("十" + n for n in ["", *_ONES[1:]]), *("二十" + n for n in ["", *_ONES[1:]]), "三十", "三十一"]
_MONTHS = [f"{n}月" for n in _TO_31[1:13]]
_DAYS = [f"{n}日" for n in _TO_31[1:32]]
_HOURS = ["两点" if n == "二" else f"{n}点" for n in _TO_31[:24]]

VOCABULARY: dict[str, list[str]] = {
    "digits": _SPELLED,
    "number": [*_SPELLED, *_CARDINAL],
    "ordinal": [*_SPELLED, *_CARDINAL, "第"],
    "date": [*_SPELLED, "年", *_MONTHS, *_DAYS],
    "time": [*_SPELLED, "十", "分", "整", *_HOURS],
    "money": [*_SPELLED, *_CARDINAL, "元", "角", "分"],
}


def chinese(number: int) -> str:
    """十二. The library is loaded with the first number: most commands speak none, and it takes a tenth of a second."""
    import cn2an

    found: str = cn2an.an2cn(number)
    return found


def number(sign: str, whole: str, fraction: str) -> list[str] | None:
    """`-`, `220`, `5` is 负 两 百 二 十 点 五. More than 16 digits is nothing anybody says: None."""
    if len(whole) > 16:
        return None
    words = ["负"] if sign else []
    words += _HEAD_TWO.sub("两", chinese(int(whole)))
    return words + (["点", *(DIGITS[d] for d in fraction)] if fraction else [])


def ordinal(whole: str) -> list[str] | None:
    """第二, never 第两; but 第两百."""
    words = number("", whole, "")
    return None if words is None else ["第", *words]


def date(day: dt.date) -> list[str]:
    """二零二六 年 五月 六日."""
    return [*(DIGITS[d] for d in str(day.year)), "年", _MONTHS[day.month - 1], _DAYS[day.day - 1]]


def time(hour: int, minute: int) -> list[str]:
    """两点 整; 十四点 零 五 分; 十四点 三 十 分."""
    if minute == 0:
        return [_HOURS[hour], "整"]
    return [_HOURS[hour], *(["零"] if minute < 10 else []), *chinese(minute), "分"]


def money(sign: str, whole: str, cents: int) -> list[str] | None:
    """十二 元 五 角; 十二 元 零 五 分; 两 元."""
    words = number(sign, whole, "")
    if words is None:
        return None
    jiao, fen = divmod(cents, 10)
    if int(whole) == 2:
        words[-1] = "两"
    words.append("元")
    if int(whole) == 0 and cents:
        words = words[: len(words) - 2]
    elif fen and not jiao:
        words.append("零")
    if jiao:
        words += [DIGITS[str(jiao)], "角"]
    if fen:
        words += [DIGITS[str(fen)], "分"]
    return words
