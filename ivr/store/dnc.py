"""Do not call: numbers, and beginnings of numbers, that no campaign calls, or one campaign does not.

Law: a number is listed when it stands here, or one of its beginnings does as a prefix; nothing else is asked. The same
question has two forms that a test holds equal: a condition for the statement that takes a lease, and a set in memory.
Numbers are E.164 already. The first entry stays, with its time; only an opt-out takes the place of another reason.
Who changes the list is in `campaign_audit` with it, in the same transaction, under the scope.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Text, any_, cast, delete, exists, func, literal_column, or_, select

from ivr.store import schema
from ivr.store.campaigns import Audit, Who, audit_of
from ivr.store.rows import clean, utc_text
from ivr.store.staging import Staging, staging

#: The scope of an entry for every campaign.
EVERYWHERE: Final = "-"
OPT_OUT: Final = "opt_out"
#: What is done to the list, in the audit.
ADD: Final = "dnc add"
REMOVE: Final = "dnc remove"
IMPORT: Final = "dnc import"
#: + and 15 digits.
LONGEST: Final = 16
_SHORTEST: Final = 2  # + and a digit
_COLUMNS: Final = ("scope", "number", "is_prefix", "reason", "source", "at")
_AT_ONCE: Final = 5_000


@dataclass(frozen=True)
class Entry:
    scope: str
    number: str
    is_prefix: bool
    reason: str
    source: str
    at: datetime | None = None


@dataclass(frozen=True)
class Counts:
    new: int
    known: int


def beginnings(number: str) -> tuple[str, ...]:
    """+8, +86, +861 ... and the whole number: whichever of them is a prefix here, the number is not called."""
    return tuple(number[:end] for end in range(_SHORTEST, len(number) + 1))


def listed(number: ColumnElement[str], campaign: ColumnElement[str] | str, dialect: str) -> ColumnElement[bool]:
    """Whether the number of a row is not to be called by a campaign, as a condition for WHERE.

    Looks up a dozen and a half keys of the table's index, however long the list is; ``dialect`` is the engine's name.
    """
    table = schema.dnc.alias("do_not_call")
    begins: list[Any] = [number]
    begins += [func.substr(number, literal_column("1"), literal_column(str(n))) for n in range(_SHORTEST, LONGEST)]
    if dialect == "postgresql":  # IN with columns becomes a dozen ORs there; an array is one index scan
        from sqlalchemy.dialects.postgresql import array

        among = table.c.number == any_(array([cast(b, Text) for b in begins], type_=Text))
    else:
        among = table.c.number.in_(begins)
    scopes = table.c.scope.in_([literal_column(f"'{EVERYWHERE}'"), campaign])
    return exists(
        select(literal_column("1"))
        .select_from(table)
        .where(scopes, among, or_(table.c.is_prefix == literal_column("1"), table.c.number == number))
    )


class Listed:
    """The list in memory, for previews and simulations: the same answer as ``listed``."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._found: dict[str, dict[str, Entry]] = {}
        lengths: dict[str, set[int]] = {}
        for entry in entries:
            self._found.setdefault(entry.scope, {})[entry.number] = entry
            if entry.is_prefix:
                lengths.setdefault(entry.scope, set()).add(len(entry.number))
        self._lengths = {scope: sorted(found) for scope, found in lengths.items()}

    def why(self, number: str, campaign: str) -> Entry | None:
        """The entry because of which this campaign does not call the number; None: it may."""
        for scope in (EVERYWHERE, campaign):
            found = self._found.get(scope)
            if not found:
                continue
            entry = found.get(number)
            if entry is not None:
                return entry
            for length in self._lengths.get(scope, ()):
                entry = found.get(number[:length])
                if entry is not None and entry.is_prefix:
                    return entry
        return None


# -- reading -----------------------------------------------------------------------------------------------------------


def _entry(row: Any) -> Entry:
    return Entry(row.scope, row.number, bool(row.is_prefix), row.reason or "", row.source or "", row.at)


def entries(engine: Engine, scopes: Sequence[str] = ()) -> Iterator[Entry]:
    """Of these scopes, or of all, by scope and number."""
    query = select(schema.dnc).order_by(schema.dnc.c.scope, schema.dnc.c.number)
    if scopes:
        query = query.where(schema.dnc.c.scope.in_(scopes))
    with engine.connect() as connection:
        for row in connection.execution_options(read_only=True, yield_per=_AT_ONCE).execute(query):
            yield _entry(row)


def load(engine: Engine, campaign: str) -> Listed:
    """What concerns one campaign. About 300 bytes an entry."""
    return Listed(entries(engine, (EVERYWHERE, campaign)))


def why(engine: Engine, number: str) -> list[Entry]:
    """Every entry that this number falls under, in any campaign; those for all of them first."""
    table = schema.dnc
    query = select(table).where(table.c.number.in_(beginnings(number)))
    query = query.where(or_(table.c.is_prefix == 1, table.c.number == number))
    with engine.connect() as connection:
        found = [_entry(row) for row in connection.execution_options(read_only=True).execute(query)]
    return sorted(found, key=lambda e: (e.scope != EVERYWHERE, e.scope, len(e.number)))


# -- changing ----------------------------------------------------------------------------------------------------------

_OPTED: Final = f"excluded.reason = '{OPT_OUT}' AND dnc.reason <> '{OPT_OUT}'"
_IS_OPTED: Final = f"CASE WHEN reason = '{OPT_OUT}' THEN 1 ELSE 0 END"
_UPSERT: Final = (
    "INSERT INTO dnc (scope, number, is_prefix, reason, source, at) "
    f"SELECT scope, number, max(is_prefix), CASE WHEN max({_IS_OPTED}) = 1 THEN '{OPT_OUT}' ELSE min(reason) END, "
    "min(source), {at} FROM staged WHERE true GROUP BY scope, number "
    "ON CONFLICT (scope, number) DO UPDATE SET "
    "is_prefix = CASE WHEN excluded.is_prefix = 1 THEN 1 ELSE dnc.is_prefix END, "
    + ", ".join(f"{c} = CASE WHEN {_OPTED} THEN excluded.{c} ELSE dnc.{c} END" for c in ("reason", "source", "at"))
    + f" WHERE (excluded.is_prefix = 1 AND dnc.is_prefix <> 1) OR ({_OPTED})"
)


# Of two who write under one scope the second waits for the first; for a campaign's own moves its row is the lock.
_LOCKS: Final = (
    "SELECT pg_advisory_xact_lock(728934, hashtext(?))",
    "SELECT 1 FROM campaign WHERE campaign = ? FOR UPDATE",
)
_NOTE: Final = (
    "INSERT INTO campaign_audit (campaign, number, at, by, what, json) "
    "SELECT ?, coalesce(max(number), 0) + 1, {at}, ?, ?, ? FROM campaign_audit WHERE campaign = ?"
)
#: Runs one statement, in which ``?`` stands for a value.
Run = Callable[..., Any]


def _note(run: Run, postgres: bool, scope: str, who: Who, what: str, told: Mapping[str, Any]) -> None:
    """A row of the audit; SQLite has one writer, which is this one."""
    for lock in _LOCKS if postgres else ():
        run(lock, scope)
    at = "CAST(? AS timestamptz)" if postgres else "?"
    words = json.dumps(told, ensure_ascii=False)
    run(_NOTE.format(at=at), scope, utc_text(who.at), clean(who.by), what, clean(words), scope)


class Import:
    """Entries on their way in."""

    def __init__(self, stage: Staging) -> None:
        self._stage = stage

    def put(self, batch: Iterable[Entry], now: datetime) -> None:
        at = utc_text(now)
        self._stage.put(
            (e.scope, e.number, int(e.is_prefix), clean(e.reason), clean(e.source), utc_text(e.at) if e.at else at)
            for e in batch
        )

    def finish(self, scope: str = EVERYWHERE, who: Who | None = None, what: str = "", **told: Any) -> Counts:
        """``who``: whose doing it is, for the audit of ``scope``; None writes nothing there."""
        self._stage.all_there()
        rows = int(self._stage.ask("SELECT count(*) FROM (SELECT DISTINCT scope, number FROM staged) AS one") or 0)
        same = "FROM staged JOIN dnc ON dnc.scope = staged.scope AND dnc.number = staged.number"
        known = int(
            self._stage.ask(f"SELECT count(*) FROM (SELECT DISTINCT staged.scope, staged.number {same}) AS one")
        )
        at = "CAST(min(at) AS timestamptz)" if self._stage.postgres else "min(at)"
        self._stage.run(_UPSERT.format(at=at))
        counts = Counts(rows - known, known)
        if who is not None:
            _note(self._stage.run, self._stage.postgres, scope, who, what, {**told, **asdict(counts)})
        self._stage.commit()
        return counts


@contextmanager
def importing(engine: Engine, lock: str = "dnc") -> Iterator[Import]:
    """One transaction: all of it is there after ``finish``, or nothing. Raises staging.Busy, but for ``lock`` ""."""
    with staging(engine, _COLUMNS, lock) as stage:
        yield Import(stage)


def add(engine: Engine, batch: Sequence[Entry], now: datetime, who: Who | None = None) -> Counts:
    """A few of one scope at once; nobody has to wait for an import."""
    told: dict[str, Any] = {"numbers": [shown(e.number, e.is_prefix) for e in batch]}
    told |= {"reason": batch[0].reason, "source": batch[0].source} if batch else {}
    with importing(engine, lock="") as into:
        into.put(batch, now)
        return into.finish(batch[0].scope if batch else EVERYWHERE, who, ADD, **told)


def remove(engine: Engine, number: str, scope: str, who: Who | None = None) -> Entry | None:
    """The entry that was there. A number may still fall under a prefix, or be listed in another scope."""
    table = schema.dnc
    own = (table.c.scope == scope, table.c.number == number)
    with engine.begin() as connection:
        row = connection.execute(select(table).where(*own)).first()
        if row is None:
            return None
        connection.execute(delete(table).where(*own))
        gone = _entry(row)
        if who is not None:
            postgres = connection.dialect.name == "postgresql"

            def run(sql: str, *values: Any) -> None:
                connection.exec_driver_sql(sql.replace("?", "%s") if postgres else sql, values)

            told = {"numbers": [shown(gone.number, gone.is_prefix)], "reason": gone.reason, "source": gone.source}
            _note(run, postgres, scope, who, REMOVE, {**told, "since": utc_text(gone.at) if gone.at else ""})
        return gone


def shown(number: str, is_prefix: bool) -> str:
    return f"{number}..." if is_prefix else number


def log(engine: Engine, scope: str | None = None) -> list[tuple[str, Audit]]:
    """(scope, what was done to the list), the oldest first; of one scope, or of all."""
    table = schema.campaign_audit
    query = select(table).where(table.c.what.in_((ADD, REMOVE, IMPORT)))
    if scope is not None:
        query = query.where(table.c.campaign == scope)
    query = query.order_by(table.c.at, table.c.campaign, table.c.number)
    with engine.connect() as connection:
        found = connection.execution_options(read_only=True).execute(query).mappings().all()
    return [(row["campaign"], audit_of(row)) for row in found]
