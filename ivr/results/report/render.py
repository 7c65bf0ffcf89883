"""Rendering: the content becomes one HTML page, style and all.

Law: every text is escaped by the template. The page asks nothing of any network: its own policy forbids it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ivr.results.report import words
from ivr.results.report.content import Content
from ivr.results.stats.aapor import RATES


@dataclass(frozen=True)
class Imprint:
    """What the page says of itself."""

    generated: datetime
    version: str
    language: str = ""  # of questions and labels


#: rate -> its formula, in AAPOR's letters
FORMULAS = {
    "RR1": "I / (I + P + R + NC + O + UH + UO)",
    "RR2": "(I + P) / (I + P + R + NC + O + UH + UO)",
    "COOP1": "I / (I + P + R + O)",
    "COOP2": "(I + P) / (I + P + R + O)",
    "REF1": "R / (I + P + R + NC + O + UH + UO)",
    "CON1": "(I + P + R + O) / (I + P + R + NC + O + UH + UO)",
}


def render(content: Content, imprint: Imprint) -> str:
    environment = Environment(
        loader=PackageLoader("ivr.results.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(count=words.count, share=words.share, number=words.number)
    template = environment.get_template("page.html.j2")
    return template.render(
        c=content,
        imprint=imprint,
        style=Markup(_part(environment, "style.css")),
        script=Markup(_part(environment, "script.js")),
        words=words,
        formulas=FORMULAS,
        rates=list(RATES),
    )


def _part(environment: Environment, name: str) -> str:
    assert environment.loader is not None
    return environment.loader.get_source(environment, name)[0]
