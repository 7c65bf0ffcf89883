"""Both databases for the contract tests: SQLite files, and a PostgreSQL that is found or started.

PostgreSQL is CALLWEAVE_TEST_PG (a URL), else one that answers at 127.0.0.1:5432, else Debian's package started in a
folder of its own. CALLWEAVE_REQUIRE_PG=1 makes a missing one a failure.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from benchmarks.year import Year
from benchmarks.year_load import load
from ivr.store.engine import make_engine
from ivr.store.upgrade import upgrade

NEARBY = "postgresql://postgres@127.0.0.1:5432/postgres"


class Unavailable(Exception):
    pass


def answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda p: int(p.parts[4]))
    if not found:
        raise Unavailable("no PostgreSQL: set CALLWEAVE_TEST_PG, or apt install postgresql")
    return found[-1].parent


def as_unprivileged() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise Unavailable("PostgreSQL does not run as root, and there is no setpriv to become postgres")
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


def started() -> Iterator[str]:
    """A server of our own, gone afterwards."""
    bin_dir, become = programs(), as_unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="callweave-pg-"))
    try:
        if become:
            shutil.chown(folder, "postgres", "postgres")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        data = folder / "data"
        make = [*become, bin_dir / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        options = f"-p {port} -h 127.0.0.1 -k {folder}"
        start = [*become, bin_dir / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start"]
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            stop = [*become, bin_dir / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"]
            subprocess.run(stop, check=True, stdout=subprocess.DEVNULL, cwd=folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    told = os.environ.get("CALLWEAVE_TEST_PG")
    try:
        if told == "start":
            yield from started()
        elif told:
            yield told
        elif answers(NEARBY):
            yield NEARBY
        else:
            yield from started()
    except Unavailable as error:
        if os.environ.get("CALLWEAVE_REQUIRE_PG") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    name = f"callweave_test_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_server, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield make_engine(postgres_server).url.set(database=name).render_as_string(hide_password=False)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without a table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/callweave.db"
    url: str = request.getfixturevalue("postgres_database")
    with make_engine(url).begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    return url


@pytest.fixture
def database(empty_database: str) -> str:
    """A database ready for use."""
    upgrade(empty_database)
    return empty_database


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def year_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A made-up year of about 10,000 answers; to be read only."""
    year = Year(10_000, 10)
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('year')}/year.db"
        load(url, year, say=lambda text: None)
        yield url
        return
    server_url: str = request.getfixturevalue("postgres_server")
    name = f"callweave_test_{secrets.token_hex(4)}"
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            url = make_engine(server_url).url.set(database=name).render_as_string(hide_password=False)
            load(url, year, say=lambda text: None)
            yield url
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
