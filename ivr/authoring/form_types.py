"""Form types: every type of an XLSForm, what it becomes on a phone, or why a phone cannot ask it.

Law: plain tables; docs/xlsform.md is held to them by a test.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class FormType(NamedTuple):
    becomes: str  # a kind of question, or say | section | loop | condition | metadata | lost
    told: str  # for the report and the documents


TYPES: Final[dict[str, FormType]] = {
    "integer": FormType("number", "A whole number, closed with hash; its `range` is taken from the constraint."),
    "decimal": FormType("amount", "A number with two decimals; star is the decimal point."),
    "range": FormType("scale", "A `scale` for whole numbers by one up to 100, else a `number` or an `amount`."),
    "text": FormType("voice", "A recording; a `code` when the constraint or `appearance: numbers` leaves digits only."),
    "select_one": FormType("choice", "A `choice` with its options read aloud; `yes_no` for yes and no."),
    "select_multiple": FormType("multiple", "Keys one after another until hash; at most ten choices."),
    "rank": FormType("ranking", "Keys in the caller's order; at most ten choices."),
    "date": FormType("date", "Eight digits: year, month, day."),
    "note": FormType("say", "Spoken, nothing is asked."),
    "acknowledge": FormType("choice", "One key, 1, confirms."),
    "audio": FormType("voice", "A recording."),
    "calculate": FormType("condition", "Written out in the conditions that use it; not stored."),
    "begin_group": FormType("section", "A section; its label is the title. Groups in groups become one section."),
    "end_group": FormType("section", "Closes the group."),
    "begin_repeat": FormType("loop", "A loop, when its count is fixed, a question's number, or a question's choices."),
    "end_repeat": FormType("loop", "Closes the repeat."),
    "time": FormType("lost", "no kind of question asks for a time of day"),
    "datetime": FormType("lost", "no kind of question asks for a date and a time"),
    "hidden": FormType("lost", "nothing is asked; bring the value with the call as a fact"),
    "geopoint": FormType("lost", "a phone line knows no place"),
    "geotrace": FormType("lost", "a phone line knows no place"),
    "geoshape": FormType("lost", "a phone line knows no place"),
    "image": FormType("lost", "nothing can be seen on the phone"),
    "video": FormType("lost", "nothing can be seen on the phone"),
    "file": FormType("lost", "a caller cannot send a file"),
    "barcode": FormType("lost", "nothing can be seen on the phone"),
    "osm": FormType("lost", "there is no map on the phone"),
    "select_one_from_file": FormType("lost", "its choices stand in another file"),
    "select_multiple_from_file": FormType("lost", "its choices stand in another file"),
    "select_one_external": FormType("lost", "its choices stand on another sheet and are filtered"),
    "background-audio": FormType("lost", "calls are not recorded unless a caller is asked to speak"),
    "csv-external": FormType("lost", "there is no data file beside a call"),
    "xml-external": FormType("lost", "there is no data file beside a call"),
    "xml_external": FormType("lost", "there is no data file beside a call"),
    "start": FormType("metadata", "Every call is stored with its beginning."),
    "end": FormType("metadata", "Every call is stored with its end."),
    "today": FormType("metadata", "Every call is stored with its day."),
    "deviceid": FormType("metadata", "Every call has an id."),
    "subscriberid": FormType("metadata", "Of a device; there is none."),
    "simserial": FormType("metadata", "Of a device; there is none."),
    "phonenumber": FormType("metadata", "Every call is stored with the caller's number."),
    "username": FormType("metadata", "Of an interviewer; there is none."),
    "email": FormType("metadata", "Of an interviewer; there is none."),
    "audit": FormType("metadata", "Every call is stored key by key."),
    "start-geopoint": FormType("metadata", "A phone line knows no place."),
}
#: How types are also written.
ALIASES: Final[dict[str, str]] = {
    "int": "integer",
    "string": "text",
    "trigger": "acknowledge",
    "photo": "image",
    "location": "geopoint",
    "gps": "geopoint",
    "dateTime": "datetime",
    "date time": "datetime",
    "calculation": "calculate",
    "begin group": "begin_group",
    "end group": "end_group",
    "begin repeat": "begin_repeat",
    "end repeat": "end_repeat",
    "begin lgroup": "begin_repeat",
    "end lgroup": "end_repeat",
    "device id": "deviceid",
    "phone number": "phonenumber",
    "start time": "start",
    "end time": "end",
    "sim serial": "simserial",
    "subscriber id": "subscriberid",
    "select one external": "select_one_external",
    "rank": "rank",
}
_LISTED: Final = {
    "select_one": ("select_one", "select one", "select1", "select one from"),
    "select_multiple": ("select_multiple", "select multiple", "select all that apply", "select all that apply from"),
    "rank": ("rank", "odk:rank"),
    "select_one_from_file": ("select_one_from_file", "select one from file"),
    "select_multiple_from_file": ("select_multiple_from_file", "select multiple from file"),
    "select_one_external": ("select_one_external", "select one external"),
}
_OTHER = re.compile(r"(.*?)\s+(or_other|or specify other|or other)", re.IGNORECASE)
#: Columns of the survey sheet -> what becomes of them. "": without a word.
COLUMNS: Final[dict[str, str]] = {
    "type": "The kind of question.",
    "name": "The question's `id`.",
    "label": "What is asked, in each language.",
    "hint": "Said after the label.",
    "relevant": "`when`.",
    "constraint": "`range`, `choose`, `alone`, `digits`; what is left is `valid`.",
    "constraint_message": "`invalid`, said when `valid` does not hold.",
    "required": "Nobody can be made to answer on the phone: after its tries a question is skipped.",
    "required_message": "As `required`.",
    "default": "Not filled in beforehand; reported.",
    "appearance": "`numbers` makes a text a `code`; the rest is for eyes.",
    "choice_filter": "All choices are offered when there are few, else the question is left out; reported.",
    "parameters": "`start`, `end` and `step` of a range; `randomize` is reported.",
    "read_only": "The question is only said.",
    "calculation": "Written out in the conditions that use it.",
    "repeat_count": "The list that the loop goes over.",
    "guidance_hint": "For interviewers; left out.",
    "disabled": "`yes` leaves the row out.",
}


class Typed(NamedTuple):
    type: str  # a key of TYPES; "" when it is none
    list_name: str = ""
    or_other: bool = False


def read_type(text: str) -> Typed:
    """The type cell: `select_one colours or_other`."""
    text = " ".join(text.split())
    other = _OTHER.fullmatch(text)
    bare = other[1] if other else text
    low = bare.lower()
    for name, ways in _LISTED.items():
        for way in sorted(ways, key=len, reverse=True):
            if low == way:
                return Typed(name, "", bool(other))
            if low.startswith(way + " ") and low not in ALIASES:
                rest = bare[len(way) + 1 :].strip()
                if name == "select_one" and rest.lower().startswith("from file "):
                    return Typed("select_one_from_file", rest[10:], bool(other))
                return Typed(name, rest, bool(other))
    if low.startswith("uri:"):
        low = bare = low[4:]
    if low.startswith("osm "):
        return Typed("osm", bare[4:])
    name = ALIASES.get(bare, ALIASES.get(low, low))
    return Typed(name) if name in TYPES else Typed("")
