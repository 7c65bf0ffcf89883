"""A launch asks what was frozen, whatever becomes of the files: shown with a real worker and callers over TCP."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from servertools import Site, Worker, talk, until

from ivr.hosts.caller import Hears, Press
from ivr.ops.config import load_config
from ivr.ops.launching import LaunchError, load_launch, open_launch
from ivr.store import launches
from ivr.store.engine import make_engine
from ivr.store.upgrade import upgrade

NOW = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
SURVEY = """
survey: visits
languages: [en]
digits: {first: 1500ms, tries: 1}
quotas: [{quota: bad, when: score <= 2, completes: 1}]
questions:
  - {id: score, csat: {en: "How was TEXT?"}}
thanks: {complete: {en: "Thank you."}, quota_full: {en: "Enough of you."}}
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    found = Site(tmp_path)
    (tmp_path / "surveys").mkdir()
    write(found, "the visit")
    upgrade(found.database)
    return found


def write(site: Site, about: str) -> None:
    site.write(SURVEY.replace("TEXT", about))  # as flows/quick.yaml: the sounds of it are made


def launched(site: Site, name: str = "spring") -> launches.Launch:
    config = load_config(site.config)
    made = open_launch(config, make_engine(site.database), name, site.folder / "flows" / "quick.yaml", NOW)
    site.config.write_text(site.config.read_text().replace("default: quick", f'default: "launch:{name}"'))
    # The scripted switch plays files by their paths.
    for entry, sound in list(site.sounds.items()):
        site.sounds[entry.replace("/sounds/", f"/launches/{name}/")] = sound
    return made


def test_editing_afterwards_changes_nothing_that_is_asked(site: Site) -> None:
    made = launched(site)
    write(site, "the weather")
    worker = Worker(site)
    for uuid, score in (("a", "2"), ("b", "5")):
        switch = site.call(uuid, [Hears("How was the visit?"), Press(score), Hears("Thank you.")])
        assert talk(worker, switch).get(timeout=60).problems == []
    worker.end()
    rows = site.rows("SELECT call_id, status, launch, definition FROM survey_run ORDER BY call_id")
    assert rows == [(uuid, "complete", "spring", made.definition) for uuid in ("a", "b")]
    assert site.rows("SELECT launch, quota, call_id FROM quota_complete") == [("spring", "bad", "a")]
    # The quota is full now: whoever counts for it hears so, others are asked as before.
    worker = Worker(site)
    switch = site.call("c", [Hears("How was the visit?"), Press("1"), Hears("Enough of you.")])
    assert talk(worker, switch).get(timeout=60).problems == []
    switch = site.call("d", [Hears("How was the visit?"), Press("4"), Hears("Thank you.")])
    assert talk(worker, switch).get(timeout=60).problems == []
    assert worker.end() == 0
    assert site.rows("SELECT status FROM survey_run WHERE call_id = 'c'") == [("quota_full",)]
    assert launches.progress(make_engine(site.database), "spring") == ({"complete": 3, "quota_full": 1}, {"bad": 1})


def test_a_closed_launch_takes_no_calls(site: Site) -> None:
    launched(site)
    assert launches.close(make_engine(site.database), "spring", NOW)
    assert not launches.close(make_engine(site.database), "spring", NOW)
    worker = Worker(site)
    talk(worker, site.call("a", [])).get(timeout=60)
    until(lambda: worker.events("no_flow"), "the call has no flow")
    assert worker.end() == 0


def test_a_launch_that_was_tampered_with_is_not_served(site: Site) -> None:
    launched(site)
    sound = next((site.folder / "launches" / "spring").rglob("*.wav"))
    sound.write_bytes(sound.read_bytes() + b"\0")
    worker = Worker(site)
    until(lambda: worker.process.poll() is not None, "it does not serve", 60)
    assert worker.process.returncode != 0
    assert re.search(r"launch spring: .* is not the file that was frozen", worker.text)


def test_a_name_is_for_ever_and_nothing_is_half_launched(site: Site) -> None:
    config, engine = load_config(site.config), make_engine(site.database)
    path = site.folder / "flows" / "quick.yaml"
    first = launched(site)
    with pytest.raises(LaunchError, match="there is a launch spring already"):
        open_launch(config, engine, "spring", path, NOW)
    path.write_text(path.read_text().replace("csat:", "cast:"))
    with pytest.raises(LaunchError, match="has mistakes, and nothing was launched"):
        open_launch(config, engine, "autumn", path, NOW)
    with pytest.raises(LaunchError, match="is no name"):
        open_launch(config, engine, "../etc", path, NOW)
    with pytest.raises(LaunchError, match="there is no launch autumn"):
        load_launch(config, engine, "autumn")
    assert [one.name for one in launches.read(engine)] == ["spring"]
    assert not (site.folder / "launches" / "autumn").exists()
    assert load_launch(config, engine, "spring").launch == first


def test_the_same_content_has_the_same_hash_but_for_its_name(site: Site) -> None:
    config, engine = load_config(site.config), make_engine(site.database)
    path = site.folder / "flows" / "quick.yaml"
    one, other = (open_launch(config, engine, name, path, NOW) for name in ("one", "other"))
    assert one.definition == other.definition
    assert one.content_hash != other.content_hash, "the program names its launch"
    write(site, "the weather")
    assert open_launch(config, engine, "third", path, NOW).definition != one.definition


def test_analysts_find_a_launched_questionnaire_at_once(site: Site) -> None:
    launched(site)
    assert site.rows("SELECT score FROM v_survey_wide_visits") == []
    assert site.rows("SELECT launch, survey FROM v_launches") == [("spring", "visits")]
