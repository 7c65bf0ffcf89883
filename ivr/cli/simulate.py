"""`ivr simulate`: call a flow from the terminal, with the keyboard as keypad.

Law: thin. The call is ``hosts.simulator``'s; here it is shown, in real time on a terminal and at once otherwise.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from ivr.core.effects import (
    CollectSecret,
    Dial,
    Effect,
    Enqueue,
    Failed,
    Listen,
    Play,
    RecordMessage,
    Save,
)
from ivr.core.program import Program
from ivr.hosts.scribe import Scribe
from ivr.hosts.script import SUFFIX, ScriptError, load_calls
from ivr.hosts.simulated_queue import UNANSWERED, QueueEnd
from ivr.hosts.simulator import FarEnd, SimulatedCall
from ivr.hosts.tester import run_call
from ivr.lang.check import check_file
from ivr.ops.config import Projects

KEYS = "0123456789*#"
_TOKEN = re.compile(r"w(?P<wait>\d+(?:\.\d+)?)|!(?P<over>[0-9*#]+)|(?P<keys>[0-9*#]+)|(?P<gone>h|hangup)|(?P<silent>s)")
HELP = """keys: 0-9 * #   /wait 6: six seconds pass   /speak 5: speak into a recording   /hangup   /quit   /help"""


@click.command("simulate")
@click.argument("flow", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--keys", "script", default=None, help='Play these, not the keyboard: "2 w3 1 !0 s h" (see above).')
@click.option(
    "--record", "record_to", type=click.Path(dir_okay=False, path_type=Path), help="Append the call as a test."
)
@click.option("--name", default="", help="Name of the recorded call.")
@click.option("--caller", default="+8613800138000", show_default=True, help="The caller's number.")
@click.option("--called", default="95588", show_default=True, help="The number that was called.")
@click.option("--fact", "facts", multiple=True, metavar="NAME=VALUE", help="A fact that comes with the call.")
@click.option(
    "--far-end", "far_ends", multiple=True, metavar="NAME=busy|no_answer|failed|20s", help="How a transfer ends."
)
@click.option(
    "--queue", "queues", multiple=True, metavar="NAME=waits|no_agent|full|failed|20s", help="How a queue ends."
)
@click.option("--fast", is_flag=True, help="Let time fly: no waiting for prompts and timers.")
def command(
    flow: Path,
    script: str | None,
    record_to: Path | None,
    name: str,
    caller: str,
    called: str,
    facts: tuple[str, ...],
    far_ends: tuple[str, ...],
    queues: tuple[str, ...],
    fast: bool,
) -> None:
    """Call FLOW from this terminal.

    \b
    --keys is a list of what the caller does, one after the other:
      12#    press these once it is silent      !12   press these over the prompt
      w3     wait three seconds                 s     stay silent until something is said
      h      hang up
    """
    result = check_file(flow, Projects().of(flow))
    if result.program is None:
        raise click.UsageError(f"{flow} has mistakes; see: ivr check {flow}")
    if record_to:
        _room_for(record_to, name)
    known = {"caller.number": caller, "called.number": called, **dict(_pair(f) for f in facts)}
    line = SimulatedCall(
        result.program,
        known,
        far_ends={k: _far_end(v) for k, v in map(_pair, far_ends)},
        queues={k: _queue(v) for k, v in map(_pair, queues)},
    )
    scribe = Scribe(known)
    screen = Screen(result.program, scribe)
    line.on_effect = screen.show(line)
    if script is not None:
        _play_keys(line, scribe, screen, script)
    elif sys.stdin.isatty() and not fast:
        from ivr.cli.keypad import play_live

        screen.timers_shown = True
        play_live(line, scribe, screen.console)
    else:
        _play_lines(line, scribe, screen)
    screen.summary(line)
    if record_to:
        _record(result.program, flow, record_to, name, scribe, screen.console)


class Screen:
    """Prints a call as it goes: when, what is heard, what is pressed, what is kept."""

    def __init__(self, program: Program, scribe: Scribe) -> None:
        self.console = Console(highlight=False)
        self.timers_shown = False  # elsewhere: a live call has them at the bottom of the screen
        self._program, self._scribe = program, scribe

    def show(self, line: SimulatedCall) -> Any:
        def on_effect(effect: Effect) -> None:
            self._scribe.effect(effect, line.playing)
            text, style = self._words(effect, line)
            if text:
                self.say(line, text, style)

        return on_effect

    def say(self, line: SimulatedCall, text: str, style: str = "") -> None:
        minutes, ms = divmod(line.now_ms, 60_000)
        self.console.print(f"[dim]{minutes:02}:{ms / 1000:04.1f}[/dim]  ", end="")
        self.console.print(text, style=style, markup=False, soft_wrap=True)

    def _words(self, effect: Effect, line: SimulatedCall) -> tuple[str, str]:
        match effect:
            case Play():
                return f"♪ {line.playing}", "cyan"
            case CollectSecret():
                return f"♪ {line.playing}  (secret keys follow)", "cyan"
            case Listen(_, timeout_ms, timer) if not self.timers_shown:
                kind = "first key" if timer == "first" else "next key"
                return f"  … waits {timeout_ms / 1000:g} s for the {kind}", "dim"
            case RecordMessage(_, limit_ms, _, end, _):
                return f"● records, up to {limit_ms // 1000} s, until {end}", "magenta"
            case Dial(_, destination, ring_ms, _):
                return f"☎ rings {destination}, up to {ring_ms // 1000} s", "magenta"
            case Enqueue(_, queue, wait_ms, keys):
                leave = f", {' '.join(keys)} leaves it" if keys else ""
                return f"☎ waits in {queue}, up to {wait_ms // 1000} s{leave}", "magenta"
            case Save("attempt", row) if row["outcome"] == "noinput":
                return "  silence", "yellow"
            case Save("attempt", row) if row["outcome"] == "nomatch":
                return f"  wrong: {'***' if row['keys'] is None else row['keys']}", "yellow"
            case Save("answer", row):
                shown = "***" if row["value"] is None else row["value"]
                return f"✎ {row['question']} = {shown}", "green"
            case Save("run", row):
                return f"✎ survey {row['survey']} {row['status']} ({row['answered']} of {row['asked']})", "green"
            case Failed(name, node, detail):
                return f"! {name} at {node} {detail}", "red"
        return "", ""

    def pressed(self, line: SimulatedCall, key: str) -> None:
        secret = line.secret_open
        self._scribe.pressed(key, bool(line.playing))
        self.say(line, f"  ⌨ {'•' if secret else key}", "bold")
        line.press(key)

    def summary(self, line: SimulatedCall) -> None:
        if line.end is None:
            self.console.print("still on the line", style="yellow")
            return
        end = line.end
        by = {"caller": "the caller hung up", "flow": "the flow hung up", "error": "the call ended by an error"}[end.by]
        self.console.print(f"{by} at [bold]{end.node}[/bold] after {line.now_ms / 1000:.1f} s ({end.cause})")


def _pair(text: str) -> tuple[str, str]:
    name, sep, value = text.partition("=")
    if not sep or not name:
        raise click.UsageError(f'"{text}" is not NAME=VALUE')
    return name.strip(), value.strip()


def _far_end(text: str) -> FarEnd:
    if text in ("busy", "no_answer", "failed"):
        return FarEnd(text, 500)
    found = re.fullmatch(r"(\d+)s?", text)
    if not found:
        raise click.UsageError(f'"{text}": a far end is busy, no_answer, failed, or talks for 20s')
    return FarEnd("finished", int(found[1]) * 1000)


def _queue(text: str) -> QueueEnd:
    if text in UNANSWERED:
        return QueueEnd(text)
    found = re.fullmatch(r"(\d+)s?", text)
    if not found:
        raise click.UsageError(f'"{text}": a queue is {", ".join(UNANSWERED)}, or its agent talks for 20s')
    return QueueEnd(talk_ms=int(found[1]) * 1000)


def _until_silent(line: SimulatedCall) -> None:
    """Let the prompt that plays, and what follows it, be heard out."""
    while line.playing and (due := line.next_due_ms) is not None:
        line.advance(due)


def _until_heard(line: SimulatedCall) -> None:
    """Let silence last until something is said, or the call is over."""
    _until_silent(line)
    while not line.playing and (due := line.next_due_ms) is not None:
        line.advance(due)


def _play_keys(line: SimulatedCall, scribe: Scribe, screen: Screen, script: str) -> None:
    tokens = [(token, _TOKEN.fullmatch(token)) for token in script.split()]
    for token, found in tokens:
        if not found:
            raise click.UsageError(f'"{token}" is nothing a caller does; see ivr simulate --help')
    line.begin()
    for token, found in tokens:
        if line.over or not found:
            raise click.UsageError(f'the call was over before "{token}"')
        if found["wait"]:
            line.advance(line.now_ms + round(float(found["wait"]) * 1000))
        elif found["gone"]:
            scribe.hung_up()
            line.hang_up()
        elif found["silent"]:
            scribe.silent()
            _until_heard(line)
        else:
            if found["over"]:
                line.advance(line.now_ms + 300)
            else:
                _until_silent(line)
                line.advance(line.now_ms + 400)
            for key in found["over"] or found["keys"]:
                if not line.over:
                    screen.pressed(line, key)
                    line.advance(line.now_ms + 200)
    while not line.over and (due := line.next_due_ms) is not None:
        line.advance(due)


def _play_lines(line: SimulatedCall, scribe: Scribe, screen: Screen) -> None:
    """Without a terminal: a line of keys or a /command each time the flow waits; an empty line is silence."""
    line.begin()
    while not line.over:
        _until_silent(line)
        if line.over or line.next_due_ms is None:
            break
        text = sys.stdin.readline()
        if not text:
            scribe.hung_up()
            line.hang_up()
            break
        _obey(line, scribe, screen, text.strip())


def _obey(line: SimulatedCall, scribe: Scribe, screen: Screen, text: str) -> None:
    word, _, rest = text.partition(" ")
    number = float(rest) if re.fullmatch(r"\d+(\.\d+)?", rest) else 3.0
    if not text:
        scribe.silent()
        _until_heard(line)
    elif word in ("/hangup", "/quit"):
        scribe.hung_up()
        line.hang_up()
    elif word == "/wait":
        line.advance(line.now_ms + round(number * 1000))
    elif word == "/speak":
        scribe.spoke(round(number * 1000))
        line.speak(round(number * 1000))
        line.advance(line.now_ms + round(number * 1000))
    elif text.startswith("/"):
        screen.console.print(HELP)
    else:
        for key in text:
            if key in KEYS and not line.over:
                screen.pressed(line, key)


def _room_for(record_to: Path, name: str) -> None:
    """Everything that would make the recorded call unreadable is refused before anything is played or written."""
    if not record_to.name.endswith(SUFFIX):
        raise click.UsageError(f"{record_to}: calls are kept in a file named <flow>{SUFFIX}")
    if not record_to.parent.is_dir():
        raise click.UsageError(f"{record_to}: there is no folder {record_to.parent}")
    if not record_to.exists():
        return
    try:
        known = load_calls(record_to)
    except ScriptError as exc:
        raise click.UsageError(f"{exc}; mend it before a call is added") from exc
    if name in [call.name for call in known]:
        raise click.UsageError(f'{record_to} has a call named "{name}" already; give another --name')


def _record(program: Program, flow: Path, file: Path, name: str, scribe: Scribe, console: Console) -> None:
    """Append the call, then play it back: what is written down must pass."""
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    taken = {call.name for call in load_calls(file)} if before.strip() else set()
    numbers = (f"{program.flow} {n}" for n in range(len(taken) + 1, len(taken) + 1000))
    called = name or next(n for n in numbers if n not in taken)
    gap = "\n" if before and not before.endswith("\n\n") else ""
    try:
        file.write_text(before + gap + scribe.yaml(called), encoding="utf-8")
        call = next(c for c in load_calls(file) if c.name == called)
    except OSError as exc:
        raise click.UsageError(f"{file}: cannot be written ({exc.strerror})") from exc
    except ScriptError as exc:
        file.write_text(before, encoding="utf-8")
        raise click.ClickException(f"the recorded call cannot be read back, and was not kept: {exc}") from exc
    outcome = run_call(program, call)
    console.print(f"recorded as [bold]{called}[/bold] in {file}; run it: ivr test {file}")
    for problem in outcome.problems:
        console.print(f"  edit it: {problem}", style="yellow", markup=False)
