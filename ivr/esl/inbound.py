"""The control socket (FreeSWITCH's own port): log in, ask, run jobs aside. Same manner as the call's link.

Law: as ivr.esl.link. A switch that will not have us is Lost with a reason to act on, never silence.

    state     input                          → state   told
    GREETING  auth/request                   → ASKED   AuthWanted
    GREETING  text/rude-rejection            → CLOSED  Lost(rude-rejection): the address is not in the access list
    ASKED     auth()                         → AUTH
    AUTH      +OK accepted                   → READY   Ready
    AUTH      -ERR invalid                   → CLOSED  Lost(wrong-password)
    any       disconnect notice              → CLOSED  Disconnected, Failed for all that waits
    any       end of stream, protocol error  → CLOSED  Lost(eof | protocol), Failed ...

Commands before READY are a bug (LinkError), after CLOSED empty bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from ivr.esl import commands
from ivr.esl.codec import ApiResponse, CommandReply
from ivr.esl.conversation import (
    AuthWanted,
    Conversation,
    Failed,
    FailReason,
    JobDone,
    LinkError,
    OtherEvent,
    Ready,
    Reply,
    _Pending,
)
from ivr.esl.event import Event


class State(Enum):
    GREETING = "greeting"
    ASKED = "asked"
    AUTH = "auth"
    READY = "ready"
    CLOSED = "closed"


class InboundLink(Conversation):
    def __init__(self) -> None:
        super().__init__()
        self.state = State.GREETING
        self._jobs: dict[str, None] = {}

    def auth(self, password: str) -> bytes:
        if self.state is State.CLOSED:
            return b""
        if self.state is not State.ASKED:
            raise LinkError(f"auth() in state {self.state.value}")
        data = self._send(commands.auth(password), "auth")
        self.state = State.AUTH
        return data

    def api(self, command: str, arguments: str = "", *, tag: str) -> bytes:
        return self._send(commands.api(command, arguments), tag, is_api=True) if self._may_send("api()") else b""

    def bgapi(self, command: str, arguments: str = "", *, job_uuid: str) -> bytes:
        """Ends in JobDone or Failed. JobDone needs the event BACKGROUND_JOB (``events``)."""
        if not self._may_send("bgapi()"):
            return b""
        if job_uuid in self._jobs:
            raise LinkError(f"job_uuid {job_uuid} is running")
        data = self._send(commands.bgapi(command, arguments, job_uuid), job_uuid)
        self._jobs[job_uuid] = None
        return data

    def events(self, names: Iterable[str], subclasses: Iterable[str] = (), *, tag: str = "events") -> bytes:
        return self._send(commands.events("json", names, subclasses), tag) if self._may_send("events()") else b""

    def exit(self) -> bytes:
        return self._send(commands.exit(), "exit") if self._may_send("exit()") else b""

    def _on_auth_request(self) -> None:
        if self.state is State.GREETING:
            self.state = State.ASKED
            self._out.append(AuthWanted())

    def _on_reply(self, pending: _Pending, message: CommandReply | ApiResponse) -> None:
        if self.state is State.AUTH:
            if message.ok and isinstance(message, CommandReply):
                self.state = State.READY
                self._out.append(Ready())
            else:
                self._lose("wrong-password", "FreeSWITCH refused the password")
            return
        super()._on_reply(pending, message)
        told = self._out[-1]
        if isinstance(told, Reply) and not told.ok and told.tag in self._jobs:
            del self._jobs[told.tag]
            self._out.append(Failed(told.tag, "refused", told.text))

    def _on_event(self, event: Event) -> None:
        job = event.get("Job-UUID", "")
        if event.name == "BACKGROUND_JOB" and job in self._jobs:
            del self._jobs[job]
            body = event.body
            self._out.append(JobDone(job, body, not body.startswith("-"), event))
        else:
            self._out.append(OtherEvent(event))

    def _close(self) -> None:
        super()._close()
        self.state = State.CLOSED

    def _fail_all(self, reason: FailReason, detail: str = "") -> None:
        tags = [*self.pending_tags, *self._jobs]
        self._jobs.clear()
        self._fail(tags, reason, detail)

    def _may_send(self, what: str) -> bool:
        if self.state not in (State.READY, State.CLOSED):
            raise LinkError(f"{what} before Ready")
        return self.state is State.READY
