"""Labels: texts of a form, written for eyes, to texts for ears.

Law: pure. Markup goes, `${q}` becomes a spoken value by the kind of its question, braces that are no spoken value go
too: nobody is to hear them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Final

#: kind of question -> format of its spoken value; a kind that is missing cannot be spoken
SPOKEN: Final[dict[str, str]] = {
    "choice": "label",
    "yes_no": "label",
    "scale": "number",
    "number": "number",
    "amount": "number",
    "date": "date",
    "code": "digits",
}
_REF = re.compile(r"\$\{\s*([^{}\s]+)\s*\}")
_MARKUP: Final = (
    (re.compile(r"<(style|script)\b[^>]*>.*?</\1\s*>", re.IGNORECASE | re.DOTALL), " "),
    (re.compile(r"<(br|p|div|li|h[1-6])\b[^>]*>", re.IGNORECASE), " "),
    (re.compile(r"</?[A-Za-z][^<>]*>"), ""),
    (re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*\)"), r"\1"),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<![\w*])\*(?=[^\s*])(.+?)(?<=[^\s*])\*(?![\w*])"), r"\1"),
    (re.compile(r"(?<!\w)_(?=[^\s_])(.+?)(?<=[^\s_])_(?!\w)"), r"\1"),
    (re.compile(r"^\s*#{1,6}\s+"), ""),
    (re.compile(r"^\s*[-*]\s+"), ""),
    (re.compile(r"`+"), ""),
)
_SENTENCE_ENDS: Final = tuple('.?!:;,。？！：；，…"”')


def plain(text: str) -> str:
    """Without HTML and Markdown, in one line."""
    text = html.unescape(text)
    for pattern, into in _MARKUP:
        text = pattern.sub(into, text)
    return " ".join(text.split())


def refs(text: str) -> list[str]:
    return _REF.findall(text)


def spoken(text: str, value: Callable[[str], str]) -> str:
    """The label as a prompt's text. ``value`` gives `{{ q | number }}` for a question, or "" when there is none."""
    parts = _REF.split(text)
    marked = "".join(part if n % 2 == 0 else f"\0{n}\0" for n, part in enumerate(parts))
    clean = re.sub(r"[{}]+", " ", plain(marked))
    made = re.sub("\0([0-9]+)\0", lambda hit: value(parts[int(hit[1])]), clean)
    return " ".join(made.replace("\0", "").split())


def sentence(text: str, end: str) -> str:
    """With something at its end that lets the voice rest."""
    return text if not text or text.endswith(_SENTENCE_ENDS) or text.endswith("}}") else text + end


def joined(parts: list[str], language: str) -> str:
    """Sentences one after another; Chinese and Japanese have no blank between them."""
    return ("" if language.partition("-")[0] in ("zh", "ja", "yue") else " ").join(part for part in parts if part)
