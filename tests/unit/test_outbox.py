"""The outbox as it is read and ticked off."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from ivr.cli.main import main
from ivr.store import schema
from ivr.store.engine import make_engine
from ivr.store.upgrade import upgrade

AT = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'calls.db'}"
    upgrade(url)
    told = json.dumps({"answers": {"overall": 1}, "agent": "1001", "queue": None})
    row = {"survey": "csat", "occurrence": 1, "alert": "unhappy", "kind": "call_back", "json": told, "at": AT}
    with make_engine(url).begin() as connection:
        connection.execute(schema.call.insert(), [{"call_id": "call-1", "caller": "13800138000", "started_at": AT}])
        connection.execute(schema.outbox.insert(), [{**row, "call_id": "call-1"}, {**row, "call_id": "call-2"}])
    return url


def said(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["outbox", *arguments], catch_exceptions=False)
    return f"{result.exit_code}: {result.output}"


def test_what_is_to_be_done(url: str) -> None:
    listed = said("list", "--db", url)
    assert "call back" in listed
    assert "overall 1" in listed
    assert "13800138000" not in listed
    whole = json.loads(said("list", "--db", url, "--unmask", "--format", "json").removeprefix("0: "))
    assert [(one["call_id"], one["caller"], one["answers"]) for one in whole] == [
        ("call-1", "13800138000", {"overall": 1}),
        ("call-2", "", {"overall": 1}),
    ]


def test_what_is_done_is_listed_no_more(url: str) -> None:
    assert said("done", "call-1", "unhappy", "--db", url) == "0: unhappy of call-1: done\n"
    assert said("done", "call-1", "unhappy", "--db", url).startswith("1: Error: no open alert unhappy")
    open_ = json.loads(said("list", "--db", url, "--format", "json").removeprefix("0: "))
    assert [one["call_id"] for one in open_] == ["call-2"]
    all_ = json.loads(said("list", "--all", "--db", url, "--format", "json").removeprefix("0: "))
    assert [bool(one["done_at"]) for one in all_] == [True, False]


def test_the_beginning_of_several_calls_ids_closes_none(url: str) -> None:
    """Somebody's call back would be lost without a word."""
    for beginning in ("call-", ""):
        assert "2 calls begin with" in said("done", beginning, "unhappy", "--db", url)
    assert len(json.loads(said("list", "--db", url, "--format", "json").removeprefix("0: "))) == 2
    with make_engine(url).begin() as connection:
        connection.execute(schema.outbox.update().where(schema.outbox.c.call_id == "call-2").values(call_id="call-10"))
    assert said("done", "call-1", "unhappy", "--db", url).startswith("0: "), "a whole id is that call's"
    assert "1 calls" not in said("done", "call-", "unhappy", "--db", url)
