"""Person: what tells that a text is about somebody: a number, however it was written, and the ids of that one's
calls and contacts.

Law: pure. A number is found where it stands by itself, not as a piece of a longer one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Person:
    number: str  # as store.pseudonym.normal gives it
    written: tuple[str, ...] = ()  # as callers' numbers stand in the database
    call_ids: tuple[str, ...] = ()
    other_ids: tuple[str, ...] = ()  # of contacts, and of attempts to call

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """The longest first: what is in another one is looked for after it."""
        found = {self.number, "00" + self.number, "+" + self.number, *self.written}
        return tuple(sorted((text for text in found if text), key=len, reverse=True))

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """Every text that tells of the person has one of these in it."""
        return (self.number, *(text for text in self.numbers if self.number not in text), *self.ids)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.call_ids, *self.other_ids)))

    @cached_property
    def _number_pattern(self) -> re.Pattern[str]:
        return _pattern(self.numbers)

    @cached_property
    def _call_pattern(self) -> re.Pattern[str] | None:
        return _pattern(self.ids) if self.ids else None

    def in_text(self, text: str) -> bool:
        return bool(self._number_pattern.search(text) or (self._call_pattern and self._call_pattern.search(text)))

    def in_bytes(self, data: bytes) -> bool:
        return self.in_text(data.decode("utf-8", "replace"))

    def without(self, text: str) -> str:
        """The text without the person: digits become 0, so that JSON stays JSON."""
        text = self._number_pattern.sub(lambda found: re.sub(r"[0-9]", "0", found[0]), text)
        return self._call_pattern.sub("erased", text) if self._call_pattern else text

    def is_own(self, text: str) -> bool:
        """Whether a text is the number, and nothing else."""
        return text in self.numbers

    def is_number(self, value: float | None) -> bool:
        """A number that was keyed in as an answer."""
        return value is not None and self.number.isdecimal() and value == float(self.number)


def _pattern(texts: Iterable[str]) -> re.Pattern[str]:
    words = "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))
    return re.compile(rf"(?<![0-9A-Za-z])(?:{words})(?![0-9A-Za-z])")
