"""Lines that fit the terminal: wrapped between words, what follows the first indented under it.

Law: pure but for `hang`, which prints. A Chinese character is two columns wide and may end a line; what closes a
phrase (。 ， 」) never begins one, what opens one never ends it.
"""

from __future__ import annotations

import re

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

#: However narrow the terminal, a text has this many columns beside its head.
LEAST = 16
_OPENING = "（《【「『“‘"
_CLOSING = "，。！？、；：）】》」』”’…"
#: What stays on one line: a character that stands alone in a sentence, or a word; each with what closes it.
_ALONE = "⺀-〿぀-鿿豈-﫿＀-￯"
_PIECE = re.compile(rf"\s+|[{_OPENING}]*[{_ALONE}][{_CLOSING}]*|[^\s{_ALONE}]+[{_CLOSING}]*")


def wrapped(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` columns; a word that is wider is cut."""
    lines = [""]
    gap = ""
    for piece in _PIECE.findall(text):
        if piece.isspace():
            gap = " " if lines[-1] else ""
            continue
        if cell_len(lines[-1] + gap + piece) <= width:
            lines[-1] += gap + piece
        else:
            *whole, last = chop_cells(piece, width)
            lines += [*whole, last]
        gap = ""
    return lines if lines[0] or len(lines) == 1 else lines[1:]


def hang(console: Console, head: str, text: str, style: str = "") -> None:
    """``head`` (with markup) and ``text`` beside it, which goes on under its own beginning."""
    first = Text.from_markup(head)
    for n, line in enumerate(wrapped(text, max(LEAST, console.width - first.cell_len))):
        beside = first if n == 0 else Text(" " * first.cell_len)
        console.print(Text.assemble(beside, (line, style)), soft_wrap=True)
