"""Trusted: a text in which FreeSWITCH may expand ``${...}``.

Law: a mark, nothing else. Apart from ``commands``, which is compiled where there is a compiler: a compiled class cannot
be a ``str``.
"""

from __future__ import annotations


class Trusted(str):
    """Text in which ``${...}`` is meant: written by us or by the flow's author, with nothing of a caller's in it."""

    __slots__ = ()
