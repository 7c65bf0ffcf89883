"""The quick way of a number says what the library says, in every country; and nothing that is typed raises."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ivr.contacts.shapes import Normaliser, _shape, countries, long_way, plain_number, zone_of
from ivr.core.expr import number as spelt

COUNTRIES = sorted(countries())
_NORMALISERS = {country: Normaliser(country) for country in COUNTRIES}
KINDS = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)


@st.composite
def typed(draw: st.DrawFn, countries: list[str]) -> tuple[str, str]:
    """A country, and a number near one that it has, as somebody there could write it."""
    country = draw(st.sampled_from(countries))
    example = phonenumbers.example_number_for_type(country, draw(st.sampled_from(KINDS)))
    code = phonenumbers.country_code_for_region(country)
    digits = list(phonenumbers.national_significant_number(example)) if example else list("138001380")
    for _ in range(draw(st.integers(0, 4))):
        digits[draw(st.integers(0, len(digits) - 1))] = draw(st.sampled_from("0123456789"))
    more = draw(st.sampled_from(["", "", "", "0", "12"]))
    begin = draw(st.sampled_from(["", "", f"+{code}", str(code), f"00{code}", "0", "+", "1", "011"]))
    return country, begin + "".join(digits) + more


def agrees(country: str, text: str) -> bool:
    """Whether there was a quick way to compare."""
    quick = _NORMALISERS[country].quick(text)
    if quick:
        assert quick == long_way(text, country).number, (country, text)
    return bool(quick)


@given(typed(COUNTRIES))
@settings(max_examples=600, deadline=None)
def test_the_quick_way_agrees_with_the_library_everywhere(case: tuple[str, str]) -> None:
    agrees(*case)


@given(typed(["CN"]))
@example(("CN", "17912345678"))  # begins like a carrier's code
@example(("CN", "12593130012345"))
@example(("CN", "8613800138000"))
@example(("CN", "+8613800138000"))
@settings(max_examples=600, deadline=None)
def test_the_quick_way_agrees_with_the_library_in_china(case: tuple[str, str]) -> None:
    agrees(*case)


def test_every_beginning_of_a_chinese_mobile_number() -> None:
    """1000 beginnings, two endings each: the quick way takes all that the library takes, but for carriers' codes."""
    missed = []
    for begin in range(1000, 2000):
        for end in ("0000000", "9876543"):
            text = f"{begin}{end}"
            if not agrees("CN", text) and long_way(text, "CN").number:
                missed.append(text)
    assert missed == []


def test_most_countries_have_a_quick_way() -> None:
    have = [c for c in COUNTRIES if _shape(c, phonenumbers.country_code_for_region(c))]
    assert len(have) > 150
    assert {"CN", "US", "DE", "HK", "TW", "SG", "IN", "FR"} <= set(have)


NEAR = st.text(st.sampled_from("0123456789+＋０１９ -()./'=\"eE,;@{}x\0\ud800\u200e转"), max_size=50)


@given(NEAR, st.sampled_from(["CN", "US", "DE", "AR"]))
@settings(max_examples=600, deadline=None)
def test_whatever_is_typed_becomes_a_number_or_a_reason(text: str, country: str) -> None:
    found = _NORMALISERS[country](text)
    assert bool(found.number) != bool(found.reason)
    if found.number:
        assert phonenumbers.is_valid_number(phonenumbers.parse(found.number, None))
        assert _NORMALISERS[country](found.number) == found
        assert found.number[0] == "+"
        assert found.number[1:].isascii()
        assert found.number[1:].isdigit()
        assert isinstance(zone_of(found.number), str)


@pytest.mark.parametrize("separator", [" ", "-", ".", " - ", "\u00a0", "/"])
@given(st.integers(0, 10**8 - 1), st.lists(st.integers(1, 7), max_size=3))
@settings(max_examples=50, deadline=None)
def test_all_spellings_are_one_number(separator: str, tail: int, breaks: list[int]) -> None:
    digits = f"138{tail:08}"
    written = digits
    for place in sorted(breaks, reverse=True):
        written = written[:place] + separator + written[place:]
    wide = written.translate({ord("0") + n: ord("０") + n for n in range(10)})
    normalise = _NORMALISERS["CN"]
    assert {normalise(text).number for text in (digits, written, wide, f"+86 {written}", f"0086{written}")} == {
        f"+86{digits}"
    }
    assert plain_number(written) == (digits, "")
    assert spelt(digits) == int(digits)
