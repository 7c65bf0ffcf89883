"""A Diagram written down: Mermaid for documents, DOT for Graphviz.

Law: knows the two notations and their quoting; nothing of flows. The same diagram is the same text, always.
"""

from __future__ import annotations

import html

from ivr.lang.diagram import Arrow, Box, Diagram

#: shape -> (what opens and closes it in Mermaid, attributes in DOT)
_SHAPES: dict[str, tuple[str, str, str]] = {
    "point": ("((", "))", "shape=circle width=0.18 style=filled fillcolor=black"),
    "say": ("(", ")", 'shape=box style="rounded,filled" fillcolor="#eef4fb"'),
    "menu": ("{{", "}}", 'shape=hexagon style=filled fillcolor="#fff3d6"'),
    "ask": ("[/", "/]", 'shape=parallelogram style=filled fillcolor="#fff3d6"'),
    "choice": ("{", "}", 'shape=diamond style=filled fillcolor="#f4f4f4"'),
    "step": ("[", "]", 'shape=box style=filled fillcolor="#f4f4f4"'),
    "person": ("[[", "]]", 'shape=box peripheries=2 style=filled fillcolor="#e4f5e6"'),
    "record": ("[(", ")]", 'shape=note style=filled fillcolor="#f3e8fb"'),
    "mark": ("([", "])", 'shape=box style="rounded,dotted"'),
    "end": ("(((", ")))", 'shape=box style="rounded,filled,bold" fillcolor="#f7dede"'),
}
#: What Mermaid would read as its own, as the entities it turns back into text.
_MERMAID = {c: f"#{ord(c)};" for c in '"#;<>&`\\{}[]()|'}
#: Graphviz measures a label with the first font it has, and a browser looks further along the list.
FONT = "Noto Sans CJK SC,Noto Sans,Helvetica,Arial,sans-serif"


def _safe(text: str) -> str:
    """No control, formatting or half characters; newlines stay."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def mermaid(diagram: Diagram) -> str:
    ids = {box.name: f"s{number}" for number, box in enumerate(diagram.boxes)}
    out = [f"%% {_safe(diagram.title).replace(chr(10), ' ')}", "flowchart TD"]
    for group, boxes in _grouped(diagram):
        indent = "  "
        if group:
            out.append(f'  subgraph {ids[group]}g["{_mermaid_text(diagram.groups[group])}"]')
            indent = "    "
        for box in boxes:
            opening, closing, _ = _SHAPES[box.shape]
            lines = [box.title, *box.text]
            label = "<br/>".join(_mermaid_text(line) for line in lines) if box.title else " "
            out.append(f'{indent}{ids[box.name]}{opening}"{label}"{closing}')
        if group:
            out.append("  end")
    for arrow in _drawn(diagram):
        line = "-.->" if arrow.dashed else "-->"
        label = f'|"{_mermaid_text(arrow.label)}"|' if arrow.label else ""
        out.append(f"  {ids[arrow.tail]} {line}{label} {ids[arrow.head]}")
    return "\n".join(out) + "\n"


def _mermaid_text(text: str) -> str:
    return "".join(_MERMAID.get(c, c) for c in _safe(text)).replace("\n", "<br/>")


def dot(diagram: Diagram) -> str:
    out = [
        f"digraph {_quoted(diagram.title)} {{",
        f'  graph [fontname="{FONT}" rankdir=TB nodesep=0.35 ranksep=0.55 pad=0.2]',
        f'  node [fontname="{FONT}" fontsize=11 color="#555555" margin="0.15,0.08"]',
        f'  edge [fontname="{FONT}" fontsize=10 color="#555555" fontcolor="#333333" arrowsize=0.7]',
    ]
    for number, (group, boxes) in enumerate(_grouped(diagram)):
        indent = "  "
        if group:
            out.append(f"  subgraph cluster_{number} {{")
            out.append(f'    label={_quoted(diagram.groups[group])} style="rounded" color="#999999" fontsize=11')
            indent = "    "
        for box in boxes:
            small = (f'<font point-size="10">{_html(line)}</font>' for line in box.text)
            lines = [f"<b>{_html(box.title)}</b>", *small] if box.title else []
            label = f"<{'<br/>'.join(lines)}>" if lines else '""'
            out.append(f"{indent}{_quoted(box.name)} [label={label} {_SHAPES[box.shape][2]}]")
        if group:
            out.append("  }")
    for arrow in _drawn(diagram):
        attributes = [f"label={_quoted(f' {arrow.label} ')}"] if arrow.label else []
        attributes += ['style=dashed color="#b05a2a" fontcolor="#b05a2a"'] if arrow.dashed else []
        tail = f"  {_quoted(arrow.tail)} -> {_quoted(arrow.head)}"
        out.append(f"{tail} [{' '.join(attributes)}]" if attributes else tail)
    return "\n".join([*out, "}"]) + "\n"


def _quoted(text: str) -> str:
    # Inside quotes DOT knows \N, \G, \l …: a backslash of the designer's is doubled.
    escaped = _safe(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _html(text: str) -> str:
    return html.escape(_safe(text)).replace("\n", "<br/>")


def _grouped(diagram: Diagram) -> list[tuple[str, list[Box]]]:
    groups: dict[str, list[Box]] = {}
    for box in diagram.boxes:
        groups.setdefault(box.group, []).append(box)
    return list(groups.items())


def _drawn(diagram: Diagram) -> list[Arrow]:
    names = {box.name for box in diagram.boxes}
    return [arrow for arrow in diagram.arrows if arrow.tail in names and arrow.head in names]
