"""Head: a file's own keys, before what it lists.

Law: `languages` first wherever it stands: every prompt is read against them.
"""

from __future__ import annotations

from typing import Any

from ivr.lang.parts import LANGUAGES
from ivr.lang.problem import Problems
from ivr.lang.reader import Reader
from ivr.lang.source import Map


def read_head(reader: Reader, root: Map, shape: str, what: str) -> Any:
    first = root.get("languages")
    if first is not None:
        muted, reader.problems = reader.problems, Problems()
        reader.languages = LANGUAGES.read(reader, first, "languages") or ()
        reader.problems = muted
    return reader.shape(root, shape, what)
