"""Write docs/views.md and docs/img/schema.svg from the views and tables themselves.

    python tools/schema_docs.py docs

A test holds both equal to the code; `make golden` writes them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path

from sqlalchemy import Column, Float, Integer, String, Table

from ivr.store.schema import UtcDateTime, metadata
from ivr.store.viewlist import KINDS, View, run_columns
from ivr.store.views import static_views
from ivr.store.wide import MOST_COLUMNS

HEAD = """# Views

For analysts: plain SQL views with the same names, columns and rows on SQLite and PostgreSQL. Made from the views
themselves by `make golden`; a test holds the page equal. `ivr db upgrade` makes them, `ivr db views` makes what is
missing, and the database itself has this text: `SELECT * FROM v_help`, on PostgreSQL also as comments (`\\d+ v_runs`).

```sql
SELECT agent, sum(satisfied) * 1.0 / sum(answers) AS csat
FROM v_csat_agent WHERE survey = 'aftercare' AND day >= '2026-11-01' GROUP BY agent;

SELECT question, reached, broke_off FROM v_breakoff WHERE launch = 'autumn' ORDER BY position;

SELECT overall, solved, reason_late, reason_missing FROM v_survey_wide_aftercare WHERE launch = 'autumn';
```

* Names and meanings stay; new columns come at the end, so name the columns that you want in programs.
* Days and weeks are local: those of `data: zone:` in callweave.yaml, or of `ivr db views --zone Europe/Berlin`, UTC at
  first; `SELECT zone FROM report_zone` tells. On SQLite that holds for the years 2000 to 2099. Times are in UTC.
* PostgreSQL has times as `timestamptz` and days as `date`; SQLite has both as text that sorts, `2026-11-22`.
* A counted run is one of a person, once: a run that another call went on with is left out (that one has its answers),
  and so are rehearsals, which are runs of a launch whose name begins with `rehearsal:`.
* Secret answers are in no view: they are not stored. Callers' numbers are masked.
* Of many millions of answers ask for one launch or one call: `launch = ...` and `call_id = ...` use indexes. A
  condition on `day` looks at every row; one on `started_at` of `v_calls` does not.
  Measured once with ten million answers of a million runs, two cores that others used too: one launch of fifty thousand
  runs takes 2 to 6 s in `v_answers`, `v_breakoff` and the wide view; the whole wide view 26 s on SQLite and 37 s on
  PostgreSQL, `v_csat_agent` 12 s and 9 s, the whole `v_flow_funnel` about a minute.
* Views of your own on ours: PostgreSQL keeps them when ours get columns. When it cannot, `ivr db views` names them.

## Tables behind them

There are no foreign keys: rows that waited in a spool may arrive before their call's. The lines say what belongs
together. What the columns mean is in [store.md](store.md).

![The tables and what belongs together](img/schema.svg)

```mermaid
"""

#: What belongs together: (table, column, table, column).
LINKS = (
    ("call", "program_hash", "program", "hash"),
    ("call_state", "call_id", "call", "call_id"),
    ("attempt", "call_id", "call", "call_id"),
    ("answer", "call_id", "call", "call_id"),
    ("answer_history", "call_id", "call", "call_id"),
    ("survey_run", "call_id", "call", "call_id"),
    ("survey_run", "definition", "survey_definition", "hash"),
    ("survey_run", "launch", "launch", "launch"),
    ("quota_complete", "call_id", "survey_run", "call_id"),
    ("outbox", "call_id", "survey_run", "call_id"),
    ("launch", "definition", "survey_definition", "hash"),
    ("survey_question", "definition", "survey_definition", "hash"),
    ("survey_quota", "definition", "survey_definition", "hash"),
    ("dial_attempt", "attempt_id", "call", "call_id"),
    ("dial_attempt", "contact_id", "contact", "contact_id"),
    ("campaign_contact", "contact_id", "contact", "contact_id"),
    ("campaign_contact", "campaign", "campaign", "campaign"),
    ("campaign_version", "campaign", "campaign", "campaign"),
    ("campaign_version", "launch", "launch", "launch"),
    ("campaign_audit", "campaign", "campaign", "campaign"),
)
#: Where tables stand in the picture: columns of it, from the left.
PLACES = (
    ("attempt", "answer", "answer_history"),
    ("call", "call_state", "program"),
    ("survey_run", "quota_complete", "outbox"),
    ("launch", "survey_definition", "survey_quota"),
    ("survey_question",),
    ("erasure", "report_zone", "zone_offset", "v_help", "report_view"),
    ("dial_attempt", "campaign_contact"),
    ("contact", "campaign", "dnc"),
    ("campaign_version", "campaign_audit", "dialler"),
)


def kind(column: Column[object]) -> str:
    if isinstance(column.type, UtcDateTime):
        return "time"
    names = ((Integer, "whole"), (Float, "number"), (String, "text"))
    return next(name for type_, name in names if isinstance(column.type, type_))


# -- the page ----------------------------------------------------------------------------------------------------------


def mermaid() -> Iterator[str]:
    yield "erDiagram"
    for table in metadata.tables.values():
        yield f"  {table.name} {{"
        yield from (f"    {kind(c)} {c.name}{' PK' if c.primary_key else ''}" for c in table.columns)
        yield "  }"
    for source, column, target, _ in LINKS:
        yield f"  {target} ||--o{{ {source} : {column}"


def section(view: View) -> Iterator[str]:
    yield f"\n## `{view.name}`\n\n{view.text}\n\n| column | | |\n|---|---|---|\n"
    yield from (f"| `{c.name}` | {KINDS[c.kind]} | {c.text} |\n" for c in view.columns)


def wide() -> str:
    from ivr.store.sqlwords import Words

    names = ", ".join(f"`{column.name}`" for column in run_columns(Words(postgres=True)))
    return f"""
## `v_survey_wide_<survey>`

One for each survey that was ever asked: one row a counted run, one column a question of any of its versions. It is made
when a new version is first asked; columns keep their names. First the run's, as in `v_runs`: {names}. Then for each
question, in the order in which they first appeared:

| kind of question | columns |
|---|---|
| `scale`, `number`, `amount`, `csat`, `nps`, `ces` | `<question>`, a number |
| `choice`, `yes_no`, `date`, `code`, `voice` | `<question>`, text; a date is ISO, a voice the name of its file |
| `multiple` | `<question>_<option>` for each option: 1 chosen, 0 not, none when nothing was answered |
| `ranking` | `<question>_1`, `<question>_2`, ... : the option in that place |
| with keys for refusing or not knowing | `<question>_missing` besides: `refused`, `dont_know` |

Names are in small letters, digits and `_`, of 63 bytes at most; one that is there already gets a number behind it, and
a question that is called as a column of the run becomes `q_<question>`. `v_help` says which question a column is. Above
{MOST_COLUMNS:,} columns the options of `multiple` and `ranking` stay together, as JSON lists.
"""


def page() -> str:
    body = "".join("".join(section(view)) for view in static_views(postgres=True))
    return HEAD + "\n".join(mermaid()) + "\n```\n" + body + wide()


# -- the picture -------------------------------------------------------------------------------------------------------

WIDTH, GAP, LINE, HEAD_HEIGHT, MARGIN = 186, 74, 17, 24, 20
FONT = "font-family='DejaVu Sans,Verdana,sans-serif'"


def picture() -> str:
    """Tables as boxes with a line a column, and a curve from each reference to what it refers to."""
    boxes: dict[str, tuple[int, int]] = {}
    bottom = 0
    for number, names in enumerate(PLACES):
        y = MARGIN
        for name in names:
            boxes[name] = (MARGIN + number * (WIDTH + GAP), y)
            y += height(metadata.tables[name]) + 26
        bottom = max(bottom, y)
    width = MARGIN + len(PLACES) * (WIDTH + GAP)
    assert set(boxes) == set(metadata.tables), "PLACES says where each table stands"
    curves = "".join(curve(boxes, *link) for link in LINKS)
    drawn = "".join(box(metadata.tables[name], x, y) for name, (x, y) in boxes.items())
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{bottom}' viewBox='0 0 {width} {bottom}'>\n"
        f"<title>Callweave's tables</title>\n<rect width='100%' height='100%' fill='white'/>\n{curves}{drawn}</svg>\n"
    )


def height(table: Table) -> int:
    return HEAD_HEIGHT + LINE * len(table.columns) + 5


def box(table: Table, x: int, y: int) -> str:
    lines = [
        f"<rect x='{x}' y='{y}' width='{WIDTH}' height='{height(table)}' rx='4' fill='#fbfbf8' stroke='#445'/>",
        f"<path d='M{x} {y + HEAD_HEIGHT}h{WIDTH}' stroke='#445'/>",
        f"<text x='{x + 8}' y='{y + 17}' {FONT} font-size='13' font-weight='bold'>{escape(table.name)}</text>",
    ]
    for number, column in enumerate(table.columns):
        at = y + HEAD_HEIGHT + LINE * number + 14
        weight = " font-weight='bold'" if column.primary_key else ""
        lines.append(f"<text x='{x + 8}' y='{at}' {FONT} font-size='11'{weight}>{escape(column.name)}</text>")
        lines.append(
            f"<text x='{x + WIDTH - 8}' y='{at}' {FONT} font-size='10' fill='#667' text-anchor='end'>"
            f"{kind(column)}</text>"
        )
    return "\n".join(lines) + "\n"


def curve(boxes: dict[str, tuple[int, int]], source: str, column: str, target: str, key: str) -> str:
    """From side to side; between tables that stand one above the other around their right sides."""
    (x1, y1), (x2, y2) = boxes[source], boxes[target]
    y1 += row(source, column)
    y2 += row(target, key)
    if x1 == x2:
        start, end, bend = x1 + WIDTH, x2 + WIDTH, (30, 30)
    elif x1 < x2:
        start, end, bend = x1 + WIDTH, x2, (GAP // 2, -GAP // 2)
    else:
        start, end, bend = x1, x2 + WIDTH, (-GAP // 2, GAP // 2)
    path = f"M{start} {y1}C{start + bend[0]} {y1} {end + bend[1]} {y2} {end} {y2}"
    return (
        f"<path d='{path}' fill='none' stroke='#2a6f97' stroke-width='1.3'/>"
        f"<circle cx='{end}' cy='{y2}' r='3' fill='#2a6f97'/>\n"
    )


def row(table: str, column: str) -> int:
    """Where a column's line is, from the top of its box."""
    number = list(metadata.tables[table].columns.keys()).index(column)
    return HEAD_HEIGHT + LINE * number + 10


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    (folder / "views.md").write_text(page(), encoding="utf-8")
    (folder / "img" / "schema.svg").write_text(picture(), encoding="utf-8")
