"""Outcomes: what the switch says of a call, to the one outcome of the attempt (docs/adr/0011).

Law: pure, total, one table. Whatever words come, the answer is one of ``OUTCOMES``. docs/campaigns.md prints it;
a test holds them equal. The names are those of FreeSWITCH's ``switch_channel.c``, the numbers below 128 those of Q.850.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

OUTCOMES: Final = (
    "answered",
    "machine",
    "no_answer",
    "busy",
    "rejected",
    "invalid",
    "congestion",
    "failed",
    "short",
    "opted_out",
    "unknown",
    "not_attempted",
)
#: Nobody calls the number again after these, in whatever campaign.
FINAL_EVERYWHERE: Final = frozenset({"invalid", "opted_out"})
#: The person was not called: it counts neither as an attempt nor against a gap.
NO_ATTEMPT: Final = frozenset({"not_attempted"})
#: Not the called party's doing: these tell of the gateway or the network.
OF_THE_WAY: Final = frozenset({"congestion", "failed", "not_attempted"})
#: Answered and gone before this: nobody can have heard the greeting.
SHORT_MS: Final = 3_000


class Cause(NamedTuple):
    code: int  # Q.850 below 128, FreeSWITCH's own above
    outcome: str  # of a call that was not answered


def _causes(outcome: str, **codes: int) -> dict[str, Cause]:
    return {name: Cause(code, outcome) for name, code in codes.items()}


#: Of a call that nobody answered, by the switch's word for its end.
CAUSES: Final[dict[str, Cause]] = {
    **_causes("busy", USER_BUSY=17, BUSY_EVERYWHERE=815),
    **_causes("no_answer", NO_USER_RESPONSE=18, NO_ANSWER=19, SUBSCRIBER_ABSENT=20, ORIGINATOR_CANCEL=487),
    **_causes("no_answer", ALLOTTED_TIMEOUT=802, NO_PICKUP=812),
    **_causes("rejected", CALL_REJECTED=21, INCOMING_CALL_BARRED=54, DECLINE=816, UNWANTED=819, REJECT_ALL=825),
    **_causes("invalid", UNALLOCATED_NUMBER=1, NUMBER_CHANGED=22, INVALID_NUMBER_FORMAT=28),
    **_causes("invalid", DOES_NOT_EXIST_ANYWHERE=817),
    **_causes("congestion", CHANNEL_UNACCEPTABLE=6, NORMAL_CIRCUIT_CONGESTION=34, NETWORK_OUT_OF_ORDER=38),
    **_causes("congestion", NORMAL_TEMPORARY_FAILURE=41, SWITCH_CONGESTION=42, REQUESTED_CHAN_UNAVAIL=44),
    **_causes("congestion", PRE_EMPTED=45, BEARERCAPABILITY_NOTAVAIL=58, SERVICE_UNAVAILABLE=63),
    **_causes("congestion", RECOVERY_ON_TIMER_EXPIRE=102, PROGRESS_TIMEOUT=807),
    # Set before anything is sent: mod_sofia found no way to send it.
    **_causes("not_attempted", INVALID_GATEWAY=808, GATEWAY_DOWN=809, INVALID_URL=810, INVALID_PROFILE=811),
    **_causes("not_attempted", USER_NOT_REGISTERED=806),
    **_causes("unknown", CRASH=700, SYSTEM_SHUTDOWN=701),
    **_causes("failed", NONE=0, NO_ROUTE_TRANSIT_NET=2, NO_ROUTE_DESTINATION=3, CALL_AWARDED_DELIVERED=7),
    **_causes("failed", NORMAL_CLEARING=16, REDIRECTION_TO_NEW_DESTINATION=23, EXCHANGE_ROUTING_ERROR=25),
    **_causes("failed", DESTINATION_OUT_OF_ORDER=27, FACILITY_REJECTED=29, RESPONSE_TO_STATUS_ENQUIRY=30),
    **_causes("failed", NORMAL_UNSPECIFIED=31, ACCESS_INFO_DISCARDED=43, FACILITY_NOT_SUBSCRIBED=50),
    **_causes("failed", OUTGOING_CALL_BARRED=52, BEARERCAPABILITY_NOTAUTH=57, BEARERCAPABILITY_NOTIMPL=65),
    **_causes("failed", CHAN_NOT_IMPLEMENTED=66, FACILITY_NOT_IMPLEMENTED=69, SERVICE_NOT_IMPLEMENTED=79),
    **_causes("failed", INVALID_CALL_REFERENCE=81, INCOMPATIBLE_DESTINATION=88, INVALID_MSG_UNSPECIFIED=95),
    **_causes("failed", MANDATORY_IE_MISSING=96, MESSAGE_TYPE_NONEXIST=97, WRONG_MESSAGE=98, IE_NONEXIST=99),
    **_causes("failed", INVALID_IE_CONTENTS=100, WRONG_CALL_STATE=101, MANDATORY_IE_LENGTH_ERROR=103),
    **_causes("failed", PROTOCOL_ERROR=111, INTERWORKING=127, SUCCESS=142, LOSE_RACE=702, MANAGER_REQUEST=703),
    **_causes("failed", BLIND_TRANSFER=800, ATTENDED_TRANSFER=801, USER_CHALLENGE=803, MEDIA_TIMEOUT=804),
    **_causes("failed", PICKED_OFF=805, SRTP_READ_ERROR=813, BOWOUT=814, NOT_ACCEPTABLE=818, NO_IDENTITY=820),
    **_causes("failed", BAD_IDENTITY_INFO=821, UNSUPPORTED_CERTIFICATE=822, INVALID_IDENTITY=823, STALE_DATE=824),
}
_BY_CODE: Final = {cause.code: cause.outcome for cause in CAUSES.values()}

#: Where the SIP status says more than the cause that FreeSWITCH makes of it: several of them share one cause.
SIP: Final[dict[int, str]] = {
    401: "failed",  # the gateway does not know us: nothing about the person
    402: "failed",
    407: "failed",
    403: "rejected",
    404: "invalid",
    408: "congestion",
    410: "invalid",
    480: "no_answer",
    484: "invalid",
    486: "busy",
    487: "no_answer",
    500: "failed",
    502: "congestion",
    503: "congestion",
    504: "congestion",
    600: "busy",
    603: "rejected",
    604: "invalid",
    607: "rejected",
    608: "rejected",
}
#: Originate's answer when the switch made no channel at all: over its session limit or rate, or the uuid is in use.
_NO_CHANNEL: Final = frozenset({"DESTINATION_OUT_OF_ORDER", "SYSTEM_SHUTDOWN", "SWITCH_CONGESTION", "NONE"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one attempt when it is over."""

    sent: bool = True  # originate went out
    reply: str = ""  # of originate, in BACKGROUND_JOB: "+OK <uuid>", "-ERR USER_BUSY"
    channel: bool = True  # the switch told of a channel with this uuid, in whatever event
    cause: str = ""  # CHANNEL_HANGUP_COMPLETE: its name, or a Q.850 number
    sip_code: int = 0  # variable_sip_term_status
    answered: bool = False
    billed_ms: int = 0
    machine: bool = False  # the detection, or the flow's first menu, says so
    opted_out: bool = False


def outcome_of(seen: Seen) -> str:
    """The attempt's one outcome. What was heard of the call wins over how it ended."""
    if seen.opted_out:
        return "opted_out"
    if not seen.sent:
        return "not_attempted"
    if seen.machine:
        return "machine"
    if seen.answered:
        return "short" if seen.billed_ms < SHORT_MS else "answered"
    error = refusal(seen.reply)
    if not seen.channel and error:
        return "not_attempted" if error in _NO_CHANNEL else of_cause(error) or "not_attempted"
    cause = seen.cause or error
    known = of_cause(cause) if cause else ""
    if known in ("unknown", "not_attempted"):
        return known
    return SIP.get(seen.sip_code) or known or ("failed" if cause or seen.sip_code >= 300 else "unknown")


def refusal(reply: str) -> str:
    """The cause in an originate's `-ERR CAUSE`; "" of a good reply. What is no cause (a usage text) is `NONE`."""
    text = reply.strip()
    if not text.startswith("-"):
        return ""
    words = text.split()
    word = words[1].upper() if len(words) == 2 else ""
    return word if word in CAUSES else "NONE"


def of_cause(cause: str) -> str:
    """By name, or by number; "" for a word that no table has."""
    text = cause.strip().upper()
    if text.isascii() and text.isdigit():
        return _BY_CODE.get(int(text[:6]), "")
    return CAUSES[text].outcome if text in CAUSES else ""


def tables() -> dict[str, str]:
    """The Markdown tables of docs/campaigns.md, by name."""
    causes = ["| outcome | FreeSWITCH's word for it (number) |", "|---|---|"]
    for outcome in OUTCOMES:
        names = sorted((c.code, name) for name, c in CAUSES.items() if c.outcome == outcome)
        if names:
            causes.append(f"| `{outcome}` | {', '.join(f'{name} ({code})' for code, name in names)} |")
    sip = ["| outcome | SIP status |", "|---|---|"]
    for outcome in OUTCOMES:
        codes = [str(code) for code, found in sorted(SIP.items()) if found == outcome]
        if codes:
            sip.append(f"| `{outcome}` | {', '.join(codes)} |")
    return {"causes": "\n".join(causes), "sip": "\n".join(sip)}
