"""Whose turn it is: how many people each campaign may call now, over which gateways, and which of them.

Law: the rules are ``ivr.campaign``'s, how many is ``pace``'s; no socket.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from ivr.campaign.model import Campaign, Gateway
from ivr.campaign.retries import Counts, after_attempt
from ivr.campaign.windows import called_zone, local_day, may_call, next_opening
from ivr.hosts.dialler.calls import Calls
from ivr.hosts.dialler.gates import Gate, Limits
from ivr.hosts.dialler.originate import caller_id
from ivr.hosts.dialler.pace import Paces
from ivr.hosts.dialler.presence import Presence
from ivr.store import dialling, leases
from ivr.store.attempts import Ended, Next
from ivr.store.dialling import Standing
from ivr.store.leases import Candidate, Go, Later, Never, Terms, Verdict

#: People looked at in one transaction, at least, when those before them could not be called.
LOOK: Final = 200
PRIORITIES_S: Final = 5.0
#: No gateway has room: the person is looked at again after this.
NO_ROOM: Final = timedelta(seconds=5)
#: A turn that found nobody: the next one after this.
IDLE_S: Final = 0.5


@dataclass(slots=True, eq=False)
class Field:
    """A version of a campaign that runs."""

    campaign: Campaign
    version: int
    path: str
    gateways: dict[str, Gateway]
    owed: dict[str, float] = field(default_factory=dict)  # to each gateway, of a call, by its weight
    priorities: list[int] = field(default_factory=list)
    priorities_until: float = 0.0
    idle_until: float = 0.0
    look: int = 0  # how many people: more when those before them could not be called


@dataclass(slots=True)
class Turn:
    """``judge`` says of each person whether it is called, and takes of ``room`` when it is."""

    terms: Terms
    room: int
    judge: Callable[[Candidate], Verdict]
    now: float
    used: dict[str, int] = field(default_factory=dict)
    looked: int = 0


class Turns:
    def __init__(self, owner: str, limits: Limits, lease: timedelta, presence: Presence) -> None:
        self._owner, self._limits, self._lease, self._presence = owner, limits, lease, presence
        self.paces = Paces(presence)
        self.fields: list[Field] = []
        self._known: dict[tuple[str, int], Field] = {}
        self._present: dict[str, Campaign] = {}
        self._gates: dict[str, Gate] = {}
        self._standing = Standing((), {})

    def gate(self, gateway: str) -> Gate:
        return self._gates.setdefault(gateway, Gate(self._limits))

    def learn(self, found: Standing, desk: Any, only: str = "") -> None:
        """What runs now. A version is read once; the pacing of the campaign goes on with the new limits."""
        self._standing = found
        fields = []
        for name, version in found.running:
            if only and name != only:
                continue
            known = self._known.get((name, version))
            if known is None:
                said = desk(dialling.version, name, version)
                if said is None:
                    continue
                known = _field(Campaign.from_json(said[0]), version, said[1])
                self._known = {key: each for key, each in self._known.items() if key[0] != name}
                self._known[name, version] = known
            fields.append(known)
            self._present[name] = known.campaign
        self.fields = fields

    def campaign(self, name: str, desk: Any) -> Campaign | None:
        """Running or not: what an attempt's outcome means is in it."""
        if name not in self._present:
            said = desk(dialling.version, name)
            if said is None:
                return None
            self._present[name] = Campaign.from_json(said[0])
        return self._present[name]

    def plan(self, ended: Ended) -> Next:
        """The campaign is known: see ``campaign``."""
        campaign = self._present.get(ended.campaign)
        if campaign is None:
            return Next(None)
        tried = ended.outcome != "not_attempted"
        counts = Counts(ended.attempts, dict(ended.tries), 0, ended.ended_at if tried else None)
        turn = after_attempt(campaign, ended.outcome, counts, ended.ended_at, ended.zone)
        return Next(turn.at, everywhere=ended.outcome in ("invalid", "opted_out"))

    def priorities(self, each: Field, desk: Any, now: float) -> Sequence[int]:
        if now >= each.priorities_until:
            each.priorities = desk(leases.priorities, each.campaign.campaign)
            each.priorities_until = now + PRIORITIES_S
        return each.priorities

    # -- how many, and who --------------------------------------------------------------------------------------

    def turn(self, each: Field, calls: Calls, now: float, wall: datetime, most: int) -> Turn | None:
        """None: nobody may be called now. ``most``: what the switches have room for."""
        campaign = each.campaign
        if now < each.idle_until:
            return None
        name = campaign.campaign
        # Also what nobody's share has in it counts for the limit: calls of a dialler that died, or that only drains.
        free = campaign.at_once - self._standing.elsewhere(name, self._owner) - calls.count(campaign=name)
        answered = self._standing.answered.items()
        left = sum(n for (of, owner), n in answered if of == name and not self._presence.there(owner))
        room = min(self.paces.room(campaign, left, now), -(-free // max(1, self._presence.count(name))), most)
        if room <= 0:
            return None
        rooms = {gateway: self._gateway_room(each, gateway, calls, now) for gateway in each.gateways}
        room = min(room, sum(rooms.values()))
        if room <= 0:
            return None
        turn = Turn(self._terms(each, wall), room, lambda person: Later(wall), now)
        turn.judge = lambda person: self._judge(each, turn, rooms, person, wall)
        return turn

    def done(self, each: Field, turn: Turn) -> None:
        """A turn that found nobody is not repeated at once."""
        each.look = 0 if turn.used else LOOK
        if not turn.looked:
            each.idle_until = turn.now + IDLE_S
            each.priorities_until = 0.0

    def _gateway_room(self, each: Field, name: str, calls: Calls, now: float) -> int:
        probe = self.gate(name).room(now)
        room = self.paces.gateway_room(each.gateways[name], calls.count(gateway=name), now)
        return min((limit for limit in (probe, room) if limit is not None), default=each.campaign.at_once)

    def _terms(self, each: Field, wall: datetime) -> Terms:
        campaign = each.campaign
        return Terms(
            campaign.campaign,
            each.version,
            campaign.consent_required,
            campaign.attempts.per_day,
            timedelta(milliseconds=campaign.attempts.gap_ms),
            lambda zone: local_day(zone or campaign.calling.zone, wall)[0],
            self._lease,
        )

    def _judge(self, each: Field, turn: Turn, rooms: dict[str, int], person: Candidate, wall: datetime) -> Verdict:
        calling = each.campaign.calling
        zone = called_zone(calling, person.zone, person.number)
        if not zone:
            return Never("unknown_zone")
        if not may_call(calling, zone, wall):
            opening = next_opening(calling, zone, wall)
            return Later(opening) if opening is not None else Never("no_window")
        fit = [gateway for gateway in each.gateways.values() if gateway.takes(person.number)]
        if not fit:
            return Never("no_gateway")
        free = [gateway for gateway in fit if rooms[gateway.gateway] > 0]
        if not free:
            return Later(wall + NO_ROOM)
        best = _by_weight(each.owed, free)
        rooms[best.gateway] -= 1
        turn.used[best.gateway] = turn.used.get(best.gateway, 0) + 1
        turn.room -= 1
        return Go(best.gateway, caller_id(best, person.contact_id))


def _by_weight(owed: dict[str, float], free: Sequence[Gateway]) -> Gateway:
    """Who is owed most. Kept from turn to turn, because many turns have one call; a gateway that has no room is owed
    nothing meanwhile, so that it is not flooded when it has.
    """
    total = sum(gateway.weight for gateway in free)
    for gateway in free:
        owed[gateway.gateway] = owed.get(gateway.gateway, 0.0) + gateway.weight / total
    best = max(free, key=lambda gateway: owed[gateway.gateway])
    owed[best.gateway] -= 1.0
    return best


def _field(campaign: Campaign, version: int, launch: str) -> Field:
    gateways = {gateway.gateway: gateway for gateway in campaign.gateways}
    path = campaign.flow or campaign.survey
    return Field(campaign, version, launch or path, gateways)
