"""The API commands an application sends about its own call: uuid_kill, uuid_break, uuid_setvar, sched_del, …

Law: knows each command's text and answer; what it does to the call is the session's business.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from ivr.hosts.switch import callcenter
from ivr.hosts.switch.session import FRAME_MS, Session

UUID_APIS = frozenset(
    {"answer", "kill", "break", "setvar", "setvar_multi", "getvar", "dump", "recv_dtmf", "transfer", "displace"}
)


def _nothing() -> None:
    pass


def run(session: Session, line: str) -> tuple[str, Callable[[], None]]:
    """The answer, and what happens right after it is on its way."""
    name, _, arg = line.strip().partition(" ")
    uuid, _, rest = arg.strip().partition(" ")
    here = uuid == session.channel.uuid and not session.over
    gone, ok = "-ERR No such channel!\n", "+OK\n"
    if name == "uuid_exists":
        return ("true" if here else "false"), _nothing
    if name == "sched_del":
        deleted = int(here and session.guarded)
        session.guarded = session.guarded and not here
        return f"+OK Deleted: {deleted}\n", _nothing
    if name == "status":
        return "UP 0 years, 0 days, 0 hours, 8 minutes\n1 session(s)\n", _nothing
    if name == "callcenter_config":
        return callcenter.config(session.queues, arg), _nothing
    if not name:
        return "-ERR no reply\n", _nothing
    if not name.startswith("uuid_") or name[5:] not in UUID_APIS:
        return f"-ERR {name} Command not found!\n", _nothing
    if not here:
        return gone, _nothing
    match name[5:]:
        case "answer":
            session.answer()
        case "kill":
            return ok, lambda: session.hangup(rest.strip() or "NORMAL_CLEARING", "api")
        case "break":
            if rest.strip() == "all":
                session.flush_queue()
            session.interrupt()
        case "setvar":
            variable, _, value = rest.partition(" ")
            session.set(variable, value)
        case "setvar_multi":
            for piece in filter(None, rest.split(";")):
                variable, _, value = piece.partition("=")
                session.set(variable, value)
        case "getvar":
            return session.get(rest.strip()) or "_undef_", _nothing
        case "dump":
            return session.channel.dump(session.now).decode("utf-8", "surrogateescape"), _nothing
        case "recv_dtmf":
            for key in re.sub(r"@\d+$", "", rest.strip()):
                if key in "0123456789ABCD*#wWfF":
                    session.at(session.now + FRAME_MS, partial(session.press, key, "APP"))
        case "displace":
            return session.displace(rest), _nothing
        case "transfer":
            return "+OK\n", lambda: session.at(session.now + FRAME_MS, partial(session.transfer, rest))
    return ok, _nothing
