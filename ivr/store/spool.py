"""Spool: rows wait on the local disk while the database is away.

Law: an append-only file of records; what ``append`` returned from is on the disk. A record is a mark, its length,
its CRC and JSON text. The mark's first byte never occurs in UTF-8, so after a broken record the next whole one is
found again (row 73). The reader's position is not kept: a spool that was drained in part is drained again, which
is harmless because rows are.

Files in the folder: ``lock``, ``rows.spool``, ``rows.bad`` (broken records, as they were), ``rows.dead`` (rows that
no database takes, one JSON object a line).
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_MARK = b"\xffCW1"
_HEAD = struct.Struct(">4sII")
#: Bytes before a record's payload.
HEAD_BYTES = _HEAD.size
#: No row is that long: a length beyond it is a broken one.
MAX_RECORD = 64 * 1024 * 1024
_SCAN = 1024 * 1024


class SpoolInUse(Exception):
    """Another process drains this spool; the message says which folder."""


def encode(payload: bytes) -> bytes:
    return _HEAD.pack(_MARK, len(payload), zlib.crc32(payload)) + payload


def scan(data: bytes) -> Iterator[tuple[str, int, int]]:
    """The stretches of a spool file, as (kind, start, end): ``row`` (start is its payload's), ``bad`` or ``torn``.

    Torn is what a crash leaves at the end: a beginning without its rest. Everything else that is no row is bad.
    """
    at, size = 0, len(data)
    while at < size:
        end = _whole(data, at)
        if end:
            yield "row", at + _HEAD.size, end
            at = end
            continue
        after = data.find(_MARK, at + 1)
        while after != -1 and not _whole(data, after):
            after = data.find(_MARK, after + 1)
        if after == -1:
            yield ("torn" if _is_torn(data, at) else "bad"), at, size
            return
        yield "bad", at, after
        at = after


def _whole(data: bytes, at: int) -> int:
    """Where the whole record at ``at`` ends; 0 when there is none."""
    if at + _HEAD.size > len(data):
        return 0
    mark, length, crc = _HEAD.unpack_from(data, at)
    end: int = at + _HEAD.size + length
    if mark != _MARK or end > len(data) or zlib.crc32(data[at + _HEAD.size : end]) != crc:
        return 0
    return end


def _is_torn(data: bytes, at: int) -> bool:
    rest = data[at : at + _HEAD.size]
    if len(rest) < _HEAD.size:
        return _MARK.startswith(rest[:4]) if len(rest) < 4 else rest.startswith(_MARK)
    mark, length, _ = _HEAD.unpack(rest)
    return bool(mark == _MARK and length <= MAX_RECORD and at + _HEAD.size + length > len(data))


class Spool:
    """One process's spool folder. Used by one thread at a time. OSError means the disk refused."""

    def __init__(self, folder: Path) -> None:
        """Locks the folder and looks through what is there. Raises SpoolInUse, OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise SpoolInUse(
                f"spool {folder} is in use by another process; give each process a folder of its own"
            ) from None
        self._file = os.open(folder / "rows.spool", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _sync_folder(folder)
        self.quarantined = 0
        self.torn_bytes = 0
        self._read_at = 0
        self._end = self._mend()

    @property
    def pending(self) -> bool:
        """Something waits to be drained."""
        return self._read_at < self._end

    def _mend(self) -> int:
        """Row 73: cuts the torn tail, moves broken records aside; gives the length that is good."""
        data = self._read(0, os.fstat(self._file).st_size)
        good = len(data)
        kept: list[bytes] = []
        for kind, start, end in scan(data):
            if kind == "row":
                kept.append(data[start - _HEAD.size : end])
            elif kind == "torn":
                # Nobody was told that it is safe; kept all the same, as a broken length looks just like this.
                self.torn_bytes += end - start
                self._append_to("rows.bad", data[start:end])
                good = start
            else:
                self.quarantined += 1
                self._append_to("rows.bad", data[start:end])
        if self.quarantined:
            # A new file, so that a crash here leaves the old one, broken but whole.
            new = self.folder / "rows.new"
            with new.open("wb") as file:
                file.write(b"".join(kept))
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.folder / "rows.spool")
            _sync_folder(self.folder)
            os.close(self._file)
            self._file = os.open(self.folder / "rows.spool", os.O_RDWR | os.O_CLOEXEC)
            return sum(map(len, kept))
        if good < len(data):
            os.ftruncate(self._file, good)
            os.fsync(self._file)
        return good

    def append(self, payloads: Iterable[bytes]) -> None:
        """On the disk when it returns. Raises OSError and then holds none of them."""
        data = b"".join(map(encode, payloads))
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self._end + written)
            os.fdatasync(self._file)
        except OSError:
            # After a failed sync the kernel may have dropped the pages: only what came before counts.
            os.ftruncate(self._file, self._end)
            raise
        self._end += len(data)

    def next(self, count: int) -> tuple[list[bytes], int]:
        """Up to ``count`` payloads in order, and the position to hand to ``done`` once they are stored."""
        rows: list[bytes] = []
        at = self._read_at
        while at < self._end and len(rows) < count:
            head = self._read(at, _HEAD.size)
            if len(head) == _HEAD.size:
                mark, length, crc = _HEAD.unpack(head)
                payload = self._read(at + _HEAD.size, length) if length <= MAX_RECORD else b""
                if mark == _MARK and len(payload) == length and zlib.crc32(payload) == crc:
                    rows.append(payload)
                    at += _HEAD.size + length
                    continue
            # It was whole when written: the disk changed it since. Put the rest in order as at start.
            if not rows:
                self._read_at = 0
                self._end = self._mend()
                at = 0
                continue
            break
        return rows, at

    def done(self, position: int) -> None:
        """Everything before ``position`` is stored; an empty spool is a short file again."""
        self._read_at = position
        if position >= self._end:
            os.ftruncate(self._file, 0)
            os.fdatasync(self._file)
            self._read_at = self._end = 0

    def bury(self, row: object, reason: str) -> None:
        """A row that no database takes, kept for a person (row 78)."""
        line = json.dumps({"reason": reason, "row": row}, ensure_ascii=True, default=repr)
        self._append_to("rows.dead", line.encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)
        os.close(self._lock)

    def _read(self, at: int, length: int) -> bytes:
        parts: list[bytes] = []
        while length > 0:
            part = os.pread(self._file, min(length, _SCAN), at)
            if not part:
                break
            parts.append(part)
            at += len(part)
            length -= len(part)
        return b"".join(parts)

    def _append_to(self, name: str, data: bytes) -> None:
        with (self.folder / name).open("ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
