"""The life of a campaign in the books of both databases: moves, versions, the audit, people, and two at one key."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from campaigntools import ANNA, CAMPAIGN, NOW, SURVEY, Field
from click.testing import CliRunner

from ivr.campaign import life
from ivr.cli.main import main
from ivr.ops import campaigning, settling
from ivr.ops.launching import load_launch
from ivr.ops.operator import login_name
from ivr.store import campaigns, sample
from ivr.store.campaigns import CampaignError, Who


@pytest.fixture
def field(tmp_path: Path, database: str) -> Field:
    return Field(tmp_path, database)


def created(field: Field, people: int = 3) -> None:
    field.people(people)
    campaigning.create(field.config, field.engine, field.path, ANNA)


def started(field: Field, people: int = 3) -> campaigning.Started:
    created(field, people)
    return campaigning.start(field.config, field.engine, "spring", ANNA)


def state_of(field: Field) -> str:
    with field.engine.connect() as connection:
        return campaigns.state_of(connection, "spring")


def audit(field: Field) -> list[campaigns.Audit]:
    with field.engine.connect() as connection:
        return campaigns.audit(connection, "spring")


def test_from_draft_to_archive_with_a_row_of_the_audit_for_each_move(field: Field) -> None:
    created(field)
    campaigning.check(field.config, field.engine, "spring", ANNA)
    done = campaigning.start(field.config, field.engine, "spring", Who("bob", NOW + timedelta(hours=1)))
    assert (done.row.state, done.row.version, done.launch, done.waiting) == ("running", 1, "spring-v1", 3)
    for what in ("pause", "resume", "stop", "finish", "archive"):
        campaigning.move(field.engine, "spring", what, ANNA)
    found = audit(field)
    assert [(a.number, a.by, a.what, a.told.get("from"), a.told.get("to")) for a in found] == [
        (1, "anna", "create", None, None),
        (2, "anna", "check", "draft", "checked"),
        (3, "bob", "start", "checked", "running"),
        (4, "anna", "pause", "running", "paused"),
        (5, "anna", "resume", "paused", "running"),
        (6, "anna", "stop", "running", "draining"),
        (7, "anna", "finish", "draining", "done"),
        (8, "anna", "archive", "done", "archived"),
    ]
    assert found[2].at == NOW + timedelta(hours=1)
    assert load_launch(field.config, field.engine, "spring-v1").launch.survey == ""


def test_a_campaign_with_a_questionnaire_is_frozen_as_a_launch_of_it(field: Field) -> None:
    (field.folder / "surveys" / "visits.yaml").write_text(SURVEY)
    field.site.write(SURVEY)  # makes its sounds
    field.site.write(SURVEY.replace("survey: visits", "survey: quick"))
    field.write(CAMPAIGN.replace("flow: quick", "survey: visits"))
    created(field)
    done = campaigning.start(field.config, field.engine, "spring", ANNA)
    (field.folder / "surveys" / "visits.yaml").unlink()
    assert load_launch(field.config, field.engine, done.launch).launch.survey == "visits"


def test_a_move_that_is_not_allowed_is_refused_in_words_and_changes_nothing(field: Field) -> None:
    """Every move from every state."""
    for now in life.STATES:
        for what, move in life.MOVES.items():
            name = f"{now}-{what}"
            field.rows("campaign", {"campaign": name, "state": now, "version": 1, "priority": 5, "created_at": NOW})

            def decide(state: str, what: str = what, name: str = name) -> str:
                return life.move(state, what, name)

            if now in move.froms:
                assert campaigns.change(field.engine, name, what, ANNA, decide).state == (move.to or now), name
            else:
                with pytest.raises(life.IllegalMove, match=f"campaign {name} is {now}: "):
                    campaigns.change(field.engine, name, what, ANNA, decide)
    allowed = {f"{now}-{what}" for what, move in life.MOVES.items() for now in move.froms}
    assert {row[0] for row in field.all("SELECT campaign FROM campaign_audit")} == allowed
    assert field.all("SELECT count(*) FROM campaign_audit") == [(len(allowed),)]


def test_of_many_who_press_start_at_once_one_starts_it(field: Field) -> None:
    created(field, 50)
    gate, said, lock = threading.Barrier(6), [], threading.Lock()

    def press(n: int) -> None:
        gate.wait()
        try:
            campaigning.start(field.config, field.engine, "spring", Who(f"p{n}", NOW))
            word = "started"
        except (CampaignError, life.IllegalMove) as error:
            word = str(error)
        with lock:
            said.append(word)

    threads = [threading.Thread(target=press, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count("started") == 1
    assert all("somebody else" in word or "is running" in word for word in said if word != "started")
    assert [a.what for a in audit(field)] == ["create", "start"]
    assert field.all("SELECT version, launch FROM campaign_version ORDER BY version") == [(0, ""), (1, "spring-v1")]
    assert field.all("SELECT count(*) FROM launch") == [(1,)]
    assert field.all("SELECT count(*) FROM campaign_contact") == [(50,)]


def test_of_two_moves_at_once_the_second_sees_the_first(field: Field) -> None:
    started(field)
    gate, said = threading.Barrier(8), []

    def press(what: str) -> None:
        gate.wait()
        try:
            said.append(campaigning.move(field.engine, "spring", what, ANNA).state)
        except life.IllegalMove:
            said.append("refused")

    threads = [threading.Thread(target=press, args=(w,)) for w in ("pause", "stop", "pause", "stop") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    moves = audit(field)[2:]
    assert [a.number for a in moves] == list(range(3, 3 + len(moves)))
    assert moves[-1].told["to"] == "draining"
    assert said.count("refused") == 8 - len(moves)


def test_a_start_that_died_after_freezing_goes_on_with_the_next_number(field: Field, monkeypatch) -> None:
    created(field)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(campaigning, "fill", dies)
        with pytest.raises(KeyboardInterrupt):
            campaigning.start(field.config, field.engine, "spring", ANNA)
    assert state_of(field) == "draft"
    done = campaigning.start(field.config, field.engine, "spring", ANNA)
    assert (done.launch, done.row.version) == ("spring-v2", 2)


def test_what_is_wrong_is_said_at_once_and_nothing_is_started(field: Field) -> None:
    field.write(CAMPAIGN.replace("[march]", "[march, april]"))
    field.people(1)
    campaigning.create(field.config, field.engine, field.path, ANNA)
    with pytest.raises(CampaignError, match="there is no list april"):
        campaigning.start(field.config, field.engine, "spring", ANNA)
    assert state_of(field) == "draft"
    assert field.all("SELECT count(*) FROM campaign_contact") == [(0,)]


def test_an_edit_of_a_draft_is_to_be_checked_again(field: Field) -> None:
    created(field)
    campaigning.check(field.config, field.engine, "spring", ANNA)
    field.write(CAMPAIGN.replace("per_second: 2", "per_second: 3").replace("title: Spring", "title: Lent"))
    assert campaigning.edit(field.config, field.engine, field.path, ANNA) is None
    assert state_of(field) == "draft"
    with field.engine.connect() as connection:
        assert campaigns.read(connection, "spring").title == "Lent"
        assert campaigning.loaded(connection, "spring").per_second == 3
    assert audit(field)[-1].told["changed"] == {"per_second": [2, 3], "title": ["Spring", "Lent"]}


def test_an_edit_of_a_running_campaign_is_its_next_version_and_brings_new_people(field: Field) -> None:
    started(field)
    field.people(2, "april", first=10)
    field.people(1, "march", first=20)
    field.write(CAMPAIGN.replace("[march]", "[march, april]"))
    done = campaigning.edit(field.config, field.engine, field.path, ANNA)
    assert done is not None
    assert (done.row.state, done.row.version, done.launch, done.added) == ("running", 2, "spring-v2", 3)
    with field.engine.connect() as connection:
        assert [v.version for v in campaigns.versions(connection, "spring")] == [1, 2]
        assert campaigns.version(connection, "spring", 1).json["lists"] == ["march"]
        assert campaigns.left(connection, "spring") == {"waiting": 6, "leased": 0, "done": 0}


def test_an_edit_leaves_those_alone_who_were_called_and_takes_out_who_is_not_meant(field: Field) -> None:
    field.people(4, facts=lambda n: {"region": "north" if n % 2 else "south"})
    campaigning.create(field.config, field.engine, field.path, ANNA)
    campaigning.start(field.config, field.engine, "spring", ANNA)
    with field.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE campaign_contact SET state = 'done', outcome = 'answered', attempts = 1"
            " WHERE contact_id = 'march-0000001'"
        )
        connection.exec_driver_sql(
            "UPDATE campaign_contact SET attempts = 2, priority = 1 WHERE contact_id = 'march-0000003'"
        )
    field.write(CAMPAIGN.replace("lists: [march]", "lists: [march], when: region == 'north'") + "priority: 2\n")
    campaigning.edit(field.config, field.engine, field.path, ANNA)
    query = "SELECT contact_id, state, outcome, attempts, priority FROM campaign_contact ORDER BY contact_id"
    narrow = field.all(query)
    field.write(CAMPAIGN)
    campaigning.edit(field.config, field.engine, field.path, ANNA)
    wide = field.all(query)
    assert [row[1:] for row in narrow] == [
        ("done", "filter", 0, 5),
        ("done", "answered", 1, 5),
        ("done", "filter", 0, 5),
        ("waiting", None, 2, 2),
    ]
    assert [row[1:] for row in wide] == [
        ("waiting", None, 0, 5),
        ("done", "answered", 1, 5),
        ("waiting", None, 0, 5),
        ("waiting", None, 2, 5),
    ]


def test_who_cannot_be_called_is_in_the_books_with_the_reason(field: Field) -> None:
    field.people(1)
    field.people(1, first=1, consent="")
    field.people(1, first=2, zone="")
    field.people(1, first=3)
    field.write(CAMPAIGN.replace("zone: Asia/Shanghai", "zone: none"))
    field.rows("dnc", {"scope": "-", "number": "+8613800000003", "is_prefix": 0, "reason": "opt_out", "at": NOW})
    campaigning.create(field.config, field.engine, field.path, ANNA)
    done = campaigning.start(field.config, field.engine, "spring", ANNA)
    assert done.rules == {"no_consent": 1, "unknown_zone": 1, "do_not_call": 1}
    found = field.all("SELECT state, outcome FROM campaign_contact ORDER BY contact_id")
    # Who is on the do-not-call list waits: the list is asked when they would be called.
    assert found == [("waiting", None), ("done", "no_consent"), ("done", "unknown_zone"), ("waiting", None)]


def test_filling_again_changes_nothing(field: Field) -> None:
    started(field, 5)
    before = field.all("SELECT * FROM campaign_contact ORDER BY contact_id")
    with field.engine.connect() as connection:
        campaign = campaigning.loaded(connection, "spring")
    assert campaigning.fill(field.engine, campaign, NOW)[:2] == (5, 0)
    assert field.all("SELECT * FROM campaign_contact ORDER BY contact_id") == before


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 100])
def test_filling_in_chunks_of_any_size_takes_everybody_once(field: Field, chunk: int, monkeypatch) -> None:
    monkeypatch.setattr(sample, "CHUNK", chunk)
    field.people(7)
    field.people(4, "april", first=5)  # two of them are on march as well
    field.write(CAMPAIGN.replace("[march]", "[march, april]"))
    campaigning.create(field.config, field.engine, field.path, ANNA)
    done = campaigning.start(field.config, field.engine, "spring", ANNA)
    assert (done.people, done.waiting, done.rules) == (11, 9, {"duplicate": 2})
    assert field.all("SELECT count(DISTINCT number) FROM campaign_contact") == [(9,)]


@pytest.mark.parametrize(("day", "found"), [(-1, []), (0, ["spring"]), (3, ["spring"])])
def test_scheduled_campaigns_are_due_from_their_first_day_on(field: Field, day: int, found: list[str]) -> None:
    field.write(CAMPAIGN + "starts: 2026-12-01\n")
    created(field)
    campaigning.check(field.config, field.engine, "spring", ANNA)
    campaigning.schedule(field.config, field.engine, "spring", ANNA)
    assert campaigning.due(field.engine, NOW + timedelta(days=day)) == found


def test_a_campaign_without_a_first_day_is_not_scheduled(field: Field) -> None:
    created(field)
    campaigning.check(field.config, field.engine, "spring", ANNA)
    with pytest.raises(CampaignError, match="has no first day"):
        campaigning.schedule(field.config, field.engine, "spring", ANNA)


OVER = [
    # state, people by state, last day, completes wanted and there are, hours after NOW -> the state then
    ("running", {"waiting": 1}, "", 0, 0, 0, "running"),
    ("running", {"leased": 1}, "", 0, 0, 0, "running"),
    ("running", {"done": 2}, "", 0, 0, 0, "done"),
    ("draining", {"waiting": 2, "leased": 1}, "", 0, 0, 0, "draining"),
    ("draining", {"waiting": 2}, "", 0, 0, 0, "done"),
    ("paused", {"done": 1}, "", 0, 0, 0, "paused"),
    ("running", {"waiting": 1}, "", 3, 2, 0, "running"),
    ("running", {"waiting": 1}, "", 3, 3, 0, "draining"),
    (
        "running",
        {"waiting": 1},
        "2026-12-01",
        0,
        0,
        34,
        "running",
    ),  # 2 December, 12:00 UTC: the first goes on somewhere
    ("running", {"waiting": 1}, "2026-12-01", 0, 0, 36, "done"),
    ("running", {"waiting": 1, "leased": 1}, "2026-12-01", 0, 0, 36, "running"),
]


@pytest.mark.parametrize(("now", "people", "ends", "wanted", "there", "hours", "after"), OVER)
def test_a_campaign_that_is_over_is_said_to_be_so(
    field: Field, now: str, people: dict[str, int], ends: str, wanted: int, there: int, hours: int, after: str
) -> None:
    text = CAMPAIGN + (f"ends: {ends}\n" if ends else "")
    made = campaigning.read_file(field.config, field.write(text))
    held = json.dumps({**made.to_json(), "completes": wanted})
    field.rows("campaign", {"campaign": "spring", "state": now, "version": 1, "priority": 5, "created_at": NOW})
    field.rows("campaign_version", {"campaign": "spring", "version": 1, "json": held, "launch": "spring-v1"})
    at = 0
    for state, count in people.items():
        for _ in range(count):
            at += 1
            row = {"campaign": "spring", "contact_id": f"c{at}", "number": "+861", "state": state, "attempts": 0}
            field.rows("campaign_contact", {**row, "fence": 0, "priority": 5, "next_at": NOW})
    for n in range(there):
        row = {"call_id": f"r{n}", "survey": "visits", "occurrence": 1, "status": "complete", "launch": "spring-v1"}
        field.rows("survey_run", row)
    moved = settling.settle(field.engine, Who("dialler d1", NOW + timedelta(hours=hours)))
    assert state_of(field) == after
    assert moved == ([] if after == now else [("spring", after)])
    assert [(a.by, a.told["to"]) for a in audit(field)] == ([] if after == now else [("dialler d1", after)])


AGAIN = "To call with this file again, give it another name, as in `campaign: spring_3`, and type: ivr campaign create "


@pytest.mark.parametrize("state", life.STATES)
def test_who_creates_a_campaign_that_is_there_is_told_what_can_be_typed(field: Field, state: str) -> None:
    """What the message says is typed here, and works."""
    created(field)
    other = {"state": "archived", "version": 1, "priority": 5, "created_at": NOW}
    field.rows("campaign", {"campaign": "spring_2", **other})
    with field.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE campaign SET state = '{state}' WHERE campaign = 'spring'")
    with pytest.raises(CampaignError) as error:
        campaigning.create(field.config, field.engine, field.path, ANNA)
    said = str(error.value)
    assert said.startswith(f"there is a campaign spring already, {state}; ")
    if state in ("draining", "done", "archived"):
        assert said.endswith(f"it cannot be edited any more. {AGAIN}{field.path}")
        field.write(CAMPAIGN.replace("campaign: spring", "campaign: spring_3"))
        assert campaigning.create(field.config, field.engine, field.path, ANNA).name == "spring_3"
    else:
        assert said.endswith(f"; to change it: ivr campaign edit {field.path}")
        field.write(CAMPAIGN.replace("title: Spring", "title: Lent"))
        campaigning.edit(field.config, field.engine, field.path, ANNA)
        assert state_of(field) == state if state in life.ALIVE else "draft"


def test_names_are_taken_once(field: Field) -> None:
    created(field)
    with pytest.raises(CampaignError, match="there is a campaign spring already, draft"):
        campaigning.create(field.config, field.engine, field.path, ANNA)


@pytest.mark.postgres
def test_postgres_tells_listeners_of_a_pause_at_once(tmp_path: Path, postgres_database: str) -> None:
    import psycopg

    from ivr.store.upgrade import upgrade

    upgrade(postgres_database)
    field = Field(tmp_path, postgres_database)
    field.rows("campaign", {"campaign": "told", "state": "running", "version": 1, "priority": 5, "created_at": NOW})
    with psycopg.connect(postgres_database.replace("+psycopg", ""), autocommit=True) as listener:
        listener.execute(f"LISTEN {campaigns.CHANNEL}")
        campaigning.move(field.engine, "told", "pause", ANNA)
        assert [n.payload for n in listener.notifies(timeout=5, stop_after=1)] == ["told"]


def test_the_commands_from_a_file_to_the_archive(field: Field) -> None:
    """As they are typed; what is refused is said on the terminal with exit status 1."""
    field.people(3)
    env = {"CALLWEAVE_CONFIG": str(field.site.config), "CALLWEAVE_DB": field.database}

    def run(*args: str, status: int = 0) -> str:
        result = CliRunner().invoke(main, ["campaign", *args], env=env)
        assert result.exit_code == status, result.output
        return " ".join(result.output.split())

    assert run("list") == "No campaign yet. To make one: ivr campaign create campaigns/NAME.yaml"
    assert "campaign spring: draft" in run("create", str(field.path), "--by", "anna")
    assert "there is a campaign spring already" in run("create", str(field.path), status=1)
    assert "pause is for one that is running" in run("pause", "spring", status=1)
    assert run("check", "spring") == "campaign spring: no mistakes; checked"
    assert "name a campaign, or write --due" in run("start", status=2)
    assert "running, version 1, launch spring-v1; 3 waiting (3 new) of 3" in run("start", "spring", "--by", "anna")
    assert "paused" in run("pause", "spring", "--by", "ben")
    field.write(CAMPAIGN.replace("per_second: 2", "per_second: 1"))
    assert "paused, version 2, launch spring-v2" in run("edit", str(field.path), "--by", "ben")
    assert "running" in run("resume", "spring")
    assert "running; version 2, launch spring-v2" in run("status", "spring")
    audit = json.loads(run("audit", "spring", "--format", "json"))
    assert [(a["what"], a["by"]) for a in audit[-4:-1]] == [("start", "anna"), ("pause", "ben"), ("edit", "ben")]
    assert audit[-2]["changed"] == {"per_second": [2, 1]}
    assert audit[-1]["by"] == login_name()
    assert "per_second: 2.0 → 1.0" in run("audit", "spring")
    assert "draining" in run("stop", "spring")
    assert "it is done when its last call has ended" in run("archive", "spring", status=1)
    settling.settle(field.engine, ANNA)
    assert "archived" in run("archive", "spring")
    assert "No campaign yet" in run("list")
    assert "spring" in run("list", "--all", "--format", "csv")
    assert "there is no campaign autumn" in run("status", "autumn", status=1)
    field.write(CAMPAIGN.replace("gateways:", "gatewais:"))
    assert "gatewais" in run("create", str(field.path), status=1)
