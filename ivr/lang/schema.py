"""Schema: the JSON Schema that editors check flows with while they are written.

Law: generated from the model's rows and the kinds they name; nothing about a key is said here.
"""

from __future__ import annotations

import re
from typing import Any

from ivr.lang.kinds import DURATION_SCHEMA, KEY, NAME_SCHEMA
from ivr.lang.model import ROWS, SHAPES, VERBS
from ivr.lang.parts import LANGUAGE


def _shape(cls: type[Any]) -> dict[str, Any]:
    rows = ROWS[cls].values()
    return {
        "type": "object",
        "description": plain(cls.__doc__ or ""),
        "properties": {r.key: {**r.kind.schema, "description": plain(r.doc)} for r in rows},
        "required": [r.key for r in rows if r.required],
        "additionalProperties": False,
    }


def plain(text: str) -> str:
    """A row's doc for an editor's tooltip: without Markdown's back-quotes."""
    return re.sub("`+", "", text)


def schema() -> dict[str, Any]:
    """One schema for flows, questionnaires and campaigns."""
    text = {"type": ["string", "number"]}
    by_language = {
        "type": "object",
        "propertyNames": {"pattern": f"^{LANGUAGE.pattern}$"},
        "additionalProperties": text,
        "minProperties": 1,
    }
    one = [NAME_SCHEMA, by_language]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Callweave flow, questionnaire or campaign",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in ("FlowFile", "SurveyFile", "CampaignFile")],
        "$defs": {
            "time": DURATION_SCHEMA,
            "target": {**NAME_SCHEMA, "description": "A step, or repeat (in the keys of a menu), or hang_up."},
            "key": {"type": "string", "pattern": f"^{KEY.pattern}$"},
            "prompt": {
                "description": "A name from prompts/, or a text per language, or a list of these.",
                "anyOf": [*one, {"type": "array", "minItems": 1, "items": {"anyOf": one}}],
            },
            "step": {"anyOf": [{"$ref": f"#/$defs/{shape.__name__}"} for shape in VERBS.values()]},
            **{name: _shape(cls) for name, cls in SHAPES.items()},
        },
    }
