"""The ledger: what the database says is one kind of error, and a connection that broke is made anew."""

from __future__ import annotations

from contextlib import suppress

import pytest
from dialtools import NOW, add, ledger, rows
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from ivr.store.engine import make_engine
from ivr.store.upgrade import upgrade

WRONG = {
    "no such table": "SELECT 1 FROM nothing_here",
    "a key twice": "INSERT INTO dnc (scope, number) VALUES ('-', '+8613800000000')",
}


@pytest.mark.parametrize("how", ["all", "do"])
@pytest.mark.parametrize("sql", WRONG.values(), ids=WRONG)
def test_what_the_database_refuses_undoes_the_transaction_and_not_the_ledger(database: str, sql: str, how: str) -> None:
    add(database, "dnc", scope="-", number="+8613800000000", is_prefix=0, reason="asked", source="x", at=NOW)
    book = ledger(database)

    def work() -> None:
        with book.transaction() as page:
            page.do("UPDATE dnc SET reason = 'changed'")
            getattr(page, how)(sql)

    with pytest.raises(DBAPIError):
        work()
    with book.transaction() as page:
        assert page.all("SELECT reason FROM dnc") == [("asked",)]
    assert rows(database, "dnc")[0]["reason"] == "asked"


@pytest.mark.postgres
def test_a_connection_that_broke_is_made_anew(postgres_database: str) -> None:
    upgrade(postgres_database)
    book = ledger(postgres_database)
    with book.transaction(read_only=True) as page:
        ((backend,),) = page.all("SELECT pg_backend_pid()")
    with make_engine(postgres_database).connect() as other:
        assert other.scalar(text("SELECT pg_terminate_backend(:id, 10000)"), {"id": backend})
    with pytest.raises(OperationalError), book.transaction() as page:
        page.all("SELECT 1")
    with book.transaction() as page:
        assert page.do("UPDATE dnc SET reason = 'x' WHERE number = :number", number="none") == 0
        assert page.all("SELECT pg_backend_pid()")[0][0] != backend


def test_an_error_of_ours_undoes_the_transaction(database: str) -> None:
    book = ledger(database)
    with suppress(ZeroDivisionError), book.transaction() as page:
        page.do("INSERT INTO dnc (scope, number) VALUES ('-', '+8613800000000')")
        raise ZeroDivisionError
    assert rows(database, "dnc") == []
    assert issubclass(DBAPIError, SQLAlchemyError)
