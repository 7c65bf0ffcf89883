"""Leftovers: what stands of a person outside of the database's tables: recordings, traces, spools, and bytes of a file.

Law: knows folders and files, nothing of tables. Counting changes nothing; removing what is gone already is no mistake.
A spool that a process works with is left to it.
"""

from __future__ import annotations

import fcntl
import glob
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ivr.store.person import Person
from ivr.store.spool import HEAD_BYTES, scan

_PIECE = 1024 * 1024
#: Broken records, and a file that a crash left half written: what tells of a person is overwritten in its place.
_BROKEN = ("rows.bad", "rows.new")
_SPOOL_NAMES = ("rows.spool", "rows.dead", *_BROKEN)


class InUse(Exception):
    """A running server's spool holds rows of the person; the message says what to do."""


def files_of(folder: Path, person: Person, *, inside: bool) -> list[Path]:
    """Files whose name, or with ``inside`` whose text, tells of the person."""
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        if person.in_text(path.name) or (inside and person.in_bytes(path.read_bytes())):
            found.append(path)
    return found


def bytes_hold(path: Path, person: Person) -> int:
    """How often a number or an id of the person stands in the bytes of a file, whatever surrounds it."""
    needles = [text.encode() for text in person.needles]
    overlap, count, tail = max(map(len, needles)) - 1, 0, b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            data = tail + piece
            # What begins in the tail is counted here, what is wholly in it was counted before.
            count += sum(_count(data, needle, max(0, len(tail) - len(needle) + 1)) for needle in needles)
            tail = data[-overlap:] if overlap else b""
    return count


def _count(data: bytes, needle: bytes, start: int) -> int:
    return data.count(needle, start)


def remove(paths: list[Path]) -> int:
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


def spool_files(folder: Path) -> list[Path]:
    """Of every process whose spool stands in or under the folder, or beside it: `spool-8084` of `spool`."""
    beside = folder.parent.glob(f"{glob.escape(folder.name)}-*") if folder.parent.is_dir() else ()
    found = {path for each in (folder, *beside) for path in each.rglob("rows.*")}
    return sorted(path for path in found if path.name in _SPOOL_NAMES)


def rows_in(path: Path, person: Person) -> int:
    """Rows (lines of rows.dead; places of rows.bad, whose rows are broken) that tell of the person."""
    return sum(person.in_bytes(part) for part in _parts(path))


def clean_spool(path: Path, person: Person) -> int:
    """Removes those rows; gives how many. Raises InUse."""
    found = rows_in(path, person)
    if not found:
        return 0
    with _locked(path.parent):
        if path.name in _BROKEN:
            _blacken(path, person)
            return found
        kept = [part for part in _parts(path) if not person.in_bytes(part)]
        new = path.with_name("rows.new")
        with new.open("wb") as file:
            file.write(b"".join(kept))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    return found


def _parts(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    if path.name == "rows.spool":
        # As they stand in the file, heads included; a row's start is its payload's.
        yield from (data[start - HEAD_BYTES if kind == "row" else start : end] for kind, start, end in scan(data))
    elif path.name == "rows.dead":
        yield from data.splitlines(keepends=True)
    else:
        yield data


def _blacken(path: Path, person: Person) -> None:
    """Broken records are nobody's rows: what tells of the person is overwritten where it stands."""
    data = path.read_bytes()
    for needle in person.needles:
        data = data.replace(needle.encode(), b"0" * len(needle.encode()))
    path.write_bytes(data)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise InUse(
            f"spool {folder} has rows of this caller and a server works with it; "
            "wait until its database is back and the spool is empty, or stop that server, and try again"
        ) from None
    finally:
        os.close(handle)
