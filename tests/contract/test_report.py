"""The report: what is on the page, that no text of a designer becomes markup, and how a browser shows it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
from surveytools import DEFINITION, fill, reading

from ivr.results.reading.reader import Reader
from ivr.results.reading.weighting import Targets, weighted
from ivr.results.report.content import Content, gather
from ivr.results.report.render import Imprint, render
from ivr.store.upgrade import upgrade
from ivr.survey.definition import Value

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HOSTILE = "<script>alert('a')</script>\"'><img src=x onerror=alert(1)>\u202eevil\u2066 مرحبا 您好 ]]>{{ 7 * 7 }}"


def page(content: Content, language: str = "en") -> str:
    return render(content, Imprint(NOW, "9.9.9", language))


class Outline(HTMLParser):
    """The tags of a page, what they hold, and how often each was left open."""

    VOID = frozenset(("meta", "link", "br", "rect", "line", "circle"))

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def outline(html: str) -> Outline:
    found = Outline()
    found.feed(html)
    found.close()
    assert not found.wrong
    assert not found.open
    return found


@pytest.fixture
def reader(database: str) -> Iterator[Reader]:
    fill(database)
    with reading(database) as found:
        yield found


def test_the_page_says_what_was_asked_and_answered(reader: Reader) -> None:
    found = outline(page(gather(reader)))
    text = " ".join(" ".join(found.text).split())
    for words in (
        "Follow-up",
        "13 interviews, begun from 4 May 2026 to 13 May 2026",
        "66.7 %",  # CSAT, 6 of 9
        "How satisfied are you?",
        "1 would not say, 1 gave no answer",
        "version 1",
        DEFINITION.hash,
        "Made 2026-06-01 12:00 UTC by Callweave 9.9.9",
        "RR1",
        "72.7 %",  # 8 of 11
        "None: every run counts once.",
    ):
        assert words in text, words


def test_the_page_needs_nothing_but_itself(reader: Reader) -> None:
    html = page(gather(reader))
    found = outline(html)
    outward = [
        (tag, value)
        for tag, attributes in found.tags
        for name, value in attributes.items()
        if name in ("src", "href", "action", "data") and not str(value).startswith(("#", "data:,"))
    ]
    assert not outward
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_every_picture_is_beside_its_numbers_or_told(reader: Reader) -> None:
    """Pictures are hidden from screen readers, so what they show must stand in tables, lists or captions."""
    found = outline(page(gather(reader)))
    pictures = [attributes for tag, attributes in found.tags if tag == "svg"]
    assert pictures
    assert all(attributes["aria-hidden"] == "true" for attributes in pictures)
    heads = [attributes.get("scope") for tag, attributes in found.tags if tag == "th"]
    assert heads
    assert set(heads) == {"row", "col"}


def test_hostile_texts_stay_texts(reader: Reader) -> None:
    questions = tuple(
        replace(
            question,
            text={"en": HOSTILE},
            label={"en": HOSTILE},
            when=HOSTILE,
            bank=HOSTILE,
            values=tuple(Value(v.value, v.key, {"en": HOSTILE}) for v in question.values),
        )
        for question in DEFINITION.questions
    )
    hostile = replace(DEFINITION, title=HOSTILE, version=HOSTILE, questions=questions)
    book = replace(reader.book, definition=hostile, hash=HOSTILE, launch="")
    content = gather(Reader(reader.connection, book), where=HOSTILE)
    html = render(content, Imprint(NOW, HOSTILE, 'en" onload="x'))
    found = outline(html)
    tags = [tag for tag, _ in found.tags]
    assert tags.count("script") == 1  # our own
    assert "img" not in tags
    assert not [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert "49" not in re.findall(r"\{\{ 7 \* 7 \}\}|\b49\b", " ".join(found.text))
    assert "您好" in html


@pytest.mark.parametrize(("language", "word"), [("zh", "您满意吗？"), ("en", "How satisfied are you?")])
def test_questions_are_in_the_language_that_is_asked_for(reader: Reader, language: str, word: str) -> None:
    html = page(gather(reader, language=language), language)
    assert word in html
    assert f'<bdi lang="{language}">' in html


def test_weights_are_told(reader: Reader) -> None:
    weighting = weighted(reader, Targets({"region": {"north": 0.25, "south": 0.75}}))
    text = " ".join(" ".join(outline(page(gather(reader, weighting))).text).split())
    assert "Figures are weighted by region." in text
    assert "the shares were met" in text
    assert "58.8 %" in text  # CSAT, 5 of 8.5


def test_no_answers_make_a_page_all_the_same(database: str) -> None:
    fill(database)
    with reading(database) as found:
        nothing = replace(found.selection, since=datetime(2030, 1, 1, tzinfo=UTC))
        html = page(gather(Reader(found.connection, found.book, nothing)))
    outline(html)
    assert "0 interviews" in html


# -- in a browser ------------------------------------------------------------------------------------------


def tool() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "tools" / "browser.py"
    spec = importlib.util.spec_from_file_location("browser_tool", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("hostile", [False, True], ids=["plain", "long words"])
def test_a_browser_shows_it_on_a_phone_without_a_complaint(tmp_path: Path, hostile: bool) -> None:
    browser = tool()
    program = browser.find()
    if program is None:
        pytest.skip("no Chromium on PATH: the page is not looked at (apt-get install chromium)")
    url = f"sqlite:///{tmp_path}/callweave.db"
    upgrade(url)
    fill(url)
    with reading(url) as reader:
        if hostile:
            long = "Unterbrechungsfreistellungsbescheinigung" * 2
            questions = tuple(replace(q, label={"en": long}) for q in DEFINITION.questions)
            book = replace(reader.book, definition=replace(DEFINITION, title=long, questions=questions))
            reader = Reader(reader.connection, book)
        path = tmp_path / "report.html"
        path.write_text(page(gather(reader)), encoding="utf-8")
    with browser.browser(program) as line:
        for width in (360, 390, 800, 1200):
            line.open(path, width)
            assert line.value("document.documentElement.scrollWidth") <= width
            assert line.value("document.querySelector('h1').getBoundingClientRect().height") > 0
            assert [address for address in line.requests() if not address.startswith("data:")] == [path.as_uri()]
            assert line.complaints() == []
        line.open(path, 360, script=False)
        assert line.value("document.querySelectorAll('svg').length") > 20
        assert line.value("document.documentElement.scrollWidth") <= 360
        line.open(path, 1200, dark=True)
        assert line.value("getComputedStyle(document.body).backgroundColor") != "rgb(251, 250, 248)"
        line.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
