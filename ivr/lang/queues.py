"""Queues: what a file may say of a queue of mod_callcenter, and how its name looks.

Law: words and patterns only, for the reader of flows and for that of callweave.yaml. Which of them the switch itself
is told, and how, is ``ops.queues``.
"""

from __future__ import annotations

import re
from typing import Final

#: What mod_callcenter knows (cc_queue.. in mod_callcenter.c). It takes any other word without a message, and then goes
#: by level and position.
STRATEGIES: Final = (
    "ring-all",
    "ring-progressively",
    "longest-idle-agent",
    "round-robin",
    "top-down",
    "agent-with-least-talk-time",
    "agent-with-fewest-calls",
    "sequentially-by-agent-order",
    "random",
)
#: As in `callcenter_config queue load`: one word, and nothing that FreeSWITCH expands or splits.
NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(@[A-Za-z0-9_.-]{1,63})?")
#: A file or stream as the switch sees it.
SOUND: Final = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@%+,;=()~-]{0,254}")
#: Callers that a queue may hold at most.
MOST_CALLERS: Final = 9999
