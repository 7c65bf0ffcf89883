"""Keys: how a Collect node plays, listens, matches, retries, escalates and confirms.

Law: all digit logic of the product is here and nowhere else: type-ahead, prefix matching, both timers, the counters
of silence and wrong keys, the swallowed terminator. Functions give the step to go on with, or None to keep waiting.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final

from ivr.core import values
from ivr.core.effects import CollectSecret, Item, Mark
from ivr.core.events import Digit, PlayDone, SecretDone, TimerFired
from ivr.core.expr import evaluate
from ivr.core.program import END, REPEAT, Collect, Escalation, Way
from ivr.core.turn import Turn

#: A caller who ends every entry with "#" does so within this time of the last key.
SWALLOW_MS: Final = 2000
#: An entry longer than any that a flow can ask for: the rest is dropped (a key held down, a storm of digits).
MAX_ENTRY: Final = 64


def enter(turn: Turn, node: Collect) -> str | None:
    """The step is reached: a new occurrence of its question, with fresh counters."""
    state = turn.state
    turn.reach(node.question or state.node, node.survey)
    state.attempt = state.silences = state.wrongs = state.confirms = 0
    if node.flush:
        state.typed = ""
    return _begin(turn, node, node.prompts)


def on_event(turn: Turn, node: Collect, event: Any) -> str | None:
    """An event for the open wait, or a key."""
    state = turn.state
    if isinstance(event, Digit):
        # Secret keys are the switch's to collect: one that comes as an event belongs to nobody.
        return None if state.waiting == "secret" else _key(turn, node, event.key)
    if isinstance(event, PlayDone):
        # A prompt that may not be interrupted has been heard out: keys typed meanwhile count from here.
        if state.typed:
            return _use_typed(turn, node, heard=True)
        turn.listen("first", node.first_ms)
        return None
    if isinstance(event, TimerFired):
        return _timer(turn, node)
    if isinstance(event, SecretDone):
        return _secret(turn, node, event)
    return None


def again(turn: Turn, node: Collect) -> None:
    """Ask the open question, or its confirmation, once more; no failure is counted and no visit."""
    state = turn.state
    if state.phase == "confirm" and state.held:
        _begin_confirm(turn, node)
    else:
        _begin(turn, node, node.prompts)


def ways(node: Collect) -> list[tuple[str, str]]:
    """Every way out of the step as (way, step it leads to)."""
    found = [(f"key {keys}", way.goto) for keys, choices in node.ways.items() for way in choices]
    entered = [] if node.ways else [("entered", node.next or END)]
    gives_up = [("silence", node.silence.give_up or END), ("wrong key", node.wrong.give_up or END)]
    return list(dict.fromkeys(found)) + entered + gives_up


def hung_up(turn: Turn, node: Collect) -> None:
    """The caller left in the middle of this question: what was entered so far is in the attempt."""
    question, attempt = _asking(turn, node)
    # Not what was typed ahead: that may have been meant for a secret.
    turn.save_attempt(node, question, "hangup", turn.state.entry, "", attempt)


# -- an attempt ------------------------------------------------------------------------------------------


def _begin(turn: Turn, node: Collect, prompts: tuple[str, ...]) -> str | None:
    """One more attempt: keys typed ahead are used at once, else ``prompts`` are heard first."""
    state = turn.state
    state.attempt += 1
    state.attempt_ms = state.now_ms
    state.entry, state.held = "", None
    state.said = [] if prompts is node.prompts else list(prompts)
    items = turn.items(prompts)
    if node.secret:
        state.phase, state.typed = "entry", ""
        turn.effects.append(
            CollectSecret(
                turn.open_wait("secret"),
                items,
                node.min_keys,
                node.max_keys,
                node.end,
                node.first_ms,
                node.between_ms,
                node.barge_in,
                state.node,
            )
        )
        return None
    state.phase = "entry"
    if state.typed and node.barge_in:
        return _use_typed(turn, node, heard=False)
    _prompt(turn, node, items)
    return None


def _prompt(turn: Turn, node: Collect, items: tuple[Item, ...]) -> None:
    """Say it, then listen; with nothing to say, listen."""
    if items:
        turn.play(items, node.barge_in)
    else:
        turn.listen("first", node.first_ms)


def _prompt_again(turn: Turn, node: Collect) -> None:
    state = turn.state
    confirms = state.phase == "confirm"
    _prompt(turn, node, _confirm_items(turn, node) if confirms else turn.items(state.said or node.prompts))


def _use_typed(turn: Turn, node: Collect, heard: bool) -> str | None:
    """Feed the keys typed ahead, until the step is done with or they are used up."""
    state = turn.state
    state.waiting = "typed"
    while state.typed:
        key, state.typed = state.typed[0], state.typed[1:]
        goto = _press(turn, node, key)
        if goto is not None or state.waiting != "typed":
            return goto
    if state.waiting == "typed":  # every key was swallowed: as if none had been pressed
        if heard:
            turn.listen("first", node.first_ms)
        else:
            _prompt_again(turn, node)
    return None


def _key(turn: Turn, node: Collect, key: str) -> str | None:
    state = turn.state
    if state.waiting == "play":
        if not node.barge_in:
            if not _swallowed(turn, node, key):
                state.typed = (state.typed + key)[:MAX_ENTRY]
            return None
        turn.stop_play()
    return _press(turn, node, key)


def _press(turn: Turn, node: Collect, key: str) -> str | None:
    """One key of an entry or of its confirmation."""
    state = turn.state
    if _swallowed(turn, node, key):
        # The key has silenced the prompt all the same: it is said again, and the silence counted anew.
        if state.waiting == "play":
            _prompt_again(turn, node)
        elif state.waiting != "typed":
            turn.listen("first", node.first_ms)
        return None
    if state.phase == "confirm":
        return _confirm_key(turn, node, key)
    return _choice_key(turn, node, key) if node.ways else _entry_key(turn, node, key)


def swallowed(turn: Turn, key: str) -> bool:
    """True once for the terminator that a caller adds out of habit to an entry that was complete without it.

    Asked when the key is pressed, wherever the call has got to by then.
    """
    state = turn.state
    # Typed ahead: it followed the entry's last key at once, however long the prompt between took.
    at_once = state.waiting == "typed" or (state.now_ms <= state.swallow_ms and not state.typed)
    habit = state.swallow == key and at_once and not state.entry
    state.swallow = ""
    return habit


def _swallowed(turn: Turn, node: Collect, key: str) -> bool:
    """As ``swallowed``, unless the key means something here."""
    state = turn.state
    if not state.swallow:
        return False
    confirms = state.phase == "confirm" and key in (node.confirm_yes, node.confirm_no)
    if confirms or any(keys.startswith(key) for keys in node.ways):
        state.swallow = ""
        return False
    return swallowed(turn, key)


def _more(turn: Turn, node: Collect) -> None:
    """The entry goes on: wait for the next key. Keys still typed ahead are fed by the caller of this."""
    if not turn.state.typed or turn.state.waiting != "typed":
        turn.listen("between", node.between_ms)


# -- a choice --------------------------------------------------------------------------------------------


def _open_way(turn: Turn, node: Collect, keys: str) -> Way | None:
    for way in node.ways.get(keys, ()):
        if way.when is None or evaluate(way.when, turn.state.variables):
            return way
    return None


def _choice_key(turn: Turn, node: Collect, key: str) -> str | None:
    state = turn.state
    entry = state.entry + key
    way = _open_way(turn, node, entry)
    longer = any(
        len(keys) > len(entry) and keys.startswith(entry) and _open_way(turn, node, keys) for keys in node.ways
    )
    if way is None and not longer:
        if key == node.end and (chosen := _open_way(turn, node, state.entry)):
            return _choose(turn, node, chosen, timer="", ended=True)
        state.entry = entry
        return _fail(turn, node, "nomatch", "", ended=key == node.end)
    state.entry = entry
    if way is not None and not longer:
        return _choose(turn, node, way, timer="", ended=False)
    _more(turn, node)
    return None


def _choose(turn: Turn, node: Collect, way: Way, timer: str, ended: bool) -> str | None:
    state = turn.state
    keys = state.entry
    if way.goto == REPEAT:
        turn.took(f"key {keys}")
        _save(turn, node, "digits", keys, timer)
        _expect_habit(turn, node, ended)
        return _begin(turn, node, node.prompts)
    if way.missing:
        _save(turn, node, "digits", keys, timer)
        _expect_habit(turn, node, ended)
        return _decline(turn, node, way.missing, keys, f"key {keys}", way.goto)
    if way.answer is not None and not _keeps_rule(turn, node, way.answer):
        return _fail(turn, node, "nomatch", timer, ended, node.invalid)
    if way.answer is not None and node.confirm:
        _save(turn, node, "digits", keys, timer)
        _expect_habit(turn, node, ended)
        return _ask_to_confirm(turn, node, way.answer, keys)
    _save(turn, node, "digits", keys, timer)
    if node.store and way.answer is not None:
        turn.save_answer(node, way.answer, keys)
        turn.assign(node.into, way.answer)
    turn.took(f"key {keys}")
    turn.assign_all(way.set)
    _expect_habit(turn, node, ended)
    return way.goto


# -- an entry --------------------------------------------------------------------------------------------


def _entry_key(turn: Turn, node: Collect, key: str) -> str | None:
    state = turn.state
    if node.end and key in node.end:
        if not state.entry and node.min_keys > 0:
            state.entry = key
            return _fail(turn, node, "nomatch", "", ended=True)
        return _complete(turn, node, timer="", ended=True)
    state.entry += key
    if values.declines(node, state.entry) or values.is_over(node, state.entry) or len(state.entry) >= MAX_ENTRY:
        return _complete(turn, node, timer="", ended=False)
    if not values.may_follow(node, state.entry):
        return _fail(turn, node, "nomatch", "")
    _more(turn, node)
    return None


def _complete(turn: Turn, node: Collect, timer: str, ended: bool) -> str | None:
    """The caller has finished an entry: it is checked, then confirmed or accepted."""
    state = turn.state
    keys = state.entry
    if keys in node.missing:
        _save(turn, node, "digits", keys, timer)
        _expect_habit(turn, node, ended)
        return _decline(turn, node, node.missing[keys], keys, "entered", node.next or END)
    value = values.of_entry(node, keys)
    if value is None or not _fits(turn, node, keys, value):
        return _fail(turn, node, "nomatch", timer, ended)
    if not _keeps_rule(turn, node, value):
        return _fail(turn, node, "nomatch", timer, ended, node.invalid)
    _save(turn, node, "digits", keys, timer)
    _expect_habit(turn, node, ended)
    if node.confirm:
        return _ask_to_confirm(turn, node, value, keys)
    return _accept(turn, node, value, keys)


def _decline(turn: Turn, node: Collect, missing: str, keys: str, way: str, goto: str) -> str:
    """The caller would rather not say, or does not know: an answer without a value."""
    turn.save_answer(node, None, keys, missing)
    turn.assign(node.into, None)
    turn.assign(f"{node.into}.missing", missing)
    turn.state.held = None
    turn.took(way)
    return goto


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _fits(turn: Turn, node: Collect, keys: str, value: Any) -> bool:
    count = len(value) if isinstance(value, list) else len(keys)
    if not node.min_keys <= count <= node.max_keys:
        return False
    if node.pattern:
        if not _pattern(node.pattern).fullmatch(keys):
            return False
    elif keys and node.value == "digits" and not (keys.isascii() and keys.isdigit()):
        return False
    return _holds(turn, node, node.valid, value)


def _keeps_rule(turn: Turn, node: Collect, value: Any) -> bool:
    return _holds(turn, node, node.rule, value)


def _holds(turn: Turn, node: Collect, condition: Any, value: Any) -> bool:
    """Whether a condition on the answer holds, as if it had been given already."""
    if condition is None:
        return True
    variables = {**turn.state.variables, node.into: value} if node.into else turn.state.variables
    return bool(evaluate(condition, variables))


def _accept(turn: Turn, node: Collect, value: Any, keys: str) -> str:
    if node.store:
        turn.save_answer(node, value, keys)
    turn.assign(node.into, value)
    turn.state.held = None
    if node.ways:  # a confirmed choice: its way leads on
        way = next((w for w in node.ways.get(keys, ()) if w.answer == value), None)
        if way is not None:
            turn.took(f"key {keys}")
            turn.assign_all(way.set)
            return way.goto
    turn.took("entered")
    return node.next or END


def _secret(turn: Turn, node: Collect, event: SecretDone) -> str | None:
    state = turn.state
    if event.outcome == "missing":
        return turn.fail("missing_prompt", "a prompt of a secret entry")
    state.entry = event.keys
    if event.outcome == "digits":
        goto = _complete(turn, node, event.timer, ended=not event.timer and len(event.keys) < node.max_keys)
        state.entry = ""
        return goto
    kind = "noinput" if event.outcome == "noinput" else "nomatch"
    return _fail(turn, node, kind, event.timer or ("first" if kind == "noinput" else ""))


# -- confirmation ----------------------------------------------------------------------------------------


def _confirm_items(turn: Turn, node: Collect) -> tuple[Item, ...]:
    value = turn.state.held[0] if turn.state.held else None
    return turn.items(node.confirm, {**turn.state.variables, node.into: value})


def _ask_to_confirm(turn: Turn, node: Collect, value: Any, keys: str) -> str | None:
    state = turn.state
    state.phase, state.held = "confirm", [value, keys]
    return _begin_confirm(turn, node)


def _begin_confirm(turn: Turn, node: Collect) -> str | None:
    state = turn.state
    state.confirms += 1
    state.attempt_ms = state.now_ms
    state.entry = ""
    if state.typed and node.barge_in:
        return _use_typed(turn, node, heard=False)
    _prompt(turn, node, _confirm_items(turn, node))
    return None


def _confirm_key(turn: Turn, node: Collect, key: str) -> str | None:
    state = turn.state
    state.entry = key
    if key == node.confirm_yes:
        _save(turn, node, "digits", key, "")
        _expect_habit(turn, node, ended=False)
        value, keys = state.held or (None, "")
        return _accept(turn, node, value, keys)
    if key == node.confirm_no:
        _save(turn, node, "digits", key, "")
        _expect_habit(turn, node, ended=False)
        return _begin(turn, node, node.prompts)
    return _fail(turn, node, "nomatch", "")


# -- failures --------------------------------------------------------------------------------------------


def _timer(turn: Turn, node: Collect) -> str | None:
    state = turn.state
    if state.waiting == "between" and state.entry:
        if not node.ways:
            return _complete(turn, node, "between", ended=False)
        if way := _open_way(turn, node, state.entry):
            return _choose(turn, node, way, "between", ended=False)
        return _fail(turn, node, "nomatch", "between")
    return _fail(turn, node, "noinput", "first")


def _fail(
    turn: Turn, node: Collect, kind: str, timer: str, ended: bool = False, told: tuple[str, ...] = ()
) -> str | None:
    """Silence (noinput) or a wrong key (nomatch): counted apart, escalated apart, given up apart or together.

    ``told`` is heard instead of what the escalation plays: a rule of the question's own has words of its own.
    """
    state = turn.state
    _save(turn, node, kind, state.entry, timer)
    escalation: Escalation
    if kind == "noinput":
        state.silences += 1
        escalation, count = node.silence, state.silences
    else:
        state.wrongs += 1
        escalation, count = node.wrong, state.wrongs
    # What else was typed belongs to a misunderstanding.
    state.typed, state.entry = "", ""
    if kind == "nomatch":
        _expect_habit(turn, node, ended)
    if (escalation.tries and count >= escalation.tries) or (node.tries and state.silences + state.wrongs >= node.tries):
        state.held = None
        turn.took("silence" if kind == "noinput" else "wrong key")
        return escalation.give_up or END
    if state.phase == "confirm":
        return _begin_confirm(turn, node)
    prompts = escalation.prompts[min(count, len(escalation.prompts)) - 1] if escalation.prompts else node.prompts
    return _begin(turn, node, told or prompts)


def _asking(turn: Turn, node: Collect) -> tuple[str, int]:
    """The question that is being asked, and which attempt at it this is."""
    question = node.question or turn.state.node
    if turn.state.phase == "confirm":
        return question + ".confirm", turn.state.confirms
    return question, turn.state.attempt


def _save(turn: Turn, node: Collect, outcome: str, keys: str, timer: str) -> None:
    question, attempt = _asking(turn, node)
    turn.save_attempt(node, question, outcome, keys, timer, attempt)
    known = turn.state.variables
    if outcome == "digits" and "campaign.name" in known and not known.get("call.keyed"):
        # Whoever called is told that somebody is there who presses keys: no machine does.
        turn.assign("call.keyed", True)
        turn.effects.append(Mark("keyed", "true"))


def _expect_habit(turn: Turn, node: Collect, ended: bool) -> None:
    """After an entry that was complete without its terminator, one terminator more is habit, not a key."""
    state = turn.state
    state.swallow = "" if ended else (node.end or "#")
    state.swallow_ms = state.now_ms + SWALLOW_MS
