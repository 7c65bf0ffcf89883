"""The dialplan, read back as FreeSWITCH reads it: order of actions, escaping, refusals."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from ivr.cli.dialplan import command
from ivr.ops.config import DialplanSettings
from ivr.ops.dialplan import RESCUE, DialplanError, Line, render

TEMPLATES = Path(__file__).resolve().parents[2] / "dialplan"
TWO = ("10.0.0.5:8084", "10.0.0.6:8085")


def as_freeswitch_reads(text: str) -> ElementTree.Element:
    """switch_xml.c preprocess(): a line with <include> or </include> is dropped, whatever else stands on it."""
    kept = [line for line in text.splitlines() if "<include>" not in line and "</include>" not in line]
    return ElementTree.fromstring("<document>" + "\n".join(kept) + "</document>")


def rendered(*lines: Line, workers=TWO, secret="", templates=TEMPLATES, **settings) -> ElementTree.Element:
    chosen = replace(DialplanSettings(), **settings)
    return as_freeswitch_reads(render(lines, chosen, workers=workers, secret=secret, templates=templates))


def actions(extension: ElementTree.Element) -> list[tuple[str, str]]:
    return [(a.attrib["application"], a.attrib.get("data", "")) for a in extension.iter("action")]


def test_guard_socket_guard_socket_last_resort():
    document = rendered(Line("4000", "hotline"), operator="1000")
    line, rescue = document.findall("extension")
    assert line.find("condition").attrib == {"field": "destination_number", "expression": "^4000$"}
    guard = ("sched_transfer", f"+15 {RESCUE} XML public")
    last_resort = [
        ("sched_cancel", ""),
        ("answer", ""),
        ("playback", "tone_stream://%(250,250,480);loops=3"),
        ("transfer", "1000 XML public"),
    ]
    assert actions(line) == [
        ("set", "media_timeout=120000"),
        ("set", "playback_terminators=any"),
        ("set", "continue_on_fail=true"),
        ("set", "hangup_after_bridge=false"),
        ("set", "park_timeout=7200"),
        guard,  # fault rows 22 and 23: parked for ever
        ("socket", "10.0.0.5:8084/hotline|10.0.0.6:8085/hotline async full"),  # 25 and 26
        ("sched_cancel", ""),
        ("set", "callweave_takeover=true"),  # the second worker looks for what the first one left
        ("set", "park_timeout=7200"),  # FreeSWITCH forgets it when it parks
        guard,
        ("socket", "10.0.0.6:8085/hotline|10.0.0.5:8084/hotline async full"),  # 24: died later
        *last_resort,
    ]
    assert rescue.find("condition").attrib["expression"] == f"^{RESCUE}$"
    assert actions(rescue) == last_resort


def test_without_an_operator_the_last_resort_hangs_up():
    for extension in rendered(Line("4000")).findall("extension"):
        assert actions(extension)[-1] == ("hangup", "NORMAL_TEMPORARY_FAILURE")


def test_the_secret_is_set_before_any_socket():
    names = actions(rendered(Line("4000"), secret="abcdefgh12345678").find("extension"))
    assert names[0] == ("set", "callweave_secret=abcdefgh12345678")


def test_exact_numbers_first_then_longer_prefixes():
    document = rendered(Line("*"), Line("8*"), Line("86*"), Line("4000"), Line("+861"), Line("*9"))
    found = [c.attrib["expression"] for c in document.iter("condition")][:-1]
    assert sorted(found[:3]) == sorted([r"^\+861$", "^4000$", r"^\*9$"])
    assert found[3:] == ["^86[0-9*#]*$", "^8[0-9*#]*$", r"^\+?[0-9*#]+$"]
    assert re.fullmatch(found[3], "861234")


HOSTILE = [
    "",
    "40 00",
    "4000|5000",
    "^.*$",
    'x"/><action application="system',
    "${x}",
    "4\n5",
    "<include>",
    "4000&",
    "٤",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_refused(value):
    cases = [
        ([Line(value)], {}, TWO, ""),
        ([Line("4000")], {}, (value,), ""),
        ([Line("4000")], {"context": value}, TWO, ""),
        ([Line("4000")], {"apology": value}, TWO, ""),
    ]
    if value:  # empty means: none
        cases += [
            ([Line("4000", value)], {}, TWO, ""),
            ([Line("4000")], {"operator": value}, TWO, ""),
            ([Line("4000")], {}, TWO, value),
        ]
    for lines, settings, workers, secret in cases:
        with pytest.raises(DialplanError):
            rendered(*lines, workers=workers, secret=secret, **settings)


@pytest.mark.parametrize(
    ("lines", "workers", "said"),
    [
        ([], TWO, "no number to answer"),
        ([Line("4000")], (), "1 to 50 workers"),
        ([Line("4000"), Line("4000", "x")], TWO, "is there twice"),
        ([Line("4000")], ("a:0",), "has port 0"),
    ],
)
def test_refusals_say_what_to_do(lines, workers, said):
    with pytest.raises(DialplanError, match=said):
        rendered(*lines, workers=workers)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("<include><extension/>\n</include>", "FreeSWITCH drops all that stands beside <include>"),
        ('<include>\n<a><X-PRE-PROCESS cmd="set" data="a=b"/></a>\n</include>', "X-PRE-PROCESS stands alone"),
        ("<include>\n<a>\n</include>", "gives no XML"),
    ],
)
def test_a_template_that_freeswitch_would_misread_is_refused(tmp_path, template, said):
    (tmp_path / "callweave.xml.j2").write_text(template)
    with pytest.raises(DialplanError, match=said):
        rendered(Line("4000"), templates=tmp_path)


def test_a_template_of_the_project_is_escaped(tmp_path):
    (tmp_path / "callweave.xml.j2").write_text('<include>\n<a b="{{ \'<"&\' }}"/>\n</include>\n')
    assert rendered(Line("4000"), templates=tmp_path).find("a").attrib["b"] == '<"&'


def test_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    asked = run(command, ["render"])
    assert (asked.exit_code, "no number to answer" in asked.output) == (2, True)
    (tmp_path / "callweave.yaml").write_text(
        'flows: {paths: {a/b: hotline}, numbers: {"4000": hotline, "5000": other}}\nlisten: 10.0.0.5:9000\n'
    )
    made = run(command, ["render", "-o", "x.xml", "--operator", "100", "--guard", "5"])
    assert made.exit_code == 0, made.output
    document = as_freeswitch_reads((tmp_path / "x.xml").read_text())
    sockets = [data for name, data in actions(document) if name == "socket"]
    assert sockets == ["10.0.0.5:9000/a/b async full"] * 2 + ["10.0.0.5:9000 async full"] * 2
    assert ("sched_transfer", f"+5 {RESCUE} XML public") in actions(document)
    (tmp_path / "callweave.yaml").write_text("listen: 0.0.0.0:9000\n")
    assert "names no machine" in run(command, ["render", "--number", "1"]).output
    assert "cannot be written" in run(command, ["render", "--number", "1", "--worker", "a:1", "-o", "no/x"]).output
    (tmp_path / "callweave.yaml").write_text("listn: 1\n")
    wrong = run(command, ["render"])
    assert wrong.exit_code == 2
    assert 'did you mean "listen"?' in wrong.output
