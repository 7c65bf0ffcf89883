"""SIPp as the caller: a scenario per scripted call, keys by SIP INFO when the simulator's caller pressed them.

SIPp has no ears: it follows the clock from the answer on, so a call passes only if the switch keeps that time.
Its audio is ours (``Media``), on the clock that begins with the first sound.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from pathlib import Path
from xml.sax.saxutils import escape

from live_exchange import Seen
from live_phone import Media
from live_plan import Plan

from ivr.hosts.caller import Gone, Key, Voice

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
      m=audio {port} RTP/AVP 0 101
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


#: SIPp takes its SIP port, and two of each media port: below what systems give away, apart for each call.
_ports = itertools.count(10_000 + os.getpid() % 9 * 600, 8)


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
        name = escape(self._plan.line)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n{body}\n</scenario>\n'


def scenario(plan: Plan, media_port: int) -> str:
    """What SIPp is to do."""
    made = _Scenario(plan)
    headers = "".join(f"      {name}: {value}\n" for name, value in plan.headers.items())
    made.send("INVITE", f"{headers}      Content-Type: application/sdp\n", _SDP.format(port=media_port))
    for status in (100, 180, 183):
        made.add(f'  <recv response="{status}" optional="true"/>')
    made.add('  <recv response="200" rrs="true"/>')
    made.send("ACK", retrans=False)
    now_ms, gone = 0, False
    for at_ms, act in plan.acts:
        if isinstance(act, Voice):
            continue
        if at_ms > now_ms:
            made.add(f'  <pause milliseconds="{at_ms - now_ms}"/>')
        now_ms = at_ms
        made.next()
        match act:
            case Key(key):
                body = f"Signal={key}\n      Duration=100\n"
                made.send("INFO", "      Content-Type: application/dtmf-relay\n", body)
                made.add('  <recv response="200"/>')
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
    media = Media()
    await media.open()
    loop = asyncio.get_running_loop()

    def first_sound() -> None:
        for at_ms, act in plan.acts:
            if isinstance(act, Voice):
                loop.call_later(at_ms / 1000, media.speak, act.ms)

    media.on_first = first_sound
    file = folder / f"{uuid}.xml"
    file.write_text(scenario(plan, media.port), encoding="utf-8")
    program = shutil.which("sipp")
    assert program
    command = [program, f"127.0.0.1:{switch_port}", "-sf", str(file), "-i", "127.0.0.1"]
    port = next(_ports)
    command += ["-p", str(port), "-mp", str(port + 2)]
    command += [
        "-m",
        "1",
        "-nostdin",
        "-cid_str",
        uuid,
        "-timeout",
        f"{plan.duration_ms // 1000 + 30}",
        "-timeout_error",
    ]
    command += ["-trace_err", "-error_file", f"{file}.err"]
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
    finally:
        media.close()
    if process.returncode:
        noted = Path(f"{file}.err")
        words = noted.read_text(errors="replace") if noted.exists() else errors.decode(errors="replace")
        seen.problems.append(f"SIPp ended with {process.returncode}: {words[-600:]}")
    return seen
