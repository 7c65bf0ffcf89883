"""Originate: one lease as the words that the switch is told.

Law: pure. A dial string is a gateway's own beginning and digits. A variable's value is of letters, digits and `_.:+-`
only, so that nothing in it can end the value, begin a variable or be expanded; a fact that has anything else in it
travels as hexadecimal digits, and the server of calls turns it back (``hosts.registry``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any, Final

from ivr.campaign.model import Campaign, Gateway
from ivr.store.leases import Lease

#: As hosts.registry reads them.
FACT: Final = "callweave_fact_"
HEX_FACT: Final = "callweave_hex_"
_NUMBER: Final = re.compile(r"\+?([0-9]{3,20})", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}", re.ASCII)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:+-]{1,200}", re.ASCII)
_DIAL: Final = re.compile(r"[A-Za-z0-9_]+(?:/[A-Za-z0-9_.:@+-]+)+", re.ASCII)
_WORKER: Final = re.compile(r"[A-Za-z0-9.\[\]:-]+:[0-9]{1,5}", re.ASCII)
_PATH: Final = re.compile(r"[A-Za-z0-9_/-]+", re.ASCII)
#: The switch reads a command of any length, but nobody has so much to say of a person.
MOST_BYTES: Final = 16_000
#: A person who was answered and whose call no server takes is not left in silence for longer.
PARKED_S: Final = 7200


class OriginateError(ValueError):
    """The person cannot be called so; the text says why."""


def originate(
    lease: Lease, campaign: Campaign, gateway: Gateway, *, workers: Sequence[str], path: str, secret: str = ""
) -> str:
    """The arguments of `originate`. Raises OriginateError."""
    digits = _matched(_NUMBER, lease.person.number, "the number")[1]
    ring_s = max(1, campaign.ring_ms // 1000)
    variables = [
        ("origination_uuid", lease.attempt_id),
        ("ignore_early_media", "true"),
        ("originate_timeout", str(ring_s)),
        ("park_timeout", str(PARKED_S)),
        ("callweave_campaign", lease.campaign),
        ("callweave_attempt", lease.attempt_id),
        ("callweave_detect", campaign.machines.detect),
    ]
    if lease.caller_id:
        shown = _matched(_NUMBER, lease.caller_id, "the caller id")[0]
        variables += [("origination_caller_id_number", shown), ("origination_caller_id_name", shown)]
    if secret:
        variables.append(("callweave_secret", secret))
    facts = {**_facts(lease.person.facts), "language": lease.person.language, "contact": lease.person.contact_id}
    facts |= {"contact.number": lease.person.number, "contact.id": lease.person.contact_id}
    facts |= {"campaign.name": lease.campaign}
    variables += [_fact(name, value) for name, value in facts.items() if value not in ("", None)]
    for name, value in variables:
        if not _PLAIN.fullmatch(value) and not name.startswith(HEX_FACT):
            raise OriginateError(f"{name} cannot be said to the switch: {value!r}")
    dial = _matched(_DIAL, gateway.dial, f"dial of gateway {gateway.gateway}")[0]
    hosts = "|".join(_matched(_WORKER, each, "the server's address")[0] for each in workers)
    where = _matched(_PATH, path, "the flow's path")[0]
    said = "{" + ",".join(f"{name}={value}" for name, value in variables) + "}"
    whole = f"{said}{dial}/{digits} '&socket({hosts}/{where} async full)'"
    if len(whole) > MOST_BYTES:
        raise OriginateError(f"{len(whole)} bytes of facts and settings; the limit is {MOST_BYTES}")
    return whole


def caller_id(gateway: Gateway, contact_id: str) -> str:
    """One of the gateway's, for the same person the same each time."""
    if not gateway.caller_ids:
        return ""
    draw = int.from_bytes(hashlib.sha256(contact_id.encode()).digest()[:8])
    return gateway.caller_ids[draw % len(gateway.caller_ids)]


def _facts(text: str) -> dict[str, Any]:
    """Of the contact: names that a flow can say, values as text."""
    facts = json.loads(text) if text else {}
    return {name: value for name, value in facts.items() if _NAME.fullmatch(name)}


def _fact(name: str, value: Any) -> tuple[str, str]:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if _PLAIN.fullmatch(text):
        return FACT + name, text
    return HEX_FACT + name, text.encode("utf-8", "replace").hex()


def _matched(pattern: re.Pattern[str], text: str, what: str) -> re.Match[str]:
    found = pattern.fullmatch(text)
    if found is None:
        raise OriginateError(f"{what} is {text!r}, which does not fit {pattern.pattern}")
    return found
