"""Reading YAML: scalars as written, limits, and files that are none (faults 112, 119)."""

from __future__ import annotations

import gc
import time

import pytest

from ivr.lang.source import MAX_BYTES, Map, Seq, Source, Text, parse


def read(data: bytes | str) -> Source:
    source = Source("x.yaml")
    parse(source, data.encode() if isinstance(data, str) else data)
    return source


def codes(source: Source) -> list[str]:
    return [p.code for p in source.problems.found]


@pytest.mark.parametrize(
    "scalar",
    ["012", "12:30", "no", "on", "yes", "~", "null", "+8613800138000", "1_000", "0x1F", "1e3", "2026-05-04", ".inf"],
)
def test_row_112_scalars_stay_text(scalar: str) -> None:
    root = read(f"a: {scalar}").root
    assert isinstance(root, Map)
    value = root.items[0][1]
    assert isinstance(value, Text)
    assert (value.value, value.plain) == (scalar, True)


def test_quotes_and_places_are_kept() -> None:
    root = read('# first\r\na: "x"\r\nb: [一, c]\r\n').root
    assert isinstance(root, Map)
    a, b = root.items[0][1], root.items[1][1]
    assert isinstance(a, Text)
    assert (a.plain, a.start.line, a.start.column) == (False, 1, 3)
    assert isinstance(b, Seq)
    assert [(i.start.line, i.start.column) for i in b.items] == [(2, 4), (2, 7)]


def test_byte_order_mark_is_no_part_of_the_first_key() -> None:
    source = read(b"\xef\xbb\xbfflow: x")
    assert isinstance(source.root, Map)
    assert (source.root.items[0][0].value, codes(source)) == ("flow", [])


BOMB = "a: &a [x, x]\n" + "".join(f"{c}: &{c} [*{p}, *{p}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "IVR004"),
        (b"---\n...\n", "IVR004"),
        (b"# comment", "IVR004"),
        (b"\xff\xfea\x00", "IVR003"),
        (b"a: \xff", "IVR003"),
        (b"a: \x00", "IVR003"),
        (b"a: \xed\xa0\x80", "IVR003"),
        (b"a" * (MAX_BYTES + 1), "IVR002"),
        (b"[" * 100_000, "IVR002"),
        (b"{a: " * 100_000, "IVR002"),
        (b"- " * 100_000, "IVR002"),
        (b"? " * 100_000, "IVR002"),
        (b"[" + b"x," * 200_001 + b"]", "IVR002"),
        (BOMB.encode(), "IVR009"),
        (b"a: !!python/object/apply:os.system [x]", "IVR009"),
        (b"<<: *a", "IVR009"),
        (b"%YAML 9.9\n---\na: 1", "IVR005"),
        (b"a: 1\n---\nb: 2", "IVR005"),
        (b"? [a]\n: b", "IVR010"),
    ],
)
def test_row_112_files_that_are_refused(data: bytes, code: str) -> None:
    # Late in a run the collector walks through everything that other tests left: that is not the reader's time.
    gc.collect()
    gc.disable()
    try:
        begin = time.process_time()
        found = codes(read(data))
        took_s = time.process_time() - begin
    finally:
        gc.enable()
    assert found[:1] == [code]
    assert took_s < 2


@pytest.mark.parametrize(
    "text",
    [
        "a: |\n  text\n  #: no key\n",
        'a: "one\n  #: two"\n',
        "a: 1 # : comment\n",
        "#!shebang\na: 1\n",
    ],
)
def test_comments_that_are_no_lost_keys(text: str) -> None:
    assert codes(read(text)) == []
