"""People: what stands for a caller's number in an export.

Law: pure. The number itself never leaves: with a key it is a pseudonym, without one it is masked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ivr.store.masking import mask
from ivr.store.pseudonym import pseudonym


def respondents(key: bytes | None) -> Callable[[str], str]:
    """What turns a number into what stands for it; "" stays "", for calls without a number."""

    @lru_cache(maxsize=50_000)
    def named(caller: str) -> str:
        if not caller:
            return ""
        return pseudonym(key, caller) if key is not None else mask(caller)

    return named
