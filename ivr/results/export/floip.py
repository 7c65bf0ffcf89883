"""FLOIP Flow Results 1.0.0-rc1: a data package of a descriptor and the answers as JSON row arrays.

Law: one survey or launch a package, written into a folder that it is given. Question types are those of the
specification (github.com/FLOIP/flow-results); what it has no type for: a ranking is a select_many whose list is in
order, a recording an audio named as it is stored, an answer without a value null with ``missing`` in its metadata.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from ivr.results.export.codebook import Codebook, listed
from ivr.results.export.lines import OnRows
from ivr.results.export.long import Long, number
from ivr.results.export.source import CHUNK, Answers, Row, iso
from ivr.survey.definition import QuestionDef

VERSION: Final = "1.0.0-rc1"
DESCRIPTOR: Final = "datapackage.json"
DATA: Final = "data/responses.json"
TYPES: Final = {
    **{"choice": "select_one", "yes_no": "select_one", "multiple": "select_many", "ranking": "select_many"},
    **{"scale": "numeric", "number": "numeric", "amount": "numeric"},
    **{"date": "date", "code": "text", "voice": "audio"},
}
FIELDS: Final = (
    *(("timestamp", "datetime"), ("row_id", "string"), ("contact_id", "string"), ("session_id", "string")),
    *(("question_id", "string"), ("response", "any"), ("response_metadata", "object")),
)
#: ISO 639-3, which the specification wants, of what people write.
_LANGUAGES: Final = {
    **{"en": "eng", "zh": "zho", "de": "deu", "fr": "fra", "es": "spa", "pt": "por", "ru": "rus", "ar": "ara"},
    **{"hi": "hin", "sw": "swa", "ja": "jpn", "ko": "kor", "it": "ita", "nl": "nld", "pl": "pol", "tr": "tur"},
}
_encode = json.JSONEncoder(ensure_ascii=False).encode


def write(folder: Path, name: str, answers: Answers, long: Long, *, on_rows: OnRows) -> int:
    """Fills the folder; gives how many responses there are."""
    package = descriptor(name, long.codebook)
    (folder / DATA).parent.mkdir(parents=True)
    text = json.dumps(package, ensure_ascii=False, indent=2) + "\n"
    (folder / DESCRIPTOR).write_text(text, encoding="utf-8")
    types = {question.id: TYPES[question.kind] for question in long.codebook.questions()}
    count = 0
    with (folder / DATA).open("w", encoding="utf-8", newline="") as out:
        out.write("[")
        responses = (
            _encode(_response((call_id, caller, answers.cells(run)[1]), answers.cells(given), raw, nth, long, types))
            for call_id, caller, run, text in answers.rows
            if text
            for given, raw, nth in answers.pieces(text)
        )
        while some := list(islice(responses, CHUNK)):
            lines = ",\n".join(some)
            out.write(("\n" if count == 0 else ",\n") + lines)
            count += len(some)
            on_rows(len(some))
        out.write("\n]\n")
    return count


def descriptor(name: str, book: Codebook) -> dict[str, Any]:
    """The package is the same one, and keeps its id, however often it is exported; a new version of the questionnaire
    changes ``modified`` and adds questions."""
    seen = sorted(book.first_seen.values()) or [datetime(1970, 1, 1, tzinfo=UTC)]
    plain = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-.") or "answers"
    digest = hashlib.sha256(f"{name}\n{next(iter(book.definitions), '')}".encode()).digest()
    schema: dict[str, Any] = {
        "fields": [{"name": f, "title": f.replace("_", " ").capitalize(), "type": t} for f, t in FIELDS],
        "questions": {question.id: _question(question, book) for question in book.questions()},
    }
    if book.language in _LANGUAGES:
        schema = {"language": _LANGUAGES[book.language], **schema}
    resource = {
        **{"path": DATA, "name": f"{plain}-responses", "access_method": "file", "format": "json"},
        **{"mediatype": "application/json", "encoding": "utf-8", "schema": schema},
    }
    return {
        **{"profile": "flow-results-package", "name": plain, "flow_results_specification_version": VERSION},
        "created": seen[0].isoformat(),
        "modified": seen[-1].isoformat(),
        "id": str(UUID(bytes=digest[:16], version=4)),
        "title": book.survey_title() or name,
        "resources": [resource],
    }


def _question(question: QuestionDef, book: Codebook) -> dict[str, Any]:
    options: dict[str, Any] = {}
    kind = TYPES[question.kind]
    if kind.startswith("select"):
        options["choices"] = [str(value.value) for value in question.values]
    elif kind == "numeric" and question.low is not None and question.high is not None:
        options["range"] = [question.low, question.high]
    return {"type": kind, "label": question.title(book.language), "type_options": options}


def _response(call: Row, cells: Row, at: str, nth: str, long: Long, types: Mapping[str, str]) -> list[Any]:
    question, given, given_number, why, language = cells
    kind = types.get(question, "text")
    about: dict[str, Any] = {"missing": why} if why else {}
    if kind in ("text", "audio") and language in _LANGUAGES:
        about["language"] = _LANGUAGES[language]
    response: Any = None
    if given and not why:
        numeric = number(given_number) if kind == "numeric" else None
        response = listed(given) if kind == "select_many" else given if numeric is None else numeric
    call_id, caller, run = call
    contact = long.respondent(caller or "") or call_id  # nobody is known: each call is somebody
    return [iso(at), f"{call_id}/{question}/{nth}", contact, f"{call_id}/{run}", question, response, about]
