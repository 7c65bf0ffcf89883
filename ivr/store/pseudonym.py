"""Pseudonym: a person's number as a keyed hash, so that the same person is the same text, and nobody's number.

Law: pure, and the only rule: exports, views and erasures make the same pseudonym of the same number and key.
"""

from __future__ import annotations

import hmac


def pseudonym(key: bytes, caller: str) -> str:
    """The first 16 hex digits of HMAC-SHA256."""
    return hmac.digest(key, caller.encode(), "sha256").hex()[:16]
