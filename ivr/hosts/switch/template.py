"""What a FreeSWITCH channel looks like in an event: the header names, their order, and values that do not matter.

Law: data. Taken from recordings of a FreeSWITCH 1.11 with SIP callers, so that an event is as long, and as mixed, as
a real one. ``{uuid}``, ``{number}``, ``{called}``, ``{name}`` and ``{channel}`` are the call's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

CORE_UUID = "f0260fe5-d1df-46eb-9f96-ba78403ac38b"

#: After the name of the event, before its date.
CORE = (
    ("Core-UUID", CORE_UUID),
    ("FreeSWITCH-Hostname", "switch"),
    ("FreeSWITCH-Switchname", "switch"),
    ("FreeSWITCH-IPv4", "192.0.2.2"),
    ("FreeSWITCH-IPv6", "fd00::2"),
)

#: Which source file says it fired an event: (file, function, line).
FIRED_BY = {
    "CHANNEL_DATA": ("mod_event_socket.c", "parse_command", "2029"),
    "CHANNEL_EXECUTE": ("switch_core_session.c", "switch_core_session_exec", "2949"),
    "CHANNEL_EXECUTE_COMPLETE": ("switch_core_session.c", "switch_core_session_exec", "2972"),
    "CHANNEL_ANSWER": ("switch_channel.c", "switch_channel_perform_mark_answered", "3848"),
    "CHANNEL_PROGRESS_MEDIA": ("switch_channel.c", "switch_channel_perform_mark_pre_answered", "3580"),
    "CHANNEL_PARK": ("switch_ivr.c", "switch_ivr_park", "1002"),
    "CHANNEL_UNPARK": ("switch_ivr.c", "switch_ivr_park", "1213"),
    "PRIVATE_COMMAND": ("switch_ivr.c", "switch_ivr_parse_next_event", "804"),
    "PLAYBACK_START": ("switch_ivr_play_say.c", "switch_ivr_play_file", "1649"),
    "PLAYBACK_STOP": ("switch_ivr_play_say.c", "switch_ivr_play_file", "2023"),
    "RECORD_START": ("switch_ivr_play_say.c", "switch_ivr_record_file_event", "770"),
    "RECORD_STOP": ("switch_ivr_play_say.c", "switch_ivr_record_file_event", "1033"),
    "DTMF": ("switch_channel.c", "switch_channel_dequeue_dtmf", "678"),
    "CHANNEL_BRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1689"),
    "CHANNEL_UNBRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1879"),
    "CHANNEL_HANGUP": ("switch_channel.c", "switch_channel_perform_hangup", "3447"),
    "CHANNEL_STATE": ("switch_channel.c", "switch_channel_perform_set_running_state", "2409"),
    "CHANNEL_HANGUP_COMPLETE": ("switch_core_state_machine.c", "switch_core_session_reporting_state", "943"),
    "BACKGROUND_JOB": ("mod_event_socket.c", "api_exec", "1580"),
}

CODEC = (
    ("Channel-Read-Codec-Name", "PCMU"),
    ("Channel-Read-Codec-Rate", "8000"),
    ("Channel-Read-Codec-Bit-Rate", "64000"),
    ("Channel-Write-Codec-Name", "PCMU"),
    ("Channel-Write-Codec-Rate", "8000"),
    ("Channel-Write-Codec-Bit-Rate", "64000"),
)

#: The caller's profile: prefixed ``Caller-``, ``Channel-`` (in the connect reply) or ``Other-Leg-``.
PROFILE = (
    ("Direction", "inbound"),
    ("Logical-Direction", "inbound"),
    ("Username", "{number}"),
    ("Dialplan", "XML"),
    ("Caller-ID-Name", "{name}"),
    ("Caller-ID-Number", "{number}"),
    ("Orig-Caller-ID-Name", "{name}"),
    ("Orig-Caller-ID-Number", "{number}"),
    ("Network-Addr", "127.0.0.1"),
    ("ANI", "{number}"),
    ("Destination-Number", "{called}"),
    ("Unique-ID", "{uuid}"),
    ("Source", "mod_sofia"),
    ("Context", "public"),
    ("Channel-Name", "{channel}"),
    ("Profile-Index", "{profile}"),
)
#: The profile's times, in microseconds: created, answered and hangup are the call's, the others 0.
PROFILE_TIMES = (
    ("Profile-Created-Time", "created"),
    ("Channel-Created-Time", "created"),
    ("Channel-Answered-Time", "answered"),
    ("Channel-Progress-Time", ""),
    ("Channel-Progress-Media-Time", ""),
    ("Channel-Hangup-Time", "hangup"),
    ("Channel-Transfer-Time", ""),
    ("Channel-Resurrect-Time", ""),
    ("Channel-Bridged-Time", ""),
    ("Channel-Last-Hold", ""),
    ("Channel-Hold-Accum", ""),
)
PROFILE_FLAGS = (("Screen-Bit", "true"), ("Privacy-Hide-Name", "false"), ("Privacy-Hide-Number", "false"))

_SDP = (
    "v=0\r\no=u 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0 101\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
)


def _sip(user: str, *names: str) -> tuple[tuple[str, str], ...]:
    values = {"user": user, "port": "5070", "uri": user + "@127.0.0.1:5070", "host": "127.0.0.1"}
    return tuple((f"sip_{name}_{part}", value) for name in names for part, value in values.items())


#: Variables of a SIP call at the moment the application is connected.
VARIABLES: tuple[tuple[str, str | list[str]], ...] = (
    ("direction", "inbound"),
    ("uuid", "{uuid}"),
    ("session_id", "8"),
    *_sip("{number}", "from"),
    ("video_media_flow", "disabled"),
    ("text_media_flow", "disabled"),
    ("channel_name", "{channel}"),
    ("sip_call_id", "1-32126@127.0.0.1"),
    ("sip_local_network_addr", "127.0.0.1"),
    ("sip_network_ip", "127.0.0.1"),
    ("sip_network_port", "5090"),
    ("sip_invite_stamp", "1795332281376795"),
    ("sip_received_ip", "127.0.0.1"),
    ("sip_received_port", "5090"),
    ("sip_via_protocol", "udp"),
    ("sip_from_user_stripped", "{number}"),
    ("sip_from_tag", "32126SIPpTag1"),
    ("sofia_profile_name", "internal"),
    ("sofia_profile_url", "sip:mod_sofia@127.0.0.1:5070"),
    ("recovery_profile_name", "internal"),
    ("sip_full_via", "SIP/2.0/UDP 127.0.0.1:5090;branch=z9hG4bK-32126-1-0"),
    ("sip_from_display", "{name}"),
    ("sip_full_from", '"{name}" <sip:{number}@127.0.0.1:5090>;tag=32126SIPpTag1'),
    ("sip_full_to", "<sip:{called}@127.0.0.1:5070>"),
    *_sip("{called}", "req", "to"),
    *_sip("{number}", "contact"),
    ("sip_via_host", "127.0.0.1"),
    ("sip_via_port", "5090"),
    ("max_forwards", "70"),
    ("switch_r_sdp", _SDP),
    ("ep_codec_string", "CORE_PCM_MODULE.PCMU@8000h@20i@64000b"),
    ("rtp_use_codec_string", "PCMU,PCMA"),
    ("remote_video_media_flow", "inactive"),
    ("remote_text_media_flow", "inactive"),
    ("remote_audio_media_flow", "sendrecv"),
    ("audio_media_flow", "sendrecv"),
    ("remote_media_ip", "127.0.0.1"),
    ("remote_media_port", "40000"),
    ("rtp_audio_recv_pt", "0"),
    ("rtp_use_codec_name", "PCMU"),
    ("rtp_use_codec_rate", "8000"),
    ("rtp_use_codec_ptime", "20"),
    ("rtp_use_codec_channels", "1"),
    ("rtp_last_audio_codec_string", "PCMU@8000h@20i@1c"),
    ("read_codec", "PCMU"),
    ("original_read_codec", "PCMU"),
    ("read_rate", "8000"),
    ("original_read_rate", "8000"),
    ("write_codec", "PCMU"),
    ("write_rate", "8000"),
    ("dtmf_type", "rfc2833"),
    ("endpoint_disposition", "RECEIVED"),
    ("DP_MATCH", ["{called}", "{called}"]),
    ("call_uuid", "{uuid}"),
)

#: Variables that media adds.
MEDIA: tuple[tuple[str, str], ...] = (
    (
        "rtp_local_sdp_str",
        _SDP.replace("o=u 1 1", "o=FreeSWITCH 1795310273 1795310274") + "a=ptime:20\r\na=sendrecv\r\n",
    ),
    ("local_media_ip", "127.0.0.1"),
    ("local_media_port", "24902"),
    ("advertised_media_ip", "127.0.0.1"),
    ("rtp_use_timer_name", "soft"),
    ("rtp_use_pt", "0"),
    ("rtp_use_ssrc", "3352373343"),
    ("rtp_2833_send_payload", "101"),
    ("rtp_2833_recv_payload", "101"),
)

_SPANS = ("duration", "billsec", "progresssec", "answersec", "waitsec", "progress_mediasec", "flow_billsec")
_RTP = (
    "in_raw_bytes in_media_bytes in_packet_count in_media_packet_count in_skip_packet_count in_jitter_packet_count "
    "in_dtmf_packet_count in_cng_packet_count in_flush_packet_count in_largest_jb_size in_flaw_total out_raw_bytes "
    "out_media_bytes out_packet_count out_media_packet_count out_skip_packet_count out_dtmf_packet_count "
    "out_cng_packet_count rtcp_packet_count rtcp_octet_count in_jitter_min_variance in_jitter_max_variance "
    "in_jitter_loss_rate in_jitter_burst_rate in_mean_interval in_quality_percentage in_mos"
)


def reckoning(created_ms: int, answered_ms: int | None, ended_ms: int, stamp: str) -> list[tuple[str, str]]:
    """The variables that CHANNEL_HANGUP_COMPLETE adds: stamps, spans and the media's counters."""
    rows = [("digits_dialed", "none"), ("start_stamp", stamp), ("profile_start_stamp", stamp), ("end_stamp", stamp)]
    times = {"start": created_ms, "profile_start": created_ms, "answer": answered_ms or 0, "bridge": 0, "last_hold": 0}
    times |= {"hold_accum": 0, "resurrect": 0, "progress": 0, "progress_media": 0, "end": ended_ms}
    for name, at_ms in times.items():
        rows += [(name + "_epoch", str(at_ms // 1000)), (name + "_uepoch", str(at_ms * 1000))]
    total, billed = ended_ms - created_ms, ended_ms - answered_ms if answered_ms else 0
    spans = dict.fromkeys(_SPANS, 0) | {"duration": total, "billsec": billed, "flow_billsec": total}
    spans["answersec"] = total - billed
    for name, span_ms in spans.items():
        stem = name.removesuffix("sec")
        fine = (stem + "m" + name[len(stem) :], stem + "u" + name[len(stem) :])
        if name == "duration":
            fine = ("mduration", "uduration")
        rows += [(name, str(span_ms // 1000)), (fine[0], str(span_ms)), (fine[1], str(span_ms * 1000))]
    return rows + [("rtp_audio_" + name, "0") for name in _RTP.split()]


def filled(text: str, facts: Mapping[str, str]) -> str:
    """``text`` with the call's facts; a brace that names no fact stays."""
    return re.sub(r"\{(\w+)\}", lambda m: facts.get(m[1], m[0]), text)
