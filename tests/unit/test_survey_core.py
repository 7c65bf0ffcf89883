"""What an entry stands for, and orders that come of a seed: tables."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.core import ordering, values
from ivr.core.nodes import Collect

DATE, ITEMS = {"min_keys": 8, "max_keys": 8}, {"1": "phone", "2": "mail", "3": "web", "9": "none"}
ENTRIES: dict[str, tuple[dict[str, Any], str, Any]] = {
    "digits keep their zeros": ({"value": "digits"}, "007", "007"),
    "number": ({"value": "number"}, "007", 7),
    "number of nothing": ({"value": "number"}, "", None),
    "number with a star": ({"value": "number"}, "1*2", None),
    "digits of another script": ({"value": "number"}, "٣", None),
    "amount": ({"value": "amount", "places": 2}, "12*50", 12.5),
    "amount without a point": ({"value": "amount", "places": 2}, "12", 12.0),
    "amount that begins with the point": ({"value": "amount", "places": 2}, "*5", 0.5),
    "amount that ends with it": ({"value": "amount", "places": 2}, "5*", 5.0),
    "amount with too many places": ({"value": "amount", "places": 2}, "1*505", None),
    "amount with two points": ({"value": "amount", "places": 2}, "1*5*0", None),
    "amount of a point only": ({"value": "amount", "places": 2}, "*", None),
    "amount without places": ({"value": "amount", "places": 0}, "1*5", None),
    "amount too long for a float": ({"value": "amount", "places": 2}, "1" * 16, None),
    "year first": ({"value": "ymd", **DATE}, "20240229", "2024-02-29"),
    "day first": ({"value": "dmy", **DATE}, "29022024", "2024-02-29"),
    "month first": ({"value": "mdy", **DATE}, "02292024", "2024-02-29"),
    "no leap year": ({"value": "ymd", **DATE}, "20230229", None),
    "year nought": ({"value": "ymd", **DATE}, "00000101", None),
    "too short a date": ({"value": "ymd", **DATE}, "2024022", None),
    "multiple, in the order of the options": ({"value": "multiple", "items": ITEMS}, "31", ["phone", "web"]),
    "multiple, twice the same": ({"value": "multiple", "items": ITEMS}, "313", ["phone", "web"]),
    "multiple of nothing": ({"value": "multiple", "items": ITEMS}, "", []),
    "multiple with what is no option": ({"value": "multiple", "items": ITEMS}, "15", None),
    "alone": ({"value": "multiple", "items": ITEMS, "alone": ("none",)}, "9", ["none"]),
    "alone with another": ({"value": "multiple", "items": ITEMS, "alone": ("none",)}, "91", None),
    "ranking": ({"value": "ranking", "items": ITEMS}, "31", ["web", "phone"]),
    "ranking, twice the same": ({"value": "ranking", "items": ITEMS}, "33", None),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_what_an_entry_stands_for(name: str) -> None:
    fields, keys, value = ENTRIES[name]
    found = values.of_entry(Collect(prompts=(), **fields), keys)
    assert found == value
    assert type(found) is type(value)


STAR, MISSING = {"*": "refused"}, {"*": "refused", "**": "dont_know"}
DECLINES: dict[str, tuple[dict[str, Any], str, bool]] = {
    "a star before digits": ({"missing": STAR}, "*", True),
    "one star of two": ({"missing": MISSING}, "*", False),
    "two stars": ({"missing": MISSING}, "**", True),
    "a digit may go on": ({"missing": {"9": "refused"}}, "9", False),
    "the point of an amount": ({"missing": STAR, "value": "amount"}, "*", False),
    "a key that is no option": ({"missing": {"0": "refused"}, "value": "multiple", "items": ITEMS}, "0", True),
    "an answer": ({"missing": STAR}, "5", False),
}


@pytest.mark.parametrize("name", DECLINES)
def test_keys_that_refuse_at_once(name: str) -> None:
    fields, keys, at_once = DECLINES[name]
    assert values.declines(Collect(prompts=(), **fields), keys) is at_once


def test_a_seed_and_its_order_never_change() -> None:
    """Stored seeds must give the order that was heard, for ever: these are written down."""
    assert ordering.seed("call-1", "csat", 1) == 1286176217
    assert ordering.order(4711, "s.@order", 6) == [5, 0, 3, 4, 2, 1]
    assert ordering.draw("call-1", "s.csat") == pytest.approx(0.0618974, abs=1e-6)


def test_orders_are_even() -> None:
    """Over many calls each of three questions stands in each place about as often."""
    places = [[0] * 3 for _ in range(3)]
    for n in range(6000):
        for place, entry in enumerate(ordering.order(ordering.seed(f"c{n}", "s", 1), "s.@order", 3)):
            places[entry][place] += 1
    assert all(1850 < count < 2150 for row in places for count in row), places


def test_a_share_is_drawn_evenly_and_apart_for_each_purpose() -> None:
    draws = [(ordering.draw(f"c{n}", "a"), ordering.draw(f"c{n}", "b")) for n in range(10_000)]
    assert all(0 <= one < 1 for pair in draws for one in pair)
    both = sum(a < 0.3 and b < 0.3 for a, b in draws)
    assert 2850 < sum(a < 0.3 for a, _ in draws) < 3150
    assert 780 < both < 1020, "whom one survey draws is no hint at whom another one draws"
