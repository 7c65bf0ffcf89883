"""Questions: what one question says that does not go together.

Law: checks of a single question, by the table of its kind; adds problems, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ivr.lang.asking import SurveyFile
from ivr.lang.problem import quoted
from ivr.lang.reader import Reader
from ivr.lang.source import Map
from ivr.survey.kinds import KINDS, MAX_SCALE, NOT_SPOKEN, SPECIAL, chosen_of, options_of, range_of, values_of
from ivr.survey.tree import Asking

_OF_CODE = ("length", "pattern", "end")
_EXAMPLES = {"options": "{1: late, 2: price}", "range": "1..5"}


def check_keys(reader: Reader, shape: Any, node: Map) -> None:
    """Exactly one kind, and the keys of that kind."""
    given = [k.value for k, _ in node.items if k.value in KINDS]
    if len(given) != 1:
        found = " and ".join(f"`{g}`" for g in given) or "none of them"
        some = ", ".join(f"`{kind}`" for kind in list(KINDS)[:-1])
        message = f"a question has exactly one of {some} and `voice`, not {found}"
        reader.add("IVR071", node, message)
        return
    kind = given[0]
    row = KINDS[kind]
    for key in row.needs:
        if node.get(key) is None:
            reader.add("IVR013", node, f"a `{kind}` needs `{key}`", f"add `{key}: {_EXAMPLES[key]}`")
    for key in SPECIAL:
        if node.get(key) is not None and key not in (*row.needs, *row.may):
            reader.add("IVR011", node.get(key) or node, f"a `{kind}` has no `{key}`", "leave it out")
    for key in NOT_SPOKEN if kind == "voice" else ():
        if node.get(key) is not None:
            reader.add("IVR011", node.get(key) or node, f"a `voice` answer has no `{key}`", "leave it out")
    digits = node.get("digits")
    for word, _ in digits.items if kind != "code" and isinstance(digits, Map) else ():
        if word.value in _OF_CODE:
            reader.add("IVR011", word, f"the digits of a `{kind}` have no `{word.value}`", "leave it out")


def check_answers(reader: Reader, asked: Asking) -> None:
    """Ranges, labels and numbers of options that fit the kind."""
    shape, kind, node = asked.shape, asked.kind, asked.node
    at = (node.get("range") if isinstance(node, Map) else None) or node
    span = range_of(shape, kind)
    data = KINDS[kind].data or kind
    if span is not None:
        days = isinstance(span[0], str)
        if days != (data == "date"):
            example = "2020-01-01..2026-12-31" if data == "date" else "1..5"
            reader.add("IVR072", at, f"the range of a `{kind}` is written as in {example}")
        elif data in ("scale", "number") and not all(isinstance(end, int) for end in span):
            reader.add("IVR072", at, f"a `{kind}` has whole numbers", "an `amount` has decimals")
        elif data == "scale" and span[1] > MAX_SCALE:
            reader.add("IVR072", at, f"a scale ends at {MAX_SCALE} at most", "ask for a `number`")
        elif kind == "nps" and span != (0, 10):
            reader.add("IVR072", at, "an `nps` is 0..10 and nothing else", "leave the range out, or ask a `scale`")
        else:
            _check_labels(reader, asked, span)
    if data == "yes_no" and shape.options and {o.value for o in shape.options.values()} != {"yes", "no"}:
        reader.add("IVR073", _at(node, "options"), "the options of a `yes_no` are yes and no", "ask a `choice`")
    if data in ("multiple", "ranking") and shape.options:
        _check_chosen(reader, asked)
    _check_words(reader, asked)


def _at(node: Any, key: str) -> Any:
    return (node.get(key) if isinstance(node, Map) else None) or node


def _check_labels(reader: Reader, asked: Asking, span: tuple[Any, Any]) -> None:
    labels = asked.shape.labels
    if labels is None:
        return
    steps = [str(n) for n in range(int(span[0]), int(span[1]) + 1)]
    absent = [step for step in steps if step not in labels]
    strange = [step for step in labels if step not in steps]
    if strange:
        message = f"label {quoted(strange[0])} is no step of {span[0]}..{span[1]}"
        reader.add("IVR076", _at(asked.node, "labels"), message, "leave it out", part=strange[0])
    if absent:
        what = f"label {absent[0]}" if len(absent) == 1 else f"labels {', '.join(absent)}"
        message = f"the scale of {quoted(asked.base)} has no {what}"
        reader.add("IVR076", _at(asked.node, "labels"), message, f"add `{absent[0]}:`, or leave `labels` out")


def _check_words(reader: Reader, asked: Asking) -> None:
    """Either every option has words, or none."""
    options = options_of(asked.shape, asked.kind)
    silent = [option.value for option in options.values() if not option.say]
    if silent and len(silent) < len(options):
        message = f"option {quoted(silent[0])} has no words, and others have"
        reader.add("IVR076", _at(asked.node, "options"), message, "give it `say` too", part=silent[0])


def _check_chosen(reader: Reader, asked: Asking) -> None:
    shape, node = asked.shape, asked.node
    options = shape.options or {}
    long = next((key for key in options if len(key) > 1 or key == "#"), "")
    if long:
        message = f"the options of a `{asked.kind}` have one key each, 0-9 or *; not {long}"
        reader.add("IVR073", _at(node, "options"), message, "ten options at most", part=long)
    low, high = chosen_of(shape, asked.kind) or (0, 0)
    if high > len(options):
        message = f"{high} of {len(options)} options cannot be chosen"
        reader.add(
            "IVR073",
            _at(node, "choose"),
            message,
            f"write `choose: {low if low <= len(options) else 1}..{len(options)}`",
        )
    for value in shape.alone or ():
        if value not in [option.value for option in options.values()]:
            reader.add("IVR073", _at(node, "alone"), f"{quoted(value)} is not one of the options", part=value)


def missing_keys(reader: Reader, asked: Asking, file: SurveyFile) -> dict[str, str]:
    """Key -> refused | dont_know. The question's own key wins over the file's; "" is none."""
    if asked.kind == "voice":
        return {}
    found: dict[str, str] = {}
    for key_name, why in (("refuse", "refused"), ("dont_know", "dont_know")):
        own = getattr(asked.shape, key_name)
        key = own if own is not None else getattr(file, key_name)
        if not key:
            continue
        hint = f"give it another key, or write `{key_name}: none`"
        if key in found:
            message = f"key {key} of {quoted(asked.base)} both refuses and does not know"
            reader.add("IVR077", _at(asked.node, key_name), message, hint)
        elif meaning := _meaning(asked, key):
            message = f"key {key} of {quoted(asked.base)} is {meaning}, and `{key_name}`"
            reader.add("IVR077", _at(asked.node, key_name), message, hint)
        found[key] = why
    return found


def _meaning(asked: Asking, key: str) -> str:
    """What ``key`` answers already; "" for nothing."""
    shape, kind = asked.shape, asked.kind
    values = values_of(shape, kind)
    if key in values:
        return f"the answer {values[key]}"
    if kind == "multiple" and all(one in values for one in key):
        return "the answers " + " and ".join(dict.fromkeys(str(values[one]) for one in key))
    if kind == "ranking" and all(one in values for one in key) and len(set(key)) == len(key):
        return "how a ranking begins"
    if kind == "code" and shape.digits and shape.digits.end and shape.digits.end in key:
        return "what ends the code"
    if kind in ("number", "amount") and shape.range and key.isdigit():
        low, high = shape.range
        return f"the answer {key}" if isinstance(low, int | float) and low <= int(key) <= high else ""
    if kind == "code" and key.isdigit():
        low, high = (shape.digits.length if shape.digits else None) or (1, 20)
        return "an answer as long as others" if low <= len(key) <= high else ""
    return "a date's length" if kind == "date" and len(key) == 8 and key.isdigit() else ""


def labels(asked: Asking) -> dict[Any, Mapping[str, str]]:
    """Answer -> what it means, by language."""
    shape, kind = asked.shape, asked.kind
    if shape.labels:
        return {int(step): texts for step, texts in shape.labels.items() if step.isdigit()}
    return {option.value: option.say for option in options_of(shape, kind).values() if option.say}
