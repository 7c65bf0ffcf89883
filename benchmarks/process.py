"""A server's process: started, pinned to a core, watched through /proc, ended.

Law: Linux's /proc and nothing of what the server does.
"""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

#: Linux makes a clock of a process id, inverted, and this (clock_getcpuclockid(3)).
_CPU_OF_PROCESS = 2
ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """``argv`` with ``{port}`` filled in; ready when the port is taken."""

    def __init__(self, argv: Sequence[str], core: int = 0, cwd: Path = ROOT, log: Path | None = None, port: int = 0):
        self.port = port or free_port()
        self._log = log.open("wb") if log else subprocess.DEVNULL
        words = [word.format(port=self.port) for word in argv]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
        self._process = subprocess.Popen(
            [sys.executable, *words], cwd=cwd, stdout=self._log, stderr=self._log, env=environment
        )
        self.pid = self._process.pid
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))
        if core in os.sched_getaffinity(0):
            os.sched_setaffinity(self.pid, {core})
        self._wait_until_listening()

    def _wait_until_listening(self) -> None:
        until = time.monotonic() + 30
        wanted = f"0100007F:{self.port:04X} 00000000:0000 0A"
        while time.monotonic() < until and self._process.poll() is None:
            # Looked up, not tried: a trial connection would be a call.
            if wanted in Path("/proc/net/tcp").read_text():
                return
            time.sleep(0.05)
        raise RuntimeError(f"the server did not listen on port {self.port} (exit status {self._process.poll()})")

    def cpu_s(self) -> float:
        """User and system time so far, of all its threads. /proc/<pid>/stat would count it in ticks of 10 ms."""
        return time.clock_gettime(~self.pid << 3 | _CPU_OF_PROCESS)

    def rss_kb(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if not isinstance(self._log, int):
            self._log.close()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *args: object) -> None:
        self.stop()
