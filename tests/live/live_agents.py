"""Agents with SIP telephones: a SIPp process each, that rings, answers, and hangs up first after a while."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from live_switch import free_udp_pair

_HEADERS = """[last_Via:]
      [last_From:]
      [last_To:];tag=[pid]a[call_number]
      [last_Call-ID:]
      [last_CSeq:]
      Contact: <sip:agent@[local_ip]:[local_port]>"""
SDP = """v=0
      o=agent 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [media_port] RTP/AVP 0
      a=rtpmap:0 PCMU/8000
"""
_REQUEST = """{method} [next_url] SIP/2.0
      Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:agent@[local_ip]:[local_port]>;tag=[pid]a[call_number]
      To: [$1]
      Call-ID: [call_id]
      CSeq: {sequence} {method}
      Max-Forwards: 70
      {more}Content-Length: [len]

      {body}"""
#: Whom a request within the call goes to: SIPp refuses what is read and never used.
KEEP_CALLER = '<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="1"/></action>'
OK = """SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0
"""


def within(method: str, sequence: int = 1, more: str = "", body: str = "") -> str:
    """A request of the called party's own, and the wait for its answer."""
    text = _REQUEST.format(method=method, sequence=sequence, more=more, body=body)
    return send(text, True) + '  <recv response="200"/>\n'


def send(text: str, retrans: bool = False) -> str:
    retry = ' retrans="500"' if retrans else ""
    return f"  <send{retry}>\n    <![CDATA[\n      {text}\n    ]]>\n  </send>\n"


def response(status: str, body: str = "") -> str:
    kind = "Content-Type: application/sdp\n      " if body else ""
    return f"SIP/2.0 {status}\n      {_HEADERS}\n      {kind}Content-Length: [len]\n\n      {body}"


@dataclass
class Agent:
    """``talk_ms`` None: never hangs up. ``cause``: Q.850, says how the talk ends; 0: in order. ``busy``: 486."""

    folder: Path
    name: str
    ring_ms: int = 300
    talk_ms: int | None = 2000
    cause: int = 0
    busy: bool = False

    def __post_init__(self) -> None:
        self.port, media = free_udp_pair()
        file = self.folder / f"agent-{self.name}-{self.port}.xml"
        file.write_text(self._scenario(), encoding="utf-8")
        program = shutil.which("sipp")
        assert program
        command = [program, "-sf", str(file), "-i", "127.0.0.1", "-p", str(self.port), "-mp", str(media), "-nostdin"]
        self._process = subprocess.Popen(
            [*command, "-trace_err", "-error_file", f"{file}.err", "-aa"],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def contact(self) -> str:
        return f"sofia/line/{self.name}@127.0.0.1:{self.port}"

    def _scenario(self) -> str:
        hangs_up = self.talk_ms is not None and not self.busy
        keep = KEEP_CALLER if hangs_up else ""
        parts = [f'  <recv request="INVITE" rrs="true">{keep}</recv>\n', send(response("180 Ringing"))]
        parts.append(f'  <pause milliseconds="{self.ring_ms}"/>\n')
        if self.busy:
            parts += [send(response("486 Busy Here"), True), '  <recv request="ACK"/>\n']
        else:
            parts += [send(response("200 OK", SDP), True), '  <recv request="ACK"/>\n']
        if not self.busy and self.talk_ms is None:
            parts += ['  <recv request="BYE"/>\n', send(OK)]
        elif not self.busy:
            reason = f"Reason: Q.850;cause={self.cause}\n      " if self.cause else ""
            parts += [f'  <pause milliseconds="{self.talk_ms}"/>\n', within("BYE", more=reason)]
        return f'<?xml version="1.0"?>\n<scenario name="agent">\n{"".join(parts)}</scenario>\n'

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
