"""Called parties with SIP telephones: one SIPp process for each way to behave, behind a gateway of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from live_agents import KEEP_CALLER, OK, SDP, response, send, within
from live_phone import VOICE
from live_switch import free_udp_pair

from ivr.hosts.caller import Act, Gone, Key, Voice

#: What a party is late by with each thing it does: SIPp has no ears, and a prompt that it presses into would be cut.
LATE_MS = 700
#: Acts that are nearer to each other are one: the keys of an entry.
TOGETHER_MS = 350


@dataclass
class Phones:
    """Any number of calls at once. ``status``: "" answers, else what it says, after ``ring_ms``. ``talk_ms``: hangs up
    so long after the answer; None: the other side does. ``rings``: never says anything more than that it rings.

    ``acts``: what it does after the answer, by the clock: keys (SIP INFO), voice, hanging up.
    """

    folder: Path
    name: str
    status: str = ""
    ring_ms: int = 300
    talk_ms: int | None = None
    rings: bool = False
    acts: Sequence[tuple[int, Act]] = ()

    def __post_init__(self) -> None:
        if self.talk_ms is not None:
            self.acts = [*self.acts, (self.talk_ms, Gone())]
        self.port, media = free_udp_pair()
        file = self.folder / f"phones-{self.name}-{self.port}.xml"
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

    def _scenario(self) -> str:
        keep = KEEP_CALLER if any(not isinstance(act, Voice) for _, act in self.acts) else ""
        parts = [f'  <recv request="INVITE" rrs="true">{keep}</recv>\n', send(response("180 Ringing"))]
        if self.rings:
            parts += ['  <recv request="CANCEL"/>\n', send(OK), send(response("487 Request Terminated"), True)]
            parts.append('  <recv request="ACK"/>\n')
        else:
            said = response(self.status) if self.status else response("200 OK", SDP)
            parts += [f'  <pause milliseconds="{self.ring_ms}"/>\n', send(said, True), '  <recv request="ACK"/>\n']
        if not self.status and not self.rings:
            parts += self._talk()
        return f'<?xml version="1.0"?>\n<scenario name="phones">\n{"".join(parts)}</scenario>\n'

    def _talk(self) -> list[str]:
        parts = []
        now_ms = 0
        for sequence, (at_ms, act) in enumerate(self.acts, 1):
            if at_ms > now_ms:
                parts.append(f'  <pause milliseconds="{at_ms - now_ms}"/>\n')
                now_ms = at_ms
            match act:
                case Key(key):
                    kind = "Content-Type: application/dtmf-relay\n      "
                    parts.append(within("INFO", sequence, kind, f"Signal={key}\n      Duration=100\n"))
                case Voice(ms):
                    parts.append(f'  <nop><action><exec rtp_stream="{self._voice(ms)},1,0"/></action></nop>\n')
                case Gone():
                    return [*parts, within("BYE", sequence)]
        return [*parts, '  <recv request="BYE"/>\n', send(OK)]

    def _voice(self, ms: int) -> Path:
        """What SIPp sends as it is: samples of PCMU."""
        file = self.folder / f"voice-{ms}.ulaw"
        file.write_bytes((VOICE * (ms // 1000 + 1))[: ms * 8])
        return file

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


def unhurried(acts: Sequence[tuple[int, Act]]) -> list[tuple[int, Act]]:
    """A plan's acts as done by somebody who thinks longer each time, so that a busy switch is not overtaken."""
    found: list[tuple[int, Act]] = []
    late_ms, before_ms = 0, -TOGETHER_MS
    for at_ms, act in acts:
        if at_ms - before_ms >= TOGETHER_MS and not isinstance(act, Voice):
            late_ms += LATE_MS
        found.append((at_ms + late_ms, act))
        before_ms = at_ms
    return found
