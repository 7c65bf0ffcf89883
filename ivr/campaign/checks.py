"""Checks: what a campaign's numbers say of each other, and of what it calls with.

Law: reads a file's shape and the Campaign made of it, and reports; changes neither. An error is what can only be a
mistake, a warning what is weaker than it looks.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from ivr.campaign.model import DAY_MS, Calling, Campaign
from ivr.campaign.numbers import EMERGENCY
from ivr.campaign.windows import holiday_calendar, next_opening
from ivr.core.program import Program, Record
from ivr.lang.calling import CampaignFile
from ivr.lang.problem import quoted
from ivr.lang.reader import Reader
from ivr.lang.source import Map, Node, Seq

#: 16 CFR 310.4(b)(4)(ii), and Ofcom's statement of 2016: four rings, or 15 seconds.
LEAST_RING_MS: Final = 15_000


def check(reader: Reader, root: Map, file: CampaignFile, campaign: Campaign | None, program: Program | None) -> None:
    """``campaign`` and ``program`` are None where the file, or what it names, has mistakes already."""
    _gateways(reader, root, file)
    _places(reader, root, file)
    _machines(reader, root, file)
    if program is not None:
        _calls_with(reader, root, file, program)
    if file.ring is not None and file.ring < LEAST_RING_MS:
        message = f"it rings for {_span(file.ring)}; people need {_span(LEAST_RING_MS)} to reach it"
        _warn(reader, "IVR100", root.get("ring") or root, message, f"`ring: {_span(LEAST_RING_MS)}`, or more")
    if file.consent == "not_required":
        _warn(reader, "IVR099", root.get("consent") or root, "people who did not consent are called")
    if campaign is not None and _opens(reader, root, campaign.calling):
        _attempts(reader, root, campaign)
        _room(reader, root, campaign)


def _warn(reader: Reader, code: str, node: Node, message: str, hint: str = "") -> None:
    reader.problems.add(code, reader.source, node, message, hint, warning=True)


def _at(node: Node | None, *keys: str) -> Node | None:
    """The value under ``keys``, or the nearest around it."""
    for name in keys:
        inner = node.get(name) if isinstance(node, Map) else None
        if inner is None:
            break
        node = inner
    return node


def _gateways(reader: Reader, root: Map, file: CampaignFile) -> None:
    nodes = root.get("gateways")
    items = nodes.items if isinstance(nodes, Seq) else []
    if isinstance(nodes, Seq) and not items:
        reader.add("IVR092", nodes, "`gateways` is empty: nothing can be dialled", "`- {gateway: main, dial: ...}`")
    seen: set[str] = set()
    for node in items:
        name = _at(node, "gateway")
        text = getattr(name, "value", "")
        if text and text in seen:
            reader.add("IVR092", name or node, f"gateway {quoted(text)} is here a second time", "rename one of them")
        seen.add(text)
        ids = _at(node, "caller_ids")
        for item in ids.items if isinstance(ids, Seq) else []:
            if getattr(item, "value", "").lstrip("+") in EMERGENCY:
                reader.add("IVR091", item, "an emergency number calls nobody", "name a number of your own")


def _places(reader: Reader, root: Map, file: CampaignFile) -> None:
    place = file.calling.holidays if file.calling else None
    if place and holiday_calendar(place) is None:
        node = _at(root, "calling", "holidays") or root
        reader.add("IVR093", node, f"the holidays of {quoted(place)} are not known", "a country as in CN, or none")


def _machines(reader: Reader, root: Map, file: CampaignFile) -> None:
    machines = file.machines
    if machines is None or not machines.leave:
        return
    node = _at(root, "machines", "leave") or root
    if machines.then:
        reader.add("IVR095", node, "a message is left, and the call hung up before it", "delete `then` or `leave`")
    elif machines.detect == "none":
        reader.add("IVR095", node, "no machine is detected, so no message is left", "`detect: signal`")


def _calls_with(reader: Reader, root: Map, file: CampaignFile, program: Program) -> None:
    if file.stop_at is not None and not program.surveys:
        node = _at(root, "stop_at", "completes") or root
        reader.add("IVR097", node, "the flow asks no questionnaire: nobody completes one", "delete `stop_at`")
    records = sorted(name for name, node in program.nodes.items() if isinstance(node, Record))
    if records and not file.recording_notice and root.get("recording_notice") is None:
        name = root.get("survey") or root.get("flow") or root
        message = f"{quoted(records[0])} records what is said, and nobody is told"
        reader.add("IVR098", name, message, "add `recording_notice:`, the name of a prompt")


def _opens(reader: Reader, root: Map, calling: Calling) -> bool:
    first, last = calling.first_day, calling.last_day
    if first and last and first > last:
        reader.add("IVR094", root.get("ends") or root, f"it ends on {last}, before it starts on {first}")
        return False
    if first and next_opening(calling, calling.zone or "UTC", _begin(first)) is None:
        node = _at(root, "calling", "open") or root
        until = f"from {first} to {last}" if last else f"in the year from {first} on"
        reader.add("IVR094", node, f"no window opens {until}", "look at weekdays and holidays")
        return False
    return True


def _begin(day: date) -> datetime:
    """Before the day begins anywhere."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)


def _attempts(reader: Reader, root: Map, campaign: Campaign) -> None:
    rules, calling = campaign.attempts, campaign.calling
    days = (calling.last_day - calling.first_day).days + 1 if calling.first_day and calling.last_day else 0
    said = _at(root, "attempts", "retry")
    for key, _ in said.items if isinstance(said, Map) else []:
        retry = rules.retry.get(key.value)
        node = _at(said, key.value, "after") or key
        if retry is None:
            continue
        if days and retry.after_ms >= days * DAY_MS:
            reader.add("IVR095", node, f"the retry of {key.value} is due after the campaign's {days} days")
        elif retry.after_ms < rules.gap_ms:
            message = f"{key.value} is retried after `gap`, {_span(rules.gap_ms)}, not after {_span(retry.after_ms)}"
            _warn(reader, "IVR095", node, message)
        if retry.times >= rules.each:
            times = _at(said, key.value, "times") or key
            message = f"{retry.times} retries of {key.value} never happen: `each` is {rules.each}"
            _warn(reader, "IVR095", times, message, f"at most {rules.each - 1}")
    widest = max(
        (max(w.closes for w in calling.open if d in w.days) - min(w.opens for w in calling.open if d in w.days))
        for d in {day for w in calling.open for day in w.days}
    )
    room = 1 + (widest * 60_000 - 1) // rules.gap_ms
    if room < rules.per_day and root.get("attempts") is not None:
        node = _at(root, "attempts", "per_day") or root
        message = f"{rules.per_day} attempts a day never happen: with a gap of {_span(rules.gap_ms)} there are {room}"
        _warn(reader, "IVR095", node, message)


def _span(ms: int) -> str:
    for unit, size in (("d", DAY_MS), ("h", 3_600_000), ("m", 60_000)):
        if ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms / 1000:g}s"


def _room(reader: Reader, root: Map, campaign: Campaign) -> None:
    nodes = root.get("gateways")
    items = nodes.items if isinstance(nodes, Seq) else []
    for what in ("per_second", "at_once"):
        most = getattr(campaign, what)
        each = [getattr(gateway, what) for gateway in campaign.gateways]
        for node, one in zip(items, each, strict=False):
            if one > most:
                message = f"the gateway may {one:g}, the campaign {most:g}: more never happens"
                _warn(reader, "IVR096", _at(node, what) or node, message)
        if each and all(each) and sum(each) < most:
            message = f"the gateways take {sum(each):g} together: {most:g} never happens"
            _warn(reader, "IVR096", root.get(what) or root, message)
    if campaign.target > campaign.at_once:
        message = f"{campaign.target} answered calls do not fit into {campaign.at_once} calls"
        reader.add("IVR096", root.get("target") or root, message, "raise `at_once`: ringing calls count for it too")
