"""A telephone: one SIP call with RTP, as much of both as a caller needs.

A key is an RTP telephone-event (RFC 4733) with timestamps of its own; between keys the phone sends silence, or voice,
every 20 ms. What the switch sends is timed by its packets.
"""

from __future__ import annotations

import array
import asyncio
import math
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

FRAME_S, FRAME = 0.02, 160
KEY_MS = 100
_EVENTS = {key: number for number, key in enumerate("0123456789*#ABCD")}
SILENCE = b"\xff" * FRAME
INVITE_TIMEOUT_S = 20.0


def _ulaw(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32_635) + 0x84
    exponent = magnitude.bit_length() - 8
    return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0F)) & 0xFF


#: A second of a voice's pitch, loud enough for any threshold.
VOICE = bytes(_ulaw(int(9000 * math.sin(2 * math.pi * 220 * n / 8000))) for n in range(8000))


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, tuple[str, int]], None]) -> None:
        self.received = received
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received(data, addr)


class Media:
    """One side of an RTP stream: silence every 20 ms, or voice, or the keys that were pressed."""

    def __init__(self, silent: bool = False) -> None:
        self.packets: list[float] = []  # when audio came from the switch (monotonic)
        self.on_first: Callable[[], None] = lambda: None
        self._silent = silent  # sends nothing but keys
        self._remote: tuple[str, int] | None = None
        self._keys: list[str] = []
        self._voice_until = 0.0
        self._sequence = random.getrandbits(15)
        self._timestamp = random.getrandbits(20)
        self._ssrc = random.getrandbits(32)
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._udp = await loop.create_datagram_endpoint(lambda: _Udp(self._received), ("127.0.0.1", 0))
        self.port: int = self._udp.transport.get_extra_info("sockname")[1]

    def start(self, port: int) -> None:
        """Send to the switch's ``port``."""
        self._remote = ("127.0.0.1", port)
        self._task = asyncio.get_running_loop().create_task(self._stream())

    def turn_to(self, port: int) -> None:
        """The switch listens on another ``port`` from now on."""
        self._remote = ("127.0.0.1", port)

    def press(self, key: str) -> None:
        self._keys.append(key)

    def speak(self, ms: int) -> None:
        self._voice_until = time.monotonic() + ms / 1000

    def stop(self) -> None:
        if self._task:
            self._task.cancel()

    def close(self) -> None:
        self.stop()
        self._udp.transport.close()

    def _received(self, data: bytes, sender: tuple[str, int]) -> None:
        if len(data) > 12 and data[1] & 0x7F == 0:
            self.packets.append(time.monotonic())
            if len(self.packets) == 1:
                if self._remote is None:
                    self.start(sender[1])
                self.on_first()

    async def _stream(self) -> None:
        due = time.monotonic()
        key, ticks = "", 0
        while True:
            if key and ticks == 8:  # five updates, then the end thrice
                key = ""
            if not key and self._keys:
                key, ticks = self._keys.pop(0), 0
                started = self._timestamp
            if key:
                ending = ticks >= 5
                duration = FRAME * min(ticks + 1, 5)
                payload = bytes((_EVENTS[key], (0x80 if ending else 0) | 10)) + duration.to_bytes(2, "big")
                self._send(101, payload, started, marker=ticks == 0)
                ticks += 1
            elif not self._silent:
                voice = time.monotonic() < self._voice_until
                at = self._timestamp % 8000
                self._send(0, VOICE[at : at + FRAME].ljust(FRAME, b"\xff") if voice else SILENCE, self._timestamp)
            self._timestamp += FRAME
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _send(self, kind: int, payload: bytes, timestamp: int, marker: bool = False) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        head = array.array("B", (0x80, (0x80 if marker else 0) | kind)).tobytes()
        head += self._sequence.to_bytes(2, "big") + (timestamp & 0xFFFFFFFF).to_bytes(4, "big")
        self._udp.transport.sendto(head + self._ssrc.to_bytes(4, "big") + payload, self._remote)


@dataclass
class Phone:
    """``call_id`` becomes the channel's uuid."""

    call_id: str
    caller: str
    called: str
    switch_port: int
    headers: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    sends_rtp: bool = True

    def __post_init__(self) -> None:
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()
        self.invited_again = asyncio.Event()
        self.refused = 0  # SIP status
        self.media = Media(silent=not self.sends_rtp)
        self._tag = f"{random.getrandbits(40):x}"
        self._to = ""
        self._contact = ""
        self._sequence = 1
        self._branch = 0
        self._heard = False

    @property
    def packets(self) -> list[float]:
        return self.media.packets

    # -- what a caller does -------------------------------------------------------------------------------

    async def dial(self) -> None:
        loop = asyncio.get_running_loop()
        _, self._sip = await loop.create_datagram_endpoint(lambda: _Udp(self._on_sip), ("127.0.0.1", 0))
        await self.media.open()
        self._sip_port = self._sip.transport.get_extra_info("sockname")[1]
        self._invite_branch = self._new_branch()
        self._send_invite()

    def press(self, key: str) -> None:
        self.media.press(key)

    def press_info(self, key: str) -> None:
        self._sequence += 1
        body = f"Signal={key}\r\nDuration={KEY_MS}\r\n"
        self._request("INFO", self._sequence, self._new_branch(), "application/dtmf-relay", body)

    def speak(self, ms: int) -> None:
        self.media.speak(ms)

    def hang_up(self) -> None:
        if not self.ended.is_set() and self.answered.is_set():
            self._sequence += 1
            self._request("BYE", self._sequence, self._new_branch())
        self._end()

    def vanish(self) -> None:
        """No BYE, no RTP: as a phone whose network is gone."""
        self._end()

    def close(self) -> None:
        self._end()
        self.media.close()
        self._sip.transport.close()

    def _end(self) -> None:
        self.ended.set()
        self.media.stop()

    # -- SIP ----------------------------------------------------------------------------------------------

    def _new_branch(self) -> str:
        self._branch += 1
        return f"z9hG4bK{self._tag}{self._branch}"

    def _send_invite(self, tried: int = 0) -> None:
        self._request("INVITE", 1, self._invite_branch, "application/sdp", self._sdp(), self.headers)
        if tried < 5:
            asyncio.get_running_loop().call_later(
                0.5 * 2**tried, lambda: None if self._heard else self._send_invite(tried + 1)
            )

    def _sdp(self) -> str:
        lines = (
            "v=0",
            "o=caller 1 1 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            f"m=audio {self.media.port} RTP/AVP 0 101",
            "a=rtpmap:0 PCMU/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            "",
        )
        return "\r\n".join(lines)

    def _request(
        self,
        method: str,
        sequence: int,
        branch: str,
        content_type: str = "",
        body: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        target = self._contact or f"sip:{self.called}@127.0.0.1:{self.switch_port}"
        shown = f'"{self.name}" ' if self.name else ""
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._sip_port};branch={branch};rport",
            f"From: {shown}<sip:{self.caller}@127.0.0.1:{self._sip_port}>;tag={self._tag}",
            f"To: {self._to or f'<sip:{self.called}@127.0.0.1:{self.switch_port}>'}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:{self.caller}@127.0.0.1:{self._sip_port}>",
            "Max-Forwards: 70",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
            *([f"Content-Type: {content_type}"] if content_type else []),
            f"Content-Length: {len(body)}",
        ]
        self._send("\r\n".join(lines) + "\r\n\r\n" + body)

    def _send(self, text: str) -> None:
        if not self._sip.transport.is_closing():
            self._sip.transport.sendto(text.encode(), ("127.0.0.1", self.switch_port))

    def _on_sip(self, data: bytes, _: tuple[str, int]) -> None:
        text = data.decode("utf-8", "replace")
        head, _, body = text.partition("\r\n\r\n")
        first, _, rest = head.partition("\r\n")
        self._heard = True
        if not first.startswith("SIP/2.0"):
            self._on_request(first.split(" ")[0], rest, body)
            return
        status = int(first.split(" ")[1])
        sequence, _, method = _header(rest, "CSeq").partition(" ")
        if method != "INVITE" or status < 200:
            return
        self._to = _header(rest, "To")
        if status >= 300:
            self._request("ACK", int(sequence), self._invite_branch)
            self.refused = status
            self._end()
            return
        self._contact = _header(rest, "Contact").partition("<")[2].partition(">")[0]
        self._request("ACK", int(sequence), self._new_branch())
        if not self.answered.is_set():
            port = re.search(r"^m=audio (\d+)", body, re.MULTILINE)
            assert port
            self.media.start(int(port[1]))
            self.answered.set()

    def _on_request(self, method: str, rest: str, body: str) -> None:
        if method == "ACK":
            return
        kept = [line for line in rest.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", line, re.IGNORECASE)]
        sdp = ""
        if method == "INVITE":  # within the call: a switch that was restarted and takes it up again
            sdp = self._sdp()
            kept += [f"Contact: <sip:{self.caller}@127.0.0.1:{self._sip_port}>", "Content-Type: application/sdp"]
            self._contact = _header(rest, "Contact").partition("<")[2].partition(">")[0] or self._contact
            port = re.search(r"^m=audio (\d+)", body, re.MULTILINE)
            if port:
                self.media.turn_to(int(port[1]))
            self.invited_again.set()
        self._send("\r\n".join(["SIP/2.0 200 OK", *kept, f"Content-Length: {len(sdp)}", "", sdp]))
        if method == "BYE":
            self._end()


def _header(text: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*?)\s*$", text, re.IGNORECASE | re.MULTILINE)
    return found[1] if found else ""
