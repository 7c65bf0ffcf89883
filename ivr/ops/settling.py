"""Settling: campaigns that are over by themselves are said to be so in the books.

Law: moves through store.campaigns, as people do, with its reason in the audit; of several diallers that see the same
one moves it. Whether a campaign is over is asked of the database alone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from ivr.campaign import life
from ivr.ops.campaigning import loaded
from ivr.results.queries import reading
from ivr.store import callbacks, campaigns
from ivr.store.campaigns import CampaignRow, Who

#: Later than midnight in every zone of the world.
_EVERYWHERE: Final = timedelta(hours=38)


def settle(engine: Engine, who: Who) -> list[tuple[str, str]]:
    """Campaigns that are over by themselves: (name, the state they have now). For a dialler, every few seconds.

    One with its completes calls nobody new; one with nobody left, or whose last day is over everywhere, is done when
    its last call is.
    """
    wanted: list[tuple[str, str, str]] = []
    with reading(engine) as connection:
        for row in campaigns.every(connection):
            if row.state in ("running", "draining"):
                wanted += [(row.name, *move) for move in _over(connection, row, who.at)]
    moved = []
    for name, what, why in wanted:
        try:
            after = campaigns.change(engine, name, what, who, _decide(name, what), {"why": why})
        except life.IllegalMove:
            continue  # another dialler was quicker, or somebody paused it
        moved.append((name, after.state))
    return moved


def _decide(name: str, what: str) -> campaigns.Decide:
    return lambda state: life.move(state, what, name)


def _over(connection: Connection, row: CampaignRow, now: datetime) -> list[tuple[str, str]]:
    """(move, why), none or one."""
    waiting, leased = campaigns.anybody(connection, row.name)
    if row.state == "draining":
        return [] if leased else [("finish", "the last call has ended")]
    if not waiting and not leased:
        return [] if callbacks.any_open(connection, row.name) else [("finish", "nobody is left to call")]
    campaign = loaded(connection, row.name)
    if campaign.completes and (found := campaigns.completes(connection, row.name)) >= campaign.completes:
        return [("stop", f"{found} completes of {campaign.completes}")]
    last = campaign.calling.last_day
    if last is not None and now >= datetime(last.year, last.month, last.day, tzinfo=UTC) + _EVERYWHERE and not leased:
        return [("finish", f"its last day, {last}, is over")]
    return []
