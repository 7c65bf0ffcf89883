"""Views: brings the views into a database, with their meaning beside them, and leaves those alone that are right.

Law: derived, so that nothing is lost: made from code and definitions, in one transaction, under a lock. What they are
is in store.viewlist, store.figureviews, store.campaignviews and store.wide. Readers see the old ones or the new ones,
never none.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, delete, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from ivr.store import questions, schema
from ivr.store.campaignviews import campaign_views
from ivr.store.figureviews import figure_views
from ivr.store.rows import prepare
from ivr.store.sqlwords import Words, literal, quoted
from ivr.store.viewlist import View, plain_views
from ivr.store.wide import PREFIX, Names, wide_view
from ivr.store.zones import ZoneError, offsets, zone_of

__all__ = ["ViewError", "ZoneError", "refresh", "refresh_survey", "static_views"]

#: SQLSTATEs of PostgreSQL: another shape than the view had, or what it stands on has; something else stands on it.
_OTHER_SHAPE, _STOOD_ON = ("42P16", "42P07", "42809", "42703", "42P01"), "2BP01"


class ViewError(Exception):
    """The views cannot be made; the message says what is in the way and what to do."""


def static_views(postgres: bool) -> tuple[View, ...]:
    """What every installation has, in the order in which they can be made."""
    w = Words(postgres)
    return *plain_views(w), *figure_views(w), *campaign_views(w)


def refresh(engine: Engine, zone: str | None = None) -> list[str]:
    """Makes every view that is missing or not as it should be; gives their names.

    ``zone``: whose days they count in; None leaves it as it is, UTC at first. Raises ViewError, ZoneError.
    """
    with engine.begin() as connection:
        return refresh_on(connection, zone)


def refresh_on(connection: Connection, zone: str | None = None) -> list[str]:
    """The same in a transaction of the caller's."""
    _lock(connection)
    _set_zone(connection, zone)
    _fill_questions(connection)
    views = static_views(_postgres(connection))
    made = _make(connection, views)
    surveys = connection.execute(select(schema.survey_definition.c.survey).distinct().order_by("survey")).scalars()
    for survey in [name for name in surveys if name]:
        made += _make_wide(connection, survey)
    return made


def refresh_survey(engine: Engine, survey: str) -> str:
    """The wide view of one survey, for a new definition of it; gives the view's name. Raises ViewError."""
    with engine.begin() as connection:
        _lock(connection)
        _fill_questions(connection)
        _make_wide(connection, survey)
        view = connection.scalar(select(schema.report_view.c.view_name).where(schema.report_view.c.survey == survey))
    if view is None:
        raise ViewError(f"no questionnaire {survey!r} was asked yet, so there is nothing to make columns of")
    return str(view)


def drop_all(connection: Connection) -> None:
    """Every view of ours: SQLite changes no table that views stand on."""
    if not inspect(connection).has_table("report_view"):
        return
    known = schema.report_view
    names = connection.execute(select(known.c.view_name).order_by(known.c.position.desc())).scalars().all()
    for name in names:
        _run(connection, f"DROP VIEW IF EXISTS {quoted(name)}")
    connection.execute(delete(known))


def _postgres(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _lock(connection: Connection) -> None:
    """Two that refresh take turns; on SQLite BEGIN IMMEDIATE sees to it."""
    if _postgres(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(728932)"))


def _run(connection: Connection, sql: str) -> None:
    # Without parameters % is a character like others.
    connection.exec_driver_sql(sql, execution_options={"no_parameters": True})


# -- what the views read besides the rows of calls ---------------------------------------------------------------------


def report_zone(connection: Connection) -> ZoneInfo:
    """Whose days the views count in: figures count in the same ones."""
    return zone_of(connection.scalar(select(schema.report_zone.c.zone)) or "UTC")


def _set_zone(connection: Connection, zone: str | None) -> None:
    table = schema.report_zone
    name = zone or connection.scalar(select(table.c.zone)) or "UTC"
    zone_of(name)
    if _postgres(connection):
        try:
            with connection.begin_nested():
                connection.execute(text("SELECT now() AT TIME ZONE :name"), {"name": name})
        except DBAPIError:
            raise ZoneError(f"PostgreSQL knows no time zone {name!r}; write one like Europe/Berlin or UTC") from None
    rows = [{"from_utc": at, "seconds": seconds} for at, seconds in offsets(name)]
    connection.execute(delete(table))
    connection.execute(table.insert(), [{"one": 1, "zone": name}])
    connection.execute(delete(schema.zone_offset))
    connection.execute(schema.zone_offset.insert(), rows)


def _fill_questions(connection: Connection) -> None:
    """Definitions that were written before there were columns for them."""
    definition, question = schema.survey_definition.c, schema.survey_question.c
    there = select(question.definition).where(question.definition == definition.hash).exists()
    for found in connection.execute(select(definition.hash, definition.json).where(~there)).all():
        for table, row in questions.rows_of(found.hash, found.json):
            name, values = prepare(table, row)
            columns = schema.metadata.tables[name].columns.keys()
            connection.execute(schema.metadata.tables[name].insert(), [dict(zip(columns, values, strict=True))])


def _definitions(connection: Connection, survey: str) -> list[Mapping[str, Any]]:
    """The oldest first; what is no definition is left out."""
    table = schema.survey_definition.c
    found = connection.execute(
        select(table.json).where(table.survey == survey).order_by(table.first_seen, table.hash)
    ).scalars()
    return [json.loads(body) for body in found if questions.rows_of("", body)]


# -- views -------------------------------------------------------------------------------------------------------------


def _make_wide(connection: Connection, survey: str) -> list[str]:
    definitions = _definitions(connection, survey)
    if not definitions:
        return []
    known = schema.report_view.c
    rows = connection.execute(select(known.view_name, known.survey)).all()
    own = next((row.view_name for row in rows if row.survey == survey), None)
    name = own or Names(row.view_name for row in rows).take(PREFIX + survey)
    return _make(connection, [wide_view(_postgres(connection), name, survey, definitions)])


def _hash(view: View) -> str:
    parts = [view.sql(), view.text, *(column.text for column in view.columns)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _make(connection: Connection, views: Sequence[View]) -> list[str]:
    """Those of ``views`` that are not there, or not so; all of them, when one has another shape than before."""
    known = schema.report_view.c
    made_of = {row.view_name: row.made_of for row in connection.execute(select(known.view_name, known.made_of))}
    there = set(inspect(connection).get_view_names())
    changed = [view for view in views if view.name not in there or made_of.get(view.name) != _hash(view)]
    if not changed:
        return []
    if not (_postgres(connection) and _replaced(connection, changed, there)):
        changed = list(views)
        with _told(connection):
            for view in reversed(changed):
                _run(connection, f"DROP VIEW IF EXISTS {quoted(view.name)}")
            for view in changed:
                _run(connection, f"CREATE VIEW {quoted(view.name)} AS\n{view.sql()}")
    for view in changed:
        _describe(connection, view)
    return [view.name for view in changed]


def _replaced(connection: Connection, views: Sequence[View], there: set[str]) -> bool:
    """PostgreSQL replaces a view in its place when it only got more columns: what others built on it stays.

    Views that stand on others first: a reader locks them in that order, and the other way round would be a deadlock.
    """
    old = [view for view in reversed(views) if view.name in there]
    try:
        with connection.begin_nested():
            for view in [*old, *(view for view in views if view.name not in there)]:
                _run(connection, f"CREATE OR REPLACE VIEW {quoted(view.name)} AS\n{view.sql()}")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") in _OTHER_SHAPE:
            return False
        raise
    return True


@contextmanager
def _told(connection: Connection) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != _STOOD_ON:
            raise
        detail = getattr(getattr(error.orig, "diag", None), "message_detail", "") or ""
        raise ViewError(
            f"other views stand on Callweave's, which have new columns: {' '.join(detail.split())}. "
            "Drop them, type `ivr db views`, and make them again"
        ) from None


def _describe(connection: Connection, view: View) -> None:
    """The meaning of a view: rows of v_help, and on PostgreSQL comments too."""
    help_, known = schema.v_help, schema.report_view
    connection.execute(delete(help_).where(help_.c.view_name == view.name))
    texts = [("-", view.text), *((column.name, column.text) for column in view.columns)]
    rows = [
        {"view_name": view.name, "column_name": name, "position": position, "text": words}
        for position, (name, words) in enumerate(texts)
    ]
    connection.execute(help_.insert(), rows)
    if _postgres(connection):
        comments = [f"COMMENT ON VIEW {quoted(view.name)} IS {literal(view.text)}"]
        for column in view.columns:
            comments.append(f"COMMENT ON COLUMN {quoted(view.name)}.{quoted(column.name)} IS {literal(column.text)}")
        _run(connection, "; ".join(comments))
    connection.execute(delete(known).where(known.c.view_name == view.name))
    last = connection.scalar(select(func.max(known.c.position))) or 0
    row = {"view_name": view.name, "survey": view.survey, "made_of": _hash(view), "position": last + 1}
    connection.execute(known.insert(), [row])
