"""Cells: text that leaves for a spreadsheet, so that no spreadsheet takes it for a formula (row 123).

Law: pure, and the only rule: the command line, exports and tests guard the same texts.
"""

from __future__ import annotations

import re
from typing import Any, Final

_STARTS: Final = tuple("=+-@＝＋－＠")
_NEGATIVE: Final = re.compile(r"-\d+(\.\d+)?")


def safe_cell(value: Any) -> Any:
    """What no spreadsheet takes for a formula: a quote before =, +, -, @, after spaces or controls too."""
    if not isinstance(value, str):
        return value
    head = value.lstrip()
    risky = head.startswith(_STARTS) and not _NEGATIVE.fullmatch(value)
    return f"'{value}" if risky or value[:1] in ("\t", "\r", "\n", "\0") else value


def bare_cell(text: str) -> str:
    """A text that came back from a spreadsheet without the quote that ``safe_cell`` put before it."""
    if text[:1] == "'" and text[1:].lstrip().startswith(_STARTS):
        return text[1:]
    return text
