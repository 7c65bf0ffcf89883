"""`ivr graph`: a flow as a picture.

Law: checks the file, asks ``ivr.lang`` for the drawing's text, and runs Graphviz for SVG.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import click

from ivr.cli.settings import Refused, write
from ivr.core.program import Program
from ivr.lang.check import check_file
from ivr.lang.diagram import draw
from ivr.lang.notation import dot, mermaid
from ivr.ops.config import Projects

#: A drawing of a few thousand steps; Graphviz has no limit of its own.
TIMEOUT_S = 120


#: What a file is drawn as, by its name's end; without a file Mermaid text goes to the terminal.
FORMS = {"": "mermaid", ".mmd": "mermaid", ".md": "mermaid", ".svg": "svg", ".dot": "dot", ".gv": "dot"}


@click.command()
@click.argument("flow", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "dot", "svg"]),
    help="Default: by the name of -o, else mermaid. SVG needs Graphviz.",
)
@click.option("--lang", default="", help="Language of the texts in the boxes. Default: the flow's first.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write this file.")
def command(flow: Path, form: str | None, lang: str, output: Path | None) -> None:
    """Draw a flow or a questionnaire: steps, keys on the arrows, dashed where silence and failures lead."""
    program = _program(flow)
    if lang and lang not in program.languages:
        raise Refused(f"{flow} does not speak {lang!r}; it has: {', '.join(program.languages)}")
    diagram = draw(program, lang)
    suffix = output.suffix if output else ""
    if not form and suffix not in FORMS:
        raise Refused(f"{output}: nothing is drawn as {suffix or 'that'}; take {', '.join(f for f in FORMS if f)}")
    by_name = FORMS.get(suffix, "mermaid")
    form = form or by_name
    if form == "svg":
        write(_svg(dot(diagram)), output)
    else:
        write(mermaid(diagram) if form == "mermaid" else dot(diagram), output)


def _program(flow: Path) -> Program:
    result = check_file(flow, Projects().of(flow))
    if result.program is None:
        first = next(p for p in result.problems if p.severity == "error")
        place = f"{first.file}:{first.line}:{first.column}: {first.code} {first.message}"
        raise Refused(f"{flow} cannot be drawn before it is right; type: ivr check {flow}\n{place}")
    return result.program


def _svg(text: str) -> str:
    graphviz = shutil.which("dot")
    if graphviz is None:
        raise Refused("SVG needs Graphviz: apt-get install graphviz fonts-noto-cjk, or take --format mermaid")
    try:
        made = subprocess.run(
            [graphviz, "-Tsvg"], input=text.encode(), capture_output=True, check=True, timeout=TIMEOUT_S
        )
    except subprocess.CalledProcessError as error:
        raise Refused(f"Graphviz could not draw it: {error.stderr.decode(errors='replace').strip()}") from error
    except subprocess.TimeoutExpired as error:
        raise Refused(f"Graphviz took longer than {TIMEOUT_S} s; take --format mermaid") from error
    return made.stdout.decode()
