"""SPSS: one row a run, with variable labels, value labels and user-missing codes.

Law: needs polars and pyreadstat (the extra ``analysis``). SPSS files are written from a whole table, so this one
format holds its runs in memory and refuses more than ``MOST_RUNS`` of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ivr.results.export.codebook import WORDS, missing_codes
from ivr.results.export.extras import needed
from ivr.results.export.lines import OnRows
from ivr.results.export.table import Table
from ivr.results.export.wide import Column
from ivr.survey.definition import QuestionDef, Texts

#: Measured: 57,000 runs of 36 columns took 167 MB, of which some 100 are there before the first run.
MOST_RUNS: Final = 500_000
_CHUNK: Final = 10_000
#: SPSS cuts longer names, variable labels and value labels, in bytes.
_NAME, _LABEL, _VALUE_LABEL = 64, 256, 120
_RESERVED: Final = {"ALL", "AND", "BY", "EQ", "GE", "GT", "LE", "LT", "NE", "NOT", "OR", "TO", "WITH"}


class TooManyRuns(ValueError):
    """More runs than fit; the message says what to do."""


@dataclass(frozen=True)
class Variable:
    """One variable: ``cell`` makes its value of a wide record."""

    name: str
    title: str
    type: str  # number | text | time | date
    cell: Callable[[tuple[Any, ...]], Any]
    labels: dict[int | float, str] = field(default_factory=dict)
    missing: tuple[int, ...] = ()
    measure: str = "nominal"


def write(path: Path, table: Table, *, on_rows: OnRows, most_runs: int = MOST_RUNS) -> int:
    polars, pyreadstat = needed("polars", "SPSS"), needed("pyreadstat", "SPSS")
    found = variables(table)
    kinds = {"number": polars.Float64, "text": polars.String, "time": polars.Datetime("us"), "date": polars.Date}
    schema = {variable.name: kinds[variable.type] for variable in found}
    frames, count = [polars.DataFrame(schema=schema)], 0
    while records := list(islice(table.records, _CHUNK)):
        count += len(records)
        if count > most_runs:
            raise TooManyRuns(
                f"SPSS files are made in memory, for at most {most_runs:,} runs; there are more. "
                "Export one launch, or a shorter time, or take --format parquet"
            )
        columns = {v.name: polars.Series([v.cell(record) for record in records], dtype=schema[v.name]) for v in found}
        frames.append(polars.DataFrame(columns))
        on_rows(len(records))
    pyreadstat.write_sav(
        polars.concat(frames),
        str(path),
        file_label=_cut(table.codebook.survey_title(), 64),
        column_labels={v.name: _cut(v.title, _LABEL) for v in found},
        variable_value_labels={
            v.name: {k: _cut(t, _VALUE_LABEL) for k, t in v.labels.items()} for v in found if v.labels
        },
        missing_ranges={v.name: list(v.missing) for v in found if v.missing},
        variable_measure={v.name: v.measure for v in found},
    )
    return count


def variables(table: Table) -> list[Variable]:
    """Choices become numbers with labels, for a label in SPSS belongs to a number; why a value is missing becomes a
    user-missing code of the value's own variable."""
    taken: set[str] = set()
    at = {column.name: n for n, column in enumerate(table.columns)}
    whys = {c.question.id: at[c.name] for c in table.columns if c.part == "missing" and c.question}
    found = []
    for column in table.columns:
        question = column.question
        name = _name(column.name, taken)
        slot = at[column.name]
        if question is None or column.type == "date" or (column.type == "text" and not _coded(question)):
            found.append(_plain(name, column, slot))
        elif column.part != "missing":
            found.append(_of_question(name, column, question, slot, whys.get(question.id), table.codebook.text))
        elif question.kind in ("date", "code", "voice") or not missing_codes(question):
            found.append(_plain(name, column, slot))
        else:
            taken.discard(name.lower())  # it became codes of the value's variable
    return found


def _coded(question: QuestionDef) -> bool:
    return question.kind in ("choice", "yes_no", "ranking")


def _plain(name: str, column: Column, slot: int) -> Variable:
    if column.type == "time":
        return Variable(name, f"{column.title} (UTC)", "time", lambda record: _naive(record[slot]), measure="scale")
    if column.type == "date":
        return Variable(name, column.title, "date", lambda r: date.fromisoformat(r[slot]) if r[slot] else None)
    if column.type == "text":
        return Variable(name, column.title, "text", lambda record: record[slot])
    return Variable(name, column.title, "number", lambda record: record[slot], measure="scale")


def _of_question(
    name: str, column: Column, question: QuestionDef, slot: int, why_slot: int | None, text: Callable[[Texts], str]
) -> Variable:
    labels, codes = _labels(column, question, text)
    missing = (
        dict(zip(missing_codes(question), _missing_numbers(question), strict=False)) if why_slot is not None else {}
    )
    labels |= {code: WORDS[why] for why, code in missing.items()}

    def cell(record: tuple[Any, ...]) -> Any:
        if why_slot is not None and record[why_slot] is not None:
            return missing.get(record[why_slot])
        value = record[slot]
        return codes.get(value) if codes and value is not None else value

    measure = "ordinal" if question.kind == "scale" else "scale" if column.type == "number" else "nominal"
    return Variable(name, column.title, "number", cell, labels, tuple(missing.values()), measure)


def _labels(
    column: Column, question: QuestionDef, text: Callable[[Texts], str]
) -> tuple[dict[int | float, str], dict[str, int]]:
    """Labels by number, and numbers by value, where the values are no numbers."""
    if column.part == "option":
        return {0: "not chosen", 1: "chosen"}, {}
    words = {str(v.value): text(v.label) or str(v.value) for v in question.values}
    if not _coded(question):
        return {int(value): word for value, word in words.items() if word != value}, {}
    numbers = [int(v) for v in words if re.fullmatch(r"\d{1,6}", v)]
    codes = {v: int(v) if len(numbers) == len(words) else n for n, v in enumerate(words, 1)}
    return {codes[v]: word for v, word in words.items()}, codes


def _missing_numbers(question: QuestionDef) -> tuple[int, int]:
    """For refused and dont_know: -98 and -99, or as many nines more as the answers themselves need."""
    low = question.low if isinstance(question.low, int | float) else 0
    size = 100
    while low <= 2 - size:
        size *= 10
    return 2 - size, 1 - size


def _name(name: str, taken: set[str]) -> str:
    """A name that SPSS takes: a letter first, then letters, digits and _; unique whatever the case."""
    plain = re.sub(r"\W", "_", name).rstrip("_") or "v"
    if not plain[0].isalpha() or plain.upper() in _RESERVED:
        plain = f"v_{plain}"
    plain, n = _cut(plain, _NAME), 1
    found = plain
    while found.lower() in taken:
        n += 1
        found = f"{_cut(plain, _NAME - 1 - len(str(n)))}_{n}"
    taken.add(found.lower())
    return found


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")


def _naive(moment: Any) -> Any:
    return None if moment is None else moment.astimezone(UTC).replace(tzinfo=None)
