"""What a wait of the machine is on the switch: the application that runs for it, and the event that its end is.

Law: pure; a function for each kind of wait, and one for the way back. Words and arguments are FreeSWITCH's.
"""

from __future__ import annotations

from typing import Final

from ivr.core.effects import CollectSecret, RecordMessage
from ivr.core.events import Event, PlayDone
from ivr.esl.link import ExecuteDone
from ivr.hosts.applications import Application
from ivr.hosts.completions import agent_of, record_done, secret_done, transfer_done

#: Heard before a recording.
TONE: Final = "tone_stream://%(250,0,800)"
#: Heard instead of a prompt that there is not, and how long it is.
SILENCE: Final = ("silence_stream://20", 20)
#: The energy below which FreeSWITCH's `record` takes a frame for silence.
SILENCE_THRESHOLD: Final = 200
#: What is set on the channel before a secret is collected: no log shows its keys, and none of an earlier one is left.
BEFORE_SECRET: Final = {"sensitive_dtmf": "true", "read_terminator_used": ""}


def play(wait: int, audio: str, duration_ms: int, barge_in: bool) -> Application:
    return Application("play", wait, "playback", audio, duration_ms, "any" if barge_in else "none")


def collect_secret(wait: CollectSecret, prompt: str, duration_ms: int, name: str) -> Application:
    """``name``: of the channel variable that gets the keys."""
    # tries=1, so that silence and a wrong key can be told apart; the machine checks the entry itself.
    argument = (
        f"{wait.min_keys} {wait.max_keys} 1 {wait.first_ms} {wait.end or 'none'} {prompt} {SILENCE[0]} "
        f"{name} ^[0-9*#]*$ {wait.between_ms}"
    )
    longest_ms = duration_ms + wait.first_ms + wait.max_keys * wait.between_ms
    return Application("secret", wait.wait, "play_and_get_digits", argument, longest_ms, detail=name)


def after_secret(name: str) -> tuple[str, ...]:
    """The channel variables that are to be unset."""
    return name, f"{name}_invalid", "sensitive_dtmf"


def record(wait: RecordMessage, path: str) -> Application:
    """The recording, or the tone before it, which has it as its ``detail``."""
    seconds, hits = max(1, -(-wait.limit_ms // 1000)), max(1, wait.silence_ms // 1000)
    argument = f"{path} {seconds} {SILENCE_THRESHOLD} {hits}"
    end = "any" if wait.end == "any" else wait.end or "none"
    recording = Application("record", wait.wait, "record", argument, wait.limit_ms, end, detail=wait)
    if not wait.tone:
        return recording
    return Application("tone", wait.wait, "playback", TONE, 300, "none", detail=recording)


def file_of(recording: Application) -> str:
    return recording.argument.split(" ")[0].rsplit("/", 1)[-1]


def dial(wait: int, dial_string: str, longest_ms: int) -> Application:
    return Application("dial", wait, "bridge", dial_string, longest_ms, "none", agent_of(dial_string))


def ended(over: Application, told: ExecuteDone, at_ms: int) -> Event | None:
    """What the machine is told; None of an application that no wait of its own is for."""
    match over.what:
        case "play":
            status = {"FILE NOT FOUND": "missing", "PLAYBACK ERROR": "broken"}.get(told.response, "done")
            return PlayDone(over.wait, at_ms, status, over.argument if status != "done" else "")
        case "secret":
            return secret_done(told.event, over.detail, over.wait, at_ms)
        case "record":
            return record_done(told.event, over.detail, file_of(over), at_ms)
        case "dial":
            return transfer_done(told.event, over.wait, at_ms, over.detail)
    return None
