"""The terminal as a telephone: keys are pressed as they are typed, timers run on the screen.

Law: the only place of the simulator with a real clock and a raw keyboard; the call itself stays ``hosts.simulator``'s.
"""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty

from rich.console import Console

from ivr.cli.simulate import HELP, KEYS
from ivr.core.effects import CollectSecret, Dial, Enqueue, Listen, Play, RecordMessage
from ivr.hosts.scribe import Scribe
from ivr.hosts.simulator import SimulatedCall

TICK_S = 0.1
_CLEAR = "\r\x1b[2K"


def play_live(line: SimulatedCall, scribe: Scribe, console: Console) -> None:
    """Play the call in real time until it ends or the caller hangs up."""
    console.print(HELP, style="dim")
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    started = time.monotonic() * 1000
    typed = ""  # a /command under way
    skipped_ms = 0.0
    shown = ""

    def status(text: str) -> None:
        nonlocal shown
        if text != shown:
            shown = text
            sys.stdout.write(_CLEAR + text)
            sys.stdout.flush()

    show = line.on_effect

    def clean(effect: object) -> None:
        status("")
        if show:
            show(effect)  # type: ignore[arg-type]

    line.on_effect = clean
    try:
        tty.setcbreak(keyboard)
        line.begin()
        while True:
            line.advance(round(time.monotonic() * 1000 - started + skipped_ms))
            if line.over:
                break
            status(typed or _status(line))
            if not select.select([keyboard], [], [], TICK_S)[0]:
                continue
            for char in os.read(keyboard, 64).decode("utf-8", "replace"):
                if typed or char == "/":
                    typed = _edit(typed, char)
                    if char in "\r\n":
                        skipped_ms += _obey(line, scribe, typed.strip("/ \r\n"))
                        typed = ""
                elif char in KEYS and not line.over:
                    status("")
                    scribe.pressed(char, bool(line.playing))
                    console.print(f"         ⌨ {'•' if line.secret_open else char}", style="bold", markup=False)
                    line.press(char)
    except KeyboardInterrupt:
        _obey(line, scribe, "hangup")
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        status("")


def _edit(typed: str, char: str) -> str:
    return typed[:-1] if char in "\x7f\b" else typed + char


def _obey(line: SimulatedCall, scribe: Scribe, text: str) -> float:
    """Carry out a /command; gives how many milliseconds it lets pass at once."""
    word, _, rest = text.partition(" ")
    number_ms = round(float(rest) * 1000) if rest.replace(".", "", 1).isdigit() else 3000
    if word in ("hangup", "quit", "h", "q"):
        scribe.hung_up()
        line.hang_up()
    elif word == "speak":
        scribe.spoke(number_ms)
        line.speak(number_ms)
    elif word == "wait":
        line.advance(line.now_ms + number_ms)
        return number_ms
    else:
        sys.stdout.write(_CLEAR + HELP + "\n")
    return 0.0


def _status(line: SimulatedCall) -> str:
    """One line at the bottom: what the line does, and for how long."""
    due = line.next_due_ms
    left = f"{max(0, due - line.now_ms) / 1000:4.1f} s" if due is not None else ""
    match line.waiting_for:
        case Play() | CollectSecret() if line.playing:
            return f"  ♪ {left}"
        case Listen(_, timeout_ms, timer) if due is not None:
            done = 1 - (due - line.now_ms) / timeout_ms
            bar = "█" * round(20 * done) + "░" * (20 - round(20 * done))
            return f"  ⏳ {'first key' if timer == 'first' else 'next key '} {bar} {left}"
        case CollectSecret():
            return f"  ⏳ secret keys {left}"
        case RecordMessage():
            return f"  ● recording {left}"
        case Dial() | Enqueue():
            return f"  ☎ {left}"
    return f"  {left}"
