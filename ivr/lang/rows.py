"""Rows: how a shape says which keys it has.

Law: no key is known here; ``lang.model`` and ``lang.asking`` name them.
"""

from __future__ import annotations

from dataclasses import field, fields
from typing import Any, NamedTuple

from ivr.lang.kinds import Kind


class Row(NamedTuple):
    key: str
    kind: Kind
    required: bool
    doc: str


def key(kind: Kind, doc: str, *, required: bool = False) -> Any:
    """One key of a shape. Absent, and after a mistake in it, its value is None."""
    return field(default=None, metadata={"row": (kind, required, doc)})


def rows(shape: type[Any]) -> dict[str, Row]:
    """The rows of a shape, by key."""
    found = {f.name.rstrip("_"): f.metadata["row"] for f in fields(shape)}  # `as_`: a word of Python's
    return {name: Row(name, kind, required, doc) for name, (kind, required, doc) in found.items()}
