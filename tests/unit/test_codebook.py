"""Codebooks: a Definition as CSV, as a page and as DDI-Codebook 2.5."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from ivr.authoring import codebook
from ivr.authoring.ddi import NAMESPACE, ddi
from ivr.results.cells import safe_cell
from ivr.survey.definition import KINDS, Definition, QuestionDef, QuotaDef, Value


def both(en: str, zh: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


EVIL = "<script>alert('x')</script>"
DEFINITION = Definition(
    survey="aftercare",
    title=f"Follow-up {EVIL} & more",
    languages=("zh", "en"),
    version="3",
    keep_days=400,
    quotas=(QuotaDef("north", "customer.region == 'north'", 400), QuotaDef("all", "", 9)),
    sections={"products": "The products"},
    random=("products", ""),
    questions=(
        QuestionDef(
            "overall",
            "scale",
            both("How satisfied are you?", "您满意吗？"),
            both("Satisfaction", "满意度"),
            "csat",
            tuple(Value(n, str(n), both(f"step {n}", f"{n}分")) for n in range(1, 4)),
            low=1,
            high=3,
            top=1,
            bank="csat5@2",
            missing={"refused": "*"},
        ),
        QuestionDef(
            "reason",
            "choice",
            both(f"=1+1 {EVIL}", "为什么？"),
            values=(Value("late", "1", both("too late", "迟到")), Value("=cmd()", "2", both("@x", "价格"))),
            when=f"overall <= 1 and 'a' != '{EVIL}'",
            missing={"dont_know": "0", "refused": "*"},
        ),
        QuestionDef("visits", "number", both("How often?", "几次？"), low=0, high=30, valid="visits > 0"),
        QuestionDef("paid", "amount", both("How much?", "多少钱？"), low=0.0, high=99.99, decimals=2),
        QuestionDef("day", "date", both("Which day?", "哪天？"), low="2020-01-01", high="2026-12-31"),
        QuestionDef("order_no", "code", both("Order\x01 number?", "订单号？")),
        QuestionDef(
            "used", "multiple", both("Which?", "哪些？"), values=(Value("web", "1"), Value("app", "2")), choose=(1, 2)
        ),
        QuestionDef("best", "ranking", both("Order?", "排序？"), values=(Value("web", "1"),), choose=(1, 1)),
        QuestionDef(
            "rating_tv",
            "scale",
            both("How is it?", "怎么样？"),
            values=tuple(Value(n, str(n)) for n in range(11)),
            low=0,
            high=10,
            direction="down",
            screen_out="rating_tv == 0",
            section="products",
            item="tv",
            base="rating",
        ),
        QuestionDef("solved", "yes_no", both("Solved?", "解决了吗？"), values=(Value("yes", "1"), Value("no", "2"))),
        QuestionDef("more", "voice", both("Anything else?", "还有吗？")),
    ),
)


def rows() -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(codebook.csv_text(DEFINITION, safe_cell))))


CELLS = [
    ("overall", 0, {"value": "1", "key": "1", "value_label_en": "step 1", "label_zh": "满意度", "top": "1"}),
    ("overall", 3, {"value": "", "key": "*", "missing": "refused", "value_label_zh": "不愿回答"}),
    ("reason", 2, {"missing": "dont_know", "value_label_en": "does not know"}),
    ("visits", 0, {"range": "0..30", "value": "", "valid": "visits > 0", "stored_as": KINDS["number"]}),
    ("paid", 0, {"range": "0..99.99", "decimals": "2"}),
    ("day", 0, {"range": "2020-01-01..2026-12-31", "decimals": ""}),
    ("used", 1, {"value": "app", "choose": "1..2"}),
    ("rating_tv", 10, {"value": "10", "direction": "down", "base": "rating", "item": "tv", "section": "products"}),
]


@pytest.mark.parametrize(("variable", "n", "wanted"), CELLS)
def test_row_of_the_table(variable, n, wanted):
    row = [row for row in rows() if row["variable"] == variable][n]
    assert {key: row[key] for key in wanted} == wanted


def test_one_row_for_each_value():
    values = {q.id: max(len(q.values) + len(q.missing), 1) for q in DEFINITION.questions}
    found = [row["variable"] for row in rows()]
    assert {name: found.count(name) for name in found} == values


def test_no_cell_is_a_formula():
    text = codebook.csv_text(DEFINITION, safe_cell)
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert "'=cmd()" in cells
    assert f"'=1+1 {EVIL}" in cells
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@")]


class Page(HTMLParser):
    """What a browser would make of a page: tags that do not pair, and texts."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data):
        self.said += data


@pytest.mark.parametrize("language", ["zh", "en"])
def test_page(language):
    page = Page(codebook.html(DEFINITION, language))
    assert (page.open, page.wrong) == ([], [])
    assert "script" not in {tag for tag, _ in page.tags}
    assert EVIL in page.said
    assert ("html", {"lang": language}) in page.tags
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert ids == [f"v-{q.id}" for q in DEFINITION.questions]
    assert links == [f"#{name}" for name in ids]
    # Everything is in the page itself.
    assert not [attrs for _, attrs in page.tags if {"src", "srcset"} & set(attrs)]
    assert "url(" not in page.said
    assert "@import" not in page.said


def test_the_language_that_is_asked_for_comes_first():
    for first, second, language in (("您满意吗？", "How satisfied", "zh"), ("How satisfied", "您满意吗？", "en")):
        said = codebook.html(DEFINITION, language)
        assert said.index(first) < said.index(second)


#: Children of an element in the order that the schema of DDI-Codebook 2.5 gives them; * many, + at least one, 1 one.
ORDER = {
    "codeBook": "docDscr* stdyDscr+ fileDscr* dataDscr* otherMat*",
    "docDscr": "citation guide docStatus docSrc* controlledVocabUsed* notes*",
    "stdyDscr": "citation+ studyAuthorization* stdyInfo* studyDevelopment* method* dataAccs* othrStdyMat* notes*",
    "citation": "titlStmt1 rspStmt prodStmt distStmt serStmt* verStmt* biblCit holdings* notes*",
    "titlStmt": "titl1 subTitl* altTitl* parTitl* IDNo*",
    "prodStmt": "producer* copyright prodDate* prodPlac* software* fundAg* grantNo*",
    "verStmt": "version verResp notes*",
    "method": "dataColl* notes* anlyInfo stdyClas* dataProcessing* codingInstructions*",
    "dataColl": "timeMeth* dataCollector* collectorTraining* frequenc* sampProc* "
    "sampleFrame* targetSampleSize* deviat* collMode* resInstru* instrumentDevelopment* "
    "sources collSitu* actMin* ConOps* weight* cleanOps*",
    "dataDscr": "varGrp* nCubeGrp* var* nCube* notes*",
    "varGrp": "labl* txt* concept* defntn universe notes*",
    "var": "location* labl* imputation security embargo respUnit anlysUnit qstn* valrng* invalrng* undocCod* universe* "
    "TotlResp sumStat* txt* stdCatgry* catgryGrp* catgry* codInstr* verStmt* concept* derivation varFormat geoMap* "
    "catLevel* notes*",
    "qstn": "preQTxt* qstnLit* postQTxt* forward* backward* ivuInstr*",
    "valrng": "item* range* key notes*",
    "invalrng": "item* range* key notes*",
    "catgry": "catValu labl* txt* catStat* mrow",
}
ATTRIBUTES = {
    "var": {
        "intrvl": {"contin", "discrete"},
        "nature": {"nominal", "ordinal", "interval", "ratio", "percent", "other"},
        "representationType": {"text", "numeric", "code", "datetime", "other"},
    },
    "qstn": {"responseDomainType": {"text", "numeric", "code", "category", "datetime", "multiple", "other"}},
    "catgry": {"missing": {"Y", "N"}},
    "range": {"UNITS": {"INT", "REAL"}},
    "varFormat": {"type": {"character", "numeric"}, "category": {"date", "time", "currency", "other"}},
    "varGrp": {"type": {"section", "iteration", "other"}},
    "codeBook": {"version": {"2.5"}},
}
REQUIRED = {"var": ("name",), "item": ("VALUE",)}


def schema_faults(root: ET.Element) -> list[str]:
    """Where the document breaks the rules above."""
    found = []
    for element in root.iter():
        tag = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        children = " ".join(child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element)
        if tag in ORDER:
            parts = [re.fullmatch(r"(\w*?[A-Za-z])([*+1]?)", part) for part in ORDER[tag].split()]
            many = {"*": "*", "+": "+", "1": "", "": "?"}
            pattern = "".join(f"(?:{p[1]}(?: |$)){many[p[2]]}" for p in parts)
            if not re.fullmatch(pattern, children):
                found.append(f"{tag}: {children}")
        elif children:
            found.append(f"{tag} has no children, not {children}")
        found += [f"{tag} needs {name}" for name in REQUIRED.get(tag, ()) if not element.get(name)]
        for name, allowed in ATTRIBUTES.get(tag, {}).items():
            if element.get(name) is not None and element.get(name) not in allowed:
                found.append(f"{tag} {name}={element.get(name)}")
    ids = [element.get("ID") for element in root.iter() if element.get("ID")]
    if len(set(ids)) != len(ids):
        found.append("an ID stands twice")
    found += [ref for group in root.iter() for ref in group.get("var", "").split() if ref not in ids]
    return found


def document() -> ET.Element:
    return ET.fromstring(ddi(DEFINITION))


def test_ddi_keeps_the_rules_of_the_schema():
    assert schema_faults(document()) == []


BREAKS = [
    ("<codeBook xmlns='ddi:codebook:2_5'/>", "codeBook: "),
    ("<codeBook xmlns='ddi:codebook:2_5'><dataDscr/><stdyDscr><citation><titlStmt><titl/></titlStmt></citation>"
     "</stdyDscr></codeBook>", "codeBook: dataDscr stdyDscr"),
    ("<var xmlns='ddi:codebook:2_5' name='a'><catgry/><labl/></var>", "var: catgry labl"),
    ("<var xmlns='ddi:codebook:2_5'/>", "var needs name"),
    ("<var xmlns='ddi:codebook:2_5' name='a' nature='odd'/>", "var nature=odd"),
    ("<labl xmlns='ddi:codebook:2_5'><b/></labl>", "labl has no children, not b"),
    ("<varGrp xmlns='ddi:codebook:2_5' var='v.x'/>", "v.x"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), BREAKS)
def test_the_rules_themselves(text, fault):
    assert fault in schema_faults(ET.fromstring(text))


def found(path: str, element: ET.Element | None = None) -> list[ET.Element]:
    return (document() if element is None else element).findall(path, {"": NAMESPACE})


def test_ddi_says_what_the_definition_says():
    assert [var.get("name") for var in found(".//var")] == [q.id for q in DEFINITION.questions]
    reason = next(var for var in found(".//var") if var.get("name") == "reason")
    assert [e.text for e in found("qstn/qstnLit", reason)] == ["为什么？", f"=1+1 {EVIL}"]
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    assert [e.get(lang) for e in found("qstn/qstnLit", reason)] == ["zh", "en"]
    assert [e.text for e in found("catgry/catValu", reason)] == ["late", "=cmd()", "dont_know", "refused"]
    assert [e.get("missing") for e in found("catgry", reason)] == [None, None, "Y", "Y"]
    assert found("universe", reason)[0].text == DEFINITION.questions[1].when
    ranges = {var.get("name"): found("valrng/range", var) for var in found(".//var")}
    assert {name: (r[0].get("min"), r[0].get("max")) for name, r in ranges.items() if r} == {
        "overall": ("1", "3"),
        "visits": ("0", "30"),
        "paid": ("0", "99.99"),
        "day": ("2020-01-01", "2026-12-31"),
        "rating_tv": ("0", "10"),
    }
    assert found("stdyDscr/citation/titlStmt/titl")[0].text == DEFINITION.title
    assert [e.text for e in found(".//sampProc")] == [
        "Quota north: 400 complete interviews, customer.region == 'north'",
        "Quota all: 9 complete interviews",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_question_is_in_every_codebook(kind):
    one = Definition("s", "", ("en",), (QuestionDef("q", kind, {"en": "Q?"}),))
    assert schema_faults(ET.fromstring(ddi(one))) == []
    assert KINDS[kind] in codebook.html(one)
    assert KINDS[kind] in codebook.csv_text(one, safe_cell).replace('""', '"')


ORDERS = [
    ((), {}, ""),
    (("",), {}, "the whole questionnaire"),
    (("a", "b"), {"a": "First", "b": ""}, "First, b"),
    (("", "c"), {}, "the whole questionnaire, c"),
]


@pytest.mark.parametrize(("random", "titles", "said"), ORDERS)
def test_what_is_asked_in_random_order(random, titles, said):
    one = Definition("s", "", ("en",), (QuestionDef("q", "code", {"en": "Q?"}),), random=random, sections=titles)
    assert (f"<dt>asked in random order</dt><dd>{said}</dd>" in codebook.html(one)) is bool(said)
    assert (f"Asked in random order: {said}<" in ddi(one)) is bool(said)


def test_a_definition_from_the_store_gives_the_same():
    again = Definition.from_json(DEFINITION.to_json())
    assert ddi(again) == ddi(DEFINITION)
    assert codebook.html(again) == codebook.html(DEFINITION)
