"""Files: the door to exports: one snapshot of the store becomes one file, whole or not at all.

Law: a file gets its name only when it is complete and on the disk; until then it lies beside, and goes when anything
fails. Formats are the other modules'.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from sqlalchemy import Connection

from ivr.results.export import codebook, floip, lines, parquet, sav, source, xlsx
from ivr.results.export.long import Long
from ivr.results.export.people import respondents
from ivr.results.export.selection import Selection
from ivr.results.export.table import Table, long_table, wide_table

FORMATS: Final = ("csv", "jsonl", "xlsx", "parquet", "sav", "floip")
LAYOUTS: Final = ("long", "wide")
STDOUT: Final = "-"


class ExportError(ValueError):
    """What is asked for cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Options:
    format: str = "csv"
    layout: str = "long"
    language: str = ""  # of titles and labels; "": the first of each
    key: bytes | None = None  # of pseudonyms; without one, numbers are masked
    excel_bom: bool = False  # CSV only


def check(selection: Selection, out: str, options: Options) -> None:
    """Raises ExportError where format, layout, survey and place do not go together."""
    text = options.format in ("csv", "jsonl")
    if out == STDOUT and not text:
        raise ExportError(f"{options.format} cannot go to standard output; name a file: --out results.{options.format}")
    if options.excel_bom and options.format != "csv":
        raise ExportError("--excel-bom is for --format csv only; the other formats say themselves how they are encoded")
    if options.format == "sav" and options.layout != "wide":
        raise ExportError("SPSS files are wide: add --layout wide")
    if options.format == "floip" and options.layout != "long":
        raise ExportError("a Flow Results package has one row an answer: leave out --layout wide")
    if not (selection.survey or selection.launch) and (options.layout == "wide" or options.format == "floip"):
        raise ExportError("columns are of one questionnaire: name a survey or a launch")
    if options.format == "floip" and Path(out).suffix != ".zip" and Path(out).exists():
        raise ExportError(f"{out} is there already; name a new folder, or a .zip file")


def export(
    connection: Connection,
    selection: Selection,
    out: str,
    options: Options = Options(),
    on_rows: lines.OnRows = lambda n: None,
) -> int:
    """Writes what ``selection`` means to ``out``; gives how many rows there were: answers when long, runs when wide.

    ``connection`` is of ``queries.reading``. Raises ExportError, sav.TooManyRuns, extras.MissingLibrary, OSError and
    the database's errors; then nothing new is at ``out``.
    """
    check(selection, out, options)
    book = codebook.read(connection, selection, options.language)
    key = options.key
    if key is None and options.format == "floip":
        key = secrets.token_bytes(32)  # contacts of a package must be told apart, and masked numbers are not
    respondent = respondents(key)
    made = Long(book, respondent)
    if options.format == "floip":
        with _package(out) as folder:
            name = selection.launch or selection.survey
            return floip.write(folder, name, source.answers(connection, selection), made, on_rows=on_rows)
    if options.format in ("csv", "jsonl"):
        csv = options.format == "csv"
        with _text(out) as stream:
            if options.excel_bom:
                stream.write(lines.BOM)
            if options.layout == "long":
                answers = source.answers(connection, selection)
                return lines.write_long(stream, answers, made, csv=csv, on_rows=on_rows)
            table = wide_table(connection, selection, book, respondent)
            return lines.write_table(stream, table, csv=csv, on_rows=on_rows)
    make = long_table if options.layout == "long" else wide_table
    table = make(connection, selection, book, respondent)
    write = {"xlsx": xlsx.write, "parquet": parquet.write, "sav": sav.write}[options.format]
    with _whole(out) as path:
        return write(path, table, on_rows=on_rows)


def write_table(table: Table, out: str, options: Options = Options(), on_rows: lines.OnRows = lambda n: None) -> int:
    """A table of rows that are no answers, in one of the formats that need no questionnaire; gives how many rows.

    Raises ExportError, extras.MissingLibrary, OSError and the database's errors; then nothing new is at ``out``.
    """
    text = options.format in ("csv", "jsonl")
    if not text and options.format not in ("xlsx", "parquet"):
        raise ExportError(f"{options.format} holds answers only; take csv, jsonl, xlsx or parquet")
    if out == STDOUT and not text:
        raise ExportError(f"{options.format} cannot go to standard output; name a file: --out rows.{options.format}")
    if options.excel_bom and options.format != "csv":
        raise ExportError("--excel-bom is for --format csv only")
    if text:
        with _text(out) as stream:
            if options.excel_bom:
                stream.write(lines.BOM)
            return lines.write_table(stream, table, csv=options.format == "csv", on_rows=on_rows)
    write = {"xlsx": xlsx.write, "parquet": parquet.write}[options.format]
    with _whole(out) as path:
        return write(path, table, on_rows=on_rows)


@contextmanager
def _whole(out: str) -> Iterator[Path]:
    """A path beside ``out``, which takes its place when all went well."""
    target = Path(out)
    if _stays(target):
        raise ExportError(f"{out} is no file, and only CSV and JSON Lines can go there; name a file")
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=f".part{target.suffix}", dir=target.parent)
    os.close(handle)
    path = Path(name)
    try:
        yield path
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        path.chmod(0o666 & ~umask)  # mkstemp's file is its maker's alone
        path.replace(target)
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _text(out: str) -> Iterator[TextIO]:
    if out == STDOUT:
        stream = open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False)  # noqa: SIM115 - closed below
        try:
            yield stream
        finally:
            stream.close()
        return
    if _stays(Path(out)):
        with Path(out).open("w", encoding="utf-8", newline="") as stream:
            yield stream
        return
    with _whole(out) as path, path.open("w", encoding="utf-8", newline="") as stream:
        yield stream


def _stays(target: Path) -> bool:
    """A device or a pipe, whose place no file takes."""
    return target.is_char_device() or target.is_fifo()


@contextmanager
def _package(out: str) -> Iterator[Path]:
    """A folder to fill, which becomes ``out``: a folder, or a zip file when it is called so."""
    target = Path(out)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        inner = folder / "package"
        inner.mkdir()
        yield inner
        if target.suffix != ".zip":
            inner.rename(target)
            return
        with _whole(out) as path, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in (floip.DESCRIPTOR, floip.DATA):
                archive.write(inner / file, file)
    finally:
        shutil.rmtree(folder)
