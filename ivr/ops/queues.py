"""Queues of mod_callcenter: as callweave.yaml says them, and as `<queue>` entries for callcenter.conf.xml.

Law: checked settings to text; no files, no switch. What may stand in a value is ``lang.queues``'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from xml.sax.saxutils import quoteattr

from ivr.lang import queues
from ivr.ops.settings import Section, did_you_mean

Settings = Mapping[str, Any]

#: Setting -> mod_callcenter's parameter (its configuration items in mod_callcenter.c, load_queue).
PARAMETERS: Final = {
    "strategy": "strategy",
    "music": "moh-sound",
    "announce": "announce-sound",
    "every": "announce-frequency",
    "wait": "max-wait-time",
    "empty": "max-wait-time-with-no-agent",
}
_TIMES: Final = ("every", "wait", "empty")
_TIME: Final = re.compile(r"([0-9]{1,5})(s|m|h)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


def of_config(top: Section) -> dict[str, dict[str, Any]]:
    """`queues` of callweave.yaml: in the form that a flow has, and each key wins over the flow's."""
    section = top.section("queues")
    found: dict[str, dict[str, Any]] = {}
    for name in section.names():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            section.wrong(name, "is no name", "letters, digits and _ only")
        elif section.is_table(name):
            found[name] = _settings(section.section(name))
        elif queue := section.text(name, "", _NAME_HINT, _bad_name):
            found[name] = {"queue": queue}
    section.done()
    return found


_NAME_HINT: Final = "write the queue's name on the switch: support@default"


def _bad_name(value: str) -> str:
    return "" if queues.NAME.fullmatch(value) else f'"{value}" is no queue\'s name'


def _bad_strategy(value: str) -> str:
    known = list(queues.STRATEGIES)
    return "" if value in known else f'"{value}" is no strategy of mod_callcenter: {did_you_mean(value, known)}'


def _bad_sound(value: str) -> str:
    return "" if queues.SOUND.fullmatch(value) and "${" not in value else "is no single file or stream"


def _bad_time(value: str) -> str:
    return "" if _TIME.fullmatch(value) else f'"{value}" is no time of whole seconds'


def _settings(section: Section) -> dict[str, Any]:
    said: dict[str, Any] = {
        "queue": section.text("queue", "", _NAME_HINT, _bad_name),
        "full": section.whole("full", 0, 1, queues.MOST_CALLERS),
        "strategy": section.text("strategy", "", f"one of {', '.join(queues.STRATEGIES)}", _bad_strategy),
        "music": section.text("music", "", "write what the switch plays: local_stream://moh", _bad_sound),
        "announce": section.text("announce", "", "write a sound file's path on FreeSWITCH", _bad_sound),
    }
    for name in _TIMES:
        found = _TIME.fullmatch(section.text(name, "", "write 30s, 10m or 1h", _bad_time))
        said[name] = int(found[1]) * _SECONDS[found[2]] * 1000 if found else 0
    section.done()
    return {name: value for name, value in said.items() if value}


def merged(flow: Mapping[str, Settings], config: Mapping[str, Settings]) -> dict[str, Settings]:
    """The flow's queues, with what callweave.yaml says of them."""
    return {name: {**said, **config.get(name, {})} for name, said in flow.items()}


class QueueError(ValueError):
    """The queues cannot be rendered; the text says what to change."""


def render(found: Mapping[str, Settings]) -> str:
    """`<queue>` entries, one for each queue of the switch. Two names of one queue must not contradict each other."""
    told: dict[str, dict[str, Any]] = {}
    for name in sorted(found):
        said = told.setdefault(str(found[name]["queue"]), {})
        for key, value in found[name].items():
            if key in said and said[key] != value:
                raise QueueError(f'queue {found[name]["queue"]}: "{name}" says {key} {value}, another says {said[key]}')
            said[key] = value
    lines = []
    for queue, said in sorted(told.items()):
        lines.append(f"<queue name={quoteattr(queue)}>")
        for key, parameter in PARAMETERS.items():
            if key in said:
                value = str(max(1, round(said[key] / 1000))) if key in _TIMES else str(said[key])
                lines.append(f"  <param name={quoteattr(parameter)} value={quoteattr(value)}/>")
        if "empty" in said:  # else a caller who comes when nobody has been there for long waits five seconds more
            lines.append('  <param name="max-wait-time-with-no-agent-time-reached" value="0"/>')
        lines.append("</queue>")
    return "".join(f"{line}\n" for line in lines)
