"""Secrets: a secret entry may be compared, and nothing else.

Law: works on names, over a whole file. A name that a secret ``ask`` fills may stand in conditions only. As no prompt
and no `set` may read it, no other name can come to hold it, and nothing need be followed through the calls.
"""

from __future__ import annotations

from collections.abc import Mapping

from ivr.lang.model import Ask, Record, Step
from ivr.lang.problem import quoted
from ivr.lang.reader import Reader
from ivr.lang.source import Map, Node, Text

CODE = "IVR047"
READ_HINT = "conditions may read it; confirm a secret by asking twice, or not at all"
NAME_HINT = "choose another name"


def note(reader: Reader, shape: Step, step: Text, node: Node) -> None:
    """Notes what ``step`` fills by keys or by voice, and refuses what a secret entry cannot do."""
    if not isinstance(shape, Ask | Record) or not isinstance(node, Map):
        return
    into = node.get("into")
    if not isinstance(into, Text) or not shape.into:
        return
    secret = isinstance(shape, Ask) and bool(shape.secret)
    reader.filled.append((into, step.value, secret))
    if secret and shape.into == "language":
        message = '"language" is stored with every call, so no secret can be kept in it'
        reader.add(CODE, into, message, NAME_HINT)
    # Only what the step says itself: the defaults of the file are meant for its other steps.
    if secret and isinstance(shape, Ask) and shape.digits and shape.digits.barge_in is False:
        digits = node.get("digits")
        place = digits.get("barge_in") if isinstance(digits, Map) else None
        message = "any key silences the prompt of a secret entry: the switch itself collects the keys"
        reader.add("IVR036", place or into, message, "delete it")


def check(reader: Reader, surveys: Mapping[str, tuple[Text, Reader]]) -> None:
    """Refuses whatever would speak or copy a secret. ``surveys``: by step, where it is named and how it was read."""
    secrets: dict[str, str] = {}  # name -> the first step that fills it
    for into, step, secret in reader.filled:
        if secret:
            secrets.setdefault(into.value, step)
    if not secrets:
        return
    for word, name, where in reader.spoken:
        if name in secrets:
            place = f" by {where}" if where else ""
            message = f"{quoted(name)} is a secret, and would be spoken{place}"
            reader.add(CODE, word, message, READ_HINT, part="" if where else name)
    for word, name, to in reader.copied:
        if name in secrets:
            message = f"{quoted(name)} is a secret, and would be copied into {quoted(to)}"
            hint = "conditions may read it: let a `branch` decide, and set a plain value there"
            reader.add(CODE, word, message, hint, part=name)
    for word in reader.assigned:
        if word.value in secrets:
            message = f'{quoted(word.value)} holds the secret of step "{secrets[word.value]}", and cannot be set'
            reader.add(CODE, word, message, NAME_HINT)
    for into, step, secret in reader.filled:
        if into.value in secrets and not secret:
            owner = secrets[into.value]
            message = f'{quoted(into.value)} holds the secret of step "{owner}", and step "{step}" asks for none'
            reader.add(CODE, into, message, NAME_HINT)
    for survey, inner in surveys.values():
        _check_survey(reader, survey, inner, secrets)


def _check_survey(reader: Reader, survey: Text, inner: Reader, secrets: Mapping[str, str]) -> None:
    """A questionnaire knows a flow's names as its facts, and gives its answers to the flow."""
    what = f"questionnaire {quoted(survey.value)}"
    for name in sorted(inner.set_names & set(secrets)):
        message = f'{quoted(name)} holds the secret of step "{secrets[name]}", and is an answer of {what}'
        reader.add(CODE, survey, message, NAME_HINT)
    for word, name, _ in inner.spoken:
        if name in secrets and name not in inner.set_names:
            place = f"{inner.source.file}:{word.start.line + 1}"
            message = f"{quoted(name)} is a secret, and would be spoken in {what} ({place})"
            reader.add(CODE, survey, message, READ_HINT)
