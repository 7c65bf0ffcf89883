"""Called parties with SIP telephones: one SIPp process for each way to behave, behind a gateway of its own."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from live_agents import _BYE, _OK, _SDP, _response, _send
from live_switch import free_udp_pair


@dataclass
class Phones:
    """Any number of calls at once. ``status``: "" answers, else what it says, after ``ring_ms``. ``talk_ms``: hangs up
    so long after the answer; None: the other side does. ``rings``: never says anything more than that it rings.
    """

    folder: Path
    name: str
    status: str = ""
    ring_ms: int = 300
    talk_ms: int | None = None
    rings: bool = False

    def __post_init__(self) -> None:
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
        hangs_up = not self.status and not self.rings and self.talk_ms is not None
        keep = '<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="1"/></action>' if hangs_up else ""
        parts = [f'  <recv request="INVITE" rrs="true">{keep}</recv>\n', _send(_response("180 Ringing"))]
        if self.rings:
            parts += ['  <recv request="CANCEL"/>\n', _send(_OK), _send(_response("487 Request Terminated"), True)]
            parts.append('  <recv request="ACK"/>\n')
        elif self.status:
            parts += [f'  <pause milliseconds="{self.ring_ms}"/>\n', _send(_response(self.status), True)]
            parts.append('  <recv request="ACK"/>\n')
        else:
            parts += [f'  <pause milliseconds="{self.ring_ms}"/>\n', _send(_response("200 OK", _SDP), True)]
            parts.append('  <recv request="ACK"/>\n')
            if hangs_up:
                parts += [f'  <pause milliseconds="{self.talk_ms}"/>\n', _send(_BYE.format(reason=""), True)]
                parts.append('  <recv response="200"/>\n')
            else:
                parts += ['  <recv request="BYE"/>\n', _send(_OK)]
        return f'<?xml version="1.0"?>\n<scenario name="phones">\n{"".join(parts)}</scenario>\n'

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
