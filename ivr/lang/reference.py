"""Reference: docs/language.md and docs/errors.md, from the tables that the reader uses.

Law: Markdown only; every key, default and code comes from the tables.
"""

from __future__ import annotations

from typing import Any

from ivr.core.expr import FUNCTIONS
from ivr.lang import calling
from ivr.lang.asking import (
    AlertShape,
    BankFile,
    BankVersion,
    Confirm,
    ConsentShape,
    LoopShape,
    OptionShape,
    OptOutKey,
    Question,
    QuestionDigits,
    QuotaShape,
    ResumeShape,
    SayText,
    Section,
    SurveyFile,
)
from ivr.lang.codes import CODES
from ivr.lang.expr import MAX_LENGTH
from ivr.lang.model import (
    ROWS,
    VERBS,
    Announce,
    BranchShape,
    Digits,
    EntryDigits,
    FlowFile,
    QueueSettings,
    WayShape,
)
from ivr.lang.names import BUILTIN, LEFT_BEHIND
from ivr.lang.template import FORMATS

_GENERATED = "<!-- Generated from the tables of ivr/lang by `make golden`; edit those. -->\n"

_INTRO = """
A flow is a YAML file in flows/, a questionnaire one in surveys/, a [campaign](campaigns.md) one in campaigns/.
`ivr check` finds every mistake in them;
`ivr check --schema` prints a JSON Schema for editors. [All messages](errors.md).

Values are read as written: `012`, `12:30`, `no` and `+8613800138000` are text. Only `set` and `variables` read an
unquoted number, `true`, `false` and `none` as such. The keys `*` and `#` are written in quotes.

* **Name**: letters, digits and `_`, a letter first.
* **Time**: `500ms`, `5s`, `2.5s`, `2m`, `1h`; at most 24h.
* **Prompt**: a name from prompts/, or a map of language to text, or a list of these. A text may hold
  `{{{{ expression | format }}}}`, with one of the formats {formats}.
* **Target**: a step's name, `hang_up`, or (in the keys of a menu) `repeat`.
"""

_EXPRESSIONS = """
## Expressions

In `when`, `valid`, `{{{{ }}}}`: `and or not == != < <= > >= in + -`, `a if c else b`, lists `[1, 2]`, texts in quotes,
numbers, `true false none`, names, and the functions {functions}. At most {length} characters.

Every call knows {builtin}; a file declares more in `facts` and `variables`, and its steps set others.
{left_behind}
What does not fit is false or none, never an error in a call. A text that spells a number compares as a number with a
number: an entry of `007` is equal to `7`, and to `'007'`, and not to `'7'`.
"""


_OF_SURVEYS = (
    *(Question, OptionShape, Section, LoopShape, SayText, QuestionDigits, ConsentShape, OptOutKey, ResumeShape),
    *(QuotaShape, AlertShape),
)


def _words(words: Any) -> str:
    return ", ".join(f"`{w}`" for w in words)


def _table(cls: type[Any]) -> str:
    lines = ["| key | value | |", "|---|---|---|"]
    for row in ROWS[cls].values():
        needed = " **Required.**" if row.required else ""
        lines.append(f"| `{row.key}` | {row.kind.name} | {row.doc.replace('|', chr(92) + '|')}{needed} |")
    return "\n".join(lines) + "\n"


def _section(level: str, title: str, cls: type[Any]) -> str:
    return f"\n{level} {title}\n\n{cls.__doc__}\n\n{_table(cls)}"


def language() -> str:
    """docs/language.md."""
    parts = [_GENERATED, "# The language\n", _INTRO.format(formats=_words(FORMATS))]
    parts.append(_section("##", "A flow", FlowFile))
    parts.append("\n## Verbs\n\nA step has exactly one of these keys.\n")
    parts += [_section("###", f"`{verb}`", cls) for verb, cls in VERBS.items()]
    parts.append("\n## Parts of steps\n")
    parts += [
        _section("###", cls.__name__, cls) for cls in (Digits, EntryDigits, WayShape, BranchShape, Confirm, Announce)
    ]
    parts.append(_section("###", "QueueSettings", QueueSettings))
    parts.append(_section("##", "A questionnaire", SurveyFile))
    parts += [_section("###", cls.__name__, cls) for cls in _OF_SURVEYS]
    parts.append(_section("##", "A question of the bank", BankFile))
    parts.append(_section("###", BankVersion.__name__, BankVersion))
    parts.append(_section("##", "A campaign", calling.CampaignFile))
    parts += [_section("###", cls.__name__, cls) for cls in calling.SHAPES if cls is not calling.CampaignFile]
    behind = " ".join(
        f"After `{cls.__name__.lower()}` there are {_words(names)}." for cls, names in LEFT_BEHIND.items()
    )
    functions = ", ".join(f"`{name}({', '.join('xyz'[:arity])})`" for name, (_, arity) in FUNCTIONS.items())
    parts.append(
        _EXPRESSIONS.format(functions=functions, length=MAX_LENGTH, builtin=_words(sorted(BUILTIN)), left_behind=behind)
    )
    return "".join(parts)


def errors() -> str:
    """docs/errors.md."""
    parts = [_GENERATED, "# What `ivr check` says\n"]
    parts += [f"\n## {code}: {known.title}\n\n{known.text}\n" for code, known in CODES.items()]
    return "".join(parts)
