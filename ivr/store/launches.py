"""Launches in the store: what was frozen, and whether it is open.

Law: a launch is written once, with its program and its definitions, in one transaction; then it can only be closed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, func, select, update
from sqlalchemy.exc import IntegrityError

from ivr.store.schema import launch, program, quota_complete, survey_definition, survey_run


class LaunchExists(ValueError):
    """A launch of that name was made before: names are for ever, or answers would point to two questionnaires."""


@dataclass(frozen=True)
class Launch:
    name: str
    survey: str
    definition: str  # hash
    program_hash: str
    content_hash: str
    sounds: int
    created_at: datetime
    closed_at: datetime | None = None


@dataclass(frozen=True)
class Frozen:
    """What a launch asks: values are JSON. ``definitions``: hash -> Definition."""

    flow: str
    program: dict[str, Any]
    definitions: dict[str, dict[str, Any]]


def create(engine: Engine, made: Launch, frozen: Frozen) -> None:
    """Raises LaunchExists, and the database's errors."""
    try:
        with engine.begin() as connection:
            connection.execute(
                launch.insert(),
                {
                    "launch": made.name,
                    "survey": made.survey,
                    "definition": made.definition,
                    "program_hash": made.program_hash,
                    "content_hash": made.content_hash,
                    "sounds": made.sounds,
                    "created_at": made.created_at,
                },
            )
            if connection.scalar(select(program.c.hash).where(program.c.hash == made.program_hash)) is None:
                text = json.dumps(frozen.program, ensure_ascii=False)
                row = {"hash": made.program_hash, "flow": frozen.flow, "json": text, "first_seen": made.created_at}
                connection.execute(program.insert(), row)
            for digest, definition in frozen.definitions.items():
                known = select(survey_definition.c.hash).where(survey_definition.c.hash == digest)
                if connection.scalar(known) is None:
                    connection.execute(survey_definition.insert(), definition_row(digest, definition, made.created_at))
    except IntegrityError as error:
        if exists(engine, made.name):
            raise LaunchExists(made.name) from error
        raise


def definition_row(digest: str, definition: dict[str, Any], at: datetime) -> dict[str, Any]:
    """A row of survey_definition. ``definition``: survey.definition.Definition as JSON."""
    return {
        "hash": digest,
        "survey": definition["survey"],
        "version": definition["version"],
        "title": definition["title"],
        "json": json.dumps(definition, ensure_ascii=False),
        "first_seen": at,
    }


def exists(engine: Engine, name: str) -> bool:
    with engine.connect() as connection:
        return connection.scalar(select(launch.c.launch).where(launch.c.launch == name)) is not None


def close(engine: Engine, name: str, at: datetime) -> bool:
    """False when it was closed before, or never made."""
    with engine.begin() as connection:
        closing = update(launch).where(launch.c.launch == name, launch.c.closed_at.is_(None)).values(closed_at=at)
        return bool(connection.execute(closing).rowcount)


def read(engine: Engine, name: str = "") -> list[Launch]:
    """All launches, the newest first; or the one of that name, [] when there is none."""
    query = select(launch).order_by(launch.c.created_at.desc(), launch.c.launch)
    if name:
        query = query.where(launch.c.launch == name)
    with engine.connect() as connection:
        return [_launch(row) for row in connection.execute(query).mappings()]


def _launch(row: Any) -> Launch:
    return Launch(
        row["launch"],
        row["survey"],
        row["definition"],
        row["program_hash"],
        row["content_hash"],
        row["sounds"] or 0,
        row["created_at"],
        row["closed_at"],
    )


def program_of(engine: Engine, found: Launch) -> dict[str, Any]:
    """The frozen program as JSON."""
    with engine.connect() as connection:
        text = connection.scalar(select(program.c.json).where(program.c.hash == found.program_hash))
    frozen: dict[str, Any] = json.loads(text or "{}")
    return frozen


def progress(engine: Engine, name: str) -> tuple[dict[str, int], dict[str, int]]:
    """Runs by status, and completes by quota."""
    with engine.connect() as connection:
        runs = _counts(connection, survey_run, survey_run.c.status, name)
        quotas = _counts(connection, quota_complete, quota_complete.c.quota, name)
    return runs, quotas


def _counts(connection: Connection, table: Any, column: ColumnElement[Any], name: str) -> dict[str, int]:
    query = select(column, func.count()).where(table.c.launch == name).group_by(column)
    return {row[0]: row[1] for row in connection.execute(query)}
