"""What is missing on this machine, what that means, and what to type.

Law: looks and tells; changes nothing, starts nothing, and takes seconds at most. Every finding that is not well says
what to do. A check never raises for what it finds.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ivr import compiled
from ivr.core.program import Program
from ivr.ops.config import Config, ConfigError, Switch
from ivr.ops.control import Answers, ask

OK, WARN, BAD = "ok", "warning", "missing"
DEFAULT_PASSWORD = "ClueCon"
#: Modules of FreeSWITCH that a call needs -> what for.
MODULES = {
    "mod_dptools": "answer, playback, bridge, record",
    "mod_commands": "cancelling the guard",
    "mod_event_socket": "the call's own socket",
    "mod_dialplan_xml": "the dialplan",
    "mod_sndfile": "WAV prompts",
    "mod_tone_stream": "the last resort's tone",
    "mod_sofia": "SIP calls",
}
#: Older ones accept unauthenticated SIP MESSAGEs, among other things (CVE-2021-37624).
SAFE_VERSION = (1, 10, 7)


@dataclass(frozen=True, slots=True)
class Finding:
    """``state``: ok | warning (it goes on without) | missing (calls would fail, or it is not safe)."""

    name: str
    state: str
    what: str
    todo: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def examine(config: Config | ConfigError, *, strict: bool = False, remote_control: bool = False) -> Iterator[Finding]:
    """Every finding, as it is found. ``strict``: this machine is to serve calls, so FreeSWITCH must be there."""
    yield _python()
    yield from _speech()
    if isinstance(config, ConfigError):
        for mistake in config.mistakes:
            place = f"{mistake.file}:{mistake.line}" if mistake.line else mistake.file
            yield Finding("settings", BAD, f"{place}: {mistake.key}: {mistake.message}", mistake.hint)
        return
    yield _settings(config)
    for mistake in config.unfit_for_switch():
        yield Finding("settings", BAD, f"{mistake.key}: {mistake.message}", mistake.hint)
    yield from _flows(config)
    yield _folders(config)
    yield _database(config)
    yield _port(config)
    yield from _exposure(config)
    yield from _freeswitch(config, strict or bool(config.freeswitch.password), remote_control)


def _python() -> Finding:
    version = ".".join(str(n) for n in sys.version_info[:3])
    why_not = compiled.available()
    return Finding("python", OK, f"{version}; a server's call path: {why_not or 'compiled'}")


def _settings(config: Config) -> Finding:
    if config.file is None:
        todo = "write callweave.yaml; the one in Callweave's repository explains every key"
        return Finding("settings", WARN, "no callweave.yaml here or above: all defaults", todo)
    return Finding("settings", OK, str(config.file))


def _speech() -> Iterator[Finding]:
    try:
        import espeakng_loader
    except ImportError:
        yield Finding("speech", BAD, "no espeak library: prompts cannot be synthesised", "make setup")
        return
    absent = [
        str(path)
        for path in (espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
        if not Path(path).exists()
    ]
    if absent:
        yield Finding("speech", BAD, f"espeak's files are gone: {', '.join(absent)}", "make clean setup")
    else:
        yield Finding("speech", OK, "espeak library")


def _flows(config: Config) -> Iterator[Finding]:
    """Flows, and when they are right, the sounds they play."""
    from ivr.lang.check import check_file

    missing = [flow for flow in config.routing.flows() if not config.flow_file(flow).is_file()]
    for flow in missing:
        todo = f"write {config.flow_file(flow)}, or change `flows:` in callweave.yaml"
        yield Finding("flows", BAD, f'calls are routed to "{flow}", which is not there', todo)
    folders = [folder for folder in (config.flows, config.surveys) if folder.is_dir()]
    files = [p for f in folders for p in sorted(f.glob("*.yaml")) if not p.name.endswith(".calls.yaml")]
    if not files:
        yield Finding("flows", BAD, f"no flow in {config.flows}", "write flows/hotline.yaml; see docs/language.md")
        return
    programs: list[Program] = []
    wrong: list[str] = []
    project = config.project()
    for file in files:
        checked = check_file(file, project)
        if any(problem.severity == "error" for problem in checked.problems):
            wrong.append(file.name)
        elif checked.program:
            programs.append(checked.program)
    if wrong:
        yield Finding("flows", BAD, f"mistakes in {', '.join(wrong)}", "ivr check")
    elif not missing:
        yield Finding("flows", OK, f"{len(files)} files, no mistake")
    yield _prompts(config, programs)


def _prompts(config: Config, programs: list[Program]) -> Finding:
    from ivr.media.build import by_file, entries
    from ivr.media.library import MissingAudio

    prompts = config.prompts
    library = prompts.library()
    try:
        wanted = by_file(entries(library, programs)).values()
    except MissingAudio as error:
        return Finding("prompts", BAD, str(error), "ivr prompts check")
    absent = sum(not entry.built for entry in wanted)
    if absent:
        return Finding("prompts", BAD, f"{absent} of {len(wanted)} sound files are not built", "ivr prompts build")
    return Finding("prompts", OK, f"{len(wanted)} sound files in {prompts.build}")


def _folders(config: Config) -> Finding:
    for key, folder in (("recordings", config.recordings), ("spool", config.spool), ("build", config.prompts.build)):
        there = next(p for p in (folder, *folder.parents) if p.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            todo = f"chown it to the server's user, or change `{key}` in callweave.yaml"
            return Finding("folders", BAD, f"{there} cannot be written", todo)
    return Finding("folders", OK, "recordings, spool and prompts can be written")


def _database(config: Config) -> Finding:
    from sqlalchemy.exc import SQLAlchemyError

    from ivr.store.engine import DatabaseUrlError, make_engine, shown_url
    from ivr.store.upgrade import SchemaError, check_schema, is_empty_sqlite

    try:
        where = shown_url(config.database)
        if is_empty_sqlite(config.database):
            return Finding("database", OK, f"{where}: made by the first call or by ivr db upgrade")
        engine = make_engine(config.database, wait_ms=2000)
    except DatabaseUrlError as error:
        return Finding("database", BAD, str(error), "change `database` in callweave.yaml or CALLWEAVE_DB")
    try:
        check_schema(engine)
    except SchemaError as error:
        return Finding("database", BAD, str(error).partition(" Type: ")[0], "ivr db upgrade")
    except SQLAlchemyError as error:
        first = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        todo = "start it, or change `database` in callweave.yaml; calls go on meanwhile, rows wait in the spool"
        return Finding("database", BAD, f"{where} does not answer: {first}", todo)
    finally:
        engine.dispose()
    return Finding("database", OK, f"{where}, schema up to date")


def _port(config: Config) -> Finding:
    listen = config.listen
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen.host, listen.port))
            return Finding("port", OK, f"{listen} is free")
        except OSError as error:
            if error.errno not in (98, 48):  # EADDRINUSE on Linux, on macOS
                todo = "write an address of this machine as `listen` in callweave.yaml"
                return Finding("port", BAD, f"{listen} cannot be bound: {error.strerror}", todo)
    if _greets_like_us(listen.host, listen.port):
        return Finding("port", OK, f"{listen} is served by Callweave")
    todo = "stop it (ss -ltnp shows which), or change `listen` in callweave.yaml"
    return Finding("port", BAD, f"{listen} is taken by another program", todo)


def _greets_like_us(host: str, port: int) -> bool:
    """Whoever takes calls from FreeSWITCH's socket speaks first: `connect`."""
    reach = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    try:
        with socket.create_connection((reach, port), 2) as connection:
            connection.settimeout(2)
            return connection.recv(64).startswith(b"connect")
    except OSError:
        return False


def _exposure(config: Config) -> Iterator[Finding]:
    """Who can hand us calls, when it is not this machine only."""
    if _is_loopback(config.listen.host):
        return
    if all(network.is_loopback for network in config.allow):
        todo = "add FreeSWITCH's address to `allow` in callweave.yaml"
        yield Finding("access", BAD, f"{config.listen} is open, but `allow` has only this machine", todo)
    elif not config.secret:
        todo = "write `secret` in callweave.yaml, and render the dialplan again"
        yield Finding("access", WARN, "calls from other machines are taken without a secret", todo)
    else:
        yield Finding("access", OK, "address list and secret")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# -- FreeSWITCH --------------------------------------------------------------------------------------------


def _freeswitch(config: Config, needed: bool, remote_control: bool) -> Iterator[Finding]:
    switch = config.freeswitch
    where = f"{switch.host}:{switch.port}"
    # Without a password of ours, only one thing can be learnt: whether a switch here still has the default one.
    password = switch.password or (DEFAULT_PASSWORD if _is_loopback(switch.host) else "")
    questions = ["version", *(f"module_exists {module}" for module in MODULES)]
    answers = ask(switch.host, switch.port, password, questions)
    state = BAD if needed else WARN
    if answers.state == "nobody":
        todo = "start FreeSWITCH with mod_event_socket, or change `freeswitch` in callweave.yaml"
        yield Finding("freeswitch", state, f"nobody answers on {where} ({answers.detail})", todo)
        return
    if password == DEFAULT_PASSWORD and answers.state == "asked":
        todo = "change it in event_socket.conf.xml and in callweave.yaml, then: fs_cli -x 'reload mod_event_socket'"
        yield Finding("freeswitch", BAD, f"{where} has the default password: anyone who reaches it runs it", todo)
    if _is_loopback(switch.host) and not remote_control and (outside := _reached_from_outside(switch)):
        todo = "set listen-ip to 127.0.0.1 in event_socket.conf.xml (or: ivr doctor --remote-control)"
        yield Finding("freeswitch", BAD, f"its control socket is open on {outside}:{switch.port}", todo)
    elif not _is_loopback(switch.host) and not remote_control:
        todo = "allow it with: ivr doctor --remote-control, behind a firewall or a tunnel"
        yield Finding("freeswitch", BAD, f"its control socket {where} is reached over the network in clear", todo)
    yield from _switch(answers, where, state, bool(switch.password))


def _switch(answers: Answers, where: str, state: str, has_password: bool) -> Iterator[Finding]:
    if answers.state == "refused" and not has_password:
        todo = "write freeswitch: {password: $FREESWITCH_PASSWORD} in callweave.yaml to look closer"
        yield Finding("freeswitch", state, f"{where} is there; its password is not in callweave.yaml", todo)
        return
    said = {
        "refused": ("has another password", "write the one of event_socket.conf.xml in callweave.yaml"),
        "rejected": ("does not want this address", "add it to apply-inbound-acl in event_socket.conf.xml"),
        "silent": ("does not answer like FreeSWITCH", "check `freeswitch: port:` in callweave.yaml"),
        "closed": ("closed the connection", "check `freeswitch: port:`, and FreeSWITCH's log"),
    }
    if answers.state in said:
        what, todo = said[answers.state]
        yield Finding("freeswitch", state, f"{where} {what}", todo)
        return
    version = answers.replies.get("version", "")
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", version)
    short = found[0] if found else version[:40]
    if found and tuple(int(n) for n in found.groups()) < SAFE_VERSION:
        least = ".".join(str(n) for n in SAFE_VERSION)
        yield Finding("freeswitch", WARN, f"{short} has known holes", f"upgrade to {least} or newer")
    absent = [m for m in MODULES if answers.replies.get(f"module_exists {m}") != "true"]
    for module in absent:
        todo = f"load {module} in modules.conf.xml, then: fs_cli -x 'load {module}'"
        yield Finding("freeswitch", state, f"{module} is not loaded ({MODULES[module]})", todo)
    if not absent:
        yield Finding("freeswitch", OK, f"{short} on {where}, modules loaded")


def _reached_from_outside(switch: Switch) -> str:
    """An address of this machine, not its loopback, on which the control socket answers; "" if none is known."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: asks the kernel which address we would have
            address = str(probe.getsockname()[0])
        except OSError:
            return ""
    if _is_loopback(address):
        return ""
    try:
        socket.create_connection((address, switch.port), 1).close()
    except OSError:
        return ""
    return address
