"""Form: what the rows of an XLSForm have in common: its languages, texts, names and expressions.

Law: reads cells and reports what is wrong with them at their place; makes no questions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ivr.authoring import labels, tongues, xpath
from ivr.authoring.choices import ChoiceLists, Texts
from ivr.authoring.conditions import Asked, Broken, Conditions, Unfit, parse
from ivr.authoring.form_types import COLUMNS, read_type
from ivr.authoring.report import Report
from ivr.authoring.sheets import Row, Sheet
from ivr.authoring.xpath import Call, Expr
from ivr.lang.expr import NAME, usable_name

#: Columns whose texts are by language.
_TEXTS: Final = ("label", "hint", "constraint_message", "required_message", "guidance_hint")
_MAX_NAME: Final = 60


class Form:
    def __init__(self, sheets: dict[str, Sheet], report: Report, wanted: Sequence[str]) -> None:
        self.report = report
        self.survey = sheets.get("survey") or Sheet("survey")
        self.settings = next(iter(sheets["settings"].rows), None) if "settings" in sheets else None
        self.columns: dict[tuple[str, str], str] = {}  # field, language -> header
        self.choice_columns: dict[tuple[str, str], str] = {}
        self.languages = self._languages(sheets, wanted)
        twice = self.setting("allow_choice_duplicates").lower() in ("yes", "true")
        self.choices = ChoiceLists(sheets.get("choices"), report, self._choice_texts, twice)
        self.places: dict[str, str] = {}  # every name of the form -> where it stands
        self.known: dict[str, Asked] = {}  # the questions so far
        self.conditions = Conditions(self.known)
        self._check_columns(sheets)

    def setting(self, header: str) -> str:
        return self.settings.get(header) if self.settings else ""

    # Languages.

    def _languages(self, sheets: dict[str, Sheet], wanted: Sequence[str]) -> tuple[str, ...]:
        default = tongues.code(self.setting("default_language"))
        found: dict[str, None] = {default: None} if default else {}
        for name, columns in (("survey", self.columns), ("choices", self.choice_columns)):
            for head, at in sheets[name].columns.items() if name in sheets else ():
                field, _, language = head.partition("::")
                if field not in _TEXTS or (field != "label" and not language):
                    if field in _TEXTS:
                        columns[field, ""] = head
                    continue
                if not language or language.lower() == "default":
                    columns[field, ""] = head
                    continue
                known = self._language(language, sheets[name].place(head, at), wanted)
                if known and (not wanted or known in wanted):
                    columns[field, known] = head
                    if name == "survey" and field == "label":
                        found.setdefault(known)
        spoken = [lang for lang in found if ("label", lang) in self.columns]
        first = default or (wanted[0] if wanted else "en")
        if (("label", "") in self.columns or not spoken) and first not in spoken:
            spoken.insert(0, first)
            if not default and not wanted:
                self.report.note("survey!A1", "the labels name no language; taken as English (en)")
        first = first if first in spoken else spoken[0]
        for columns in (self.columns, self.choice_columns):
            for field in _TEXTS:  # what names no language is in the first
                if (field, "") in columns:
                    columns.setdefault((field, first), columns[field, ""])
        for language in wanted:
            if language not in spoken:
                self.report.error("survey!A1", f"the form has no label::... ({language})")
        return tuple(lang for lang in wanted if lang in spoken) or tuple(spoken)

    def _language(self, name: str, place: str, wanted: Sequence[str]) -> str:
        known = tongues.code(name)
        if not known:
            message = f"no language is known by the name {name!r}; write it with its code, as in label::{name} (xx)"
            (self.report.lost if wanted else self.report.error)(place, message)
        return known

    def _check_columns(self, sheets: dict[str, Sheet]) -> None:
        for sheet in sheets.values():
            for place, head in sheet.doubled:
                self.report.error(place, f"column {head!r} stands twice")
        for head, at in self.survey.columns.items():
            field = head.partition("::")[0]
            if field not in COLUMNS:
                told = "nothing can be seen on the phone" if field in ("media", "image", "video") else "not used"
                self.report.note(self.survey.place(head, at), f"column {head!r}: {told}")
        if "survey" in sheets:
            for head in ("type", "name"):
                if head not in self.survey.columns:
                    self.report.error("survey!A1", f"the sheet survey has no column {head!r}")

    # Cells.

    def texts(self, row: Row, field: str) -> Texts:
        """The texts of a field in the languages that have one."""
        columns = self.columns
        return {
            lang: row.get(head) for lang in self.languages if (head := columns.get((field, lang), "")) and row.get(head)
        }

    def label(self, row: Row) -> Texts | None:
        """What is asked; None when a language has none, which is reported."""
        found = self.texts(row, "label")
        if not found:
            found = self.texts(row, "hint")
        if not self._whole(row, found, self.columns):
            return None
        return found

    def _choice_texts(self, row: Row, field: str) -> Texts:
        columns = self.choice_columns
        found = {
            lang: row.get(head) for lang in self.languages if (head := columns.get((field, lang), "")) and row.get(head)
        }
        self._whole(row, found, columns)
        return found

    def _whole(self, row: Row, found: Texts, columns: dict[tuple[str, str], str]) -> bool:
        lacking = [lang for lang in self.languages if not labels.plain(found.get(lang, ""))]
        for lang in lacking:
            head = columns.get(("label", lang), "")
            place = row.place(head) if head else row.place("label")
            what = "label is missing" if len(self.languages) == 1 else f"label is missing in {lang}"
            self.report.error(place, what if head else f"{what}: there is no column for it", row.get("name"))
        return not lacking

    def name(self, row: Row, what: str = "question") -> str:
        """The row's name, checked; "" when it cannot be one of ours."""
        name, place = row.get("name"), row.place("name")
        if not name:
            self.report.error(place, f"the {what} has no name")
            return ""
        if not NAME.fullmatch(name):
            self.report.error(place, f"{name!r} is no name: letters, digits and _, a letter first", name)
        elif not usable_name(name):
            self.report.error(place, f"{name!r} is a word of the language; choose another name", name)
        elif len(name) > _MAX_NAME:
            self.report.error(place, f"the name has more than {_MAX_NAME} characters", name)
        elif name in self.places:
            self.report.error(place, f"{name!r} stands twice; the first is at {self.places[name]}", name)
        else:
            self.places[name] = place
            return name
        return ""

    # Expressions.

    def expression(self, row: Row, header: str, lost: str) -> Expr | None:
        """The tree of a cell; None when it is empty or cannot be read. ``lost`` ends the report's line then."""
        text = row.get(header)
        if not text:
            return None
        try:
            tree = Call(text.lower(), ()) if text.lower() in ("true", "false") else parse(text)
        except Unfit as error:
            self.unfit(row, header, error, lost)
            return None
        return tree if self.names_exist(row, header, tree) else None

    def unfit(self, row: Row, header: str, error: Unfit, lost: str) -> None:
        """A mistake of the form's author is to be mended; what a phone cannot do is lost."""
        told, name = f"{header} {row.get(header)!r}: {error}", row.get("name")
        if isinstance(error, Broken):
            self.report.error(row.place(header), told, name)
        else:
            self.report.lost(row.place(header), f"{told}; {lost}", name)

    def names_exist(self, row: Row, header: str, tree: Expr) -> bool:
        strange = sorted(xpath.refs(tree) - self.all_names)
        for name in strange:
            self.report.error(row.place(header), f"{header} names {name!r}, which is no question", row.get("name"))
        return not strange

    @property
    def all_names(self) -> set[str]:
        if not hasattr(self, "_all_names"):
            self._all_names = {row.get("name") for row in self.survey.rows}
            for row in self.survey.rows:
                if read_type(row.get("type")).or_other:
                    self._all_names.add(f"{row.get('name')}_other")
        return self._all_names

    def spoken(self, row: Row, header: str, text: str, loop: str) -> str:
        """A label with its `${q}` as spoken values; what cannot be spoken is left out and reported."""

        def value(name: str) -> str:
            asked = self.known.get(name)
            place, own = row.place(header), row.get("name")
            if name not in self.all_names:
                self.report.error(place, f"the text names {name!r}, which is no question", own)
                return ""
            form = labels.SPOKEN.get(asked.kind, "") if asked and asked.loop in ("", loop) else ""
            if not form:
                self.report.lost(place, f"${{{name}}} in the text: its answer cannot be spoken here", own)
                return ""
            return f"{{{{ {name} | {form} }}}}"

        return labels.spoken(text, value)

    def prompt(self, row: Row, field: str, texts: Texts, loop: str) -> Texts:
        """The texts of a field as prompts."""
        made = {}
        for lang, text in texts.items():
            header = self.columns.get((field, lang), field)
            made[lang] = labels.sentence(self.spoken(row, header, text, loop), tongues.phrases(lang).end)
        return made


def form_name(text: str) -> str:
    """A questionnaire's name made of a form's id or a file's name; "" when nothing of it is left."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    name = re.sub(r"^[0-9_]+", "", name)[:_MAX_NAME].rstrip("_")
    return name if name and usable_name(name) else ""
