"""Listing: files of numbers that are not to be called, into the do-not-call list.

Law: each file is one transaction, or nothing. What `ivr dnc export` wrote comes back as it was: scope, reason, since
when; of any other file only the numbers are read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from ivr.campaign.numbers import Normal
from ivr.contacts.columns import NUMBER
from ivr.contacts.importing import RejectedFile, Report, Wish, bad_lines, note, open_table
from ivr.contacts.people import Rejected
from ivr.contacts.shapes import Normaliser, prefix_of
from ivr.results.cells import bare_cell
from ivr.store import dnc
from ivr.store.campaigns import Who
from ivr.store.schema import KEY_LENGTH, TEXT_LENGTH

HEAD: Final = ("number", "kind", "scope", "reason", "source", "since")


def import_file(
    engine: Engine,
    path: Path,
    wish: Wish,
    reason: str,
    prefix: bool,
    now: datetime,
    rejected: RejectedFile,
    progress: Callable[[int, int], None] = lambda done, size: None,
    who: Who | None = None,
) -> tuple[Report, dnc.Counts]:
    """``wish.list_name`` is the scope; ``who``: for the audit. Raises FileError, staging.Busy."""
    table, columns = open_table(path, wish)
    report = Report(path, table.told, columns)
    normalise = Normaliser(wish.country)

    def begin(text: str) -> Normal:
        return prefix_of(text, wish.country)

    exported = tuple(columns.header) == HEAD
    at_number = columns.own[NUMBER]
    meant: Callable[[str], Normal] = begin if prefix else normalise

    def plain(first: int, rows: Sequence[list[str]], bad: list[Rejected]) -> Iterator[dnc.Entry]:
        head = columns.header[at_number] or f"column {at_number + 1}"
        for number, cells in enumerate(rows, first):
            text = cells[at_number] if len(cells) > at_number else ""
            found = meant(text)
            if found.number:
                yield dnc.Entry(wish.list_name, found.number, prefix, reason, path.name)
            elif any(cell.strip() for cell in cells):
                bad.append(Rejected(number, head, text[:200], found.reason))

    def as_exported(first: int, rows: Sequence[list[str]], bad: list[Rejected]) -> Iterator[dnc.Entry]:
        for number, cells in enumerate(rows, first):
            if not any(cells):
                continue
            entry = _exported(cells, normalise, begin)
            if isinstance(entry, dnc.Entry):
                yield entry
            else:
                bad.append(Rejected(number, *entry))

    take = as_exported if exported else plain
    with dnc.importing(engine) as into:
        for first, rows in table.pieces:
            bad: list[Rejected] = []
            entries = list(take(first, rows, bad))
            report.taken += len(entries)
            into.put(entries, now)
            note(report, [*bad, *bad_lines(table)], rejected)
            progress(table.done(), table.size)
        report.rows = report.taken + report.rejected
        told = {"file": path.name, "rows": report.rows, "rejected": report.rejected}
        return report, into.finish(wish.list_name, who, dnc.IMPORT, **told)


def _exported(
    cells: list[str], normalise: Callable[[str], Normal], begin: Callable[[str], Normal]
) -> dnc.Entry | tuple[str, str, str]:
    """The entry, or the column, the cell and what is wrong with it."""
    if len(cells) != len(HEAD):
        return "", ", ".join(cells)[:200], f"it has {len(cells)} cells, the header {len(HEAD)}"
    text, kind, scope, reason, source, since = map(bare_cell, cells)
    if kind not in ("number", "prefix"):
        return "kind", kind[:200], "it is neither number nor prefix"
    found = begin(text) if kind == "prefix" else normalise(text)
    if not found.number:
        return "number", text[:200], found.reason
    if not scope or len(scope) > KEY_LENGTH:
        return "scope", scope[:200], "it is no campaign, and not - for all of them"
    try:
        at = datetime.fromisoformat(since) if since else None
    except ValueError:
        return "since", since[:200], "it is no time; write 2026-11-25T10:00:00Z"
    at = at.replace(tzinfo=UTC) if at and at.tzinfo is None else at
    return dnc.Entry(scope, found.number, kind == "prefix", reason[:TEXT_LENGTH], source[:TEXT_LENGTH], at)
