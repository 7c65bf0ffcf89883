"""The spool's records, whatever the disk did to them (row 73), and a disk that refuses (row 81)."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from storetools import Signal, attempt_row, call_row, read, recorder, until

from ivr.store import upgrade as store
from ivr.store.recorder import Recorder
from ivr.store.spool import Spool, encode, scan

ROWS = [b'["call",{"call_id":"c%d","flow":"hotline"}]' % n for n in range(4)]
RECORDS = [encode(row) for row in ROWS]
WHOLE = b"".join(RECORDS)
ENDS = [len(b"".join(RECORDS[: n + 1])) for n in range(len(RECORDS))]


def opened(folder: Path, data: bytes) -> Spool:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.spool").write_bytes(data)
    return Spool(folder)


def drained(spool: Spool, size: int = 3) -> list[bytes]:
    rows: list[bytes] = []
    while spool.pending:
        some, position = spool.next(size)
        rows += some
        spool.done(position)
    return rows


def test_what_is_appended_comes_back_in_order_and_the_file_is_short_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(ROWS[:2])
    spool.append(ROWS[2:])
    assert drained(spool) == ROWS
    assert (tmp_path / "rows.spool").stat().st_size == 0
    spool.append(ROWS[:1])
    spool.close()
    assert drained(Spool(tmp_path)) == ROWS[:1]


def test_row_73_a_torn_tail_is_cut_at_every_byte(tmp_path: Path) -> None:
    for cut in range(len(WHOLE) + 1):
        spool = opened(tmp_path, WHOLE[:cut])
        whole = sum(end <= cut for end in ENDS)
        assert spool.quarantined == 0, cut
        assert (tmp_path / "rows.spool").stat().st_size == ([0, *ENDS][whole]), cut
        spool.append(ROWS[:1])
        assert drained(spool) == [*ROWS[:whole], ROWS[0]], cut
        spool.close()


@pytest.mark.parametrize("bit", [0, 3, 7])
def test_row_73_a_flipped_bit_costs_one_record_at_every_byte(tmp_path: Path, bit: int) -> None:
    for place in range(len(WHOLE)):
        data = bytearray(WHOLE)
        data[place] ^= 1 << bit
        hurt = sum(end <= place for end in ENDS)
        spool = opened(tmp_path, bytes(data))
        assert drained(spool) == [row for n, row in enumerate(ROWS) if n != hurt], place
        spool.close()
        start = [0, *ENDS][hurt]
        assert (tmp_path / "rows.bad").read_bytes() == bytes(data[start : ENDS[hurt]]), place
        (tmp_path / "rows.bad").unlink()


@pytest.mark.parametrize("junk", [b"\0" * 100, b"hello", b"\xffCW1", b"\xff" * 50], ids=["zeros", "text", "mark", "ff"])
def test_row_73_junk_before_between_and_after(tmp_path: Path, junk: bytes) -> None:
    data = junk + RECORDS[0] + junk + RECORDS[1] + junk
    assert [data[start:end] for kind, start, end in scan(data) if kind == "row"] == ROWS[:2]
    assert drained(opened(tmp_path, data)) == ROWS[:2]


def test_row_73_a_record_that_rots_while_it_waits_is_put_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(ROWS)
    with (tmp_path / "rows.spool").open("r+b") as file:
        file.seek(ENDS[0] + 20)
        file.write(b"\0")
    assert set(drained(spool)) == {ROWS[0], ROWS[2], ROWS[3]}
    assert spool.quarantined == 1


class FullDisk:
    """Lets the real calls through until told that the disk is full; a write then stops half-way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.full = True
        real = os.pwrite

        def pwrite(file: int, data: bytes, offset: int) -> int:
            if not self.full:
                return real(file, data, offset)
            if len(data) > 30:
                return real(file, data[:30], offset)
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "pwrite", pwrite)


def test_row_81_a_full_disk_keeps_rows_in_memory_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk, heard = FullDisk(monkeypatch), Signal()
    url = f"sqlite:///{tmp_path}/later.db"
    one = unready(url, tmp_path, heard)
    one.put("call", call_row())
    for n in range(450):
        one.put("attempt", attempt_row(n))
    heard.wait("spool")
    assert "No space left on device; free the disk" in one.trouble
    assert not one.healthy
    assert (one.durable_up_to, one.in_memory) == (0, 451)
    disk.full = False
    assert one.flush()
    assert one.healthy
    assert one.stats.spooled == 451
    store.upgrade(url)
    until(lambda: not one.spool_pending)
    assert one.close()
    assert len(read(url, "attempt")) == 450


def test_row_81_with_the_spool_full_the_database_still_takes_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FullDisk(monkeypatch)
    heard, url = Signal(), f"sqlite:///{tmp_path}/later.db"
    one = unready(url, tmp_path, heard)
    one.put("call", call_row())
    heard.wait("spool")
    store.upgrade(url)
    assert one.flush()
    assert one.healthy
    assert one.close()
    assert len(read(url, "call")) == 1


def unready(url: str, folder: Path, heard: Signal) -> Recorder:
    """A recorder whose database has no tables."""
    return recorder(url, folder, alarm=heard.alarm)


def test_close_says_when_rows_would_be_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FullDisk(monkeypatch)
    heard = Signal()
    one = unready(f"sqlite:///{tmp_path}/never.db", tmp_path, heard)
    one.put("call", call_row())
    heard.wait("spool")
    assert not one.close(timeout_s=0.05)
    with pytest.raises(RuntimeError, match="close it after the last call"):
        one.put("call", call_row())
