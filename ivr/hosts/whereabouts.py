"""Who has the call: we, or somebody else to whom it was transferred.

Law: reads it from the channel's headers, says nothing and does nothing. The headers are FreeSWITCH's caller profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ivr.esl.event import Event

#: Where the dialplan had sent a call.
PLACE: Final = ("Caller-Destination-Number", "Caller-Dialplan", "Caller-Context")


class Whereabouts:
    """``away``: the call is not ours any more. ``place``: where it was sent by the dialplan when it became ours."""

    def __init__(self) -> None:
        self.away = False
        self.place: Mapping[str, str] = {}
        self._profile = 0  # counts who had the call: another one than at first, and it is no longer ours

    def ours(self, channel: Event) -> None:
        self._profile = _number(channel.get("Caller-Profile-Index", ""))
        self.place = {name: channel.get(name, "") for name in PLACE}

    def still_ours(self, event: Event) -> None:
        """An agent has the caller, who comes back to us: a new profile all the same."""
        self._profile = _number(event.get("Caller-Profile-Index", ""))

    def is_elsewhere(self, event: Event) -> bool:
        """FreeSWITCH counts the profiles of a call; a transfer makes a new one (fault 34). A bridge does not.

        Fewer than at first means nothing: where the dialplan had transferred the call before it was ours, what ended
        just before that is told just after it.
        """
        return self._profile > 0 and _number(event.get("Caller-Profile-Index", "")) > self._profile

    def is_back(self, event: Event) -> bool:
        """The dialplan has sent it to where it had come from to us."""
        return all(event.get(name, "") == value for name, value in self.place.items())


def _number(text: str) -> int:
    """0 where there is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
