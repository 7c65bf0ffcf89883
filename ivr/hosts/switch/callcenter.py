"""mod_callcenter's part, imitated: the application `callcenter`, what `callcenter_config` answers, and the talk.

Law: as for the applications; a queue is a ScriptedQueue, which is data. It follows mod_callcenter.c and what a real
one did (docs/queues.md, tests/live/test_queues.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from ivr.hosts.switch.line import App, Line, ScriptedQueue

#: The name under which the caller is with an agent: no application, so nobody is told that it ends.
TALK = "uuid_bridge"
_MEMBER = (
    "queue|instance_id|uuid|session_uuid|cid_number|cid_name|joined_epoch|abandoned_epoch|serving_agent|state|score"
)


def config(queues: Mapping[str, ScriptedQueue], arguments: str) -> str:
    """The answer to `callcenter_config queue ...`, as far as it is asked."""
    words = arguments.replace("'", "").split(" ")
    if words[:2] == ["queue", "list"] and len(words) == 2:
        return "name|strategy|moh_sound\n" + "".join(f"{name}|longest-idle-agent|\n" for name in queues) + "+OK\n"
    if len(words) < 4 or words[0] != "queue":
        return "-ERR Invalid!\n"
    queue = queues.get(words[3])
    if words[1:3] == ["count", "agents"]:
        out = queue is not None and queue.outcome == "no_agent"
        return f"{int(queue is not None and (len(words) == 4 or out))}\n"
    members = queue.members if queue is not None else 0
    if words[1:3] == ["count", "members"]:
        return f"{members + 1}\n" if members else "0\n"  # one has left, and is still in the table
    left = f"{words[3]}|single_box|m0||1001|1001|1|2||Abandoned|0\n"
    waiting = f"{words[3]}|single_box|m1|s1|1001|1001|1|0||Waiting|9\n" * members
    return f"{_MEMBER}\n{left}{waiting}+OK\n"


def callcenter(line: Line, arg: str) -> App:
    """In the queue until an agent has the caller, a key of cc_exit_keys is pressed, or the line is gone."""
    queue = line.waiting_line(arg)
    if queue is None:
        return
    line.answer()
    line.set("cc_side", "member")
    line.set("cc_queue", arg)
    line.set("cc_queue_joined_epoch", _epoch(line))
    ends = line.get("cc_exit_keys")
    answered_at = line.now_ms + queue.after_ms if queue.outcome == "answers" else None
    while answered_at is None or line.now_ms < answered_at:
        key = line.take_key()
        if key is not None:
            if key in ends:
                line.set("cc_exit_key", key)
                _cancelled(line, "EXIT_WITH_KEY")
                return
            continue
        signal = yield answered_at
        if signal == "hangup":
            _cancelled(line, "BREAK_OUT")
            return
    line.set("cc_cause", "answered")
    line.join(queue)


def _cancelled(line: Line, reason: str) -> None:
    line.set("cc_cause", "cancel")
    line.set("cc_cancel_reason", reason)


def _epoch(line: Line) -> str:
    return str(1_795_332_281 + line.now_ms // 1000)


def talk(line: Line, queue: ScriptedQueue) -> App:
    """switch_ivr_uuid_bridge: the caller and the agent, until one of them hangs up."""
    other = line.new_uuid()
    legs = {"Bridge-A-Unique-ID": line.get("uuid"), "Bridge-B-Unique-ID": other}
    line.emit("CHANNEL_BRIDGE", **legs)
    line.set("cc_agent", queue.agent)
    line.set("cc_agent_bridged", "true")
    line.set("cc_queue_answered_epoch", _epoch(line))
    ends_at = line.now_ms + queue.talk_ms
    while line.now_ms < ends_at:
        if line.take_key() is None and (yield ends_at) == "hangup":
            return
    for name in ("last_bridge_hangup_cause", "bridge_hangup_cause"):
        line.set(name, queue.cause)
    line.emit("CHANNEL_UNBRIDGE", **legs)
    where = line.get("transfer_after_bridge")
    line.set("transfer_after_bridge", None)
    if where:
        line.leave(where.replace(":", " "))
