"""What an application's CHANNEL_EXECUTE_COMPLETE says, as an event of the machine.

Law: pure; one function for each kind of wait. The variables are FreeSWITCH's, the words are the machine's.
"""

from __future__ import annotations

from typing import Final

from ivr.core.effects import RecordMessage
from ivr.core.events import QueueDone, RecordDone, SecretDone, TransferDone
from ivr.esl.event import Event

#: A recording with less than this before its closing silence holds nothing.
LEAST_RECORDING_MS: Final = 1000
NO_ANSWER_CAUSES: Final = frozenset(("NO_ANSWER", "NO_USER_RESPONSE", "ALLOTTED_TIMEOUT", "ORIGINATOR_CANCEL"))

#: A key that no telephone of ours has on offer: how the host takes a caller out of a queue.
OUR_KEY: Final = "D"
#: What a stay in a queue leaves on the channel, for call records too: cleared before another stay.
QUEUE_VARIABLES: Final = ("cc_cause", "cc_cancel_reason", "cc_exit_key", "cc_agent", "cc_queue_answered_epoch")
_CANCELLED: Final = {"TIMEOUT": "timed_out", "NO_AGENT_TIMEOUT": "no_agent", "EXIT_WITH_KEY": "left"}


def transfer_done(event: Event, wait: int, at_ms: int, agent: str = "") -> TransferDone:
    """``bridge``, or the channel of a call whose worker died while it dialled. Its disposition names the outcome."""
    disposition = event.get("variable_originate_disposition", "")
    if disposition == "SUCCESS":
        return TransferDone(wait, at_ms, "finished", event.get("variable_last_bridge_hangup_cause", ""), agent)
    no_answer = disposition in NO_ANSWER_CAUSES
    outcome = "busy" if disposition == "USER_BUSY" else "no_answer" if no_answer else "failed"
    return TransferDone(wait, at_ms, outcome, disposition)


def queue_done(event: Event, wait: int, at_ms: int, waited_ms: int | None) -> QueueDone:
    """``callcenter``, or the channel of a call that comes back from the talk, perhaps to another worker."""
    known_ms = _waited_ms(event) if waited_ms is None else waited_ms
    cause, agent = event.get("variable_cc_cause", ""), event.get("variable_cc_agent", "")
    if cause == "answered":  # cc_agent comes with the bridge: without it the agent was gone before
        ended = event.get("variable_last_bridge_hangup_cause", "")
        return QueueDone(wait, at_ms, "answered" if agent else "failed", agent, ended, known_ms)
    outcome = _CANCELLED.get(event.get("variable_cc_cancel_reason", ""), "failed")
    key = event.get("variable_cc_exit_key", "") if outcome == "left" else ""
    if key == OUR_KEY:
        return QueueDone(wait, at_ms, "timed_out", "", "", known_ms)
    return QueueDone(wait, at_ms, outcome, "", "", known_ms, key)


def _waited_ms(event: Event) -> int:
    """By mod_callcenter's own clock, in seconds."""
    began, ended = (event.get(f"variable_cc_queue_{name}_epoch", "") for name in ("joined", "answered"))
    if not all(text.isascii() and text.isdigit() and len(text) < 12 for text in (began, ended)):
        return 0
    return max(0, int(ended) - int(began)) * 1000


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
