"""Bridges and transfers, imitated.

Law: as for the applications; the far end is a Destination, which is data.
"""

from __future__ import annotations

import re

from ivr.hosts.switch.line import App, Line

_CAUSES = {"busy": "USER_BUSY", "no_answer": "NO_ANSWER", "fails": "NORMAL_TEMPORARY_FAILURE"}
_DIAL_STATUS = {"USER_BUSY": "BUSY", "NO_ANSWER": "NOANSWER", "ORIGINATOR_CANCEL": "CANCEL"}


def options(dial_string: str) -> tuple[dict[str, str], str]:
    """The ``{a=b,c=d}`` and ``[…]`` before a destination, and the destination."""
    found: dict[str, str] = {}
    while match := re.match(r"[{\[<]([^}\]>]*)[}\]>]", dial_string):
        found |= dict(piece.split("=", 1) for piece in match[1].split(",") if "=" in piece)
        dial_string = dial_string[match.end() :]
    return found, dial_string


def _time_limit(line: Line, given: dict[str, str]) -> tuple[int, str]:
    """How long it rings at most, and the cause FreeSWITCH then gives."""
    if given.get("leg_timeout", "").isdecimal():
        return int(given["leg_timeout"]) * 1000, "ALLOTTED_TIMEOUT"
    for value in (given.get("originate_timeout", ""), line.get("call_timeout"), line.get("originate_timeout")):
        if value.isdecimal():
            return int(value) * 1000, "NO_ANSWER"
    return 60_000, "NO_ANSWER"


def _failed(line: Line, cause: str) -> None:
    line.set("originate_disposition", cause)
    line.set("DIALSTATUS", _DIAL_STATUS.get(cause, cause))
    line.set("originate_failed_cause", cause)
    goes_on = line.get("continue_on_fail")
    if not (line.true("continue_on_fail") or cause in goes_on.split(",")) and not line.cause:
        line.hangup(cause)


def bridge(line: Line, arg: str) -> App:
    given, _ = options(arg)
    far = line.destination(arg)
    limit_ms, late_cause = _time_limit(line, given)
    rings_ms = limit_ms if far.outcome == "no_answer" else min(far.ring_ms, limit_ms)
    late = far.outcome == "no_answer" or far.ring_ms > limit_ms
    answer_at = line.now_ms + rings_ms
    while line.now_ms < answer_at:
        line.take_key()
        if (yield answer_at) == "hangup":
            _failed(line, "ORIGINATOR_CANCEL")
            return
    if late or far.outcome != "answers":
        _failed(line, far.cause or (late_cause if late else _CAUSES[far.outcome]))
        return
    other = line.new_uuid()
    for name, value in (
        ("originated_legs", f"{other};Outbound Call;public"),
        ("originate_disposition", "SUCCESS"),
        ("DIALSTATUS", "SUCCESS"),
        ("originate_causes", f"{other};NONE"),
        ("signal_bond", other),
    ):
        line.set(name, value)
    line.answer()
    line.bridged({"uuid": other})
    legs = {"Bridge-A-Unique-ID": line.get("uuid"), "Bridge-B-Unique-ID": other}
    line.emit("CHANNEL_BRIDGE", **legs)
    ends_at = line.now_ms + far.talk_ms
    while line.now_ms < ends_at:
        line.take_key()
        if (yield ends_at) in ("hangup", "break"):
            break
    for name, value in (
        ("last_bridge_to", other),
        ("bridge_channel", "loopback/far-a"),
        ("bridge_uuid", other),
        ("last_bridge_hangup_cause", far.cause or "NORMAL_CLEARING"),
        ("bridge_hangup_cause", far.cause or "NORMAL_CLEARING"),
    ):
        line.set(name, value)
    line.emit("CHANNEL_UNBRIDGE", **legs)
    if line.cause:
        return
    if line.true("park_after_bridge"):
        line.park_elsewhere()
    elif line.get("transfer_after_bridge"):
        line.leave(line.get("transfer_after_bridge"))
    elif line.true("hangup_after_bridge"):
        line.hangup("NORMAL_CLEARING")


def transfer(line: Line, arg: str) -> None:
    line.leave(arg)
