"""Reader: a campaign's file to a Campaign, with every mistake in it and in what it calls with.

Law: reads one file by the rows of ``lang.calling``, and compiles the flow or questionnaire that it names. What
contradicts what is ``campaign.checks``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ivr.campaign import checks
from ivr.campaign.model import DEFAULT_RETRIES, Attempts, Calling, Campaign, Gateway, Machines, Retry, Window
from ivr.core.program import Program
from ivr.lang.calling import AttemptsShape, CampaignFile, GatewayShape
from ivr.lang.problem import Problem, Problems, meant, quoted
from ivr.lang.project import Project
from ivr.lang.reader import Reader
from ivr.lang.source import Map, Node, Source, Text

RING_MS = 30_000


@dataclass(frozen=True, slots=True)
class Read:
    problems: tuple[Problem, ...]
    campaign: Campaign | None  # None when there are errors
    program: Program | None = None  # that it calls with, when that is sound


def read_campaign(source: Source, project: Project) -> Read:
    """A campaign's file, found by ``project.load(path)``."""
    problems = Problems()
    problems.found += source.problems.found
    problems.errors += source.problems.errors
    root = source.root
    if not isinstance(root, Map):
        problems.add("IVR018", source, root, "this is no campaign", "begin with `campaign: name`")
        return Read(problems.sorted(), None)
    catalogue = project.catalogue
    problems.found += [p for p in catalogue.problems.found if p.severity == "error"]
    problems.errors += catalogue.problems.errors
    reader = Reader(source, problems, catalogue, {})
    program = _program(reader, root, project)
    reader.languages = program.languages if program else ()  # its prompts speak what the flow speaks
    file: CampaignFile = reader.shape(root, "CampaignFile", "a campaign file")
    before = problems.errors
    campaign = _campaign(file, root) if not before and program is not None else None
    checks.check(reader, root, file, campaign, program)
    return Read(problems.sorted(), None if problems.errors else campaign, program)


def _program(reader: Reader, root: Map, project: Project) -> Program | None:
    """What it calls with, compiled; said at its name what is wrong with that."""
    from ivr.lang.check import check_file

    survey, flow = root.get("survey"), root.get("flow")
    if (survey is None) == (flow is None):
        at: Node = root.get("campaign") or root if survey is None else flow or root
        what = "neither `survey` nor `flow`" if survey is None else "both `survey` and `flow`"
        reader.add("IVR090", at, f"the campaign has {what}", "name one of them")
        return None
    kind, word = ("questionnaire", survey) if survey is not None else ("flow", flow)
    known = project.survey_names() if survey is not None else project.flow_names()
    if not isinstance(word, Text):
        return None  # the shape says so
    if word.value not in known:
        hint = meant(word.value, known) or (f"there are: {', '.join(known)}" if known else f"write the {kind} first")
        reader.add("IVR090", word, f"no {kind} named {quoted(word.value)}", hint)
        return None
    path = project.survey_path(word.value) if survey is not None else project.flow_path(word.value)
    program = check_file(path, project).program
    if program is None:
        shown = project.display(path)
        reader.add("IVR090", word, f"the {kind} {quoted(word.value)} has mistakes", f"see: ivr check {shown}")
    return program


def _campaign(file: CampaignFile, root: Map) -> Campaign:
    """Only of a file without mistakes: what is required is there."""
    calling, machines = file.calling, file.machines
    windows = tuple(Window(days, opens, closes) for days, opens, closes in calling.open)
    contacts = root.get("contacts")
    condition = contacts.get("when") if isinstance(contacts, Map) else None
    return Campaign(
        campaign=file.campaign,
        title=file.title or "",
        survey=file.survey or "",
        flow=file.flow or "",
        lists=file.contacts.lists,
        when=_plain(file.contacts.when),
        when_text=condition.value if isinstance(condition, Text) else "",
        gateways=tuple(_gateway(g) for g in file.gateways),
        per_second=file.per_second,
        at_once=file.at_once,
        target=file.target or 0,
        calling=Calling(windows, calling.zone, calling.holidays or "", file.starts or "", file.ends or ""),
        ring_ms=file.ring or RING_MS,
        attempts=_attempts(file.attempts),
        completes=file.stop_at.completes if file.stop_at else 0,
        machines=Machines(machines.detect, machines.leave or "") if machines else Machines(),
        priority=file.priority or 5,
        consent_required=file.consent != "not_required",
        recording_notice=file.recording_notice or "",
    )


def _gateway(shape: GatewayShape) -> Gateway:
    return Gateway(
        shape.gateway,
        shape.dial,
        shape.caller_ids or (),
        shape.weight or 1,
        shape.prefixes or (),
        shape.per_second or 0,
        shape.at_once or 0,
    )


def _attempts(shape: AttemptsShape | None) -> Attempts:
    if shape is None:
        return Attempts()
    said: dict[str, Retry | None] = {
        outcome: None if retry == "never" else Retry(retry.after, retry.times)
        for outcome, retry in (shape.retry or {}).items()
    }
    default = Attempts()
    return Attempts(
        shape.each or default.each,
        shape.per_day or default.per_day,
        shape.gap or default.gap_ms,
        {**DEFAULT_RETRIES, **said},
    )


def _plain(tree: Any) -> Any:
    """A tree as it comes back from JSON."""
    return [_plain(item) for item in tree] if isinstance(tree, list | tuple) else tree
