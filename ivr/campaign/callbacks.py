"""Callbacks: when somebody who asked for another call is to be called.

Law: pure. The time of day is the called party's own; windows are looked at again when the call is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ivr.campaign.windows import zone_info

#: Where a wish cannot be read, the person is called soon and can say it again.
UNREADABLE: Final = timedelta(hours=1)


def due(told: Mapping[str, Any], asked_at: datetime, zone: str) -> datetime:
    """``told``: after_ms, or at (HHMM). The next moment of that time of day after ``asked_at``, in UTC."""
    after_ms = told.get("after_ms")
    if isinstance(after_ms, int) and after_ms > 0:
        return asked_at + timedelta(milliseconds=after_ms)
    at = str(told.get("at") or "")
    if len(at) != 4 or not (at.isascii() and at.isdigit()) or int(at[:2]) > 23 or int(at[2:]) > 59:
        return asked_at + UNREADABLE
    local = asked_at.astimezone(zone_info(zone) or UTC)
    then = local.replace(hour=int(at[:2]), minute=int(at[2:]), second=0, microsecond=0)
    if then <= local:
        then += timedelta(days=1)
    return then.astimezone(UTC)
