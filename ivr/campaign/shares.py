"""Shares: what one of several processes may take of a whole number, so that the parts sum to the whole and never more.

Law: pure. Whole calls are shared, not fractions: of five calls a second two processes have three and two. Where a
process may not yet rely on what it knows of the others it has the smallest part that any of its views leaves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Share:
    """``views``: (its rank, among how many). A rank that is not below the number has no part."""

    views: tuple[tuple[int, int], ...]

    def part(self, whole: int) -> int:
        return min(_part(whole, rank, of) for rank, of in self.views)

    def first(self, most: int) -> Share:
        """The same where only the first ``most`` have a part."""
        return Share(tuple((rank, min(of, most)) for rank, of in self.views))


#: Of the only one.
WHOLE: Final = Share(((0, 1),))


def _part(whole: int, rank: int, of: int) -> int:
    if rank >= of:
        return 0
    each, rest = divmod(max(0, whole), of)
    return each + (rank < rest)
