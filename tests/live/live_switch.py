"""A real FreeSWITCH of the tests' own: found, configured, started on free ports of loopback, ended by its pid.

``FREESWITCH`` names the binary, else it is looked for on PATH; its modules lie at ``../lib/freeswitch/mod`` from it.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ivr.esl.conversation import ApiReply, LinkEvent, Lost
from ivr.esl.inbound import InboundLink, State

HERE = Path(__file__).parent
MODULES = (
    "mod_logfile",
    "mod_event_socket",
    "mod_commands",
    "mod_dptools",
    "mod_dialplan_xml",
    "mod_sndfile",
    "mod_tone_stream",
    "mod_sofia",
    "mod_callcenter",
)
PASSWORD = "live-tests-only"
LEVELS = ("debug", "info", "notice", "warning", "err", "crit", "alert")
#: The first start makes certificates; the others read them.
START_S, STOP_S = 30.0, 20.0


class NotThere(Exception):
    """No FreeSWITCH on this machine: the text says what to type."""


def find_freeswitch() -> Path:
    named = os.environ.get("FREESWITCH")
    found = named or shutil.which("freeswitch")
    if not found:
        raise NotThere("no FreeSWITCH: put freeswitch on PATH or give FREESWITCH=/path/to/bin/freeswitch")
    binary = Path(found).resolve()
    if not os.access(binary, os.X_OK) or not binary.is_file():
        raise NotThere(f"FREESWITCH={found} is no program")
    if not module_folder(binary).is_dir():
        raise NotThere(f"{binary} has no modules at {module_folder(binary)}")
    return binary


def module_folder(binary: Path) -> Path:
    return binary.parent.parent / "lib" / "freeswitch" / "mod"


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_media_ports = itertools.count(30_000 + os.getpid() % 20 * 200, 4)


def free_udp_pair() -> tuple[int, int]:
    """A SIP port that is free, and an even media port that nobody else here uses."""
    return free_port(socket.SOCK_DGRAM), next(_media_ports)


@dataclass(frozen=True)
class Context:
    """One dialplan under test: what stands inside its <context>."""

    name: str
    xml: str

    @classmethod
    def of(cls, name: str, rendered: str) -> Context:
        """From the text of `ivr dialplan render`."""
        body = [line for line in rendered.splitlines() if line.strip() not in ("<include>", "</include>")]
        return cls(name, "\n".join(body))


class FreeSwitch:
    def __init__(
        self,
        binary: Path,
        folder: Path,
        contexts: Sequence[Context],
        destinations: Sequence[str],
        facts: Mapping[str, str],
        sip_port: int,
        *,
        certificates: Path,
        log_level: str = "notice",
        track_calls: bool = False,
        queues: str = "",
        gateways: Mapping[str, int] | None = None,
    ) -> None:
        """``queues``: <queue> entries of mod_callcenter. ``gateways``: name -> its SIP port.

        ``track_calls``: killed with its calls, a second one in the
        same ``folder`` can `recover` them.
        """
        self.folder, self.sip_port = folder, sip_port
        self.bare_port = free_port(socket.SOCK_DGRAM)  # a profile without rtp-timer-name
        self.control_port = free_port()
        self.log_file = folder / "log" / "freeswitch.log"
        for name in ("conf", "log", "db", "run", "sounds", "work"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        certificates.mkdir(parents=True, exist_ok=True)
        first = 16_000 + os.getpid() % 60 * 250
        (folder / "conf" / "freeswitch.xml").write_text(
            _render(
                modules=MODULES,
                log_level=log_level,
                log_levels=",".join(LEVELS[LEVELS.index(log_level) :]),
                rtp_ports=(first, first + 1200),
                control_port=self.control_port,
                password=PASSWORD,
                profiles=[
                    {"name": "line", "port": sip_port, "timer": "soft", "gateways": gateways or {}},
                    {"name": "bare", "port": self.bare_port, "timer": "", "gateways": {}},
                ],
                destinations=destinations,
                facts=facts,
                contexts=contexts,
                track_calls=track_calls,
                queues=queues,
            ),
            encoding="utf-8",
        )
        work = {name: folder / "work" / name for name in ("storage", "cache", "recordings", "temp", "scripts")}
        for path in work.values():
            path.mkdir(exist_ok=True)
        places = {
            "conf": folder / "conf",
            "log": folder / "log",
            "db": folder / "db",
            "run": folder / "run",
            "mod": module_folder(binary),
            "sounds": folder / "sounds",
            "certs": certificates,
            "grammar": folder / "work",
            "htdocs": folder / "work",
            **work,
        }
        command = [str(binary), "-nonat", "-nc", "-nf", "-np"]
        for name, path in places.items():
            command += [f"-{name}", str(path)]
        self._output = (folder / "output.txt").open("wb")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT, cwd=folder
        )
        try:
            self._wait_ready()
        except BaseException:
            self.stop()
            raise

    def _wait_ready(self) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"FreeSWITCH ended with {self.process.returncode}: see {self.folder}/output.txt")
            try:
                # stop-on-bind-error: what answers on this port while our process lives is ours.
                if "is ready" in self.api("status"):
                    up = self.api("sofia", "status")
                    if all(f"@127.0.0.1:{port}" in up for port in (self.sip_port, self.bare_port)):
                        return
            except OSError:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"FreeSWITCH is not ready after {START_S:g} s: see {self.folder}")

    def api(self, command: str, arguments: str = "") -> str:
        """One command on the control socket, with our own link."""
        with Control(self.control_port) as control:
            return control.api(command, arguments)

    def channels(self) -> int:
        return int(self.api("show", "channels count").split()[0])

    def wait_empty(self, timeout_s: float = 10.0) -> None:
        until = time.monotonic() + timeout_s
        while self.channels():
            if time.monotonic() > until:
                raise AssertionError(f"calls are left on the switch: {self.api('show', 'channels')}")
            time.sleep(0.1)

    def log_text(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._output.close()


def _render(**values: Any) -> str:
    environment = Environment(loader=FileSystemLoader(HERE / "conf"), undefined=StrictUndefined, autoescape=False)
    return environment.get_template("freeswitch.xml.j2").render(**values)


class Control:
    """A blocking conversation on the control socket."""

    def __init__(self, port: int, timeout_s: float = 10.0) -> None:
        self._link = InboundLink()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._told: list[LinkEvent] = []
        while self._link.state is State.GREETING:
            self._read()
        self._socket.sendall(self._link.auth(PASSWORD))
        while self._link.state is State.AUTH:
            self._read()

    def __enter__(self) -> Control:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _read(self) -> None:
        data = self._socket.recv(65_536)
        self._told += self._link.receive_data(data) if data else self._link.receive_eof()
        for told in self._told:
            if isinstance(told, Lost):
                raise ConnectionError(f"{told.reason} {told.detail}")

    def api(self, command: str, arguments: str = "") -> str:
        self._socket.sendall(self._link.api(command, arguments, tag="api"))
        while True:
            for told in self._told:
                if isinstance(told, ApiReply):
                    self._told.remove(told)
                    return told.body
            self._read()

    def events(self, names: Sequence[str]) -> None:
        self._socket.sendall(self._link.events(names))
        self._socket.settimeout(None)

    def listen(self) -> list[LinkEvent]:
        """What has come since the last time; waits for something."""
        if not self._told:
            self._read()
        told, self._told = self._told, []
        return told
