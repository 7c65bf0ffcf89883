"""The keeper of one call: each effect of the machine is written to the journal before the switch is told of it.

Law: decides what is kept and when; how rows look is the journal's.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from ivr.core.effects import CollectSecret, Dial, Effect, End, Enqueue, Play, RecordMessage, Save
from ivr.core.program import Program
from ivr.hosts.freeswitch import FreeSwitchCall
from ivr.hosts.journal import Journal


class Keeper:
    """``ended`` is told when the call is over, ``watcher`` of every effect."""

    def __init__(
        self,
        journal: Journal,
        program: Program,
        call: FreeSwitchCall,
        ended: Callable[[End], None],
        watcher: Callable[[FreeSwitchCall, Effect], None] | None,
    ) -> None:
        self._journal, self._program, self._call = journal, program, call
        self._ended, self._watcher = ended, watcher

    def keep(self, effect: Effect) -> None:
        if isinstance(effect, Save):
            self._journal.save(effect)
        elif isinstance(effect, (Play, CollectSecret, RecordMessage, Dial, Enqueue)):
            # The call has come to something new for the caller: where another worker would go on.
            state = self._call.state
            assert state is not None
            self._journal.checkpoint(self._program, state)
        elif isinstance(effect, End):
            state = self._call.state
            assert state is not None
            self._journal.end(effect, datetime.now(UTC), str(state.variables.get("language", "")))
            self._ended(effect)
        if self._watcher is not None:
            self._watcher(self._call, effect)
