"""The second half of `make demo`: two campaigns call four hundred people, and every one of them is accounted for.

Law: shows the real thing: the spreadsheets' import, the campaigns' files, one `ivr dial` for both and `esl_app.py` in
processes of their own. Only the telephone network and the people are played, by a scripted switch. Its clocks run
faster, so the demo's own copies of the campaigns call at any hour and call nobody twice.
"""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import Engine, func, select

from ivr.cli import demo_books
from ivr.cli.demo_people import CROWDS, ZONE, Crowd, crowd_of, spreadsheet
from ivr.cli.wrap import hang
from ivr.core.program import Program
from ivr.hosts.caller import ScriptedCaller
from ivr.hosts.rehearsal import TONE_MS
from ivr.hosts.scripted_switch import ScriptedSwitch, Sound
from ivr.hosts.sounds import BuiltSounds
from ivr.hosts.switch.exchange import Exchange, Outbound
from ivr.hosts.switch_exchange import ExchangeServer
from ivr.media.frozen import FrozenLibrary
from ivr.store.engine import make_engine
from ivr.store.launches import program_of, read
from ivr.store.schema import dial_attempt

#: On the list of each campaign.
PEOPLE = 200
SPEED = 12.0
LIMIT_S = 120.0
PASSWORD = "demo"


def show(console: Console, root: Path, folder: Path, people: int = PEOPLE) -> list[str]:
    """Plays the campaigns; gives what was not as it should be."""
    site = _site(root, folder / "campaign")
    database = f"sqlite:///{site / 'campaign.db'}"
    os.environ["CALLWEAVE_CONFIG"] = str(site / "callweave.yaml")
    try:
        return _played(console, site, database, people)
    finally:
        del os.environ["CALLWEAVE_CONFIG"]


def _played(console: Console, site: Path, database: str, people: int) -> list[str]:
    _command("db", "upgrade", "--db", database)
    for crowd in CROWDS:
        _begin(site, database, crowd, people)
    engine = make_engine(database)
    sounds = _sounds(engine, site)
    exchange = Exchange(lambda digits: crowd_of(digits).kind(digits).party, password=PASSWORD)
    switch = ExchangeServer(exchange, talk=lambda call: _talk(call, sounds), speed=SPEED)
    server = _process(site, "server", [str(Path(__file__).parents[2] / "esl_app.py"), f"--db={database}"], '"serving"')
    (site / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    dial = ["-c", "from ivr.cli.main import main; main()", "dial", f"--switch=127.0.0.1:{switch.address[1]}"]
    dial += [f"--password-file={site / 'password'}", f"--db={database}"]
    dialler = _process(site, "dialler", dial, "")
    try:
        _watch(console, engine, dialler, people, switch)
    finally:
        for process in (dialler, server):
            process.terminate()
            process.wait(30)
        switch.close()
    unhappy: list[str] = []
    for crowd in CROWDS:
        console.rule(f"[bold]{crowd.campaign}", style="dim")
        _command("campaign", "report", crowd.campaign, "--db", database)
    console.rule("[bold]it adds up", style="dim")
    for crowd in CROWDS:
        unhappy += _accounted_for(console, engine, crowd, people)
    return unhappy


# -- what is there before anybody is called ---------------------------------------------------------------------------


def _site(root: Path, site: Path) -> Path:
    """An installation of its own, on the project's flows, prompts and questionnaires."""
    (site / "campaigns").mkdir(parents=True)
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {name: os.path.relpath(root / name, site) for name in ("flows", "surveys", "prompts")}
    settings = [
        f"listen: 127.0.0.1:{port}",
        "country: CN",
        f"flows: {{folder: {shared['flows']}, default: hotline}}",
        f"surveys: {{folder: {shared['surveys']}}}",
        f"prompts: {{folder: {shared['prompts']}, recordings: {shared['prompts']}/recordings, "
        f"build: {os.path.relpath(root / 'build' / 'prompts', site)}}}",
    ]
    (site / "callweave.yaml").write_text("\n".join(settings) + "\n", encoding="utf-8")
    for crowd in CROWDS:
        said = yaml.safe_load((root / "campaigns" / crowd.file).read_text(encoding="utf-8"))
        text = yaml.safe_dump(_hurried(said, crowd), allow_unicode=True, sort_keys=False)
        (site / "campaigns" / crowd.file).write_text(text, encoding="utf-8")
    return site


def _hurried(said: dict[str, Any], crowd: Crowd) -> dict[str, Any]:
    """At any hour of any day, faster, and everybody once."""
    gateways = [
        {key: value for key, value in each.items() if key not in ("per_second", "at_once")} for each in said["gateways"]
    ]
    return {
        **said,
        "gateways": gateways,
        "calling": {"zone": said["calling"]["zone"], "open": ["Mon-Sun 00:00-24:00"]},
        "attempts": {"each": 1},
        "per_second": crowd.per_second,
        "at_once": crowd.at_once,
    }


def _begin(site: Path, database: str, crowd: Crowd, people: int) -> None:
    path = site / f"{crowd.list_name}.csv"
    with path.open("w", newline="", encoding="gbk") as file:
        csv.writer(file).writerows(spreadsheet(crowd, people))
    _command("contacts", "import", str(path), "--list", crowd.list_name, "--country", "CN", "--db", database)
    if wrote := crowd.wrote(people):
        _command("dnc", "add", *wrote, "--reason", "opt_out", "--source", "letter", "--db", database)
    _command("campaign", "create", str(site / "campaigns" / crowd.file), "--db", database)
    _command("campaign", "start", crowd.campaign, "--db", database)


def _command(group: str, *arguments: str) -> None:
    command = import_module(f"ivr.cli.{group}").command
    command.main(list(arguments), standalone_mode=False)


# -- the calls --------------------------------------------------------------------------------------------------------


def _sounds(engine: Engine, site: Path) -> dict[str, BuiltSounds]:
    """What the switch has to play, by the launch, which is the path of its calls."""
    found = {}
    for launch in read(engine):
        found[launch.name] = BuiltSounds(FrozenLibrary(site / "launches" / launch.name), str)
        found[launch.name].learn(Program.from_json(program_of(engine, launch)))
    return found


def _talk(call: Outbound, sounds: dict[str, BuiltSounds]) -> ScriptedSwitch | None:
    """The channel of an answered call, as the switch hands it to our server; None for who hangs up at once."""
    kind = crowd_of(call.digits).kind(call.digits)
    if kind.party.talk_ms is not None:
        return None
    own = sounds[call.path]

    def heard(path: str) -> Sound | None:
        found = Sound(TONE_MS, "") if path.startswith("tone_stream://") else own.find(path)
        return Sound(found.duration_ms, found.said) if found else None

    variables = {name: str(value) for name, value in call.channel.variables.items()}
    return ScriptedSwitch(
        ScriptedCaller(kind.does),
        uuid=call.uuid,
        sounds=heard,
        called_number=call.digits,
        variables=variables,
        guard_ms=15_000,
        speed=SPEED,
        path=call.path,
    )


def _process(site: Path, name: str, argv: list[str], until: str) -> subprocess.Popen[bytes]:
    log = site / f"{name}.log"
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen([sys.executable, *argv], stderr=stream, stdout=stream)
    limit = time.monotonic() + 20
    while until and until not in log.read_text(encoding="utf-8"):
        if process.poll() is not None or time.monotonic() > limit:
            process.kill()
            sys.exit(f"the {name} did not start:\n{log.read_text(encoding='utf-8')}")
        time.sleep(0.05)
    return process


def _done(engine: Engine) -> Counter[str]:
    """How many attempts of each campaign are over."""
    query = select(dial_attempt.c.campaign, func.count()).where(dial_attempt.c.outcome.is_not(None))
    with engine.connect() as connection:
        return Counter({row[0]: row[1] for row in connection.execute(query.group_by(dial_attempt.c.campaign))})


def _watch(
    console: Console, engine: Engine, dialler: subprocess.Popen[bytes], people: int, switch: ExchangeServer
) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    limit = time.monotonic() + LIMIT_S
    called = {crowd.campaign: crowd.expected(people).total() for crowd in CROWDS}
    with Progress(*columns, console=console, transient=True) as bar:
        tasks = {name: bar.add_task(name, total=total) for name, total in called.items()}
        while time.monotonic() < limit and dialler.poll() is None:
            done = _done(engine)
            for name, task in tasks.items():
                bar.update(task, completed=done[name])
            if all(done[name] >= total for name, total in called.items()):
                break
            switch.wait(0.3)


# -- what came of it --------------------------------------------------------------------------------------------------


def _accounted_for(console: Console, engine: Engine, crowd: Crowd, people: int) -> list[str]:
    """The books add up, everybody has exactly one outcome, and it is the one that they made."""
    books = demo_books.read(engine, crowd.campaign, crowd.list_name, crowd.asked, str(ZONE))
    unhappy = books.faults()
    wishes = Counter({crowd.words.get(value, value): n for value, n in books.wishes.items() if value})
    for found, wanted in ((books.outcomes, crowd.expected(people)), (wishes, crowd.wishes(people))):
        if found != wanted:
            unhappy.append(f"campaign {crowd.campaign}: {_sum(found)} instead of {_sum(wanted)}")
    hang(console, "[green]✓[/green] " if not unhappy else "[red]✗[/red] ", crowd.campaign, "bold")
    of_people = Counter({"called": books.called, **books.left_out})
    said_nothing = Counter({"said nothing": books.wishes[""]})
    for head, total, parts in (
        ("people", books.people, of_people),
        ("attempts", books.attempts, books.outcomes),
        ("talked with", books.talked, wishes + said_nothing),
    ):
        hang(console, f"  {total:4} {head} = ", _sum(parts))
    return unhappy


def _sum(parts: Counter[str]) -> str:
    return " + ".join(f"{count} {what.replace('_', ' ')}" for what, count in parts.most_common())
