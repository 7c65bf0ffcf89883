"""Encodings: which one a file of text is in.

Law: reads the file once, in pieces, and decides; a mark at the beginning and strict UTF-8 leave no doubt, the rest is
told by the headers that people write, then by the library that guesses from frequencies.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from charset_normalizer import from_bytes

_PIECE: Final = 1 << 20
_SAMPLE: Final = 1 << 16
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Tried in this order when the headers tell: GB 18030 has GBK and GB 2312 in it.
_CHINESE: Final = ("gb18030", "big5hkscs")
_GUESSED: Final = ("gb18030", "big5hkscs", "cp1252", "latin_1", "shift_jis", "euc_kr", "cp1251", "cp1250")
#: So few wrong bytes in a file that is UTF-8 otherwise are damage, not another encoding.
_DAMAGED_SHARE: Final = 0.001


class EncodingError(ValueError):
    """The file is in no encoding that was named; the words are for the person who chose it."""


@dataclass(frozen=True)
class Encoding:
    name: str
    why: str
    damaged: bool = False  # wrong bytes are read as U+FFFD

    @property
    def errors(self) -> str:
        return "replace" if self.damaged else "strict"


def named(path: Path, name: str) -> Encoding:
    """The encoding that somebody typed. Raises EncodingError when there is none of that name, or the file is not."""
    try:
        codecs.lookup(name)
    except LookupError:
        raise EncodingError(f"there is no encoding {name!r}; write utf-8, gb18030, big5 or latin-1") from None
    if not _fits(path, name):
        raise EncodingError(f"the file is not in {name}")
    return Encoding(name, "as told")


def detect(path: Path, known_header: Callable[[str], bool]) -> Encoding:
    """``known_header``: whether a first line has a word that such a file has above a column."""
    with path.open("rb") as file:
        head = file.read(_SAMPLE)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, "its mark says so", damaged=not _fits(path, name))
    wide = _wide(head)
    if wide:
        return Encoding(wide, "every other byte is 0", damaged=not _fits(path, wide))
    if _fits(path, "utf-8"):
        return Encoding("utf-8", "all of it is")
    if _nearly_utf8(head):
        return Encoding("utf-8", "nearly all of it is", damaged=True)
    line = head.split(b"\n", 1)[0]
    for name in _CHINESE:
        if not line.isascii() and _decoded(line, name, known_header) and _fits(path, name):
            return Encoding(name, "its headers are Chinese in it")
    sample = _with_other_than_ascii(path)
    for match in from_bytes(sample, cp_isolation=list(_GUESSED)):
        if _fits(path, match.encoding):
            return Encoding(match.encoding, "guessed")
    fits = next((name for name in ("cp1252", "gb18030") if _fits(path, name)), "latin-1")
    return Encoding(fits, "guessed")


def _fits(path: Path, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)("strict")
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _wide(head: bytes) -> str:
    """UTF-16 without its mark: of ASCII every other byte is 0."""
    sample = head[: len(head) // 2 * 2]
    if len(sample) < 4:
        return ""
    half = len(sample) // 2
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if odd > half * 0.4 and even < half * 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > half * 0.4 and odd < half * 0.05 else ""


def _nearly_utf8(head: bytes) -> bool:
    text = head.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = sum(1 for c in text if c > "\x7f") - wrong
    return right > 20 * wrong and wrong <= max(3, len(text) * _DAMAGED_SHARE)


def _decoded(line: bytes, name: str, known_header: Callable[[str], bool]) -> bool:
    try:
        return known_header(line.decode(name))
    except UnicodeDecodeError:
        return False


def _with_other_than_ascii(path: Path) -> bytes:
    """Lines that tell something of the encoding."""
    found: list[bytes] = []
    size = 0
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                found.append(line[:1000])
                size += len(found[-1])
                if size > _SAMPLE:
                    break
    return b"".join(found)
