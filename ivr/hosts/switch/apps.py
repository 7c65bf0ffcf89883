"""The applications a flow uses, imitated: answer, set, playback, play_and_get_digits, read, record, sleep, hangup.

Law: each application is a generator over a Line, or a plain function if it never waits. It knows keys, sounds and
time, and nothing of sockets or callers' scripts. What it does follows recordings of a real FreeSWITCH; where they are
silent, its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator

from ivr.hosts.switch.bridging import bridge, transfer
from ivr.hosts.switch.callcenter import callcenter
from ivr.hosts.switch.line import App, Line, Signal, Sound

EVERY_KEY = "0123456789*#ABCD"


def words(text: str) -> list[str]:
    """An application's argument, split as FreeSWITCH splits it: by spaces, single quotes keep together."""
    return [m[1] if m[1] is not None else m[0] for m in re.finditer(r"'([^']*)'|\S+", text)]


# -- variables ---------------------------------------------------------------------------------------------


def answer(line: Line, arg: str) -> None:
    line.answer()


def pre_answer(line: Line, arg: str) -> None:
    line.pre_answer()


def set_(line: Line, arg: str) -> None:
    name, _, value = arg.partition("=")
    line.set(name.strip(), value)


def unset(line: Line, arg: str) -> None:
    line.set(arg.strip(), None)


def multiset(line: Line, arg: str) -> None:
    mark, text = (arg[2], arg[3:]) if arg.startswith("^^") and len(arg) > 2 else (" ", arg)
    for piece in filter(None, text.split(mark)):
        name, _, value = piece.partition("=")
        line.set(name, value)


def multiunset(line: Line, arg: str) -> None:
    for name in arg[3:].split(arg[2]) if arg.startswith("^^") and len(arg) > 2 else arg.split():
        line.set(name, None)


def nothing(line: Line, arg: str) -> None:
    """Applications whose only effect is a log line."""


def flush_dtmf(line: Line, arg: str) -> None:
    line.flush_keys()


def hangup(line: Line, arg: str) -> None:
    line.hangup(arg.strip() or "NORMAL_CLEARING")


def echo(line: Line, arg: str) -> App:
    while (yield None) != "hangup":
        line.take_key()


def sleep(line: Line, arg: str) -> App:
    until = line.now_ms + (int(arg) if arg.strip().isdecimal() else 0)
    while line.now_ms < until:
        if (yield until) == "hangup":
            return


def socket(line: Line, arg: str) -> App:
    """Another connection, outside of the one that we talk on: this one says no more."""
    line.call_worker()
    yield None


# -- sounds ------------------------------------------------------------------------------------------------


def _resolve(line: Line, path: str) -> tuple[int | None, str, bool] | None:
    """How long it lasts (None: for ever), what is said, and whether anything is heard at all; None: no such file."""
    if path.startswith("silence_stream://"):
        length = int(path.removeprefix("silence_stream://").split(",")[0] or 0)
        return (None if length < 0 else length), "", False
    if path.startswith("tone_stream://"):
        steps = re.search(r"%\((\d+),(\d+)", path)
        return (int(steps[1]) + int(steps[2]) if steps else 0), "", False
    if path.startswith("file_string://"):
        pieces = [p for p in (_resolve(line, p) for p in path.removeprefix("file_string://").split("!")) if p]
        if not pieces:
            return None
        lengths = [length for length, _, _ in pieces]
        whole = None if None in lengths else sum(length or 0 for length in lengths)
        return whole, " ".join(said for _, said, _ in pieces if said), any(heard for _, _, heard in pieces)
    sound: Sound | None = line.sound(path)
    return None if sound is None else (line.scaled(sound.duration_ms), sound.said, True)


def _play(line: Line, path: str, stops: Callable[[str], bool]) -> Generator[int | None, Signal, str]:
    """Play ``path``: done | break (by a key or uuid_break) | hangup | missing."""
    found = _resolve(line, path)
    if found is None:
        return "missing"
    length, said, heard = found
    line.pre_answer()
    line.emit("PLAYBACK_START", **{"Playback-File-Path": path})
    if heard:
        line.heard(said)
    began = line.now_ms
    end = None if length is None else began + length
    outcome = ""
    while not outcome:
        key = line.take_key()
        if key is not None:
            outcome = "break" if stops(key) else ""
            continue
        signal = yield end
        if signal == "time" or (end is not None and line.now_ms >= end):
            outcome = "done"
        elif signal != "key":
            outcome = signal
    if heard:
        line.silent()
    played = line.now_ms - began
    line.set("playback_last_offset_pos", str(played * 8))
    line.set("playback_seconds", str(played // 1000))
    line.set("playback_ms", str(played))
    line.set("playback_samples", str(played * 8))
    status = "break" if outcome == "break" else "done"
    line.emit("PLAYBACK_STOP", **{"Playback-File-Path": path, "Playback-Status": status})
    return outcome


def _terminators(line: Line) -> str:
    keys = line.get("playback_terminators") or "*"
    return {"any": EVERY_KEY, "none": ""}.get(keys, keys)


def playback(line: Line, arg: str) -> App:
    ends = _terminators(line)
    line.set("playback_terminator_used", None)

    def stops(key: str) -> bool:
        if key in ends:
            line.set("playback_terminator_used", key)
        return key in ends

    outcome = yield from _play(line, arg, stops)
    # A caller who leaves breaks the file; a hang-up that was ordered does not.
    broken = outcome == "hangup" and line.hung_up_by == "caller"
    line.respond("FILE NOT FOUND" if outcome == "missing" else "PLAYBACK ERROR" if broken else "FILE PLAYED")


def record(line: Line, arg: str) -> App:
    args = [*words(arg), "", "", "", ""]
    path, limit_s, silence_s = args[0], int(args[1] or 0), int(args[3] or 0)
    ends = _terminators(line)
    line.set("silence_hits_exhausted", "false")
    line.set("playback_terminator_used", None)
    line.emit("RECORD_START", **{"Record-File-Path": path})
    began = line.now_ms
    limit = began + limit_s * 1000 if limit_s else None
    while True:
        key = line.take_key()
        if key is not None:
            if key in ends:
                line.set("playback_terminator_used", key)
                break
            continue
        quiet = max(began, line.speaking_until_ms) + silence_s * 1000 if silence_s else None
        due = min((at for at in (limit, quiet) if at is not None), default=None)
        if due is not None and line.now_ms >= due:
            line.set("silence_hits_exhausted", "true" if due == quiet else "false")
            break
        if (yield due) in ("break", "hangup"):
            break
    length = line.now_ms - began
    measures = {"file_size": 44 + length * 16, "seconds": length // 1000, "ms": length, "samples": length * 8}
    for name, value in measures.items():
        line.set("record_" + name, str(value))
    line.emit("RECORD_STOP", **{"Record-File-Path": path})


# -- digits ------------------------------------------------------------------------------------------------


def _read(
    line: Line, least: int, most: int, prompt: str, ends: str, first_ms: int, between_ms: int
) -> Generator[int | None, Signal, tuple[str, str]]:
    """Digits, and what read_result says: success | timeout | failure | "" (no such prompt)."""
    digits = ""
    ended = False

    def stops(key: str) -> bool:
        nonlocal digits, ended
        ended = key in ends
        digits += "" if ended else key
        if ended:
            line.set("read_terminator_used", key)
        return True

    outcome = yield from _play(line, prompt, stops)
    if outcome == "missing":
        return "", ""
    result = "success"
    due = line.now_ms + (between_ms if digits else first_ms)
    while not ended and len(digits) < most and outcome != "hangup":
        key = line.take_key()
        if key is not None:
            stops(key)
            due = line.now_ms + between_ms
            continue
        signal = yield due
        if signal == "hangup":
            break
        if line.now_ms >= due:
            result = "timeout"
            break
    if len(digits) < least or (not digits and (ended or outcome == "hangup")):
        result = "failure"
    return digits, result


def _matches(pattern: str, digits: str) -> bool:
    """FreeSWITCH logs a pattern that it cannot compile, and matches nothing with it."""
    try:
        return re.search(pattern, digits) is not None
    except re.error:
        return False


def play_and_get_digits(line: Line, arg: str) -> App:
    args = words(arg)
    if len(args) < 9:
        return
    least, most, tries, timeout_ms = (max(0, int(n)) if n.isdecimal() else 0 for n in args[:4])
    ends, prompt, invalid, name, pattern = args[4:9]
    first_ms = max(1000, timeout_ms)
    between_ms = max(1000, int(args[9])) if len(args) > 9 and args[9].isdecimal() else first_ms
    line.set("read_result", None)
    for _ in range(max(1, tries)):
        digits, result = yield from _read(line, least, most, prompt, ends, first_ms, between_ms)
        line.set("read_result", result)
        accepted = result in ("success", "timeout") and (not digits or _matches(pattern, digits))
        if digits and (accepted or result == "failure"):
            line.set(name, digits)
        elif digits:
            line.set(name + "_invalid", digits)
        if accepted or line.cause:
            return
        yield from _play(line, invalid, lambda _: True)


def read(line: Line, arg: str) -> App:
    args = [*words(arg), "", "", ""]
    least, most = (int(n) if n.isdecimal() else 0 for n in args[:2])
    timeout_ms = max(1000, int(args[4] or 1000))
    between_ms = max(1000, int(args[6])) if args[6].isdecimal() else timeout_ms
    line.set("read_result", None)
    digits, result = yield from _read(line, least, most, args[2], args[5] or "#", timeout_ms, between_ms)
    line.set("read_result", result)
    line.set(args[3], digits)


APPLICATIONS: dict[str, Callable[[Line, str], App | None]] = {
    "answer": answer,
    "bridge": bridge,
    "callcenter": callcenter,
    "echo": echo,
    "export": set_,
    "flush_dtmf": flush_dtmf,
    "hangup": hangup,
    "info": nothing,
    "log": nothing,
    "multiset": multiset,
    "multiunset": multiunset,
    "play_and_get_digits": play_and_get_digits,
    "playback": playback,
    "pre_answer": pre_answer,
    "read": read,
    "record": record,
    "say": nothing,
    "set": set_,
    "sleep": sleep,
    "socket": socket,
    "transfer": transfer,
    "unset": unset,
}
