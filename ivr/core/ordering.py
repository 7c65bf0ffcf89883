"""Ordering: chance without chance. A seed is made of the call, an order of the seed, and both can be told again.

Law: pure. Whoever holds the seed that is stored with a run gets the order that its caller heard, in any language:
SHA-256 of ``<seed>|<node>|<n>``, smallest first.
"""

from __future__ import annotations

import hashlib
from typing import Final

#: A seed is stored in a signed column of 32 bits.
_SEED_BITS: Final = 31


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()


def seed(call_id: str, survey: str, occurrence: int) -> int:
    """The seed of a run, 0 to 2**31 - 1."""
    return int.from_bytes(_digest(f"{call_id}|{survey}|{occurrence}")[:4], "big") & ((1 << _SEED_BITS) - 1)


def order(seed: int, node: str, count: int) -> list[int]:
    """The order in which ``count`` entries of a Shuffle are gone through."""
    return sorted(range(count), key=lambda n: _digest(f"{seed}|{node}|{n}"))


def draw(call_id: str, purpose: str) -> float:
    """A number from 0 (in) to 1 (out) that is the same for the same call and purpose: whether it is in a sample."""
    return int.from_bytes(_digest(f"{call_id}|draw|{purpose}")[:6], "big") / (1 << 48)
