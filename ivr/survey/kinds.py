"""Kinds of questions: which keys each has, and the node that asks it.

Law: one row a kind. A question that comes to ``node_of`` was read without a mistake; what is missing gets its
documented default here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ivr.core.nodes import Collect, Node, Record, Way
from ivr.lang.asking import OptionShape, Question, QuestionDigits
from ivr.lang.compiler import LENGTH, QUIET_MS, Waiting, confirm_fields

LIMIT_MS: Final = 60_000
MAX_SCALE: Final = 100
_SCALE = ("labels", "direction", "top")


class KindRow(NamedTuple):
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    range: tuple[int, int] | None = None  # unless it is said
    measure: str = ""
    data: str = ""  # survey.definition's kind, when it has another name


KINDS: Final[dict[str, KindRow]] = {
    "choice": KindRow(("options",)),
    "yes_no": KindRow((), ("options",)),
    "scale": KindRow(("range",), _SCALE),
    "csat": KindRow((), ("range", *_SCALE), (1, 5), "csat", "scale"),
    "nps": KindRow((), ("range", *_SCALE), (0, 10), "nps", "scale"),
    "ces": KindRow((), ("range", *_SCALE), (1, 7), "ces", "scale"),
    "number": KindRow(("range",)),
    "amount": KindRow(("range",), ("decimals",)),
    "date": KindRow((), ("range", "format")),
    "code": KindRow(),
    "multiple": KindRow(("options",), ("choose", "alone")),
    "ranking": KindRow(("options",), ("choose",)),
    "voice": KindRow((), ("limit", "quiet", "end")),
}
#: Keys that belong to some kinds only.
SPECIAL: Final = (
    *("range", "options", "labels", "direction", "top", "choose", "alone"),
    *("format", "decimals", "limit", "quiet", "end"),
)
#: What a spoken answer has nothing to do with.
NOT_SPOKEN: Final = ("valid", "invalid", "refuse", "dont_know", "silence", "wrong", "digits", "confirm")
_YES_NO: Final = {"1": OptionShape("yes"), "2": OptionShape("no")}


def kind_of(shape: Any) -> str:
    """The kind that a question is; "" for none."""
    return next((kind for kind in KINDS if getattr(shape, kind) is not None), "")


def range_of(shape: Any, kind: str) -> tuple[Any, Any] | None:
    return shape.range or KINDS[kind].range


def options_of(shape: Any, kind: str) -> Mapping[str, OptionShape]:
    return shape.options or (_YES_NO if kind == "yes_no" else {})


def values_of(shape: Any, kind: str) -> dict[str, Any]:
    """Key -> answer, for the kinds that have all their answers on keys of their own."""
    if kind in ("choice", "yes_no", "multiple", "ranking"):
        return {key: option.value for key, option in options_of(shape, kind).items()}
    span = range_of(shape, kind)
    if (KINDS[kind].data or kind) == "scale" and span:
        return {str(n): n for n in range(int(span[0]), int(span[1]) + 1)}
    return {}


def chosen_of(shape: Any, kind: str) -> tuple[int, int] | None:
    """How many options are chosen, at least and at most."""
    count = len(shape.options or ())
    if kind == "multiple":
        return shape.choose or (1, count)
    if kind == "ranking":
        return shape.choose or (count, count)
    return None


class Place(NamedTuple):
    """Where a question stands among others."""

    survey: str
    digits: QuestionDigits | None  # of the file
    after: str  # the step after its answer
    give_up: str  # the step after too many failures
    missing: Mapping[str, str]  # key -> refused | dont_know


def node_of(shape: Question, place: Place) -> Node:
    """The step that asks."""
    kind = kind_of(shape)
    return _NODES[KINDS[kind].data or kind](shape, kind, place)


def _common(shape: Question, place: Place) -> dict[str, Any]:
    waiting = Waiting.of((shape.digits, place.digits), "flush", (place.give_up, place.give_up))
    return {
        "into": shape.id,
        "next": place.after,
        "question": shape.id,
        "survey": place.survey,
        "rule": shape.valid,
        "invalid": shape.invalid or (),
        **confirm_fields(shape.confirm),
        **waiting.fields(shape),
    }


def _keyed(shape: Question, kind: str, place: Place) -> Node:
    """Each answer on a key of its own."""
    ways = {key: (Way(place.after, answer=answer),) for key, answer in values_of(shape, kind).items()}
    ways |= {key: (Way(place.after, missing=why),) for key, why in place.missing.items()}
    return Collect(
        prompts=getattr(shape, kind),
        ways=ways,
        max_keys=max(map(len, ways)),
        end="" if any("#" in key for key in ways) else "#",
        value="choice",
        **_common(shape, place),
    )


def _within(name: str, low: Any, high: Any) -> list[Any]:
    return ["and", [">=", ["name", name], low], ["<=", ["name", name], high]]


def _number(shape: Question, kind: str, place: Place) -> Node:
    low, high = shape.range or (0, 0)
    return Collect(
        prompts=shape.number or (),
        min_keys=len(str(low)),
        max_keys=len(str(high)),
        valid=_within(shape.id, low, high),
        value="number",
        missing=place.missing,
        **_common(shape, place),
    )


def _amount(shape: Question, kind: str, place: Place) -> Node:
    low, high = shape.range or (0, 0)
    places = 2 if shape.decimals is None else shape.decimals
    return Collect(
        prompts=shape.amount or (),
        max_keys=len(str(int(high))) + (places + 1 if places else 0),
        valid=_within(shape.id, low, high),
        value="amount",
        places=places,
        missing=place.missing,
        **_common(shape, place),
    )


def _date(shape: Question, kind: str, place: Place) -> Node:
    return Collect(
        prompts=shape.date or (),
        min_keys=8,
        max_keys=8,
        valid=_within(shape.id, *shape.range) if shape.range else None,
        value=shape.format or "ymd",
        missing=place.missing,
        **_common(shape, place),
    )


def _code(shape: Question, kind: str, place: Place) -> Node:
    digits = shape.digits or QuestionDigits()
    low, high = digits.length or LENGTH
    return Collect(
        prompts=shape.code or (),
        min_keys=low,
        max_keys=high,
        end="" if digits.end == "none" else digits.end or "#",
        pattern=digits.pattern or "",
        missing=place.missing,
        **_common(shape, place),
    )


def _listed(shape: Question, kind: str, place: Place) -> Node:
    low, high = chosen_of(shape, kind) or (0, 0)
    return Collect(
        prompts=getattr(shape, kind),
        min_keys=low,
        max_keys=high,
        value=kind,
        items=values_of(shape, kind),
        alone=shape.alone or (),
        missing=place.missing,
        **_common(shape, place),
    )


def _voice(shape: Question, kind: str, place: Place) -> Node:
    return Record(
        prompts=shape.voice or (),
        limit_ms=shape.limit or LIMIT_MS,
        silence_ms=shape.quiet or QUIET_MS,
        end=shape.end or "#",
        into=shape.id,
        next=place.after,
        empty=place.give_up,
        failed=place.give_up,
        question=shape.id,
        survey=place.survey,
    )


_NODES: Final[dict[str, Callable[[Question, str, Place], Node]]] = {
    "choice": _keyed,
    "yes_no": _keyed,
    "scale": _keyed,
    "number": _number,
    "amount": _amount,
    "date": _date,
    "code": _code,
    "multiple": _listed,
    "ranking": _listed,
    "voice": _voice,
}
