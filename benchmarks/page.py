"""docs/benchmarks.md: what each part of the benchmarks writes stands in a section of its own, and leaves the others.

Law: text in, text out.
"""

from __future__ import annotations

from typing import Final

#: In this order, after what is told of calls.
HEADS: Final = ("## A year of answers", "## Calling people")


def with_section(page: str, section: str) -> str:
    """The page with this section in its place, instead of the one that it had."""
    parts = _parts(page)
    head = section.partition("\n")[0]
    return _joined({**parts, head: section})


def with_sections_of(old: str, page: str) -> str:
    """A new page with the sections that the old one had."""
    return _joined({**{head: text for head, text in _parts(old).items() if head}, "": page})


def _parts(page: str) -> dict[str, str]:
    """What stands before the sections, as "", and each section that is there."""
    starts = sorted((page.index(f"{head}\n"), head) for head in HEADS if f"{head}\n" in page)
    ends = [at for at, _ in starts] + [len(page)]
    found = {"": page[: ends[0]]}
    for n, (at, head) in enumerate(starts):
        found[head] = page[at : ends[n + 1]]
    return found


def _joined(parts: dict[str, str]) -> str:
    return "\n\n".join(parts[head].strip() for head in ("", *HEADS) if head in parts) + "\n"
