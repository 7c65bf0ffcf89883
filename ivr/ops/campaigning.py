"""Campaigning: what `ivr campaign` does to a campaign: it is made of a file, checked, started, edited, moved.

Law: joins the file (campaign.reader), the flow (ops.launching) and the books (store.campaigns, store.sample); which
move is allowed is campaign.life's. Starting and editing freeze first, then fill, then move: whatever dies in between,
nobody is called with something half made, and the same command again goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from itertools import count as counting
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from ivr.campaign import life, machines
from ivr.campaign.model import Campaign
from ivr.campaign.outcomes import FINAL_EVERYWHERE
from ivr.campaign.reader import read_campaign
from ivr.campaign.scrub import RULES, WRITTEN, Person, Scrub, Verdict, facts_in, unknown_facts, wanted_facts
from ivr.campaign.windows import zone_info
from ivr.lang.check import check_file
from ivr.media.build import entries
from ivr.ops import launching
from ivr.ops.config import Config
from ivr.results.queries import reading
from ivr.store import campaigns, launches, sample
from ivr.store.campaigns import DRAFT, CampaignError, CampaignRow, Version, Who

#: Told of how many people were looked at, each time some were.
OnPeople = Callable[[int], None]


@dataclass(frozen=True)
class Started:
    row: CampaignRow
    launch: str
    people: int  # that were looked at
    waiting: int
    added: int  # who were not in the campaign before
    rules: Mapping[str, int]  # why others are not called -> how many


# -- the file --------------------------------------------------------------------------------------------------------


def read_file(config: Config, path: Path) -> Campaign:
    """Raises CampaignError with every mistake."""
    project = config.project()
    found = read_campaign(project.load(path), project)
    if found.campaign is None:
        errors = (str(problem) for problem in found.problems if problem.severity == "error")
        raise CampaignError("\n".join(["the campaign's file has mistakes:", *errors]))
    return found.campaign


def flow_file(config: Config, campaign: Campaign) -> Path:
    """The flow or questionnaire that it calls with."""
    if campaign.survey:
        return config.surveys / f"{campaign.survey}.yaml"
    return config.flow_file(campaign.flow)


def faults(config: Config, connection: Connection, campaign: Campaign) -> list[str]:
    """Everything for which it cannot be started, in words."""
    found: list[str] = []
    path = flow_file(config, campaign)
    if not path.is_file():
        found.append(f"there is no {path}, which the campaign calls with; write it, or name another")
    else:
        result = check_file(path, config.project())
        found += [str(problem) for problem in result.problems if problem.severity == "error"]
        if result.program is not None:
            library = config.prompts.library()
            missing = sum(not entry.built for entry in entries(library, [result.program]))
            if missing:
                found.append(f"{missing} sounds of {path.name} are not built; type: ivr prompts build")
    there = sample.by_list(connection, campaign.lists)
    for name in campaign.lists:
        if name not in there:
            found.append(f"there is no list {name}, or nobody is on it; bring it in: ivr contacts import FILE")
    if campaign.calling.zone and zone_info(campaign.calling.zone) is None:
        found.append(f"this machine knows no zone {campaign.calling.zone}")
    return found


def doubts(connection: Connection, campaign: Campaign) -> list[str]:
    """What is probably not meant, in words; nothing of it keeps the campaign from being started."""
    wanted = wanted_facts(campaign)
    if not wanted:
        return []
    known: set[str] = set()
    for text in sample.facts(connection, campaign.lists):
        known.update(facts_in(text or ""))
        if wanted <= known:  # as a rule the first contact has them all
            return []
    return unknown_facts(campaign, known) if sample.by_list(connection, campaign.lists) else []


# -- moves -----------------------------------------------------------------------------------------------------------


def create(config: Config, engine: Engine, path: Path, who: Who) -> CampaignRow:
    """A draft of the file. Raises CampaignError."""
    made = read_file(config, path)
    row = CampaignRow(made.campaign, made.title, "draft", DRAFT, made.priority, who.at, None, None)
    try:
        campaigns.create(engine, row, _draft(made, who), who)
    except campaigns.Taken as error:
        raise CampaignError(f"{error}; {_instead(engine, made.campaign, error.state, path)}") from None
    return row


def _instead(engine: Engine, name: str, state: str, path: Path) -> str:
    """What can be typed where a campaign of that name is there."""
    if life.can_edit(state):
        return f"to change it: ivr campaign edit {path}"
    with reading(engine) as connection:
        free = next(new for n in counting(2) if not campaigns.state_of(connection, new := f"{name}_{n}"))
    return (
        f"it cannot be edited any more. To call with this file again, give it another name, as in `campaign: {free}`, "
        f"and type: ivr campaign create {path}"
    )


def _draft(made: Campaign, who: Who) -> Version:
    return Version(DRAFT, made.to_json(), "", made.hash, who.by, who.at)


def loaded(connection: Connection, name: str) -> Campaign:
    """The campaign as it holds now. Raises CampaignError."""
    return Campaign.from_json(campaigns.version(connection, name).json)


def move(engine: Engine, name: str, what: str, who: Who) -> CampaignRow:
    """pause, resume, stop, finish, archive. Raises CampaignError, life.IllegalMove."""
    return campaigns.change(engine, name, what, who, lambda state: life.move(state, what, name))


def check(config: Config, engine: Engine, name: str, who: Who) -> CampaignRow:
    """From draft to checked. Raises CampaignError with all that is wrong."""
    _refuse_faults(config, engine, name)
    return move(engine, name, "check", who)


def schedule(config: Config, engine: Engine, name: str, who: Who) -> CampaignRow:
    with reading(engine) as connection:
        if not loaded(connection, name).calling.starts:
            raise CampaignError(f"campaign {name} has no first day; write `starts: 2026-12-01`, or start it yourself")
    _refuse_faults(config, engine, name)
    return move(engine, name, "schedule", who)


def _refuse_faults(config: Config, engine: Engine, name: str) -> Campaign:
    with reading(engine) as connection:
        campaign = loaded(connection, name)
        found = faults(config, connection, campaign)
    if found:
        raise CampaignError("\n".join([f"campaign {name} cannot be started as it is:", *found]))
    return campaign


def start(config: Config, engine: Engine, name: str, who: Who, on_people: OnPeople = lambda n: None) -> Started:
    """Raises CampaignError, life.IllegalMove, launching.LaunchError, MissingAudio, OSError."""
    with campaigns.alone(engine, name, config.root / "launches"):
        with reading(engine) as connection:
            life.move(campaigns.read(connection, name).state, "start", name)
        campaign = _refuse_faults(config, engine, name)
        return _go_on(config, engine, campaign, "start", who, on_people)


def due(engine: Engine, now: datetime) -> list[str]:
    """Scheduled campaigns whose first day has begun, in their zone."""
    found = []
    with reading(engine) as connection:
        for row in campaigns.every(connection):
            if row.state == "scheduled":
                calling = loaded(connection, row.name).calling
                zone = zone_info(calling.zone)
                today = now.astimezone(zone).date() if zone else now.date()
                if calling.first_day is None or calling.first_day <= today:
                    found.append(row.name)
    return found


def edit(config: Config, engine: Engine, path: Path, who: Who, on_people: OnPeople = lambda n: None) -> Started | None:
    """The file instead of what there was: of a campaign that was started, as its next version; None of a draft.

    Raises as ``start``, and CampaignError where nothing is new.
    """
    made = read_file(config, path)
    name = made.campaign
    with campaigns.alone(engine, name, config.root / "launches"):
        with reading(engine) as connection:
            before = campaigns.read(connection, name)
            held = campaigns.version(connection, name)
            life.move(before.state, life.edit_of(before.state), name)
            found = faults(config, connection, made) if before.state in life.ALIVE else []
        if found:
            raise CampaignError("\n".join([f"the new file of {name} cannot be used:", *found]))
        changed = changes(Campaign.from_json(held.json), made)
        if before.state in life.ALIVE:
            return _go_on(config, engine, made, "edit", who, on_people, changed)

        def then(connection: Connection, row: CampaignRow) -> Mapping[str, Any]:
            campaigns.put_draft(connection, name, _draft(made, who))
            return {"title": made.title, "priority": made.priority}

        campaigns.change(engine, name, "edit", who, lambda s: life.move(s, "edit", name), {"changed": changed}, then)
    return None


def changes(before: Campaign, after: Campaign) -> dict[str, list[Any]]:
    """key -> [before, after], of what is not the same."""
    old, new = before.to_json(), after.to_json()
    return {f.name: [old[f.name], new[f.name]] for f in fields(Campaign) if old[f.name] != new[f.name]}


def _go_on(
    config: Config,
    engine: Engine,
    campaign: Campaign,
    what: str,
    who: Who,
    on_people: OnPeople,
    changed: Mapping[str, Any] | None = None,
) -> Started:
    """Freeze, fill, move: by whoever holds the campaign's lock."""
    name = campaign.campaign
    number = _free_version(engine, name)
    launch = f"{name}-v{number}"
    made = _freeze(config, engine, launch, campaign, who)
    people, added, rules = fill(engine, campaign, who.at, on_people)

    def then(connection: Connection, row: CampaignRow) -> Mapping[str, Any]:
        held = Version(number, campaign.to_json(), launch, campaign.hash, who.by, who.at)
        campaigns.put_version(connection, name, held)
        sample.set_priority(connection, name, campaign.priority)
        return {"version": number, "title": campaign.title, "priority": campaign.priority}

    def decide(state: str) -> str:
        return life.move(state, "start" if what == "start" else "edit_live", name)

    told = {"version": number, "launch": launch, "content": made.content_hash, "added": added}
    try:
        row = campaigns.change(engine, name, what, who, decide, {**told, "changed": changed or {}}, then)
    except life.IllegalMove:
        launches.close(engine, launch, who.at)  # nobody is called with it: it was stopped meanwhile
        raise
    with reading(engine) as connection:
        waiting = campaigns.left(connection, name)["waiting"]
    return Started(row, launch, people, waiting, added, rules)


def _freeze(config: Config, engine: Engine, launch: str, campaign: Campaign, who: Who) -> launches.Launch:
    """The flow, with what the campaign says of machines and recording before it."""
    catalogue = config.project().catalogue
    named = {name: catalogue.get(name) for name in (campaign.machines.leave, campaign.recording_notice) if name}
    try:
        return launching.open_launch(
            config,
            engine,
            launch,
            flow_file(config, campaign),
            who.at,
            must_ask=False,
            prepare=lambda program: machines.prepared(program, campaign, named),
        )
    except machines.UnknownPrompt as error:
        raise launching.LaunchError(str(error)) from error


def _free_version(engine: Engine, name: str) -> int:
    """The next one; not that of a start that died after it had frozen: its launch stays as it is."""
    with reading(engine) as connection:
        first = campaigns.next_version(connection, name)
    return next(n for n in counting(first) if not launches.exists(engine, f"{name}-v{n}"))


# -- people ----------------------------------------------------------------------------------------------------------


def verdicts(connection: Connection, campaign: Campaign, now: datetime) -> Iterator[list[tuple[sample.Known, Verdict]]]:
    """Everybody on the lists and what is to become of them, in chunks; memory stays flat."""
    scrub = Scrub(campaign, now)
    gap = timedelta(milliseconds=campaign.attempts.gap_ms)
    final = sorted(FINAL_EVERYWHERE)
    taken = ""  # the last number of which somebody is meant
    for known in sample.everybody(connection, campaign.campaign, campaign.lists, final, now, gap):
        found: list[tuple[sample.Known, Verdict]] = []
        for one in known:
            verdict = scrub.verdict(_person(one, one.number == taken))
            if verdict.rule not in ("filter", "duplicate"):
                taken = one.number
            found.append((one, verdict))
        yield found


def _person(one: sample.Known, duplicate: bool) -> Person:
    return Person(
        *(one.number, one.list, one.name, one.language, one.zone, one.consent, one.facts),
        *(one.state, one.outcome, one.next_at, one.attempts, one.listed, one.never, one.recent),
        duplicate=duplicate,
    )


def fill(
    engine: Engine, campaign: Campaign, now: datetime, on_people: OnPeople = lambda n: None
) -> tuple[int, int, dict[str, int]]:
    """Brings everybody into the campaign who is to be called, a chunk a transaction; who is not meant any more waits
    no longer. Gives how many were looked at, how many are new, and rule -> how many of those that are left out."""
    people = added = 0
    rules: dict[str, int] = {}
    name = campaign.campaign
    # Chunks are read on a connection of their own, each in a statement: SQLite writes between them.
    with engine.connect() as plain:
        connection = plain.execution_options(read_only=True)
        for found in verdicts(connection, campaign, now):
            connection.rollback()  # ends the reading transaction; the next statement begins another
            places = []
            for one, verdict in found:
                if verdict.rule == "call" or verdict.rule == "do_not_call":
                    places.append(sample.Place(one.contact_id, one.number, one.zone, verdict.at or now))
                elif verdict.rule in WRITTEN:
                    places.append(sample.Place(one.contact_id, one.number, one.zone, None, verdict.rule))
                if not verdict.called:
                    rules[verdict.rule] = rules.get(verdict.rule, 0) + 1
            added += sample.put(engine, name, campaign.priority, places, sorted(RULES))
            gone = [one.contact_id for one, v in found if v.rule in ("filter", "duplicate") and one.state == "waiting"]
            sample.leave_out(engine, name, gone, "filter")
            people += len(found)
            on_people(len(found))
    sample.leave_out_lists(engine, name, campaign.lists, "filter")
    return people, added, rules
