"""Contacts: lists of people, brought in as a whole, read, shown and removed.

Law: a file comes in with one transaction or not at all. The same file again changes nothing: a contact's id is made
of list and number. What a file does not say stays as it was; what it says, even "", is taken. Numbers are E.164
already: what they mean is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, case, delete, func, select

from ivr.store import schema
from ivr.store.rows import utc_text
from ivr.store.staging import Staging, staging

#: What comes in, in this order; None where the file has no such column.
FIELDS: Final = ("contact_id", "number", "name", "language", "zone", "consent", "facts")
_TEXTS: Final = ("name", "language", "zone", "consent", "facts")
_COLUMNS: Final = (*FIELDS, "list", "imported_at")
_AT_ONCE: Final = 5_000

Contact = tuple[str, str, str | None, str | None, str, str | None, str | None]


class ListError(ValueError):
    """Nothing was changed; the message says why and what to do."""


@dataclass(frozen=True)
class Counts:
    new: int
    updated: int
    unchanged: int
    removed: int = 0


class Import:
    """One file on its way into a list."""

    def __init__(self, stage: Staging, list_name: str, given: Iterable[str], now: datetime, replace: bool) -> None:
        """``given``: fields that the file has a column for."""
        self._stage, self._list, self._replace = stage, list_name, replace
        self._given = frozenset(given)
        self._now = utc_text(now)
        self._rows = 0
        self._straight = False
        if stage.postgres and not stage.ask("SELECT 1 FROM contact WHERE list = ? LIMIT 1", list_name):
            stage.straight_into("contact")  # a new list, and nobody else makes it: its lock is ours
            self._straight = True
        self._end = (list_name, self._now)

    def put(self, contacts: Sequence[Contact]) -> None:
        """No number twice in one import."""
        self._rows += len(contacts)
        end = self._end
        if self._straight:
            missing = ("", "", "", "", "{}")
            rows: Iterable[tuple[str | None, ...]] = (
                (c if None not in c else _filled(c, missing)) + end for c in contacts
            )
            self._stage.put(rows)
        else:
            self._stage.put(c + end for c in contacts)

    def finish(self) -> Counts:
        """All of it, at once. Raises ListError."""
        if self._replace and not self._rows:
            raise ListError(f"nobody of the file could be taken, so list {self._list!r} stays as it is")
        self._stage.all_there()
        if self._straight:
            self._stage.commit()
            return Counts(self._rows, 0, 0)
        joined = "SELECT count(*) FROM staged JOIN contact ON contact.contact_id = staged.contact_id"
        known = int(self._stage.ask(joined) or 0)
        written = self._stage.run(self._upsert())
        removed = self._remove_others() if self._replace else 0
        self._stage.commit()
        new = self._rows - known
        return Counts(new, written - new, known - (written - new), removed)

    def _upsert(self) -> str:
        sets = [f"{name} = {self._new_value(name)}" for name in _TEXTS]
        differs = " OR ".join(f"contact.{name} IS DISTINCT FROM {self._new_value(name)}" for name in _TEXTS)
        values = ", ".join(f"coalesce({name}, {_EMPTY.get(name, _NOTHING)})" for name in _COLUMNS)
        return (
            f"INSERT INTO contact ({', '.join(_COLUMNS)}) SELECT {self._typed(values)} FROM staged WHERE true "
            f"ON CONFLICT (contact_id) DO UPDATE SET {', '.join(sets)}, imported_at = excluded.imported_at "
            f"WHERE {differs}"
        )

    def _typed(self, values: str) -> str:
        if not self._stage.postgres:
            return values
        return values.replace(f"coalesce(imported_at, {_NOTHING})", "CAST(imported_at AS timestamptz)")

    def _new_value(self, name: str) -> str:
        if name in self._given:
            return f"excluded.{name}"
        if name == "zone":  # found out from the number: good where nobody ever told one
            return "CASE WHEN contact.zone = '' THEN excluded.zone ELSE contact.zone END"
        return f"contact.{name}"

    def _remove_others(self) -> int:
        others = "SELECT contact_id FROM contact WHERE list = ? AND contact_id NOT IN (SELECT contact_id FROM staged)"
        waiting = f"DELETE FROM campaign_contact WHERE state = 'waiting' AND contact_id IN ({others})"
        self._stage.run(waiting, self._list)
        return self._stage.run(f"DELETE FROM contact WHERE contact_id IN ({others})", self._list)


_NOTHING: Final = "''"
_EMPTY: Final = {"facts": "'{}'"}


def _filled(contact: tuple[str | None, ...], missing: tuple[str, ...]) -> tuple[str, ...]:
    texts = tuple(value if value is not None else empty for value, empty in zip(contact[2:], missing, strict=True))
    return (str(contact[0]), str(contact[1]), *texts)


@contextmanager
def importing(
    engine: Engine, list_name: str, given: Iterable[str], now: datetime, *, replace: bool = False
) -> Iterator[Import]:
    """An import that never happened, unless ``finish`` returned. Raises staging.Busy, ListError."""
    if not list_name or len(list_name) > schema.KEY_LENGTH:
        raise ListError(f"a list's name has 1 to {schema.KEY_LENGTH} characters")
    with staging(engine, _COLUMNS, f"contact list {list_name}") as stage:
        yield Import(stage, list_name, given, now, replace)


# -- reading -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ListFigures:
    name: str
    people: int
    with_consent: int
    without_zone: int
    last_import: datetime | None


def lists(engine: Engine) -> list[ListFigures]:
    c = schema.contact.c
    consent, zone = func.sum(case((c.consent != "", 1), else_=0)), func.sum(case((c.zone == "", 1), else_=0))
    query = select(c.list, func.count(), consent, zone, func.max(c.imported_at)).group_by(c.list).order_by(c.list)
    with engine.connect() as connection:
        rows = connection.execution_options(read_only=True).execute(query).all()
    return [ListFigures(row[0], int(row[1]), int(row[2] or 0), int(row[3] or 0), row[4]) for row in rows]


def of_list(engine: Engine, list_name: str, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """In the order of their numbers, as one moment saw them."""
    table = schema.contact
    query = select(table).where(table.c.list == list_name).order_by(table.c.number)
    if limit is not None:
        query = query.limit(limit)
    with engine.connect() as connection:
        found = connection.execution_options(read_only=True, yield_per=_AT_ONCE).execute(query)
        for row in found.mappings():
            yield dict(row)


def of_number(engine: Engine, number: str) -> list[dict[str, Any]]:
    """Every contact of a number, by list."""
    table = schema.contact
    query = select(table).where(table.c.number == number).order_by(table.c.list)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execution_options(read_only=True).execute(query).mappings()]


def fact_names(engine: Engine, list_name: str) -> list[str]:
    """Of all people of the list, in the order they come."""
    names: dict[str, None] = {}
    table = schema.contact
    query = select(table.c.facts).where(table.c.list == list_name).distinct()
    with engine.connect() as connection:
        for text in connection.execution_options(read_only=True, yield_per=_AT_ONCE).execute(query).scalars():
            names.update(dict.fromkeys(json.loads(text or "{}")))
    return list(names)


def remove(engine: Engine, list_name: str, number: str = "") -> tuple[int, int]:
    """(contacts, turns that waited in campaigns). Calls that are made, or were, keep their rows."""
    contact, turn = schema.contact, schema.campaign_contact
    those = [contact.c.list == list_name] + ([contact.c.number == number] if number else [])
    ids = select(contact.c.contact_id).where(*those)
    with engine.begin() as connection:
        waiting = connection.execute(delete(turn).where(turn.c.state == "waiting", turn.c.contact_id.in_(ids)))
        gone = connection.execute(delete(contact).where(*those))
        return gone.rowcount, waiting.rowcount
