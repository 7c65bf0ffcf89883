"""Formdoc: docs/xlsform.md, from the tables that the importer uses.

Law: Markdown only; every type, column, function and kind of line comes from the tables.
"""

from __future__ import annotations

from ivr.authoring.choices import KEYS_OF_MISSING, MOST, MOST_BY_ONE_KEY
from ivr.authoring.conditions import FUNCTIONS, REWRITTEN
from ivr.authoring.form_types import COLUMNS, TYPES
from ivr.authoring.groups import MOST_ROUNDS
from ivr.authoring.labels import SPOKEN
from ivr.authoring.report import KINDS
from ivr.authoring.sheets import SUFFIXES
from ivr.authoring.tongues import PHRASES

_INTRO = f"""<!-- Generated from the tables of ivr/authoring by `make golden`; edit those. -->
# Questionnaires from XLSForms

An XLSForm is a workbook with the sheets `survey`, `choices` and `settings`, as survey tools for field work write and
read them. `ivr survey import FORM.xlsx` makes a questionnaire of it ({" ".join(SUFFIXES)}):

```
ivr survey import household.xlsx                   # writes surveys/<form_id>.yaml
ivr survey import household.xlsx --languages en,zh --report report.csv
ivr survey import household.xlsx --text drop       # free text is left out, not recorded
```

It is all or nothing. Every broken row is named by its cell, `survey!D12`, and as long as there is one nothing is
written. A file that is there already stays, unless you say `--force`. What is written has passed `ivr check`.

The result is a beginning, not the end: read it, listen to it (`ivr simulate`), and shorten what is too long for the
ear.

## The report

| line | means that it |
|---|---|
"""

_LABELS = f"""
## How it sounds

Options are read aloud with their keys, and each kind of question ends with what to press:
{", ".join(f"`{code}`" for code in PHRASES)} have words for that. Any other language has the neutral form `X: 1.`.

* The first nine choices have the keys 1 to 9, the tenth has 0. Up to {MOST} choices of a `select_one` have keys of two
  digits. With more, and from {MOST_BY_ONE_KEY + 1} on for `select_multiple` and `rank`, the question is left out.
* A choice that obviously means so is no answer but a reason for none: `dont_know` on
  `{KEYS_OF_MISSING["dont_know"]}`, `refused` on `{KEYS_OF_MISSING["refused"]}`. The report names it.
* HTML and Markdown are taken out of labels. `${{q}}` is spoken by the kind of its question:
  {", ".join(f"`{kind}` as `{form}`" for kind, form in SPOKEN.items())}.
* A language is `label::English (en)`, or one whose name is known, `label::English`. Every label is there in every
  language, or its cell is named.
* A repeat goes round up to {MOST_ROUNDS} times; each round is a question of its own in the data.
"""


def page() -> str:
    out = [_INTRO + "\n".join(f"| `{kind}` | {told} |" for kind, told in KINDS.items())]
    out += ["\n## Types\n", "| type | becomes | |", "|---|---|---|"]
    out += [f"| `{name}` | {told.becomes} | {told.told} |" for name, told in TYPES.items() if told.becomes != "lost"]
    out += ["\n### What a phone cannot ask\n", "| type | because |", "|---|---|"]
    out += [f"| `{name}` | {told.told} |" for name, told in TYPES.items() if told.becomes == "lost"]
    out += ["\n## Columns\n", "| column | |", "|---|---|"]
    out += [f"| `{name}` | {told} |" for name, told in COLUMNS.items()]
    out += [_LABELS, "## Expressions\n"]
    out += [
        "`relevant`, `constraint` and `calculation` are read as XPath. Comparisons, `and`, `or`, `+` and `-` stay; a",
        "comparison with `''` becomes `answered(q)`; a choice that means refusing or not knowing is asked for as",
        "`q.missing`. Functions:\n",
        "| in a form | here |",
        "|---|---|",
    ]
    out += [f"| `{name}()` | `{ours}()` |" for name, (ours, _) in FUNCTIONS.items()]
    out += [f"| `{name}()` | {told} |" for name, told in REWRITTEN.items()]
    out += [
        "\nWhat has no counterpart (`today()`, `*`, paths into the document ...) is reported with the reason, and",
        "stands as a comment beside its question, which is then asked of everybody.",
    ]
    return "\n".join(out) + "\n"
