"""Asking: what a questionnaire's file says, one dataclass per shape, one row per key (docs/adr/0009).

Law: as for ``lang.model``, of which these shapes are part.
"""

# ruff: noqa: RUF009  (`key` is dataclasses.field with our own row in it)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ivr.lang import kinds as k
from ivr.lang import parts as p
from ivr.lang import survey_parts as sp
from ivr.lang.rows import key
from ivr.lang.source import Node

Prompts = tuple[str, ...]  # prompt ids
Trees = Any  # an expression of core.expr


@dataclass(slots=True)
class QuestionDigits:
    """`digits` of a questionnaire and its questions: what becomes of a failure is said by `give_up: skip|stop`."""

    first: int | None = key(k.DURATION, "Silence before the first key. Default 5s.")
    between: int | None = key(k.DURATION, "Silence between two keys. Default 2.5s.")
    tries: tuple[int, int, int] | None = key(p.TRIES, "Failures until the question gives up. Default 3.")
    type_ahead: str | None = key(k.TYPE_AHEAD, "`keep` or `flush`. Default flush.")
    barge_in: bool | None = key(k.BOOL, "Whether a key silences the prompt. Default true.")
    length: tuple[int, int] | None = key(k.LENGTH, "Of a `code` only: how many keys, `6` or `6..10`. Default 1..20.")
    end: str | None = key(k.END_KEY, 'Of a `code` only: the key that ends it, `"#"`, `"*"` or `none`. Default `"#"`.')
    pattern: str | None = key(k.PATTERN, "Of a `code` only: a regular expression that the whole entry matches.")


@dataclass(slots=True)
class Confirm:
    """Said after an entry, to have it confirmed."""

    say: Prompts = key(k.PROMPT, "What is said.", required=True)
    yes: str | None = key(k.ONE_KEY, "The key that accepts. Default 1.")
    no: str | None = key(k.ONE_KEY, "The key that asks again. Default 2.")


@dataclass(slots=True)
class OptOutKey:
    """The key for `do not call me again`: as the verb `opt_out`, and the survey ends there, refused."""

    say: Prompts = key(k.PROMPT, "What is said when it is done.", required=True)
    scope: str | None = key(k.OPT_OUT_SCOPE, "`all` campaigns, or the `campaign` of this call only. Default all.")
    key: str | None = key(k.ONE_KEY, "The key. Default 9.")  # last: from here on the name is this field's


@dataclass(slots=True)
class ConsentShape:
    """Asked before anything else."""

    say: Prompts = key(k.PROMPT, "What is asked.", required=True)
    yes: str | None = key(k.ONE_KEY, "The key that agrees. Default 1.")
    no: str | None = key(k.ONE_KEY, "The key that does not. Default 2.")
    opt_out: OptOutKey | None = key(
        p.nested("OptOutKey"), "A third key, for who wants no more such calls: `{key: 9, say: prompt}`."
    )


@dataclass(slots=True)
class OptionShape:
    """One option, with words for it."""

    value: str = key(k.TEXT, "What it is in the results.", required=True)
    say: dict[str, str] | None = key(
        sp.TEXTS, "What it is to people, by language: labels the data, and is spoken by `{{ name | label }}`."
    )


@dataclass(slots=True)
class Asked:
    """What a question asks, and which answers there are: exactly one kind, with the keys of that kind."""

    choice: Prompts | None = key(k.PROMPT, "What is asked; the answer is one of `options`.")
    yes_no: Prompts | None = key(k.PROMPT, "What is asked; 1 is yes, 2 is no, unless `options` says otherwise.")
    scale: Prompts | None = key(k.PROMPT, "What is asked; the answer is a number of `range`, one step of a scale.")
    csat: Prompts | None = key(k.PROMPT, "A scale of satisfaction; its `range` is 1..5 unless it is said.")
    nps: Prompts | None = key(k.PROMPT, "How likely to recommend; its `range` is 0..10.")
    ces: Prompts | None = key(k.PROMPT, "How easy it was; its `range` is 1..7 unless it is said.")
    number: Prompts | None = key(k.PROMPT, "What is asked; the answer is any whole number of `range`.")
    amount: Prompts | None = key(k.PROMPT, "What is asked; the answer is an amount of `range`, `*` its decimal point.")
    date: Prompts | None = key(k.PROMPT, "What is asked; the answer is a day, keyed in as eight digits.")
    code: Prompts | None = key(k.PROMPT, "What is asked; the answer is the keys themselves, as `digits` allows them.")
    multiple: Prompts | None = key(
        k.PROMPT, 'What is asked; the answer is any of `options`, one key after another until "#".'
    )
    ranking: Prompts | None = key(k.PROMPT, "What is asked; the answer is `options` in the caller's order.")
    voice: Prompts | None = key(k.PROMPT, "What is asked; the answer is spoken and recorded.")
    range: tuple[Any, Any] | None = key(
        sp.RANGE, "The lowest and the highest answer: `1..5`, `0..99.99`, `2020-01-01..2026-12-31`."
    )
    options: dict[str, Any] | None = key(sp.OPTIONS, "What each key stands for: a value, or `{value, say}`.")
    labels: dict[str, dict[str, str]] | None = key(sp.LABELS, "Of a scale: what each step means, every step of it.")
    direction: str | None = key(sp.DIRECTION, "Of a scale: `up`, the highest is best, or `down`. Default up.")
    top: int | None = key(
        k.COUNT, "Of a scale: how many steps at its good end count as satisfied. Default 2, of `ces` 3."
    )
    choose: tuple[int, int] | None = key(
        k.LENGTH, "Of `multiple` and `ranking`: how many, `2` or `1..3`. Default: any number, and all of them."
    )
    alone: tuple[str, ...] | None = key(sp.WORDS, "Of `multiple`: options that go with no other, `[none_of_these]`.")
    format: str | None = key(sp.DATE_FORMAT, "Of a `date`: `ymd`, `dmy` or `mdy`. Default ymd.")
    decimals: int | None = key(sp.DECIMALS, "Of an `amount`: digits after the point. Default 2.")
    limit: int | None = key(k.DURATION, "Of `voice`: the longest answer. Default 60s.")
    quiet: int | None = key(k.DURATION, "Of `voice`: so much silence ends it. Default 4s.")
    end: str | None = key(k.RECORD_END, 'Of `voice`: the key that ends it, `"#"` or `any`. Default `"#"`.')
    label: dict[str, str] | None = key(sp.TEXT_OR_TEXTS, "Short, for tables: a text, or one for each language.")
    refuse: str | None = key(sp.MISSING_KEY, "The key for `I would rather not say`; `none`: there is none here.")
    dont_know: str | None = key(sp.MISSING_KEY, "The key for `I do not know`; `none`: there is none here.")
    digits: QuestionDigits | None = key(p.nested("QuestionDigits"), "How keys are waited for.")


@dataclass(slots=True)
class Question(Asked):
    """One question: of a kind of its own, or one of the bank."""

    id: str = key(k.VARIABLE, "The name of the answer.", required=True)
    use: str | None = key(sp.USE, "A question of surveys/bank: `csat5`, its newest version, or `csat5@2`.")
    when: Trees = key(k.CONDITION, "The question is only asked when this holds.")
    valid: Trees = key(k.CONDITION, "A condition that a good answer meets; it sees the answer under its name.")
    invalid: Prompts | None = key(k.PROMPT, "What is heard when `valid` does not hold. Default: as for a wrong key.")
    screen_out: Trees = key(k.CONDITION, "When this holds after the answer, the survey ends here: screened_out.")
    silence: tuple[Prompts, ...] | None = key(p.ESCALATION, "What each silence plays, as in a menu.")
    wrong: tuple[Prompts, ...] | None = key(p.ESCALATION, "What each wrong answer plays, as in a menu.")
    confirm: Confirm | None = key(p.CONFIRM, "Said after the answer, as in an `ask`.")


@dataclass(slots=True)
class SayText:
    """Something that is only heard, between questions."""

    say: Prompts = key(k.PROMPT, "What is said.", required=True)
    when: Trees = key(k.CONDITION, "It is only said when this holds.")


@dataclass(slots=True)
class LoopShape:
    """Asks a section once for each item of a list."""

    over: str = key(k.NAME_KIND, "The name of one of the file's `lists`.", required=True)
    as_: str = key(k.NAME_KIND, "What the item is called in the section's texts and conditions.", required=True)


@dataclass(slots=True)
class Section:
    """Questions that belong together."""

    section: str = key(k.NAME_KIND, "The section's name.", required=True)
    title: str | None = key(k.TEXT, "For people.")
    when: Trees = key(k.CONDITION, "It is only asked when this holds; in a loop, for each item by itself.")
    order: str | None = key(sp.ORDER, "`fixed`, or `random`: its questions (its rounds, in a loop) by chance.")
    loop: LoopShape | None = key(
        p.nested("LoopShape"), "`{over: list, as: name}`: once for each item. The answer `x` of item `y` is `x_y`."
    )
    questions: Node = key(p.QUESTIONS, "A list of questions and texts.", required=True)


@dataclass(slots=True)
class QuotaShape:
    """So many complete interviews of a kind, and no more."""

    quota: str = key(
        k.NAME_KIND, "The quota's name; `quota.<name>` tells conditions whether it is full.", required=True
    )
    when: Trees = key(k.CONDITION, "Which interviews count for it. Default: all.")
    completes: int = key(sp.COMPLETES, "How many.", required=True)


@dataclass(slots=True)
class AlertShape:
    """What is put into the outbox when the survey is over."""

    alert: str = key(k.NAME_KIND, "The alert's name.", required=True)
    when: Trees = key(k.CONDITION, "It is raised when this holds.", required=True)
    do: str = key(sp.ALERT_KIND, "`notify` somebody, or have the caller called back: `call_back`.", required=True)


@dataclass(slots=True)
class ResumeShape:
    """A caller who broke off and calls again goes on where it stopped."""

    within: int = key(k.SPAN, "For so long after the break: `7d`.", required=True)
    ask: Prompts = key(k.PROMPT, "What the caller is asked: 1 goes on, 2 begins anew.", required=True)


class ItemOfList(NamedTuple):
    name: str
    texts: dict[str, str]  # by language


@dataclass(slots=True)
class SurveyFile:
    """A questionnaire: one file in surveys/. Alone it is a flow too."""

    survey: str = key(k.NAME_KIND, "The questionnaire's name.", required=True)
    version: str | None = key(k.TEXT, "For people: `3`, `2026-11`. Every content has a hash besides.")
    title: str | None = key(k.TEXT, "For people.")
    languages: tuple[str, ...] = key(
        p.LANGUAGES, "What is spoken, `[zh, en]`; the first is the fallback.", required=True
    )
    facts: tuple[str, ...] | None = key(p.FACTS, "Names that the host brings with the call.")
    digits: QuestionDigits | None = key(p.nested("QuestionDigits"), "Defaults for every question of the file.")
    give_up: str | None = key(
        k.SURVEY_GIVE_UP,
        "`skip`: a question that fails is skipped. `stop`: the survey ends there, partial. Default skip.",
    )
    refuse: str | None = key(sp.MISSING_KEY, "The key for `I would rather not say` of every question.")
    dont_know: str | None = key(sp.MISSING_KEY, "The key for `I do not know` of every question.")
    keep: int | None = key(k.SPAN, "Answers are removed after so long by `ivr retain`: `400d`. Default: kept.")
    lists: dict[str, tuple[ItemOfList, ...]] | None = key(
        sp.LISTS, "What loops go over: `{products: {tv: {en: television}, radio: {en: radio}}}`."
    )
    consent: ConsentShape | None = key(
        sp.CONSENT,
        "Asked before all else: 1 yes, 2 no; or `{say: prompt, yes: 1, no: 2, opt_out: ...}`. No ends it, refused.",
    )
    resume: ResumeShape | None = key(p.nested("ResumeShape"), "Going on with a survey that broke off.")
    intro: Prompts | None = key(k.PROMPT, "Said before the first question.")
    thanks: dict[str, Prompts] | None = key(
        sp.THANKS, "Said after the last one; or by how it ended: complete, partial, screened_out, quota_full, refused."
    )
    order: str | None = key(sp.ORDER, "`fixed`, or `random`: the list below in an order of each call's own.")
    quotas: tuple[QuotaShape, ...] | None = key(sp.shapes("QuotaShape"), "How many interviews of which kind.")
    alerts: tuple[AlertShape, ...] | None = key(sp.shapes("AlertShape"), "Whom to tell of what was answered.")
    questions: Node = key(p.QUESTIONS, "A list of questions, sections and texts.", required=True)


@dataclass(slots=True)
class BankFile:
    """A question of the bank: one file in surveys/bank/."""

    bank: str = key(k.NAME_KIND, "The name that `use` calls it by; the file's name too.", required=True)
    title: str | None = key(k.TEXT, "For people.")
    source: str | None = key(k.TEXT, "Where the wording comes from.")
    tags: tuple[str, ...] | None = key(sp.WORDS, "Words to find it by.")
    languages: tuple[str, ...] = key(p.LANGUAGES, "The languages it is worded in.", required=True)
    versions: Node = key(sp.VERSIONS, "Its wordings, the newest last.", required=True)


@dataclass(slots=True)
class BankVersion(Asked):
    """One wording of a question of the bank."""

    version: int = key(k.COUNT, "Its number.", required=True)
