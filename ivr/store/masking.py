"""Masking: how much of a person's number anybody sees who was not told to see all of it.

Law: pure, and the only rule: logs and results hide the same digits (row 122).
"""

from __future__ import annotations


def mask(number: str) -> str:
    """A number with all but its last three digits hidden; up to three are hidden whole."""
    digits = sum(c.isdigit() for c in number)
    keep = 3 if digits > 3 else 0
    shown = []
    for c in number:
        shown.append("*" if c.isdigit() and digits > keep else c)
        digits -= c.isdigit()
    return "".join(shown)
