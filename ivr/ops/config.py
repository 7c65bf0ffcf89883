"""What this installation is: callweave.yaml, checked, as one immutable value.

Law: reads one file and the environment, and nothing else: whether a folder, a database or a switch is there is the
doctor's question. Folders come out absolute. Secrets are left out of ``repr``.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ivr.media.library import AudioLibrary
from ivr.media.synth import Voice, voices_from
from ivr.ops import queues, values
from ivr.ops.settings import ConfigError, Mistake, Section, read

if TYPE_CHECKING:
    from ivr.lang.project import Project

__all__ = ["Config", "ConfigError", "Mistake", "Projects", "load_config"]

FILE_NAME = "callweave.yaml"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


#: How `flows:` names a launch: what was frozen, whatever the files say now.
LAUNCH: Final = "launch:"


@dataclass(frozen=True, slots=True)
class Routing:
    """Which flow answers a call. A flow is a name (``hotline``: flows/hotline.yaml) or a file of the project."""

    default: str = ""
    paths: Mapping[str, str] = field(default_factory=dict)  # socket path, without the leading / -> flow
    numbers: Mapping[str, str] = field(default_factory=dict)  # called number, or a prefix ending in * -> flow
    returning: bool = False  # whom a campaign has tried to reach, and who calls, gets its questionnaire

    def flow(self, socket_path: str, called: str) -> str:
        """The flow for one call, "" if none is: the path first, then the number, then its longest prefix."""
        path = socket_path.strip("/")
        if path in self.paths:
            return self.paths[path]
        if called in self.numbers and not called.endswith("*"):
            return self.numbers[called]
        prefixes = [n for n in self.numbers if n.endswith("*") and called.startswith(n[:-1])]
        return self.numbers[max(prefixes, key=len)] if prefixes else self.default

    def flows(self) -> list[str]:
        """Every flow of this project's files that a call can reach, once."""
        return [flow for flow in self._named() if not flow.startswith(LAUNCH)]

    def launches(self) -> list[str]:
        """The names of every launch that a call can reach, once."""
        return [flow.removeprefix(LAUNCH) for flow in self._named() if flow.startswith(LAUNCH)]

    def _named(self) -> list[str]:
        named = [self.default, *self.paths.values(), *self.numbers.values()]
        return [flow for flow in dict.fromkeys(named) if flow]


@dataclass(frozen=True, slots=True)
class Prompts:
    folder: Path  # texts: <folder>/<lang>.yaml
    recordings: Path  # <recordings>/<lang>/<name>.wav
    build: Path  # synthesised audio
    rate: int = 8000
    voices: Mapping[str, Voice] = field(default_factory=dict)  # language -> who speaks it

    def library(self) -> AudioLibrary:
        """The sounds of this installation. Whoever builds and whoever plays must mean the same voices."""
        return AudioLibrary(self.build, self.recordings, self.rate, self.voices)


@dataclass(frozen=True, slots=True)
class Switch:
    """FreeSWITCH's control socket, for the doctor."""

    host: str = "127.0.0.1"
    port: int = 8021
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DialplanSettings:
    context: str = "public"
    workers: tuple[str, ...] = ()  # host:port, in the order they are tried; (): `listen`
    guard_s: int = 15
    operator: str = ""  # extension the last resort transfers to; "": apologise and hang up
    apology: str = "tone_stream://%(250,250,480);loops=3"  # what the last resort plays
    media_timeout_ms: int = 120_000
    park_timeout_s: int = 7200


@dataclass(frozen=True, slots=True)
class Data:
    """How answers are kept, and counted."""

    zone: str = ""  # whose days reports count in; "": as the database has it, UTC at first
    keep_days: int = 0  # 0: for ever, unless the questionnaire says otherwise
    pseudonym_key: Path = Path("pseudonym.key")


@dataclass(frozen=True, slots=True)
class Config:
    root: Path  # folder of callweave.yaml; every relative path of it starts here
    file: Path | None  # None: no file, all defaults
    database: str = field(repr=False)  # SQLAlchemy URL; holds a password, perhaps
    listen: Address
    routing: Routing
    flows: Path
    surveys: Path
    prompts: Prompts
    recordings: Path  # what callers leave
    spool: Path
    switch_root: str  # the path at which FreeSWITCH sees `root`; "": the same machine, the same path
    destinations: Mapping[str, str]
    queues: Mapping[str, queues.Settings]
    allow: tuple[Network, ...]
    secret: str = field(repr=False)
    country: str  # where numbers without a country's code belong; "": nowhere
    linger_s: int
    max_calls: int
    freeswitch: Switch
    switches: Mapping[str, Switch]  # that `ivr dial` calls with
    log_level: str
    log_numbers: str  # masked | full
    dialplan: DialplanSettings
    data: Data

    def allowed(self, peer: str) -> bool:
        """Whether a peer at this IP address may hand us calls."""
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.allow)

    def replaced(self, *, listen: str | None = None, database: str | None = None, spool: Path | None = None) -> Config:
        """These settings with what the command line says instead. Raises ConfigError."""
        changed = self
        if listen:
            if wrong := values.bad_address(listen):
                raise ConfigError((Mistake("--listen", 0, 0, "", wrong, "write host:port, like 127.0.0.1:8084"),))
            host, _, port = listen.rpartition(":")
            changed = replace(changed, listen=Address(host.strip("[]"), int(port)))
        if database:
            changed = replace(changed, database=database)
        return replace(changed, spool=spool.absolute()) if spool else changed

    def project(self) -> Project:
        """Where this installation's flows find questionnaires and prompts."""
        from ivr.lang.project import Project  # the language, which most commands do without

        return Project(self.root, self.surveys, self.prompts.folder, self.flows)

    def folders(self) -> tuple[Path, ...]:
        """Where flows, questionnaires and prompts stand."""
        return self.flows, self.surveys, self.prompts.folder

    def flow_file(self, flow: str) -> Path:
        """The file of a flow named in `flows`."""
        return self.root / flow if "." in flow else self.flows / f"{flow}.yaml"

    def unfit_for_switch(self) -> tuple[Mistake, ...]:
        """Folders that FreeSWITCH cannot be told of: it splits arguments at spaces and expands what looks like code.

        Only who takes calls must refuse them: a flow can be written and tried anywhere.
        """
        found = []
        for key, folder in (("prompts.build", self.prompts.build), ("recordings", self.recordings)):
            if wrong := values.bad_switch_path(seen := self.switch_path(folder)):
                hint = f"name a folder of plain letters, digits and ._- in `{key}`, or move the project"
                found.append(Mistake(str(self.file or FILE_NAME), 0, 0, key, f'"{seen}" {wrong}', hint))
        return tuple(found)

    def switch_path(self, path: Path) -> str:
        """``path`` as FreeSWITCH sees it."""
        if not self.switch_root or not path.is_relative_to(self.root):
            return str(path)
        return f"{self.switch_root.rstrip('/')}/{path.relative_to(self.root).as_posix()}"


def find_config(start: Path) -> Path | None:
    """The nearest callweave.yaml, from ``start`` upward."""
    return next((d / FILE_NAME for d in (start, *start.parents) if (d / FILE_NAME).is_file()), None)


def load_config(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """The installation's settings: of ``path``, else of CALLWEAVE_CONFIG, else of the nearest callweave.yaml.

    Without any file everything has its default. CALLWEAVE_DB replaces `database`. Raises ConfigError with every
    mistake of the file.
    """
    config, mistakes = _load(path, os.environ if environment is None else environment)
    if mistakes:
        raise ConfigError(tuple(mistakes))
    return config


class Projects:
    """The project that each file belongs to, for commands that look at files: settings are read once.

    A mistake in callweave.yaml keeps nobody from checking or trying a flow: what is wrong has its default here.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environment is None else environment
        self.here = _load(None, self._environ)[0]  # this installation
        self._own = self.here.project()
        self._known: dict[Path, Project] = {}

    def of(self, path: Path) -> Project:
        """This installation's for what stands in its folders, wherever they are; else the nearest one above."""
        above = find_config(Path(os.path.abspath(path)))
        if (above and above == self.here.file) or self._is_ours(path, above):
            return self._own
        if above is None:
            from ivr.lang.project import Project

            project = Project.find(path)
            return self._known.setdefault(project.root, project)
        if above not in self._known:
            self._known[above] = _load(above, self._environ)[0].project()
        return self._known[above]

    def _is_ours(self, path: Path, above: Path | None) -> bool:
        """In a folder of ours, and not in another project within it."""
        real = os.path.realpath(path)
        for folder in map(os.path.realpath, self.here.folders()):
            if real == folder or real.startswith(os.path.join(folder, "")):
                return above is None or not os.path.realpath(above).startswith(os.path.join(folder, ""))
        return False


def _load(path: Path | None, environ: Mapping[str, str]) -> tuple[Config, list[Mistake]]:
    """The settings, and what is wrong with them: there they have their defaults."""
    told = environ.get("CALLWEAVE_CONFIG")
    named = path or (Path(told) if told else find_config(Path.cwd()))
    file = named.absolute() if named else None
    root = file.parent if file else Path.cwd()
    mistakes: list[Mistake] = []
    top = read(file, mistakes, environ) if file else Section(FILE_NAME, "", None, mistakes, environ)
    config = _config(top, root, file, environ)
    top.done()
    return config, mistakes


def _config(top: Section, root: Path, file: Path | None, environ: Mapping[str, str]) -> Config:
    database = top.secret("database", "sqlite:///callweave.db", _DATABASE_HINT, values.bad_database)
    database = _sqlite_under(root, database)
    if environ.get("CALLWEAVE_DB"):  # typed in a shell: relative to where it was typed
        database = environ["CALLWEAVE_DB"]
    flows = top.section("flows")
    prompts = top.section("prompts")
    surveys = top.section("surveys")
    config = Config(
        root=root,
        file=file,
        database=database,
        listen=_address(top, "listen", "127.0.0.1:8084"),
        routing=_routing(flows),
        flows=_folder(flows, "folder", "flows", root),
        surveys=_folder(surveys, "folder", "surveys", root),
        prompts=Prompts(
            folder=_folder(prompts, "folder", "prompts", root),
            recordings=_folder(prompts, "recordings", "prompts/recordings", root),
            build=_folder(prompts, "build", "build/prompts", root),
            rate=int(prompts.choice("rate", "8000", ["8000", "16000"])),
            voices=_voices(prompts),
        ),
        recordings=_folder(top, "recordings", "recordings", root),
        spool=_folder(top, "spool", "spool", root),
        switch_root=top.text(
            "switch_root", "", "write the folder's path on FreeSWITCH's machine: /srv/callweave", values.bad_switch_root
        ),
        destinations=_destinations(top),
        queues=queues.of_config(top),
        allow=_allow(top),
        secret=top.secret("secret", "", "16 to 128 letters and digits, no spaces", values.bad_secret),
        country=top.text("country", environ.get("CALLWEAVE_COUNTRY", ""), "two letters: CN, DE", values.bad_country),
        linger_s=top.whole("linger_s", 10, 1, 300),
        max_calls=top.whole("max_calls", 1000, 1, 100_000),
        freeswitch=(own_switch := _switch(top.section("freeswitch"))),
        switches=_switches(top.section("switches")) or {"main": own_switch},
        **_log(top.section("log")),
        dialplan=_dialplan(top.section("dialplan")),
        data=_data(top.section("data"), root, environ),
    )
    flows.done()
    prompts.done()
    surveys.done()
    return config


_DATABASE_HINT = "write sqlite:///callweave.db or postgresql://user:password@host/callweave"


def _sqlite_under(root: Path, url: str) -> str:
    """A relative SQLite file stands beside callweave.yaml, wherever the command was started."""
    scheme, name = "sqlite:///", url.removeprefix("sqlite:///")
    if not url.startswith(scheme) or name.startswith("/") or name in ("", ":memory:"):
        return url
    return f"{scheme}{root / name}"


def _address(section: Section, key: str, default: str) -> Address:
    value = section.text(key, default, "write host:port, like 127.0.0.1:8084", values.bad_address)
    host, _, port = value.rpartition(":")
    return Address(host.strip("[]"), int(port))


def _routing(section: Section) -> Routing:
    hint = "write the flow's name, or its file"

    paths: dict[str, str] = {}
    numbers: dict[str, str] = {}
    for name, value, node in section.table("paths", hint):
        path = name.strip("/")
        if not values.SOCKET_PATH.fullmatch(path):
            section.mistake(node, f"flows.paths.{name}", "is no socket path", "letters, digits, - _ / only")
        elif wrong := values.bad_flow(value):
            section.mistake(node, f"flows.paths.{name}", wrong, hint)
        else:
            paths[path] = value
    for name, value, node in section.table("numbers", hint):
        if not values.NUMBER.fullmatch(name):
            where = f"flows.numbers.{name}"
            section.mistake(node, where, "is no number", "write digits, or a prefix that ends in *")
        elif wrong := values.bad_flow(value):
            section.mistake(node, f"flows.numbers.{name}", wrong, hint)
        else:
            numbers[name] = value
    returning = section.choice("returning", "false", ["true", "false"]) == "true"
    return Routing(section.text("default", "", hint, values.bad_flow), paths, numbers, returning)


def _folder(section: Section, key: str, default: str, root: Path) -> Path:
    value = section.text(
        key, default, "write a path", lambda v: "has a control character" if not v.isprintable() else ""
    )
    return root / Path(value).expanduser()


def _voices(section: Section) -> dict[str, Voice]:
    try:
        return voices_from(section.data("voices"))
    except ValueError as error:
        section.wrong("voices", f"cannot be used: {error}", "like {zh: {voice: cmn, rate: 180}}")
        return {}


def _destinations(top: Section) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value, node in top.table("destinations", "write a dial string: user/1000"):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            top.mistake(node, f"destinations.{name}", "is no name", "letters, digits and _ only")
        elif wrong := values.bad_dial_string(value):
            top.mistake(node, f"destinations.{name}", wrong, "write one leg: user/1000 or sofia/gateway/out/1000")
        else:
            found[name] = value
    return found


def _allow(top: Section) -> tuple[Network, ...]:
    networks: list[Network] = []
    for value, node in top.items("allow"):
        try:
            networks.append(ipaddress.ip_network(value, strict=False))
        except ValueError:
            top.mistake(node, "allow", f'"{value}" is no address or network', "write 10.0.0.5 or 10.0.0.0/24")
    return tuple(networks) or _LOOPBACK


def _switch(section: Section) -> Switch:
    host = section.text("host", "127.0.0.1", "write a name or an address", values.bad_host)
    port = section.whole("port", 8021, 1, 65535)
    password = section.secret("password", "", "write it as in event_socket.conf.xml, or $NAME", values.bad_password)
    section.done()
    return Switch(host, port, password)


def _switches(section: Section) -> dict[str, Switch]:
    found = {}
    for name in section.names():
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name):
            found[name] = _switch(section.section(name))
        else:
            section.wrong(name, "is no name", "letters, digits, - and _ only")
    section.done()
    return found


def _log(section: Section) -> dict[str, str]:
    level = section.choice("level", "info", ["debug", "info", "warning", "error"])
    numbers = section.choice("phone_numbers", "masked", ["masked", "full"])
    section.done()
    return {"log_level": level, "log_numbers": numbers}


def _data(section: Section, root: Path, environ: Mapping[str, str]) -> Data:
    keep = section.text("keep", "", "write days, like 400d", values.bad_days)
    key = _folder(section, "pseudonym_key", "pseudonym.key", root)
    if environ.get("CALLWEAVE_PSEUDONYM_KEY"):  # typed in a shell: relative to where it was typed
        key = Path(environ["CALLWEAVE_PSEUDONYM_KEY"]).absolute()
    zone = section.text("zone", "", "write a zone like Europe/Berlin", values.bad_zone)
    section.done()
    return Data(zone, int(keep.removesuffix("d") or 0), key)


def _dialplan(section: Section) -> DialplanSettings:
    d = DialplanSettings()

    workers = []
    for value, node in section.items("workers"):
        if wrong := values.bad_worker(value):
            section.mistake(node, "dialplan.workers", wrong, "write host:port, like 10.0.0.5:8084")
        else:
            workers.append(value)
    settings = DialplanSettings(
        context=section.text("context", d.context, "letters, digits, - and _", values.bad_word),
        workers=tuple(workers),
        guard_s=section.whole("guard_s", d.guard_s, 2, 300),
        operator=section.text("operator", "", "write an extension: 1000", values.bad_word),
        apology=section.text("apology", d.apology, "write a sound file's path on FreeSWITCH", values.bad_sound),
        media_timeout_ms=section.whole("media_timeout_ms", d.media_timeout_ms, 5000, 3_600_000),
        park_timeout_s=section.whole("park_timeout_s", d.park_timeout_s, 60, 86_400),
    )
    section.done()
    return settings
