"""The call path as machine code, where somebody has compiled it (`make fast`, ADR 0007).

Law: chooses between two builds of the same source and imports nothing of Callweave. ``use`` must come before the first
import of what it replaces; it takes a build only if it was made of exactly these sources by this Python, so an edited
file is never shadowed by its older self. Without a build everything runs interpreted, and does the same.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import platform
import sys
from pathlib import Path

#: What is compiled: all that a key press passes through. Each is ordinary Python, and is what the tests measure.
MODULES = (
    *(f"ivr.core.{name}" for name in ("effects", "events", "expr", "nodes", "state", "turn", "values", "collecting")),
    *(f"ivr.core.{name}" for name in ("ordering", "surveying", "connecting", "detecting", "wishes", "machine")),
    *(f"ivr.esl.{name}" for name in ("codec", "event", "commands", "conversation", "link", "inbound")),
    *(f"ivr.hosts.{name}" for name in ("applications", "completions", "control", "deadlines", "freeswitch", "keys")),
    *(f"ivr.hosts.{name}" for name in ("performer", "queue_wait", "queueing", "route", "waits", "whereabouts")),
    *(f"ivr.hosts.{name}" for name in ("door", "journal", "keeper", "registry", "server", "wire")),
    *(f"ivr.store.{name}" for name in ("delivery", "recorder", "rows", "threads", "write")),
)
SOURCE = Path(__file__).resolve().parent.parent
STAMP = "stamp"
#: "0" runs interpreted, whatever has been compiled.
SWITCH = "CALLWEAVE_COMPILED"


def folder(source: Path = SOURCE) -> Path:
    """Where the build for this Python is kept."""
    return source / "build" / "compiled" / f"{sys.implementation.cache_tag}-{platform.machine()}"


def fingerprint(source: Path = SOURCE) -> str:
    """Of everything that decides what a build does: the sources, and the Python that it is for."""
    digest = hashlib.sha256(sys.version.encode())
    for name in MODULES:
        digest.update(source.joinpath(*name.split(".")).with_suffix(".py").read_bytes())
    return digest.hexdigest()


def use(source: Path = SOURCE) -> str:
    """ "" when the compiled modules are taken from here on, else in words why not."""
    global _why_not
    _why_not = _use(source)
    return _why_not


def why_not() -> str:
    """What ``use`` said; "" when this process runs compiled code."""
    return _why_not


_why_not = "interpreted"


def available(source: Path = SOURCE) -> str:
    """ "" when a server that starts now will run compiled code, else in words why not."""
    if os.environ.get(SWITCH) == "0":
        return f"interpreted, as {SWITCH} is 0"
    try:
        stamp = (folder(source) / STAMP).read_text(encoding="ascii")
    except (OSError, ValueError):
        return "interpreted; to compile it: make fast"
    return "" if stamp == fingerprint(source) else "interpreted, as the compiled one is of other sources; make fast"


def _use(source: Path) -> str:
    if why_not := available(source):
        return why_not
    if early := sorted(set(MODULES) & set(sys.modules)):
        return f"interpreted, as {early[0]} was imported before"
    built = folder(source)
    sys.path.append(str(built))
    for package in sorted({name.rpartition(".")[0] for name in MODULES}):
        paths = importlib.import_module(package).__path__
        paths.insert(0, str(built.joinpath(*package.split("."))))
    return ""
