"""`esl_app.py` as a process of its own, with a project of its own in a temporary folder."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ivr.core.program import Program
from ivr.lang.check import check_file
from ivr.lang.project import Project
from ivr.media import build
from ivr.media.library import AudioLibrary

REPOSITORY = Path(__file__).parents[2]
PROMPTS = REPOSITORY / "build" / "prompts"
RATE = 8000


def make_project(folder: Path) -> Path:
    """The repository's flows, surveys, prompts and the tests' own flows, as one project."""
    for name in ("flows", "surveys", "prompts"):
        if (REPOSITORY / name).is_dir():
            shutil.copytree(REPOSITORY / name, folder / name)
    if (REPOSITORY / "tests" / "flows").is_dir():
        shutil.copytree(REPOSITORY / "tests" / "flows", folder / "flows", dirs_exist_ok=True)
    return folder


def compiled(folder: Path, file: str) -> Program:
    result = check_file(folder / file, Project(folder))
    if result.program is None:
        raise AssertionError("\n".join(f"{p.file}:{p.line}: {p.code} {p.message}" for p in result.problems))
    return result.program


def built_library(folder: Path, programs: list[Program]) -> AudioLibrary:
    """Every sound of the programs; those that were made before are taken from the repository's build folder."""
    library = AudioLibrary(PROMPTS, folder / "prompts" / "recordings", RATE)
    build.build(library, build.entries(library, programs))
    return library


class Worker:
    def __init__(self, folder: Path, name: str, port: int, settings: Mapping[str, Any]) -> None:
        self.port = port
        self.folder = folder
        self.traces = folder / f"traces-{name}"
        self.database = folder / f"{name}.db"
        self.log_file = folder / f"{name}.log"
        file = folder / "callweave.yaml"
        if name != "worker":
            file = folder / f"callweave-{name}.yaml"
        everything = {
            "listen": f"127.0.0.1:{port}",
            "database": f"sqlite:///{self.database}",
            "recordings": "recordings",
            "spool": f"spool-{name}",
            "prompts": {"build": str(PROMPTS), "rate": RATE},
            "log": {"level": "debug", "phone_numbers": "full"},
            **settings,
        }
        file.write_text(yaml.safe_dump(everything), encoding="utf-8")
        self._command = [sys.executable, str(REPOSITORY / "esl_app.py"), "--config", str(file)]
        self._command += ["--trace", str(self.traces)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Worker:
        self._output = self.log_file.open("ab")
        self.process = subprocess.Popen(
            self._command, stdin=subprocess.DEVNULL, stdout=self._output, stderr=subprocess.STDOUT, cwd=self.folder
        )
        until = time.monotonic() + 30
        while '"serving"' not in self.log_text():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"esl_app.py does not serve: {self.log_text()[-2000:]}")
            time.sleep(0.05)
        return self

    def stop(self) -> int:
        """In order, everything stored."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return -1
        finally:
            self._output.close()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def log_text(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def log_lines(self, call: str = "") -> list[dict[str, Any]]:
        found = []
        for line in self.log_text().splitlines():
            if line.startswith("{"):
                entry = json.loads(line)
                if not call or entry.get("call") == call:
                    found.append(entry)
        return found

    def trace(self, call: str, timeout_s: float = 5.0) -> list[str]:
        """The trace of a call, once it has ended."""
        file = self.traces / f"{call}.txt"
        until = time.monotonic() + timeout_s
        while not file.exists() or not file.read_text(encoding="utf-8").endswith("\n"):
            if time.monotonic() > until:
                return []
            time.sleep(0.05)
        return file.read_text(encoding="utf-8").splitlines()

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10) as database:
            return database.execute(sql, values).fetchall()

    def call_row(self, call: str, timeout_s: float = 10.0) -> dict[str, Any]:
        """The call's own row, once it says that the call has ended ({} if it never does)."""
        until = time.monotonic() + timeout_s
        names = ("ended_by", "end_node", "cause", "flow", "status")
        while True:
            found = self.rows(f"select {', '.join(names)} from call where call_id = ?", call)
            if found and found[0][0]:
                return dict(zip(names, found[0], strict=True))
            if time.monotonic() > until:
                return {}
            time.sleep(0.1)
