"""The flows a server answers with: checked, compiled, reloaded while calls go on.

Law: a call keeps the Route it began with; a reload changes what the next call gets, and a flow with mistakes never
replaces one that works.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from ivr.core.program import Program
from ivr.core.state import CallState
from ivr.esl.event import Event
from ivr.hosts.journal import person
from ivr.hosts.past import Wanting, has_quotas, wanted_of
from ivr.hosts.route import Later, Route
from ivr.hosts.sounds import BuiltSounds, Sounds
from ivr.lang.check import check_file
from ivr.lang.problem import Problem
from ivr.ops.config import LAUNCH, Config
from ivr.ops.launching import Launched, LaunchError
from ivr.ops.queues import Settings, merged
from ivr.store.takeover import Unfinished

SECRET_VARIABLE: Final = "variable_callweave_secret"
#: Another worker may have had this call: set by the dialplan before its second `socket` action, or by FreeSWITCH when
#: it was restarted and `recover` runs the dialplan again for a call that was up (switch_channel.c:2018).
TAKEOVER_VARIABLES: Final = ("variable_callweave_takeover", "variable_recovered")
#: A fact that a flow declares comes as a channel variable: callweave_fact_customer.region=north.
FACT_VARIABLE: Final = "variable_callweave_fact_"
#: The same in hexadecimal digits: what a dialler says of a person, where it is more than letters and digits.
HEX_VARIABLE: Final = "variable_callweave_hex_"


#: What a dialler brings with every call that it makes: whom it called, and for what.
OF_CAMPAIGNS: Final = ("contact.number", "contact.id", "campaign.name")
#: A call that a campaign makes; then the socket's path is the launch that it calls with.
ATTEMPT_VARIABLE: Final = "variable_callweave_attempt"


def _taken_over(channel: Event) -> bool:
    return any(channel.get(variable) == "true" for variable in TAKEOVER_VARIABLES)


class FlowErrors(Exception):
    """Flows that cannot be served, with every problem found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems


@dataclass(frozen=True)
class _Line:
    """A flow as calls find it. ``facts``: a name that the flow declares, and the channel variable that brings it.

    Only names that the flow declares, and only from variables that a dialplan or an originate sets. ``language`` every
    flow knows: the one that the caller is to be greeted in.
    """

    program: Program
    sounds: Sounds
    facts: tuple[tuple[str, str], ...]
    destinations: Mapping[str, str]
    queues: Mapping[str, Settings]
    asks_the_past: bool = False


class PastFacts(Protocol):
    """What is known of surveys beyond the call: ``hosts.past.Past``."""

    def facts(self, program: Program) -> dict[str, Any]:
        """At once: quotas that are full."""

    def of_caller(self, program: Program, caller: str) -> dict[str, Any]:
        """Waits for the database: what this caller was asked before."""

    def wanted(self, caller: str) -> Wanting | None:
        """Waits for the database: the campaign that has tried to reach this caller."""


class NoPast:
    """Nothing was ever asked."""

    def facts(self, program: Program) -> dict[str, Any]:
        return {}

    def of_caller(self, program: Program, caller: str) -> dict[str, Any]:
        return {}

    def wanted(self, caller: str) -> Wanting | None:
        return None


NO_PAST: Final = NoPast()


def no_launches(name: str) -> Launched:
    raise LaunchError(f"launch {name} cannot be taken calls with: there is no database here")


class Registry:
    """``sounds_for(program)`` gives the audio of a program; ``known(program)`` is told each program once.

    ``unfinished(call_id)`` finds a call whose worker died; it is asked only where the dialplan says that one did.
    ``launched(name)`` gives a launch as it was frozen; raises LaunchError.
    """

    def __init__(
        self,
        config: Config,
        sounds_for: Callable[[Program], Sounds],
        known: Callable[[Program], None] = lambda program: None,
        unfinished: Callable[[str], Unfinished | None] = lambda call_id: None,
        launched: Callable[[str], Launched] = no_launches,
        past: PastFacts = NO_PAST,
    ) -> None:
        self._config, self._sounds_for, self._known, self._unfinished = config, sounds_for, known, unfinished
        self._launched, self._past = launched, past
        self._flows: dict[str, _Line] = {}
        self._launches: dict[str, _Line] = {}  # of campaigns, read when the first call comes
        self._recordings = config.switch_path(config.recordings)

    def load(self) -> dict[str, Program]:
        """Check and compile every flow that a call can reach, and find its sounds: no call waits for the disk later.

        Raises FlowErrors, and then keeps what it had.
        """
        config = self._config
        project = config.project()
        problems: list[Problem] = []
        found: dict[str, _Line] = {}
        for name in config.routing.flows():
            result = check_file(Path(config.flow_file(name)), project)
            if result.program is None:
                problems += [p for p in result.problems if p.severity == "error"]
                continue
            program = result.program
            old = self._flows.get(name)
            # The same flow keeps its sounds, which remember where each prompt is.
            same = old is not None and old.program.hash == program.hash
            sounds = old.sounds if old is not None and same else self._sounds_for(program)
            found[name] = self._line(program, sounds)
            if missing := sounds.learn(program):
                problems.append(_silent(name, config.flow_file(name), missing))
        for name in config.routing.launches():
            try:
                launched = self._launched(name)
            except LaunchError as error:
                problems.append(Problem("LAUNCH", "error", "callweave.yaml", 1, 1, str(error)))
                continue
            if launched.launch.closed_at is None:  # calls for a closed one find no flow, as for any unknown number
                sounds = BuiltSounds(launched.library, config.switch_path)
                sounds.learn(launched.program)
                found[LAUNCH + name] = self._line(launched.program, sounds)
        if problems:
            raise FlowErrors(tuple(problems))
        for name, line in found.items():
            if name not in self._flows or self._flows[name].program.hash != line.program.hash:
                self._known(line.program)
        self._flows = found
        return {name: line.program for name, line in found.items()}

    def _line(self, program: Program, sounds: Sounds) -> _Line:
        names = dict.fromkeys((*program.facts, "language", *OF_CAMPAIGNS))
        facts = tuple((fact, FACT_VARIABLE + fact) for fact in names)
        destinations = {**program.destinations, **self._config.destinations}
        queues = merged(program.queues, self._config.queues)
        return _Line(program, sounds, facts, destinations, queues, bool(wanted_of(program)))

    @property
    def counts_quotas(self) -> bool:
        """Whether a flow that is served has one."""
        return any(has_quotas(line.program) for line in (*self._flows.values(), *self._launches.values()))

    def route(self, channel: Event) -> Route | str | Later:
        """What the call on this channel runs, or in words why nothing; a function where that has to be looked up:
        another worker may have had the call, its caller may have been asked before or be wanted by a campaign, or a
        campaign's launch is not read yet.
        """
        config = self._config
        if config.secret and channel.get(SECRET_VARIABLE, "") != config.secret:
            return "the channel does not carry the secret of callweave.yaml (variable callweave_secret)"
        called = channel.get("Caller-Destination-Number", "")
        path = channel.get("variable_socket_path", "")
        ours = channel.get(ATTEMPT_VARIABLE) is not None
        launch = path.strip("/") if ours and path.strip("/") not in config.routing.paths else ""
        if launch:
            line = self._flows.get(LAUNCH + launch) or self._launches.get(launch)
            return self._begun(line, channel, called) if line else lambda: self._of_launch(launch, channel, called)
        line = self._flows.get(config.routing.flow(path, called))
        if line is None:
            return f'no flow for the number "{called}" and the path "{path}"; see flows: in callweave.yaml'
        if config.routing.returning and not ours and not _taken_over(channel):
            return lambda: self._returned(line, channel, called)
        return self._begun(line, channel, called)

    def _begun(self, line: _Line, channel: Event, called: str) -> Route | Later:
        route = self._plain(line, channel, called)
        if _taken_over(channel):
            call_id = channel.get("Unique-ID", "")
            return lambda: self._taken_over(call_id, route)
        if line.asks_the_past:
            return lambda: self._with_past(route)
        return route

    def _plain(self, line: _Line, channel: Event, called: str) -> Route:
        """Nothing looked up."""
        facts: dict[str, Any] = {
            "caller.number": channel.get("Caller-Caller-ID-Number", ""),
            "caller.name": channel.get("Caller-Caller-ID-Name", ""),
            "called.number": called,
        }
        for name, variable in line.facts:
            value = channel.get(variable)
            if value is None:
                value = _from_hex(channel.get(HEX_VARIABLE + name, ""))
            if value is not None:
                facts[name] = {"true": True, "false": False}.get(value, value)
        facts |= self._past.facts(line.program)
        return Route(line.program, line.sounds, facts, line.destinations, self._recordings, queues=line.queues)

    def _of_launch(self, launch: str, channel: Event, called: str) -> Route | str:
        """A campaign's launch, at its first call. Waits for the database and the disk."""
        line = self._read_launch(launch)
        if isinstance(line, str):
            return line
        begun = self._begun(line, channel, called)
        return begun if isinstance(begun, Route) else begun()

    def _read_launch(self, launch: str) -> _Line | str:
        """Closed ones too: who is being called by it is asked to the end."""
        if launch not in self._launches:
            try:
                launched = self._launched(launch)
            except LaunchError as error:
                return str(error)
            sounds = BuiltSounds(launched.library, self._config.switch_path)
            sounds.learn(launched.program)
            self._known(launched.program)
            self._launches[launch] = self._line(launched.program, sounds)
        return self._launches[launch]

    def _returned(self, dialled: _Line, channel: Event, called: str) -> Route | str:
        """Whom a campaign has tried to reach gets its questionnaire, and goes on where it broke off."""
        wanted = self._past.wanted(channel.get("Caller-Caller-ID-Number", ""))
        line = self._read_launch(wanted.launch) if wanted else None
        if wanted is None or line is None or isinstance(line, str):
            begun = self._begun(dialled, channel, called)
            return begun if isinstance(begun, Route) else begun()
        route = self._plain(line, channel, called)
        known = {name: value for name, value in wanted.facts.items() if name in line.program.facts}
        known |= {"language": wanted.language} if wanted.language else {}
        known |= {"contact.number": wanted.number, "contact.id": wanted.contact_id, "campaign.name": wanted.campaign}
        return self._with_past(replace(route, facts={**route.facts, **known, "returning": True}))

    def _with_past(self, route: Route) -> Route:
        """Who was asked before is not asked again, or goes on where it stopped. Waits for the database."""
        known = self._past.of_caller(route.program, person(route.facts))
        return replace(route, facts={**route.facts, **known})

    def _taken_over(self, call_id: str, route: Route) -> Route:
        """The call goes on with the flow it began with, whatever has been loaded since. Waits for the database."""
        left = self._unfinished(call_id)
        if left is None:  # it begins here
            return self._with_past(route) if wanted_of(route.program) else route
        program = Program.from_json(left.program)
        elapsed_ms = max(0, round((datetime.now(UTC) - left.started_at).total_seconds() * 1000))
        return replace(
            route,
            program=program,
            sounds=self._sounds_of(program),
            destinations={**program.destinations, **self._config.destinations},
            queues=merged(program.queues, self._config.queues),
            taken_over=(CallState.from_json(left.state), elapsed_ms),
        )

    def _sounds_of(self, program: Program) -> Sounds:
        """Those that were frozen with a launch, for a call that began with it."""
        name = program.launch
        line = self._flows.get(LAUNCH + name) or self._launches.get(name) if name else None
        return line.sounds if line else self._sounds_for(program)


def _silent(flow: str, file: Path, missing: list[str]) -> Problem:
    """A flow that would say nothing where it should ask."""
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    message = f"flow {flow}: no sound for {', '.join(missing[:3])}{more}"
    return Problem("SOUND", "error", str(file), 1, 1, message, "type: ivr prompts build")


def _from_hex(text: str) -> str | None:
    try:
        return bytes.fromhex(text).decode("utf-8", "replace") if text else None
    except ValueError:
        return None
