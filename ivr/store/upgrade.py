"""Upgrade: brings a database to the schema this Callweave knows, and refuses to run on another one.

Law: the only user of Alembic, which is imported when it is needed: a server that starts only compares two words.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from ivr.store.engine import make_engine, parse_url, shown_url

#: The newest migration. A test holds it equal to the newest file in migrations/versions.
HEAD = "0009"
_MIGRATIONS = Path(__file__).parent / "migrations"


class SchemaError(Exception):
    """The database is not what this Callweave writes; the message says what to type."""


def version(connection: Connection) -> str | None:
    """The schema version of the database; None when it holds none of our tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def known_versions() -> list[str]:
    """Oldest first."""
    return sorted(path.name.split("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


def check_version(found: str | None, url: str) -> None:
    """Raises SchemaError unless ``found`` is the version this Callweave writes."""
    if found == HEAD:
        return
    where = shown_url(url)
    command = f"ivr db upgrade --db {where}"
    if found is None:
        raise SchemaError(f"{where} holds no Callweave tables yet. Type: {command}")
    if found in known_versions():
        raise SchemaError(f"{where} has schema {found}, this Callweave needs {HEAD}. Type: {command}")
    raise SchemaError(
        f"{where} has schema {found}, which is newer than this Callweave's {HEAD}. "
        "Start the Callweave that upgraded it, or a newer one"
    )


def check_schema(engine: Engine) -> None:
    """At start, before any call (row 86). Raises SchemaError, or SQLAlchemy's OperationalError when nobody answers."""
    url = engine.url.render_as_string(hide_password=False)
    with engine.connect() as plain:
        connection = plain.execution_options(read_only=True)
        check_version(version(connection), url)


def upgrade(url: str, to: str = HEAD, zone: str | None = None) -> tuple[str | None, str]:
    """Creates or upgrades the tables and the views; gives the versions before and after. Harmless when there is nothing
    to do. ``zone``: whose days the views count in; None leaves it as it is.

    Raises SchemaError for a database newer than this Callweave, and what ``views.refresh`` raises.
    """
    from alembic import command
    from alembic.config import Config

    from ivr.store import views

    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Two that upgrade at once take turns; on SQLite BEGIN IMMEDIATE sees to it.
                connection.execute(text("SELECT pg_advisory_xact_lock(728931)"))
            before = version(connection)
            if before is not None and before not in known_versions():
                check_version(before, url)
            if before != to and connection.dialect.name == "sqlite":
                views.drop_all(connection)
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            if to == HEAD:
                views.refresh_on(connection, zone)
        return before, to
    finally:
        engine.dispose()


def is_empty_sqlite(url: str) -> bool:
    """True when the URL is a SQLite file that is not there yet: then creating it asks nobody's leave."""
    parsed = parse_url(url)
    return parsed.get_backend_name() == "sqlite" and not Path(str(parsed.database)).exists()
