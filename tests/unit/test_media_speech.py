"""Values as words: tables of what is said, and the law that every word has a clip."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.effects import Clip, Spoken
from ivr.media.speech import FORMATS, say_text, vocabulary, words

SAID = [
    ("en", "digits", "120#", "one two zero hash"),
    ("en", "digits", "+86 138-00", "plus eight six one three eight zero zero"),
    ("en", "digits", "A7b", "A seven B"),
    ("en", "digits", "１２", "one two"),
    ("en", "digits", "", ""),
    ("en", "number", "0", "zero"),
    ("en", "number", "21", "twenty one"),
    ("en", "number", "1234", "one thousand two hundred and thirty four"),
    ("en", "number", "-7", "minus seven"),
    ("en", "number", "12.50", "twelve point five"),
    ("en", "number", "3.0", "three"),
    ("en", "number", "007", "seven"),
    ("en", "number", "1" * 16, "one " * 15 + "one"),
    ("en", "number", "many", "M A N Y"),
    ("en", "ordinal", "1", "first"),
    ("en", "ordinal", "22", "twenty second"),
    ("en", "ordinal", "112", "one hundred and twelfth"),
    ("en", "ordinal", "-2", "minus two"),
    ("en", "date", "2026-05-06", "May sixth twenty twenty six"),
    ("en", "date", "2005-12-31", "December thirty first two thousand and five"),
    ("en", "date", "1905-01-01T10:00", "January first nineteen oh five"),
    ("en", "date", "2026-02-30", "two zero two six zero two three zero"),
    ("en", "time", "14:05", "two oh five PM"),
    ("en", "time", "00:00", "midnight"),
    ("en", "time", "12:00:00", "noon"),
    ("en", "time", "9:30", "nine thirty AM"),
    ("en", "time", "25:00", "two five zero zero"),
    ("en", "money", "12.50", "twelve dollars and fifty cents"),
    ("en", "money", "1", "one dollar"),
    ("en", "money", "0.01", "one cent"),
    ("en", "money", "0", "zero dollars"),
    ("en", "money", "1.999", "two dollars"),
    ("en", "money", "-3", "minus three dollars"),
    ("fr", "number", "5", "five"),
    ("zh", "digits", "13800138000", "一 三 八 零 零 一 三 八 零 零 零"),
    ("zh", "digits", "2*#", "二 星号 井号"),
    ("zh-CN", "number", "10", "十"),
    ("zh", "number", "2", "二"),
    ("zh", "number", "12", "十 二"),
    ("zh", "number", "20", "二 十"),
    ("zh", "number", "22", "二 十 二"),
    ("zh", "number", "101", "一 百 零 一"),
    ("zh", "number", "110", "一 百 一 十"),
    ("zh", "number", "200", "两 百"),
    ("zh", "number", "220", "两 百 二 十"),
    ("zh", "number", "1200", "一 千 二 百"),
    ("zh", "number", "2002", "两 千 零 二"),
    ("zh", "number", "20000", "两 万"),
    ("zh", "number", "120000", "十 二 万"),
    ("zh", "number", "1020000", "一 百 零 二 万"),
    ("zh", "number", "200000000", "两 亿"),
    ("zh", "number", "22222222", "两 千 二 百 二 十 二 万 两 千 二 百 二 十 二"),
    ("zh", "number", "-7", "负 七"),
    ("zh", "number", "12.05", "十 二 点 零 五"),
    ("zh", "number", "-0.0", "零"),
    ("zh", "ordinal", "2", "第 二"),
    ("zh", "ordinal", "12", "第 十 二"),
    ("zh", "date", "2026-05-06", "二 零 二 六 年 五月 六日"),
    ("zh", "date", "2026-12-31", "二 零 二 六 年 十二月 三十一日"),
    ("zh", "time", "14:05", "十四点 零 五 分"),
    ("zh", "time", "02:00", "两点 整"),
    ("zh", "time", "9:30", "九点 三 十 分"),
    ("zh", "money", "12.50", "十 二 元 五 角"),
    ("zh", "money", "12.05", "十 二 元 零 五 分"),
    ("zh", "money", "2", "两 元"),
    ("zh", "money", "22", "二 十 二 元"),
    ("zh", "money", "0", "零 元"),
    ("zh", "money", "0.35", "三 角 五 分"),
    ("zh", "money", "-0.5", "负 五 角"),
]


@pytest.mark.parametrize(("lang", "as_", "value", "said"), SAID)
def test_said(lang, as_, value, said):
    assert words(lang, as_, value) == said.split()


READ = [
    (Clip("zh", "你好"), "你好"),
    (Spoken("en", "digits", "123"), "1 2 3"),
    (Spoken("zh", "date", "2026-05-06"), "2026年5月6日"),
    (Spoken("en", "date", "2026-05-06"), "May 6, 2026"),
    (Spoken("en", "time", "14:05"), "2:05 PM"),
    (Spoken("zh", "time", "9:05"), "9:05"),
    (Spoken("en", "money", "12.5"), "$12.50"),
    (Spoken("zh", "money", "12.5"), "12.50元"),
    (Spoken("en", "ordinal", "22"), "22nd"),
    (Spoken("en", "ordinal", "112"), "112th"),
    (Spoken("zh", "ordinal", "3"), "第3"),
    (Spoken("zh", "number", "12.50"), "12.5"),
    (Spoken("en", "date", "soon"), "S O O N"),
]


@pytest.mark.parametrize(("item", "text"), READ)
def test_read(item, text):
    assert say_text(item) == text


numerals = st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{1,25})?", fullmatch=True)
values = st.one_of(st.text(max_size=30), numerals, st.dates().map(str), st.times().map(str), st.datetimes().map(str))


@given(st.sampled_from(["en", "zh", "zh-CN", "fr", ""]), st.sampled_from([*FORMATS, "odd"]), values)
def test_every_word_has_a_clip(lang, as_, value):
    assert set(words(lang, as_, value)) <= set(vocabulary(lang, [as_]))
    assert isinstance(say_text(Spoken(lang, as_, value)), str)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_vocabulary_is_small_and_has_no_doubles(lang):
    found = vocabulary(lang)
    assert len(found) == len(set(found)) < 200
