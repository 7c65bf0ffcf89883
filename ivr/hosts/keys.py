"""Keys of the caller: one that comes by two ways is one.

Law: decides whether a DTMF event is another key; what a key means is the machine's.
"""

from __future__ import annotations

from typing import Final

from ivr.esl import link as esl

#: A key that is said to be held for longer is not waited for by its other way.
LONGEST_KEY_MS: Final = 1000


class _Key:
    """A key and when it was told of."""

    __slots__ = ("at_ms", "told")

    def __init__(self, told: esl.Dtmf, at_ms: int) -> None:
        self.told = told
        self.at_ms = at_ms


class Keys:
    def __init__(self, same_key_ms: int) -> None:
        """``same_key_ms``: by so much the two ways may differ, beyond how long the key was held."""
        self._same_key_ms = same_key_ms
        self._alone: list[_Key] = []  # those that have come by one way only, the oldest first

    def is_another(self, told: esl.Dtmf, now_ms: int) -> bool:
        """Not the one that came by INFO when it was pressed, say, and comes by RTP now that it is let go."""
        alone = self._alone
        while alone and now_ms - alone[0].at_ms >= self._same_key_ms + LONGEST_KEY_MS:
            alone.pop(0)
        for one in alone:
            if one.told.digit == told.digit and one.told.source != told.source:
                window_ms = self._same_key_ms + min(told.duration_samples // 8, LONGEST_KEY_MS)
                if now_ms - one.at_ms < window_ms:
                    alone.remove(one)
                    return False
        alone.append(_Key(told, now_ms))
        return True
