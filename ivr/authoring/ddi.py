"""DDI: a Definition as DDI-Codebook 2.5, which archives and statistics packages read.

Law: standard library only. Elements stand in the order of the standard's schema; every text has its language. What
XML cannot hold is left out of the text, never written as something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as ET

from ivr.authoring.codebook import missing_label, shuffled
from ivr.survey.definition import KINDS, Definition, QuestionDef

NAMESPACE: Final = "ddi:codebook:2_5"
_XML: Final = "{http://www.w3.org/XML/1998/namespace}"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_LOCATION: Final = "https://ddialliance.org/Specification/DDI-Codebook/2.5/XMLSchema/codebook.xsd"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: kind -> (nature, interval, representation, response domain, format, category of the format)
_KINDS: Final[dict[str, tuple[str, str, str, str, str, str]]] = {
    "choice": ("nominal", "discrete", "code", "category", "character", "other"),
    "yes_no": ("nominal", "discrete", "code", "category", "character", "other"),
    "scale": ("ordinal", "discrete", "numeric", "category", "numeric", "other"),
    "number": ("ratio", "discrete", "numeric", "numeric", "numeric", "other"),
    "amount": ("ratio", "contin", "numeric", "numeric", "numeric", "other"),
    "date": ("interval", "contin", "datetime", "datetime", "character", "date"),
    "code": ("nominal", "discrete", "text", "code", "character", "other"),
    "multiple": ("nominal", "discrete", "code", "multiple", "character", "other"),
    "ranking": ("ordinal", "discrete", "code", "multiple", "character", "other"),
    "voice": ("other", "discrete", "text", "text", "character", "other"),
}


def ddi(definition: Definition) -> str:
    """The whole document."""
    ET.register_namespace("", NAMESPACE)
    ET.register_namespace("xsi", _XSI)
    root = ET.Element(
        _tag("codeBook"),
        {
            "version": "2.5",
            f"{_XML}lang": definition.languages[0],
            f"{{{_XSI}}}schemaLocation": f"{NAMESPACE} {_LOCATION}",
        },
    )
    _citation(_add(root, "docDscr"), definition, f"{definition.title or definition.survey}: codebook")
    study = _add(root, "stdyDscr")
    _citation(study, definition, definition.title or definition.survey)
    _method(study, definition)
    data = _add(root, "dataDscr")
    _groups(data, definition)
    for question in definition.questions:
        _variable(data, question, definition.languages)
    if definition.random:
        _add(data, "notes", f"Asked in random order: {', '.join(shuffled(definition))}", type="order")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _add(parent: ET.Element, tag: str, text: str = "", lang: str = "", /, **attributes: str) -> ET.Element:
    made = {key: _NOT_XML.sub("", value) for key, value in attributes.items() if value}
    if lang:
        made[f"{_XML}lang"] = lang
    element = ET.SubElement(parent, _tag(tag), made)
    if text:
        element.text = _NOT_XML.sub("", text)
    return element


def _texts(parent: ET.Element, name: str, texts: Mapping[str, str], languages: tuple[str, ...]) -> None:
    for lang in languages:
        if texts.get(lang):
            _add(parent, name, texts[lang], lang)


def _citation(parent: ET.Element, definition: Definition, title: str) -> None:
    citation = _add(parent, "citation")
    titles = _add(citation, "titlStmt")
    _add(titles, "titl", title)
    _add(titles, "IDNo", definition.survey, agency="callweave")
    if parent.tag == _tag("docDscr"):
        _add(_add(citation, "prodStmt"), "software", "Callweave")
    version = _add(citation, "verStmt")
    _add(version, "version", definition.version or definition.hash[:12])
    _add(version, "notes", f"SHA-256 of the questionnaire: {definition.hash}")


def _method(study: ET.Element, definition: Definition) -> None:
    collection = _add(_add(study, "method"), "dataColl")
    for quota in definition.quotas:
        told = f"Quota {quota.quota}: {quota.completes} complete interviews" + (f", {quota.when}" if quota.when else "")
        _add(collection, "sampProc", told)
    _add(collection, "collMode", "Telephone interview, self-completed with the keypad (IVR)")


def _groups(data: ET.Element, definition: Definition) -> None:
    """Sections, and what a loop asked of several things."""
    sections: dict[str, list[str]] = {}
    loops: dict[str, list[str]] = {}
    for question in definition.questions:
        if question.section:
            sections.setdefault(question.section, []).append(_ident(question.id))
        if question.base:
            loops.setdefault(question.base, []).append(_ident(question.id))
    for name, members in sections.items():
        group = _add(data, "varGrp", ID=f"section.{name}", name=name, type="section", var=" ".join(members))
        _add(group, "labl", definition.sections.get(name) or name)
    for name, members in loops.items():
        group = _add(data, "varGrp", ID=f"loop.{name}", name=name, type="iteration", var=" ".join(members))
        _add(group, "labl", name)


def _ident(name: str) -> str:
    """An XML id: `v.` keeps it from those of groups."""
    return f"v.{name}"


def _variable(data: ET.Element, question: QuestionDef, languages: tuple[str, ...]) -> None:
    nature, interval, representation, domain, form, category = _KINDS[question.kind]
    variable = _add(
        data,
        "var",
        ID=_ident(question.id),
        name=question.id,
        intrvl=interval,
        nature=nature,
        representationType=representation,
        dcml=str(question.decimals) if question.kind == "amount" else "",
    )
    _texts(variable, "labl", question.label or question.text, languages)
    asked = _add(variable, "qstn", responseDomainType=domain)
    _texts(asked, "qstnLit", question.text, languages)
    _ranges(variable, question)
    if question.when:
        _add(variable, "universe", question.when, level="condition")
    _categories(variable, question, languages)
    if question.bank:
        _add(variable, "concept", question.bank, vocab="callweave bank")
    elif question.measure:
        _add(variable, "concept", question.measure, vocab="callweave measures")
    _add(variable, "varFormat", KINDS[question.kind], type=form, category=category)
    for subject, text in (("valid", question.valid), ("screen_out", question.screen_out)):
        if text:
            _add(variable, "notes", text, type="condition", subject=subject)
    if question.choose:
        _add(variable, "notes", f"{question.choose[0]}..{question.choose[1]} are chosen", type="choose")
    if question.kind == "scale":
        best = "highest" if question.direction == "up" else "lowest"
        _add(variable, "notes", f"the {best} is best; the best {question.top} count as satisfied", type="direction")


def _ranges(variable: ET.Element, question: QuestionDef) -> None:
    if question.low is not None or question.high is not None:
        units = "REAL" if question.kind == "amount" else "INT"
        ends = {"min": _number(question.low), "max": _number(question.high)}
        if question.kind == "date":
            _add(_add(variable, "valrng"), "range", **ends)
        else:
            _add(_add(variable, "valrng"), "range", UNITS=units, **ends)
    if question.missing:
        invalid = _add(variable, "invalrng")
        for why in question.missing:
            _add(invalid, "item", VALUE=why)


def _number(value: float | str | None) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _categories(variable: ET.Element, question: QuestionDef, languages: tuple[str, ...]) -> None:
    for value in question.values:
        category = _add(variable, "catgry")
        _add(category, "catValu", str(value.value))
        _texts(category, "labl", value.label, languages)
    for why in question.missing:
        category = _add(variable, "catgry", missing="Y", missType=why)
        _add(category, "catValu", why)
        _texts(category, "labl", {lang: missing_label(why, lang) for lang in languages}, languages)
