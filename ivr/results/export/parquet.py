"""Parquet: typed columns in row groups; titles, labels and missing codes in the metadata of schema and columns.

Law: needs pyarrow (the extra ``analysis``), imported when it is used; memory holds one row group.
"""

from __future__ import annotations

import json
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ivr.results.export import codebook
from ivr.results.export.extras import needed
from ivr.results.export.lines import OnRows
from ivr.results.export.table import Table
from ivr.results.export.wide import Column

ROW_GROUP: Final = 20_000


def write(path: Path, table: Table, *, on_rows: OnRows) -> int:
    pa, parquet = needed("pyarrow", "Parquet"), needed("pyarrow.parquet", "Parquet")
    kinds = {
        **{"text": pa.string(), "number": pa.float64(), "whole": pa.int32(), "flag": pa.int8()},
        **{"time": pa.timestamp("us", tz="UTC"), "date": pa.date32()},
    }
    fields = [pa.field(c.name, kinds[c.type], metadata=_told(c, table.codebook)) for c in table.columns]
    book = [dict(zip(codebook.HEADS, row, strict=True)) for row in codebook.table(table.codebook)]
    about = {
        "callweave.codebook": json.dumps(book, ensure_ascii=False),
        "callweave.title": table.codebook.survey_title(),
    }
    schema = pa.schema(fields, metadata=about)
    dates = [n for n, column in enumerate(table.columns) if column.type == "date"]
    count = 0
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        while records := list(islice(table.records, ROW_GROUP)):
            columns: list[Any] = list(zip(*records, strict=True))
            for n in dates:
                columns[n] = [date.fromisoformat(cell) if cell else None for cell in columns[n]]
            arrays = [pa.array(cells, field.type) for cells, field in zip(columns, fields, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            count += len(records)
            on_rows(len(records))
    return count


def _told(column: Column, book: codebook.Codebook) -> dict[str, str]:
    told = {"title": column.title}
    question = column.question
    if question is None:
        return told
    told |= {"question": question.id, "kind": question.kind}
    if column.part in ("", "place") and question.values:
        labels = {str(value.value): book.text(value.label) for value in question.values}
        told["labels"] = json.dumps(labels, ensure_ascii=False)
    if question.missing:
        told["missing"] = json.dumps({why: codebook.WORDS[why] for why in codebook.missing_codes(question)})
    return told
