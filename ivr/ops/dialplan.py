"""The FreeSWITCH dialplan that brings calls to Callweave and never leaves a caller alone, as XML text.

Law: from checked settings to text; no files but the template, no switch. Every value passes an allow-list before it
is rendered (escaping keeps XML whole, but not FreeSWITCH's own expansion), and what would be misread by FreeSWITCH's
line-wise preprocessor is refused after rendering.

The order of actions is the point (docs/dialplan.md): guard, socket, guard, socket, last resort.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ivr.ops import values
from ivr.ops.config import Config, DialplanSettings

RESCUE = "callweave_rescue"
TEMPLATE = "callweave.xml.j2"


class DialplanError(ValueError):
    """The dialplan asked for cannot be rendered; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Line:
    """One called number, or a prefix ending in ``*``, and the socket path its calls carry ("" none)."""

    number: str
    path: str = ""

    @property
    def expression(self) -> str:
        if self.number == "*":
            return r"^\+?[0-9*#]+$"
        if self.number.endswith("*"):
            return f"^{re.escape(self.number[:-1])}[0-9*#]*$"
        return f"^{re.escape(self.number)}$"


def lines_of(config: Config) -> list[Line]:
    """A line per called number of `flows.numbers`, with the socket path of the same flow where one is declared."""
    paths = {flow: path for path, flow in config.routing.paths.items()}
    return [Line(number, paths.get(flow, "")) for number, flow in config.routing.numbers.items()]


def template_folder(root: Path) -> Path:
    """The project's own dialplan/ if it has the template, else the one that came with Callweave."""
    places = [
        root / "dialplan",
        Path(__file__).resolve().parents[2] / "dialplan",
        Path(sys.prefix) / "share" / "callweave" / "dialplan",
    ]
    for place in places:
        if (place / TEMPLATE).is_file():
            return place
    looked = ", ".join(str(p) for p in places)
    raise DialplanError(f"no {TEMPLATE} in {looked}; put Callweave's dialplan folder beside callweave.yaml")


def render(
    lines: Sequence[Line],
    settings: DialplanSettings,
    *,
    workers: Sequence[str],
    secret: str,
    templates: Path,
) -> str:
    """The XML of one file for conf/dialplan/<context>/. Exact numbers come before prefixes, long prefixes first."""
    _check(lines, settings, workers, secret)
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=select_autoescape(["xml.j2"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    ordered = sorted(lines, key=lambda line: (line.number.endswith("*"), -len(line.number), line.number))
    text = environment.get_template(TEMPLATE).render(
        lines=[
            {
                "name": line.number,
                "expression": line.expression,
                "first": _hosts(workers, line.path),
                # The worker that has just failed this caller is asked last.
                "second": _hosts([*workers[1:], workers[0]], line.path),
            }
            for line in ordered
        ],
        rescue=RESCUE,
        secret=secret,
        context=settings.context,
        guard_s=settings.guard_s,
        operator=settings.operator,
        apology=settings.apology,
        media_timeout_ms=settings.media_timeout_ms,
        park_timeout_s=settings.park_timeout_s,
    )
    _check_text(text)
    return text


def _hosts(workers: Sequence[str], path: str) -> str:
    # The path belongs to each host: FreeSWITCH splits at | first and reads the path of the one it tries
    # (mod_event_socket.c, socket_function).
    return "|".join(f"{worker}/{path}" if path else worker for worker in workers)


def _check(lines: Sequence[Line], settings: DialplanSettings, workers: Sequence[str], secret: str) -> None:
    if not lines:
        raise DialplanError("no number to answer; add one to `flows: numbers:` or give --number 4000=hotline")
    if not 0 < len(workers) <= 50:
        raise DialplanError("FreeSWITCH tries 1 to 50 workers; give as many --worker host:port")
    for worker in workers:
        _refuse("worker", worker, values.bad_worker(worker))
        _refuse("worker", worker, "has port 0, which nobody can call" if worker.endswith(":0") else "")
    for line in lines:
        _refuse("number", line.number, "" if values.NUMBER.fullmatch(line.number) else "is no number")
        bad_path = line.path and not values.SOCKET_PATH.fullmatch(line.path)
        _refuse("socket path", line.path, "may hold letters, digits, - _ / only" if bad_path else "")
    twice = {line.number for line in lines if [x.number for x in lines].count(line.number) > 1}
    _refuse("number", ", ".join(sorted(twice)), "is there twice" if twice else "")
    _refuse("context", settings.context, values.bad_word(settings.context))
    _refuse("apology", settings.apology, values.bad_sound(settings.apology))
    _refuse("secret", "(not shown)", values.bad_secret(secret) if secret else "")
    if settings.operator:
        _refuse("operator", settings.operator, values.bad_word(settings.operator))


def _refuse(what: str, value: str, wrong: str) -> None:
    if wrong:
        raise DialplanError(f"{what} {value!r}: {wrong}")


def _check_text(text: str) -> None:
    """A template of the project's own may break what this file promises: refuse it here, not in FreeSWITCH's log."""
    try:
        ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise DialplanError(f"the template gives no XML ({error}); mend dialplan/{TEMPLATE}") from error
    for number, line in enumerate(text.splitlines(), 1):
        for tag in ("<include>", "</include>"):
            if tag in line and line.strip() != tag:
                raise DialplanError(f"line {number}: FreeSWITCH drops all that stands beside {tag}; break the line")
        if "x-pre-process" in line.lower() and not re.fullmatch(r"\s*<X-PRE-PROCESS [^<>]*/>\s*", line):
            raise DialplanError(f"line {number}: X-PRE-PROCESS stands alone on its line; break the line")
