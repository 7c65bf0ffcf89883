"""Quotas: how many complete interviews have been counted.

Law: reads. A count is a number of rows, one for each run and quota, so that no retry and no second worker counts twice.
"""

from __future__ import annotations

from sqlalchemy import Engine, func, select

from ivr.store.schema import quota_complete

#: (survey, launch, quota) -> completes. The launch is "-" outside of one.
Counts = dict[tuple[str, str, str], int]


def counts(engine: Engine) -> Counts:
    """All that has been counted. Raises the database's errors."""
    table = quota_complete.c
    query = select(table.survey, table.launch, table.quota, func.count()).group_by(
        table.survey, table.launch, table.quota
    )
    with engine.connect().execution_options(read_only=True) as connection:
        return {(row[0], row[1], row[2]): row[3] for row in connection.execute(query)}
