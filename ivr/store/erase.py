"""Erase: removes a person from the store, and looks everywhere afterwards whether something is left.

Law: calls are found by the caller's number. What belongs to them is deleted; a quota's count stays, as a row of nobody;
where the number stands in a row of somebody else, it is overwritten. What authors wrote (programs, questionnaires) is
searched and never changed: its hash names it. Files go first, rows last: an erasure that was cut short finds the
person again. The number is kept nowhere, only a keyed hash of it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, and_, delete, func, or_, select, update

from ivr.store import leftovers, schema
from ivr.store.person import Person
from ivr.store.pseudonym import keyed_hash, normal

#: A call without an end is on the line, unless it began so long ago: then its worker was lost.
LONGEST_CALL: Final = timedelta(days=1)
#: Written by authors, or derived from that; nothing of callers gets there.
AUTHORED: Final = (
    *("program", "survey_definition", "survey_question", "survey_quota", "launch"),
    *("v_help", "report_view", "report_zone", "zone_offset", "alembic_version"),
)
#: Who campaigns call: the whole row is the person's.
_CONTACTS: Final = ("contact", "campaign_contact")
#: Whom nobody is to call. A number stays there: without it the next list that names it would have it called again.
_NOT_CALLED: Final = "dnc"
#: A number of fewer digits stands in the bytes of any database file, by chance.
_SURE_DIGITS: Final = 6
_FEWEST_DIGITS: Final = 3
_IDS_AT_ONCE: Final = 50


class EraseError(Exception):
    """Nothing was removed; the message says why and what to do."""


@dataclass(frozen=True)
class Places:
    """Where callers' data may stand besides the database."""

    recordings: Path
    spool: Path
    traces: Path | None = None


@dataclass(frozen=True)
class Found:
    """One line of the proof. ``authored``: an author wrote it, so it stays."""

    where: str
    before: int
    after: int
    authored: bool = False


@dataclass(frozen=True)
class Erasure:
    id: str
    calls: int
    proof: tuple[Found, ...]
    notes: tuple[str, ...]

    @property
    def not_called(self) -> bool:
        """The number stays among those that are not to be called, and so do its bytes."""
        return any(line.after for line in self.proof if line.where == f"table {_NOT_CALLED}")

    @property
    def complete(self) -> bool:
        left = [line.where for line in self.proof if line.after and line.where != f"table {_NOT_CALLED}"]
        return not [where for where in left if not (self.not_called and where.startswith("bytes of "))]


Counts = dict[str, int]


def find(engine: Engine, number: str, now: datetime) -> Person:
    """Who has this number, with all calls. Raises EraseError when it is no number, or one of the calls goes on."""
    plain = normal(number)
    if sum(c.isdigit() for c in plain) < _FEWEST_DIGITS:
        raise EraseError(f"{number!r} is no caller's number; write it with at least {_FEWEST_DIGITS} digits")
    call, tried, contact = schema.call.c, schema.dial_attempt.c, schema.contact.c
    query = select(call.call_id, call.caller, call.started_at, call.ended_at).where(_written_as(call.caller, plain))
    with engine.connect() as connection:
        calls = connection.execution_options(read_only=True).execute(query).all()
        dialled = connection.execute(
            select(tried.attempt_id, tried.leased_at, tried.ended_at).where(_written_as(tried.number, plain))
        ).all()
        contacts = (
            connection.execute(select(contact.contact_id).where(_written_as(contact.number, plain))).scalars().all()
        )
    for one in calls:
        if one.ended_at is None and (one.started_at is None or one.started_at > now - LONGEST_CALL):
            raise EraseError(f"call {one.call_id} of this caller goes on; try again when it has ended")
    for dial in dialled:
        if dial.ended_at is None and dial.leased_at is not None and dial.leased_at > now - LONGEST_CALL:
            raise EraseError(f"a campaign is calling this number ({dial.attempt_id}); try again when that is over")
    ids = tuple(sorted(c.call_id for c in calls))
    others = {*contacts, *(dial.attempt_id for dial in dialled)} - set(ids)
    return Person(plain, tuple(sorted({c.caller for c in calls})), ids, tuple(sorted(others)))


def _written_as(column: Any, plain: str) -> Any:
    """``normal`` in SQL."""
    bare: Any = column
    for between in " \t-().\u00a0/":
        bare = func.replace(bare, between, "")
    return or_(*(bare == begin + plain for begin in ("", "+", "00")))


def look(engine: Engine, person: Person, places: Places) -> Counts:
    """Where something tells of the person, and how many rows or files do."""
    found: Counts = {}
    with engine.connect() as plain:
        connection = plain.execution_options(read_only=True)
        for table in _tables(connection):
            found[f"table {table.name}"] = sum(1 for _ in _rows_of(connection, table, person))
    found[f"files in {places.recordings}"] = len(leftovers.files_of(places.recordings, person, inside=False))
    found[f"rows in {places.spool}"] = sum(leftovers.rows_in(p, person) for p in leftovers.spool_files(places.spool))
    if places.traces:
        found[f"files in {places.traces}"] = len(leftovers.files_of(places.traces, person, inside=True))
    for path in _database_files(engine, person):
        found[f"bytes of {path}"] = leftovers.bytes_hold(path, person)
    return found


def erase(engine: Engine, person: Person, places: Places, key: bytes, now: datetime) -> Erasure:
    """Removes the person everywhere. Raises EraseError, and then removed nothing of the database."""
    before = look(engine, person, places)
    try:
        for path in leftovers.spool_files(places.spool):
            leftovers.clean_spool(path, person)
    except leftovers.InUse as error:
        raise EraseError(str(error)) from None
    leftovers.remove(_recordings(engine, person, places.recordings))
    if places.traces:
        leftovers.remove(leftovers.files_of(places.traces, person, inside=True))
    ident = secrets.token_hex(8)
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
            connection.rollback()
        with connection.begin():
            removed = _remove_rows(connection, person)
            told = {"calls": len(person.call_ids), "rows": removed}
            row = {"erasure": ident, "at": now, "caller_hash": keyed_hash(key, person.number), "json": json.dumps(told)}
            connection.execute(schema.erasure.insert(), [row])
    notes = _forget_bytes(engine)
    after = look(engine, person, places)
    proof = tuple(
        Found(where, before.get(where, 0), after.get(where, 0), where.removeprefix("table ") in AUTHORED)
        for where in dict.fromkeys((*before, *after))
    )
    return Erasure(ident, len(person.call_ids), proof, tuple(notes))


# -- rows --------------------------------------------------------------------------------------------------------------


def _tables(connection: Connection) -> list[Table]:
    """Every table that is really there, ours or not."""
    there = MetaData()
    there.reflect(connection)
    return sorted(there.tables.values(), key=lambda table: table.name)


def _texts(table: Table) -> list[Column[Any]]:
    return [column for column in table.columns if isinstance(column.type, String)]


def _rows_of(connection: Connection, table: Table, person: Person) -> Iterator[dict[str, Any]]:
    """Rows in which a text, or a number that was keyed in, tells of the person."""
    texts = _texts(table)
    if not texts:
        return
    number = table.c.get("value_number")
    for row in connection.execute(select(table).where(_net(texts, number, person))).mappings():
        told = any(row[column.name] is not None and person.in_text(row[column.name]) for column in texts)
        if told or (number is not None and person.is_number(row["value_number"])):
            yield dict(row)


def _net(texts: Sequence[Any], number: Any, person: Person) -> Any:
    """A wide net, in one pass over the table: what it catches is looked at closely."""
    joined: Any = func.coalesce(texts[0], "")
    for column in texts[1:]:
        joined = joined.concat("\n").concat(func.coalesce(column, ""))
    nets = [joined.contains(needle, autoescape=True) for needle in person.needles]
    if number is not None and person.number.isdecimal():
        nets.append(number == float(person.number))
    return or_(*nets)


def _remove_rows(connection: Connection, person: Person) -> Counts:
    counts: Counts = {}

    def count(table: str, rows: int) -> None:
        counts[table] = counts.get(table, 0) + rows

    for table in _tables(connection):
        if table.name in AUTHORED:
            continue
        if table.name == "quota_complete":
            count(table.name, _make_nobodys(connection, schema.quota_complete, "call_id", person.ids, ("at",)))
        elif table.name == "dial_attempt":
            columns = ("contact_id", "number")
            count(table.name, _make_nobodys(connection, schema.dial_attempt, "attempt_id", person.ids, columns))
        elif table.name in _CONTACTS:
            for ids in _pieces(person.ids):
                count(table.name, connection.execute(delete(table).where(table.c.contact_id.in_(ids))).rowcount)
        elif "call_id" in table.columns:
            for ids in _pieces(person.call_ids):
                count(table.name, connection.execute(delete(table).where(table.c.call_id.in_(ids))).rowcount)
        for row in list(_rows_of(connection, table, person)):
            count(table.name, 1)
            _remove_mention(connection, table, row, person)
    return {table: rows for table, rows in counts.items() if rows}


def _pieces(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _IDS_AT_ONCE):
        yield ids[start : start + _IDS_AT_ONCE]


def _make_nobodys(
    connection: Connection, table: Table, key: str, call_ids: Sequence[str], emptied: Sequence[str]
) -> int:
    """What was counted stays counted: a quota's completed run, an attempt to call, of a call that never was."""
    changed = 0
    for ids in _pieces(call_ids):
        for row in connection.execute(select(table).where(table.c[key].in_(ids))).all():
            own = and_(*(column == getattr(row, column.name) for column in table.primary_key))
            new: dict[str, Any] = {key: f"erased-{secrets.token_hex(8)}", **dict.fromkeys(emptied)}
            changed += connection.execute(update(table).where(own).values(new)).rowcount
    return changed


def _remove_mention(connection: Connection, table: Table, row: dict[str, Any], person: Person) -> None:
    """A row that names the person in its key goes; in any other the name is overwritten."""
    keys = list(table.primary_key) or list(table.columns)
    own = and_(*(column == row[column.name] for column in keys))
    named = any(isinstance(row[key.name], str) and person.in_text(row[key.name]) for key in table.primary_key)
    if named and table.name != _NOT_CALLED:
        connection.execute(delete(table).where(own))
        return
    texts = [c.name for c in _texts(table) if not c.primary_key and row[c.name] and person.in_text(row[c.name])]
    new: dict[str, Any] = {name: person.without(row[name]) for name in texts}
    if person.is_number(row.get("value_number")):
        new["value_number"] = None
    if new:
        connection.execute(update(table).where(own).values(new))


# -- files and bytes ---------------------------------------------------------------------------------------------------


def _recordings(engine: Engine, person: Person, folder: Path) -> list[Path]:
    """Named after the person's calls, or by an answer in one of them; never outside of the folder."""
    found = set(leftovers.files_of(folder, person, inside=False))
    root = folder.resolve()
    for table in (schema.answer, schema.answer_history):
        with engine.connect() as connection:
            for ids in _pieces(person.call_ids):
                query = select(table.c.value).where(table.c.call_id.in_(ids), table.c.value.like("%.%"))
                for name in connection.execute(query).scalars():
                    if "\0" in name or len(name) > 255:
                        continue
                    path = (folder / name).resolve()
                    if path.is_relative_to(root) and path.is_file():
                        found.add(path)
    return sorted(found)


def _database_files(engine: Engine, person: Person) -> list[Path]:
    if engine.dialect.name != "sqlite" or len(person.number) < _SURE_DIGITS:
        return []
    path = Path(str(engine.url.database))
    return [file for file in (path, path.with_name(path.name + "-wal")) if file.exists()]


def _forget_bytes(engine: Engine) -> list[str]:
    """What was deleted leaves the files too, as far as that can be done from here; and what cannot."""
    backups = "Backups made before still hold this caller: remove or replace them."
    spools = "Spools, recordings and traces on other machines were not searched: run this there as well."
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            raw: Any = connection.connection.driver_connection
            raw.execute("PRAGMA secure_delete = ON")
            raw.execute("VACUUM")
            busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        waiting = "Somebody reads the database: its -wal file still holds old pages until that ends; erase again then."
        return [*([waiting] if busy else []), backups, spools]
    return [
        "PostgreSQL overwrites deleted rows when it vacuums: type VACUUM FULL to do it now. Its WAL archive, replicas "
        "and backups still hold this caller until they expire.",
        spools,
    ]
