"""A few questions to FreeSWITCH's control socket, for the doctor: log in, ask, leave.

Law: blocking, short and bounded by a time-out; nothing on a call's path uses it. The protocol is ``ivr.esl``'s.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ivr.esl.conversation import ApiReply, AuthWanted, Disconnected, Failed, LinkEvent, Lost, Ready
from ivr.esl.inbound import InboundLink


@dataclass(slots=True)
class Answers:
    """``state``: asked (all is answered) | refused (wrong password) | rejected (not our address) | silent | closed |
    nobody (no connection; ``detail`` says why)."""

    state: str
    detail: str = ""
    replies: dict[str, str] = field(default_factory=dict)  # command -> what FreeSWITCH said


def ask(host: str, port: int, password: str, questions: Sequence[str], timeout_s: float = 3.0) -> Answers:
    """Asks each api command in turn. Never raises for what the other side does."""
    deadline = time.monotonic() + timeout_s
    try:
        connection = socket.create_connection((host, port), timeout_s)
    except OSError as error:
        return Answers("nobody", error.strerror or str(error))
    with connection:
        try:
            return _talk(connection, password, list(questions), deadline)
        except TimeoutError:
            return Answers("silent")
        except OSError as error:
            return Answers("closed", error.strerror or str(error))


def _talk(connection: socket.socket, password: str, questions: list[str], deadline: float) -> Answers:
    link, answers = InboundLink(), Answers("closed")
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.settimeout(left)
        data = connection.recv(65536)
        for told in link.receive_data(data) if data else link.receive_eof():
            if isinstance(told, AuthWanted):
                connection.sendall(link.auth(password))
            elif ended := _ended(told):
                answers.state, answers.detail = ended
                return answers
            elif isinstance(told, ApiReply):
                answers.replies[told.tag] = told.body.strip()
            if isinstance(told, Ready | ApiReply):
                waiting = [q for q in questions if q not in answers.replies]
                if not waiting:
                    answers.state = "asked"
                    connection.sendall(link.exit())
                    return answers
                command, _, arguments = waiting[0].partition(" ")
                connection.sendall(link.api(command, arguments, tag=waiting[0]))


def _ended(told: LinkEvent) -> tuple[str, str] | None:
    if isinstance(told, Lost):
        states = {"wrong-password": "refused", "rude-rejection": "rejected"}
        return states.get(told.reason, "closed"), told.detail
    return ("closed", "") if isinstance(told, Disconnected | Failed) else None
