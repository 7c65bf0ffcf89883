"""What an application's CHANNEL_EXECUTE_COMPLETE says, as an event of the machine.

Law: pure; one function for each kind of wait. The variables are FreeSWITCH's, the words are the machine's.
"""

from __future__ import annotations

from typing import Final

from ivr.core.effects import RecordMessage
from ivr.core.events import RecordDone, SecretDone, TransferDone
from ivr.esl.event import Event

#: A recording with less than this before its closing silence holds nothing.
LEAST_RECORDING_MS: Final = 1000
NO_ANSWER_CAUSES: Final = frozenset(("NO_ANSWER", "NO_USER_RESPONSE", "ALLOTTED_TIMEOUT", "ORIGINATOR_CANCEL"))


def transfer_done(event: Event, wait: int, at_ms: int, agent: str = "") -> TransferDone:
    """``bridge``, or the channel of a call whose worker died while it dialled. Its disposition names the outcome."""
    disposition = event.get("variable_originate_disposition", "")
    if disposition == "SUCCESS":
        return TransferDone(wait, at_ms, "finished", event.get("variable_last_bridge_hangup_cause", ""), agent)
    no_answer = disposition in NO_ANSWER_CAUSES
    outcome = "busy" if disposition == "USER_BUSY" else "no_answer" if no_answer else "failed"
    return TransferDone(wait, at_ms, outcome, disposition)


def agent_of(dial_string: str) -> str:
    """Who a destination is: 1000 of ``user/1000`` and of ``sofia/internal/1000@office``; "" of more than one."""
    if "," in dial_string or "|" in dial_string:
        return ""
    return dial_string.rpartition("/")[2].partition("@")[0].partition(";")[0].removeprefix("sip:")


def secret_done(event: Event, name: str, wait: int, at_ms: int) -> SecretDone:
    """``play_and_get_digits`` with one try into the variable ``name``: three variables tell what happened."""
    keys = event.get(f"variable_{name}", "")
    invalid = event.get(f"variable_{name}_invalid", "")
    result = event.get("variable_read_result", "")
    if keys and result in ("success", "timeout"):
        return SecretDone(wait, at_ms, keys, "digits", "between" if result == "timeout" else "")
    if keys or invalid:
        ended_by_timer = "" if event.get("variable_read_terminator_used", "") else "between"
        return SecretDone(wait, at_ms, keys or invalid, "nomatch", ended_by_timer)
    if not result:
        return SecretDone(wait, at_ms, "", "missing")
    return SecretDone(wait, at_ms, "", "noinput", "first")


def record_done(event: Event, effect: RecordMessage, file: str, at_ms: int) -> RecordDone:
    """``record``: nothing was said, something was, or (record_ms, unset before, is not there) it could not write."""
    length = event.get("variable_record_ms", "")
    key = event.get("variable_playback_terminator_used", "")
    if not (length.isascii() and length.isdigit() and len(length) < 10):
        return RecordDone(effect.wait, at_ms, "failed", file, 0, key)
    length_ms = int(length)
    by_silence = not key and length_ms < effect.limit_ms - 500
    spoken_ms = length_ms - (effect.silence_ms if by_silence else 0)
    if spoken_ms < LEAST_RECORDING_MS:
        return RecordDone(effect.wait, at_ms, "empty", "", length_ms, key)
    return RecordDone(effect.wait, at_ms, "done", file, length_ms, key)
