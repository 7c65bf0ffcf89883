"""A call that somebody else transfers: FreeSWITCH leaves the old socket open and in control (fault 34).

What a real switch does then is in tests/live/test_facts.py, by the same number. We never transfer a call ourselves:
`transfer` of a flow is a `bridge`, and an operator, a telephone or the dialplan's guard may do it to us.
"""

from __future__ import annotations

from typing import Any

import pytest
from test_host_faults import CALLS, Watched, clean

from ivr.hosts.freeswitch import FreeSwitchCall
from ivr.hosts.script import ScriptedCall


class Transferred(Watched):
    """At ``at_ms`` the call goes to another part of the dialplan, where somebody talks to the caller for a minute."""

    def __init__(self, call: ScriptedCall, at_ms: int) -> None:
        super().__init__(call)
        self.sent_before: int | None = None
        self.switch._at(at_ms, self._transfer)

    def _transfer(self) -> None:
        self.sent_before = len(self.sent)
        self.switch._session.dialplan = {"elsewhere": [("sleep", "60000")]}
        self.switch._session.transfer("elsewhere XML public")

    @property
    def commanded_after(self) -> list[bytes]:
        """What the host still wants of a call that is no longer its own; to leave it is no such thing."""
        if self.sent_before is None:
            return []
        commands = b"".join(self.sent[self.sent_before :]).split(b"\n\n")
        return [c for c in commands if b"execute-app-name" in c or b"uuid_kill" in c or b"uuid_break" in c]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_row_34_no_call_is_transferred_by_us(number: int) -> None:
    """`bridge` comes back to us, `transfer` would not."""
    sent = b"".join(clean(number).run.sent)
    assert b"uuid_transfer" not in sent
    assert b"execute-app-name: transfer" not in sent


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_row_34_a_call_that_was_transferred_is_left_alone(number: int) -> None:
    one, found = clean(number), []
    for at_ms in filter(None, one.moments):  # at 0 it is not ours yet
        run = Transferred(one.call, at_ms)
        run.run()
        found += [f"{at_ms} ms: {command!r}" for command in run.commanded_after[:1]]
    assert found == []


class TransferredBefore(Watched):
    """The dialplan had transferred the call before it came to us."""

    def __init__(self, call: ScriptedCall) -> None:
        super().__init__(call)
        ended = [("Application", "transfer"), ("Application-UUID", "the-dialplan's")]
        self._late = self.switch.channel.event("json", "CHANNEL_EXECUTE_COMPLETE", 0, ended)
        self.switch.channel.transferred()

    def _started(self, host: FreeSwitchCall, channel: Any) -> None:
        super()._started(host, channel)
        assert channel.get("Caller-Profile-Index") == "2"

    def _to_host(self, data: bytes) -> None:
        super()._to_host(data)
        if self._late and self.host.state is not None:
            late, self._late = self._late, b""
            super()._to_host(late)


def test_row_34_what_ended_before_the_call_was_ours_is_no_transfer() -> None:
    """Seen on a real switch: the end of the application that transferred the call to us comes when we already talk."""
    run = TransferredBefore(CALLS[0])
    run.run()
    assert "call_taken_away" not in run.names
    assert run.effects == clean(0).run.effects
