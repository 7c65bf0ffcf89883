"""Campaign files: what comes out of a good one. What is said of bad ones stands in tests/golden/check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ivr.campaign.model import DEFAULT_RETRIES, Campaign, Gateway, Machines, Retry, Window
from ivr.campaign.reader import read_campaign
from ivr.core.expr import evaluate
from ivr.lang.calling_parts import RETRIED
from ivr.lang.check import check_file
from ivr.lang.project import Project
from ivr.lang.schema import schema

FULL = """
campaign: aftercare
title: After the repair visit
survey: csat
contacts: {lists: [march, april], when: region == 'north' and consent_to_call}
gateways:
  - gateway: main
    dial: sofia/gateway/main
    caller_ids: ["+862112345678", "95588"]
    weight: 3
    prefixes: ["+86"]
    per_second: 2
    at_once: 30
  - {gateway: other, dial: loopback}
per_second: 5
at_once: 60
target: 40
calling:
  zone: Asia/Shanghai
  open: [Mon-Fri 09:00-12:00, "Sat,Sun 14:00-24:00", Fri-Mon 08:00-08:30]
  holidays: CN
starts: 2026-12-01
ends: 2026-12-31
ring: 25s
attempts: {each: 6, per_day: 3, gap: 1h, retry: {busy: {after: 2h, times: 5}, machine: never}}
stop_at: {completes: 400}
machines: {detect: signal, leave: bye}
priority: 2
consent: required
recording_notice: bye
"""
SMALL = """
campaign: c
flow: plain
contacts: {lists: [a]}
gateways: [{gateway: main, dial: sofia/gateway/main}]
per_second: 0.5
at_once: 3
calling: {zone: none, open: [daily 09:00-20:00]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("flows", "surveys", "prompts", "campaigns"):
        (tmp_path / name).mkdir()
    (tmp_path / "prompts" / "en.yaml").write_text("bye: Goodbye.\n")
    (tmp_path / "flows" / "plain.yaml").write_text(
        "flow: plain\nlanguages: [en]\nsteps:\n  a: {say: bye, hang_up: true}\n"
    )
    (tmp_path / "surveys" / "csat.yaml").write_text(
        "survey: csat\nlanguages: [en]\nquestions:\n  - {id: overall, scale: bye, range: 1..5}\n"
    )
    return Project(tmp_path)


def read(project: Project, text: str) -> Campaign:
    path = project.root / "campaigns" / "c.yaml"
    path.write_text(text)
    assert check_file(path, project).problems == ()
    found = read_campaign(project.load(path), project)
    assert found.campaign is not None
    assert found.program is not None
    return found.campaign


def test_everything_that_a_file_says(project):
    made = read(project, FULL)
    assert made.survey == "csat"
    assert made.gateways == (
        Gateway("main", "sofia/gateway/main", ("+862112345678", "95588"), 3, ("+86",), 2, 30),
        Gateway("other", "loopback"),
    )
    assert made.calling.open == (
        Window((0, 1, 2, 3, 4), 540, 720),
        Window((5, 6), 840, 1440),
        Window((0, 4, 5, 6), 480, 510),
    )
    assert (made.calling.zone, made.calling.holidays) == ("Asia/Shanghai", "CN")
    assert (made.attempts.each, made.attempts.per_day, made.attempts.gap_ms) == (6, 3, 3_600_000)
    assert made.attempts.retry == {**DEFAULT_RETRIES, "busy": Retry(7_200_000, 5), "machine": None}
    assert (made.machines, made.completes, made.priority, made.target) == (Machines("signal", "bye"), 400, 2, 40)
    assert evaluate(made.when, {"region": "north", "consent_to_call": True})
    assert not evaluate(made.when, {"region": "south", "consent_to_call": True})
    assert made.when_text == "region == 'north' and consent_to_call"
    assert Campaign.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_what_a_file_leaves_out(project):
    made = read(project, SMALL)
    assert (made.calling.zone, made.ring_ms, made.consent_required, made.when) == ("", 30_000, True, None)
    assert (made.per_second, made.attempts.retry) == (0.5, dict(DEFAULT_RETRIES))
    assert Campaign.from_json(made.to_json()).hash == made.hash


@pytest.mark.parametrize(("ring", "codes"), [("5s", ["IVR100"]), ("14900ms", ["IVR100"]), ("15s", []), ("1m", [])])
def test_fault_97_a_telephone_rings_long_enough_to_be_reached(project, ring, codes):
    path = project.root / "campaigns" / "c.yaml"
    path.write_text(SMALL + f"ring: {ring}\n")
    found = check_file(path, project)
    assert [problem.code for problem in found.problems] == codes
    assert all(problem.severity == "warning" for problem in found.problems)


RECORDS = """
flow: plain
languages: [en]
steps:
  hello: {say: bye, next: message}
  message: {record: bye, into: said, limit: 10s, next: thanks}
  thanks: {say: bye, hang_up: true}
"""


@pytest.mark.parametrize(
    ("flow", "more", "codes"),
    [
        (RECORDS, "", ["IVR098"]),
        (RECORDS, "recording_notice: bye\n", []),
        (RECORDS.replace("record: bye, into: said, limit: 10s", "say: bye"), "", []),
    ],
)
def test_fault_100_a_flow_that_records_tells_of_it_first(project, flow, more, codes):
    """How it is told first: test_machines."""
    (project.root / "flows" / "plain.yaml").write_text(flow)
    path = project.root / "campaigns" / "c.yaml"
    path.write_text(SMALL + more)
    found = check_file(path, project)
    assert [problem.code for problem in found.problems] == codes, found.problems
    assert found.ok is not bool(codes)


def test_a_gateway_takes_its_prefixes():
    assert Gateway("a", "b").takes("+49301234")
    assert not Gateway("a", "b", prefixes=("+86", "+852")).takes("+49301234")


def test_words_of_the_language_are_those_of_the_rules():
    assert set(RETRIED) == set(DEFAULT_RETRIES)
    assert {"$ref": "#/$defs/CampaignFile"} in schema()["oneOf"]


@pytest.mark.parametrize(
    "text", ["campaign: x", "campaign: [a]", "campaign: x\ngateways: [1, {}]\ncalling: a\nattempts: []"]
)
def test_whatever_stands_there_is_answered(project, text):
    path = project.root / "campaigns" / "c.yaml"
    path.write_text(text)
    assert not check_file(path, project).ok
