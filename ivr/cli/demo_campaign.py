"""The second half of `make demo`: two hundred people are called by a campaign, and every one of them is accounted for.

Law: shows the real thing: the spreadsheet's import, the campaign's file, `ivr dial` and `esl_app.py` in processes of
their own. Only the telephone network and the people are played, by a scripted switch. Its clocks run faster, so the
demo's own copy of the campaign calls at any hour and calls nobody twice.
"""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ivr.cli.wrap import hang
from ivr.core.program import Program
from ivr.hosts.caller import Action, Hears, Press, ScriptedCaller
from ivr.hosts.rehearsal import TONE_MS
from ivr.hosts.scripted_switch import ScriptedSwitch, Sound
from ivr.hosts.sounds import BuiltSounds
from ivr.hosts.switch.exchange import Exchange, Outbound, Party
from ivr.hosts.switch_exchange import ExchangeServer
from ivr.media.frozen import FrozenLibrary
from ivr.store.engine import make_engine
from ivr.store.launches import program_of, read

PEOPLE = 200
NAME = "appointment_reminder"
SPEED = 12.0
LIMIT_S = 120.0
PASSWORD = "demo"
_GONE = 17
_BYE = [Hears("appointment_confirmed")]
#: What people do, by `_kind`: how they answer, and what they say then.
PEOPLE_DO: dict[int, tuple[Party, list[Action]]] = {
    **dict.fromkeys(range(10), (Party("answers", 2000, None), [Hears("appointment_hello"), Press("1")])),
    10: (Party("busy", 1000), []),
    11: (Party("busy", 1000), []),
    12: (Party("no_answer"), []),
    13: (Party("invalid", 500), []),
    14: (Party("rejected", 1500), []),
    15: (Party("answers", 3000, None), []),  # a machine: presses nothing
    16: (
        Party("answers", 2000, None),
        [Hears("appointment_hello"), Press("1"), Hears("appointment_choose"), Press("9")],
    ),
    _GONE: (Party("answers", 2000, 1500), []),  # gone before a word is said
    18: (Party("congestion", 200), []),
    19: (
        Party("answers", 2000, None),
        [Hears("appointment_hello"), Press("1"), Hears("appointment_choose"), Press("3")],
    ),
}


def show(console: Console, root: Path, folder: Path) -> list[str]:
    """Plays the campaign; gives what was not as it should be."""
    site = _site(root, folder / "campaign")
    database = f"sqlite:///{site / 'campaign.db'}"
    os.environ["CALLWEAVE_CONFIG"] = str(site / "callweave.yaml")
    try:
        return _played(console, site, database)
    finally:
        del os.environ["CALLWEAVE_CONFIG"]


def _played(console: Console, site: Path, database: str) -> list[str]:
    _command("db", "upgrade", "--db", database)
    people = _people(site / "people.csv")
    _command(
        "contacts", "import", str(site / "people.csv"), "--list", "appointments", "--country", "CN", "--db", database
    )
    _command("campaign", "create", str(site / "campaigns" / "appointment-reminder.yaml"), "--db", database)
    _command("campaign", "start", NAME, "--db", database)
    launch = read(make_engine(database))[0]
    program = Program.from_json(program_of(make_engine(database), launch))
    sounds = BuiltSounds(FrozenLibrary(site / "launches" / launch.name), str)
    sounds.learn(program)
    exchange = Exchange(lambda digits: _does(digits)[0], password=PASSWORD)
    switch = ExchangeServer(exchange, talk=lambda call: _talk(call, sounds), speed=SPEED)
    server = _process(site, "server", [str(Path(__file__).parents[2] / "esl_app.py"), f"--db={database}"], '"serving"')
    (site / "password").write_text(PASSWORD + "\n", encoding="utf-8")
    dial = ["-c", "from ivr.cli.main import main; main()", "dial", f"--switch=127.0.0.1:{switch.address[1]}"]
    dial += [f"--password-file={site / 'password'}", f"--db={database}", "--until-idle"]
    dialler = _process(site, "dialler", dial, "")
    try:
        _watch(console, database, dialler, people, switch)
    finally:
        for process in (dialler, server):
            process.terminate()
            process.wait(30)
        switch.close()
    _command("campaign", "report", NAME, "--db", database)
    return _accounted_for(console, database, people)


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
    text = (root / "campaigns" / "appointment-reminder.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("open: [Mon-Sun 09:00-12:00, Mon-Sun 14:00-20:00]", "open: [Mon-Sun 00:00-24:00]"),
        ("per_second: 2", "per_second: 25"),
        ("at_once: 20", "at_once: 60"),
        ("  each: 3\n", "  each: 1\n"),
    ):
        assert old in text, f"campaigns/appointment-reminder.yaml no longer says {old!r}"
        text = text.replace(old, new)
    retry = text.index("  retry:")
    text = text[:retry] + text[text.index("machines:") :]
    (site / "campaigns" / "appointment-reminder.yaml").write_text(text, encoding="utf-8")
    return site


def _people(path: Path) -> list[str]:
    """A spreadsheet as people send it: three rows cannot be taken. Gives the numbers of those that can."""
    day = (date.today() + timedelta(days=1)).isoformat()
    numbers = [f"138001{n:05}" for n in range(PEOPLE)]
    with path.open("w", newline="", encoding="gbk") as file:
        rows = csv.writer(file)
        rows.writerow(["手机", "姓名", "language", "consent", "appointment_date", "appointment_time"])
        for n, number in enumerate(numbers):
            spelt = number if n % 3 else f"+86 {number[:3]} {number[3:7]} {number[7:]}"
            rows.writerow([spelt, f"张{n}", "zh" if n % 2 else "en", f"form-{n}", day, f"{9 + n % 9:02}:30"])
        rows.writerow(["110", "急救", "zh", "form-x", day, "09:30"])
        rows.writerow(["12345", "短", "zh", "form-y", day, "09:30"])
        rows.writerow([numbers[0], "又一次", "zh", "form-z", day, "09:30"])
    return [f"+86{number}" for number in numbers]


def _kind(number: str) -> int:
    """By the last digits. Three are gone at once: with many of them the dialler would rest the gateway."""
    last = int(number[-3:])
    return 0 if last % 20 == _GONE and last > 60 else last % 20


def _does(digits: str) -> tuple[Party, list[Action]]:
    return PEOPLE_DO[_kind(digits)]


def _talk(call: Outbound, sounds: BuiltSounds) -> ScriptedSwitch | None:
    """The channel of an answered call, as the switch hands it to our server; None for who hangs up at once."""
    if call.party.talk_ms is not None:
        return None

    def heard(path: str) -> Sound | None:
        found = Sound(TONE_MS, "") if path.startswith("tone_stream://") else sounds.find(path)
        return Sound(found.duration_ms, found.said) if found else None

    script = _does(call.digits)[1]
    if script and isinstance(script[-1], Press) and len(script) == 2:
        script = [*script, Hears("appointment_choose"), Press("1"), *_BYE]
    variables = {name: str(value) for name, value in call.channel.variables.items()}
    return ScriptedSwitch(
        ScriptedCaller(script),
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


def _outcomes(database: str) -> Counter[str]:
    from sqlalchemy import func, select

    from ivr.store.schema import dial_attempt

    query = select(dial_attempt.c.outcome, func.count()).where(dial_attempt.c.outcome.is_not(None))
    with make_engine(database).connect() as connection:
        return Counter({row[0]: row[1] for row in connection.execute(query.group_by(dial_attempt.c.outcome))})


def _watch(
    console: Console, database: str, dialler: subprocess.Popen[bytes], people: list[str], switch: ExchangeServer
) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    limit = time.monotonic() + LIMIT_S
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"{len(people)} people are called", total=len(people))
        while time.monotonic() < limit and dialler.poll() is None:
            done = sum(_outcomes(database).values())
            bar.update(task, completed=done)
            if done >= len(people):
                break
            switch.wait(0.3)


def _command(group: str, *arguments: str) -> None:
    command = import_module(f"ivr.cli.{group}").command
    command.main(list(arguments), standalone_mode=False)


#: What each kind of person's attempt has to come out as.
EXPECTED: dict[int, str] = {
    **dict.fromkeys(range(10), "answered"),
    **{10: "busy", 11: "busy", 12: "no_answer", 13: "invalid", 14: "rejected", 15: "machine", 16: "opted_out"},
    **{_GONE: "short", 18: "congestion", 19: "answered"},
}


def _accounted_for(console: Console, database: str, people: list[str]) -> list[str]:
    """Everybody has exactly one outcome, and it is the one that they made."""
    found = _outcomes(database)
    wanted = Counter(EXPECTED[_kind(number)] for number in people)
    said = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in found.most_common())
    total = sum(found.values())
    hang(
        console, "[green]✓[/green] " if found == wanted else "[red]✗[/red] ", f"{said}: {total} of {len(people)} people"
    )
    if found == wanted:
        return []
    return [f"campaign: {json.dumps(found)} instead of {json.dumps(wanted)}"]
