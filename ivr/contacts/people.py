"""People: a row of a file becomes a contact, or a reason why not.

Law: pure; asks no database. What is told of a row names its cell. The way of most rows (a plain number, plain texts)
is short, because a list has a million of them.
"""

from __future__ import annotations

import hashlib
import json
import re
import zoneinfo
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from typing import Any, Final

from ivr.contacts.columns import NUMBER, Columns
from ivr.contacts.shapes import Normaliser, zone_of
from ivr.lang.parts import LANGUAGE
from ivr.results.cells import bare_cell

#: What a contact is stored as, in this order. None: the file does not say.
Contact = tuple[str, str, str | None, str | None, str, str | None, str | None]
FIELDS: Final = ("contact_id", "number", "name", "language", "zone", "consent", "facts")

MOST_TEXT: Final = 10_000
MOST_FACTS: Final = 100_000
_LANGUAGES: Final = {
    **dict.fromkeys(("中文", "汉语", "漢語", "普通话", "普通話", "国语", "國語", "chinese", "mandarin", "cn"), "zh"),
    **dict.fromkeys(("英文", "英语", "英語", "english"), "en"),
    **dict.fromkeys(("粤语", "粵語", "cantonese"), "yue"),
    **{"deutsch": "de", "german": "de", "français": "fr", "french": "fr", "español": "es", "spanish": "es"},
    **{"日语": "ja", "日本語": "ja", "japanese": "ja", "韩语": "ko", "korean": "ko", "русский": "ru", "russian": "ru"},
}
_NUL_OR_SURROGATE: Final = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True)
class Rejected:
    """``row``: as the spreadsheet counts. ``column``: its header, or "" for the whole row."""

    row: int
    column: str
    cell: str
    reason: str


def contact_id(list_name: str, number: str) -> str:
    """Always the same for a list and a number, and tells neither."""
    return hashlib.sha256(f"{list_name}\0{number}".encode()).hexdigest()[:32]


class Intake:
    """Takes rows of one file. ``contacts`` and ``rejected`` are emptied by whoever uses them."""

    def __init__(self, list_name: str, columns: Columns, normalise: Normaliser) -> None:
        self.contacts: list[Contact] = []
        self.rejected: list[Rejected] = []
        self.taken = 0
        self._rows_of: dict[int, int] = {}  # number -> the row that it came in
        self._columns = columns
        self._normalise = normalise
        self._width = len(columns.header)
        self._hash = hashlib.sha256(f"{list_name}\0".encode())
        own = columns.own
        self._number = own[NUMBER]
        self._name = own.get("name", -1)
        self._language = own.get("language", -1)
        self._zone = own.get("zone", -1)
        self._consent = own.get("consent", -1)
        self._facts: Callable[[Sequence[str]], str] | None = _facts_maker(columns) if columns.facts else None

    def take(self, first: int, rows: Sequence[list[str]]) -> None:
        """Rows whose numbers begin with ``first``. Rows of blanks are passed over."""
        quick, slow, width, seen = self._normalise.quick, self._normalise, self._width, self._rows_of
        at_number, at_name, at_consent = self._number, self._name, self._consent
        plain = self._language < 0 and self._zone < 0
        home, begun, facts, add = slow.zone, self._hash, self._facts, self.contacts.append
        for row, cells in enumerate(rows, first):
            if len(cells) != width:
                fitted = self._fitted(row, cells)
                if fitted is None:
                    continue
                cells = fitted
            number = quick(cells[at_number])
            zone = home
            if not number:
                found = slow(cells[at_number])
                if not found.number:
                    if any(cell.strip() for cell in cells):
                        self._reject(row, at_number, cells, found.reason)
                    continue
                number = found.number
                zone = zone_of(number)
            elif not zone:
                zone = zone_of(number)
            language: str | None = None
            if not plain:
                odd = self._language_and_zone(row, cells)
                if odd is None:
                    continue
                language, given = odd
                zone = given or zone
            key = int(number[1:])
            before = seen.setdefault(key, row)
            if before != row:
                self._reject(row, at_number, cells, f"the same number as in row {before}")
                continue
            name = _text(cells[at_name]) if at_name >= 0 else None
            consent = _text(cells[at_consent]) if at_consent >= 0 else None
            told = facts(cells) if facts else None
            if told is not None and len(told) > MOST_FACTS:
                del seen[key]
                self._reject(row, -1, cells, f"its cells have more than {MOST_FACTS:,} characters")
                continue
            hashed = begun.copy()
            hashed.update(number.encode())
            self.taken += 1
            add((hashed.hexdigest()[:32], number, name, language, zone, consent, told))

    def _fitted(self, row: int, cells: list[str]) -> list[str] | None:
        """A row of another length: what is missing is empty, what is too much has to be."""
        if not any(cell.strip() for cell in cells):
            return None
        if len(cells) < self._width:
            return cells + [""] * (self._width - len(cells))
        if any(cell.strip() for cell in cells[self._width :]):
            reason = f"it has {len(cells)} cells, the header {self._width}: a delimiter too much?"
            self._reject(row, -1, cells, reason)
            return None
        return cells[: self._width]

    def _language_and_zone(self, row: int, cells: Sequence[str]) -> tuple[str | None, str] | None:
        language: str | None = None
        zone = ""
        if self._language >= 0:
            language = language_of(cells[self._language])
            if language is None:
                self._reject(row, self._language, cells, "it is no language; write zh, en, pt-BR")
                return None
        if self._zone >= 0 and cells[self._zone].strip():
            zone = zone_named(cells[self._zone])
            if not zone:
                self._reject(row, self._zone, cells, "there is no such time zone; write Asia/Shanghai")
                return None
        return language, zone

    def _reject(self, row: int, column: int, cells: Sequence[str], reason: str) -> None:
        heads = self._columns.header
        name = (heads[column] or f"column {column + 1}") if column >= 0 else ""
        cell = cells[column] if column >= 0 else ", ".join(cells)
        self.rejected.append(Rejected(row, name, _text(cell)[:200], reason))


def _text(cell: str) -> str:
    """Without what no database takes, and without blanks around it."""
    cell = cell.strip()
    if cell[:1] == "'":
        cell = bare_cell(cell)
    if not cell.isascii() or "\0" in cell:
        cell = _NUL_OR_SURROGATE.sub("", cell)
    return cell if len(cell) <= MOST_TEXT else cell[:MOST_TEXT]


def _facts_maker(columns: Columns) -> Callable[[Sequence[str]], str]:
    """What writes the facts of a row as JSON: joined from quoted texts, a fifth of what json.dumps takes."""
    parts = [(f"{json.dumps(name)}: ", at) for name, at in columns.facts.items()]

    def facts(cells: Sequence[str]) -> str:
        return "{" + ", ".join([head + _value(cells[at]) for head, at in parts]) + "}"

    return facts


def _value(cell: str) -> str:
    """Texts stay texts, as 00123 shows; only true and false, which conditions could not tell else, are themselves."""
    if cell and cell[0] in "tfTF" and cell.lower() in ("true", "false"):
        return cell.lower()
    return _quoted(_text(cell))


@lru_cache(maxsize=1024)
def language_of(cell: str) -> str | None:
    """A code; "" of an empty cell; None of what is none."""
    plain = cell.strip()
    if not plain:
        return ""
    known = _LANGUAGES.get(plain.casefold())
    if known:
        return known
    head, dash, rest = plain.replace("_", "-").partition("-")
    code = head.lower() + dash + rest
    return code if LANGUAGE.fullmatch(code) else None


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {name.casefold(): name for name in zoneinfo.available_timezones()}


@lru_cache(maxsize=1024)
def zone_named(cell: str) -> str:
    """The IANA name, whatever its capitals; "" when there is none."""
    return _zones().get(cell.strip().replace(" ", "_").casefold(), "")


def facts_of(text: str | None) -> dict[str, Any]:
    """A contact's facts, as conditions see them."""
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}
