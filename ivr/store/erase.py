"""Erase: removes a person from the store, and looks everywhere afterwards whether something is left.

Law: calls are found by the caller's number. What belongs to them is deleted; a quota's count stays, as a row of nobody;
where the number stands in a row of somebody else, it is overwritten. What authors wrote (programs, questionnaires) is
searched and never changed: its hash names it. Files go first, rows last: an erasure that was cut short finds the
person again. The number is kept nowhere, only a keyed hash of it; but who asked not to be called stays on that list,
unless told otherwise: the proof says so.
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
#: Rows of the person by the id of a contact or of an attempt: who was to be called, and was.
_CALLED: Final = ("contact", "campaign_contact", "dial_attempt")
#: Where the number stays, so that nobody calls it.
KEPT: Final = "dnc"
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
    """One line of the proof. ``authored``: an author wrote it, so it stays. ``kept``: so that nobody calls."""

    where: str
    before: int
    after: int
    authored: bool = False
    kept: bool = False


@dataclass(frozen=True)
class Erasure:
    id: str
    calls: int
    proof: tuple[Found, ...]
    notes: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return not any(line.after and not line.kept for line in self.proof)


Counts = dict[str, int]


def find(engine: Engine, number: str, now: datetime, also: Sequence[str] = ()) -> Person:
    """Who has this number, with all calls and contacts. ``also``: other ways to write it, as +86138... of 138...

    Raises EraseError when it is no number, or one of the calls goes on.
    """
    plain = normal(number)
    if sum(c.isdigit() for c in plain) < _FEWEST_DIGITS:
        raise EraseError(f"{number!r} is no caller's number; write it with at least {_FEWEST_DIGITS} digits")
    plains = tuple(dict.fromkeys((plain, *map(normal, also))))
    call = schema.call.c
    query = select(call.call_id, call.caller, call.started_at, call.ended_at).where(_written_as(call.caller, plains))
    with engine.connect() as raw:
        connection = raw.execution_options(read_only=True)
        calls = connection.execute(query).all()
        contacts, attempts = _called(connection, plains, now)
    for one in calls:
        if one.ended_at is None and (one.started_at is None or one.started_at > now - LONGEST_CALL):
            raise EraseError(f"call {one.call_id} of this caller goes on; try again when it has ended")
    written = {c.caller for c in calls}
    for other in plains[1:]:
        written |= {other, "+" + other, "00" + other}
    ids = tuple(sorted(c.call_id for c in calls))
    return Person(plain, tuple(sorted(written)), ids, tuple(sorted({*contacts, *attempts} - set(ids))))


def _called(connection: Connection, plains: Sequence[str], now: datetime) -> tuple[set[str], set[str]]:
    """Ids of the person's contacts, and of attempts to call."""
    turn, attempt = schema.campaign_contact, schema.dial_attempt
    numbers = [begin + plain for plain in plains for begin in ("+", "", "00")]
    leased = select(turn.c.campaign).where(
        turn.c.number.in_(numbers), turn.c.state == "leased", turn.c.lease_until > now
    )
    for campaign in connection.execute(leased).scalars():
        raise EraseError(f"campaign {campaign!r} calls this number at this moment; try again when that has ended")
    contacts: set[str] = set()
    for table in (schema.contact, turn, attempt):
        query = select(table.c.contact_id).where(table.c.number.in_(numbers)).distinct()
        contacts |= {str(found) for found in connection.execute(query).scalars() if found}
    made = or_(attempt.c.number.in_(numbers), attempt.c.contact_id.in_(contacts))
    return contacts, set(connection.execute(select(attempt.c.attempt_id).where(made)).scalars())


def _written_as(column: Any, plains: Sequence[str]) -> Any:
    """``normal`` in SQL."""
    bare: Any = column
    for between in " \t-().\u00a0/":
        bare = func.replace(bare, between, "")
    return or_(*(bare == begin + plain for plain in plains for begin in ("", "+", "00")))


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


def erase(
    engine: Engine, person: Person, places: Places, key: bytes, now: datetime, *, forget_dnc: bool = False
) -> Erasure:
    """Removes the person everywhere. Raises EraseError, and then removed nothing of the database.

    ``forget_dnc``: from the list of those who are not called, too.
    """
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
            removed = _remove_rows(connection, person, forget_dnc)
            told = {"calls": len(person.call_ids), "rows": removed}
            row = {"erasure": ident, "at": now, "caller_hash": keyed_hash(key, person.number), "json": json.dumps(told)}
            connection.execute(schema.erasure.insert(), [row])
    notes = _forget_bytes(engine)
    after = look(engine, person, places)
    listed = 0 if forget_dnc else after.get(f"table {KEPT}", 0)
    proof = tuple(
        _line(where, before.get(where, 0), after.get(where, 0), listed) for where in dict.fromkeys((*before, *after))
    )
    if listed:
        notes.insert(0, "The number stays on the do-not-call list, so that nobody calls it; --forget-dnc removes it.")
    return Erasure(ident, len(person.call_ids), proof, tuple(notes))


def _line(where: str, before: int, after: int, listed: int) -> Found:
    """``listed``: rows of the do-not-call list that keep the number; of SQLite's file they are bytes."""
    kept = 0 < after <= listed and (where == f"table {KEPT}" or where.startswith("bytes of "))
    return Found(where, before, after, where.removeprefix("table ") in AUTHORED, kept)


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


def _remove_rows(connection: Connection, person: Person, forget_dnc: bool) -> Counts:
    counts: Counts = {}

    def count(table: str, rows: int) -> None:
        counts[table] = counts.get(table, 0) + rows

    for table in _tables(connection):
        if table.name in AUTHORED:
            continue
        if table.name == "quota_complete":
            count(table.name, _make_nobodys(connection, person.call_ids))
        else:
            for name in ("call_id", "contact_id", "attempt_id"):
                if name in table.columns and (name == "call_id" or table.name in _CALLED):
                    for ids in _pieces(person.ids):
                        count(table.name, connection.execute(delete(table).where(table.c[name].in_(ids))).rowcount)
        kept = table.name == KEPT and not forget_dnc
        for row in list(_rows_of(connection, table, person)):
            if kept and person.is_own(row["number"]):
                _clean_kept(connection, table, row, person)
                continue
            count(table.name, 1)
            _remove_mention(connection, table, row, person)
    return {table: rows for table, rows in counts.items() if rows}


def _clean_kept(connection: Connection, table: Table, row: dict[str, Any], person: Person) -> None:
    """Number, reason and time stay; which call it was does not."""
    own = and_(*(column == row[column.name] for column in table.primary_key))
    new = {name: person.without(row[name] or "") for name in ("reason", "source")}
    connection.execute(update(table).where(own).values(new))


def _pieces(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _IDS_AT_ONCE):
        yield ids[start : start + _IDS_AT_ONCE]


def _make_nobodys(connection: Connection, call_ids: Sequence[str]) -> int:
    """The quota had its completed run, and keeps it: a row of a call that never was, without its time."""
    table, changed = schema.quota_complete, 0
    for ids in _pieces(call_ids):
        for row in connection.execute(select(table).where(table.c.call_id.in_(ids))).all():
            own = and_(*(column == getattr(row, column.name) for column in table.primary_key))
            new: dict[str, Any] = {"call_id": f"erased-{secrets.token_hex(8)}", "at": None}
            changed += connection.execute(update(table).where(own).values(new)).rowcount
    return changed


def _remove_mention(connection: Connection, table: Table, row: dict[str, Any], person: Person) -> None:
    """A row that names the person in its key goes; in any other the name is overwritten."""
    keys = list(table.primary_key) or list(table.columns)
    own = and_(*(column == row[column.name] for column in keys))
    if any(isinstance(row[key.name], str) and person.in_text(row[key.name]) for key in table.primary_key):
        connection.execute(delete(table).where(own))
        return
    new: dict[str, Any] = {
        c.name: person.without(row[c.name]) for c in _texts(table) if row[c.name] and person.in_text(row[c.name])
    }
    if person.is_number(row.get("value_number")):
        new["value_number"] = None
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
