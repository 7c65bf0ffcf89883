"""The call that every server takes: five questions, each collected from keys, then the server hangs up.

Law: data, and the switch made of it. The callers are the same for every server: they press THINK after each prompt.
"""

from __future__ import annotations

import os
import uuid

from ivr.hosts.caller import Action, HangsUp, Hears, Pause, Press, ScriptedCaller
from ivr.hosts.scripted_switch import ScriptedSwitch, Sound

#: What the caller presses at each question; a question takes exactly so many keys. The servers' processes are told by
#: the environment.
ANSWERS = tuple(os.environ.get("BENCH_ANSWERS", "3 1 2580 5 123456").split())
#: A prompt lasts so long, in the switch. A call is then about 9 s, so that 1,000 at once are some 110 calls/s: the
#: server is busy. Longer prompts let it sleep between events, and measure how a virtual machine wakes up instead.
PROMPT_MS = 1000
CALL_S = 9.0
#: Silence before the first key is a matter of the server; nobody waits that long here.
FIRST_MS, BETWEEN_MS = 60_000, 5_000
QUESTIONS = tuple(f"question_{n}" for n in range(1, len(ANSWERS) + 1))


def prompt_path(question: str) -> str:
    return f"/prompts/{question}.wav"


def switch(prompt_ms: int = PROMPT_MS, script: tuple[Action, ...] = ()) -> ScriptedSwitch:
    sound = Sound(prompt_ms, "question")
    return ScriptedSwitch(
        ScriptedCaller(script or answers_all()),
        uuid=str(uuid.uuid4()),
        sounds=lambda path: sound,
        caller_name="Alice",
        called_number="8001",
        path="collect",
    )


def answers_all() -> tuple[Action, ...]:
    """Hears each question to its end and answers it."""
    return tuple(action for keys in ANSWERS for action in (Hears("question"), Press(keys)))


def stays_in_a_question(stay_s: float) -> tuple[Action, ...]:
    """Hears the first question and says nothing, then hangs up."""
    return (Hears("question"), Pause(round(stay_s * 1000)), HangsUp())
