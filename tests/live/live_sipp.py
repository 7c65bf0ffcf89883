"""SIPp as the caller: a scenario per scripted call, keys by SIP INFO at the moments the simulator's caller pressed them.

SIPp has no ears: it follows the clock from the answer on, so a call passes only if the switch keeps the simulator's time.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path
from xml.sax.saxutils import escape

from live_exchange import Seen
from live_phone import VOICE
from live_plan import Plan

from ivr.hosts.caller import Gone, Key, Voice

#: A key that arrives this close to a sound's beginning or end may fall on either side of it.
EDGE_MS = 300

_HEADERS = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
      From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]t[call_number]
      To: <sip:{called}@[remote_ip]:[remote_port]>{to_tag}
      Call-ID: [call_id]
      CSeq: {cseq} {method}
      Contact: <sip:{caller}@[local_ip]:[local_port]>
      Max-Forwards: 70"""
_SDP = """v=0
      o=sipp 1 1 IN IP4 [local_ip]
      s=-
      c=IN IP4 [media_ip]
      t=0 0
      m=audio [rtpstream_audio_port] RTP/AVP 0 101
      a=rtpmap:0 PCMU/8000
      a=rtpmap:101 telephone-event/8000
"""
_OK = """
  <send>
    <![CDATA[
      SIP/2.0 200 OK
      [last_Via:]
      [last_From:]
      [last_To:]
      [last_Call-ID:]
      [last_CSeq:]
      Content-Length: 0

    ]]>
  </send>"""


class _Scenario:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sequence = 1
        self._parts: list[str] = []

    def send(self, method: str, extra: str = "", body: str = "", retrans: bool = True) -> None:
        headers = _HEADERS.format(
            caller=self._plan.caller,
            called=self._plan.called,
            to_tag="" if method == "INVITE" else "[peer_tag_param]",
            cseq=self._sequence,
            method=method,
        )
        uri = f"sip:{self._plan.called}@[remote_ip]:[remote_port]" if method == "INVITE" else "[next_url]"
        text = f"{method} {uri} SIP/2.0\n      {headers}\n{extra}      Content-Length: [len]\n\n      {body}"
        retry = ' retrans="500"' if retrans else ""
        self._parts.append(f"  <send{retry}>\n    <![CDATA[\n      {text}\n    ]]>\n  </send>")

    def add(self, text: str) -> None:
        self._parts.append(text)

    def next(self) -> None:
        self._sequence += 1

    def text(self) -> str:
        body = "\n".join(self._parts)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{escape(self._plan.line)}">\n{body}\n</scenario>\n'


def scenario(plan: Plan, folder: Path) -> str:
    """What SIPp is to do. Voices it speaks are put into ``folder``."""
    made = _Scenario(plan)
    headers = "".join(f"      {name}: {value}\n" for name, value in plan.headers.items())
    made.send("INVITE", f"{headers}      Content-Type: application/sdp\n", _SDP)
    for status in (100, 180, 183):
        made.add(f'  <recv response="{status}" optional="true"/>')
    made.add('  <recv response="200" rrs="true"/>')
    made.send("ACK", retrans=False)
    now_ms, gone = 0, False
    for at_ms, act in plan.acts:
        if at_ms > now_ms:
            made.add(f'  <pause milliseconds="{at_ms - now_ms}"/>')
        now_ms = at_ms
        made.next()
        match act:
            case Key(key):
                body = f"Signal={key}\n      Duration=100\n"
                made.send("INFO", "      Content-Type: application/dtmf-relay\n", body)
                made.add('  <recv response="200"/>')
            case Voice(ms):
                file = folder / f"voice-{ms}.ul"
                file.write_bytes((VOICE * (ms // 1000 + 1))[: ms * 8])
                made.add(f'  <nop><action><exec rtp_stream="{file},1,0,PCMU/8000"/></action></nop>')
            case Gone():
                gone = True
                made.send("BYE")
                made.add('  <recv response="200"/>')
    if not gone:
        made.add(f'  <recv request="BYE" timeout="{plan.duration_ms - now_ms + 20_000}"/>')
        made.add(_OK)
    return made.text()


async def play(plan: Plan, uuid: str, switch_port: int, folder: Path) -> Seen:
    """One call by a SIPp process of its own."""
    seen = Seen(plan, uuid)
    file = folder / f"{uuid}.xml"
    file.write_text(scenario(plan, folder), encoding="utf-8")
    program = shutil.which("sipp")
    assert program
    media = random.randrange(40_000, 60_000, 10)
    command = [program, f"127.0.0.1:{switch_port}", "-sf", str(file), "-i", "127.0.0.1", "-mi", "127.0.0.1"]
    command += ["-m", "1", "-nostdin", "-cid_str", uuid, "-timeout", f"{plan.duration_ms // 1000 + 30}", "-timeout_error"]
    command += ["-mp", str(media), "-trace_err", "-error_file", f"{file}.err"]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(plan.duration_ms / 1000 + 40):
            _, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        seen.problems.append("SIPp did not end")
        return seen
    if process.returncode:
        noted = Path(f"{file}.err")
        words = noted.read_text(errors="replace") if noted.exists() else errors.decode(errors="replace")
        seen.problems.append(f"SIPp ended with {process.returncode}: {words[-600:]}")
    return seen
