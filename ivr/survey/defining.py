"""Defining: a questionnaire's tree to its Definition, for those who read the answers.

Law: pure. Texts are as they are spoken, a spoken value as {name}; conditions in the language's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ivr.core.nodes import Prompt
from ivr.lang.diagram import words
from ivr.survey.definition import Definition, QuestionDef, QuotaDef, Value
from ivr.survey.kinds import KINDS, chosen_of, range_of, values_of
from ivr.survey.tree import Asking, Group, Questionnaire

DAY_MS: Final = 86_400_000


def define(survey: Questionnaire) -> Definition:
    file = survey.file
    prompts = survey.reader.prompts
    groups = [group for group in survey.top.items if isinstance(group, Group)]
    return Definition(
        survey=file.survey,
        title=file.title or "",
        languages=file.languages,
        questions=tuple(_question(asked, prompts, file.languages) for asked in survey.questions),
        version=file.version or "",
        quotas=tuple(QuotaDef(q.quota, _words(q.when), q.completes) for q in file.quotas or ()),
        sections={group.name: group.title or group.name for group in groups},
        random=tuple(group.name for group in (survey.top, *groups) if group.random),
        keep_days=None if file.keep is None else max(1, file.keep // DAY_MS),
    )


def _words(tree: Any) -> str:
    return "" if tree is None else words(tree)


def _question(asked: Asking, prompts: Mapping[str, Prompt], languages: tuple[str, ...]) -> QuestionDef:
    shape, kind = asked.shape, asked.kind
    row = KINDS[kind]
    data = row.data or kind
    span = range_of(shape, kind) or (None, None)
    values = tuple(Value(v, key, dict(asked.labels.get(v, {}))) for key, v in values_of(shape, kind).items())
    return QuestionDef(
        id=shape.id,
        kind=data,
        text={lang: _text(getattr(shape, kind), prompts, lang) for lang in languages},
        label=dict(shape.label or {}),
        measure=row.measure,
        values=values,
        low=span[0],
        high=span[1],
        direction=shape.direction or "up",
        top=shape.top or (3 if row.measure == "ces" else 2),  # docs/figures/ces.md
        choose=chosen_of(shape, kind),
        decimals=(2 if shape.decimals is None else shape.decimals) if data == "amount" else 0,
        missing={why: key for key, why in asked.missing.items()},
        when=_words(_both(asked)),
        valid=_words(shape.valid),
        screen_out=_words(shape.screen_out),
        section=asked.section,
        item=asked.item,
        base=asked.base if asked.item else "",
        bank=asked.bank,
    )


def _both(asked: Asking) -> Any:
    """Under which condition it is asked: its own, and that of its section or round."""
    trees = [*asked.under, *([asked.shape.when] if asked.shape.when is not None else [])]
    return None if not trees else trees[0] if len(trees) == 1 else ["and", *trees]


def _text(idents: tuple[str, ...], prompts: Mapping[str, Prompt], lang: str) -> str:
    found: list[str] = []
    for ident in idents or ():
        pieces = prompts[ident].pieces.get(lang, ()) if ident in prompts else ()
        found += [f"{{{_words(p.expr)}}}" if p.as_ else p.text for p in pieces]
    return " ".join(found)
