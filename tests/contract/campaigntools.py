"""What the tests of campaigns share: a project with a campaign, people on lists, attempts and their calls."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from servertools import Site
from sqlalchemy import Engine, insert

from ivr.ops.config import Config, load_config
from ivr.store import schema
from ivr.store.campaigns import Who
from ivr.store.engine import make_engine

#: A Tuesday, 10:00 in China.
NOW = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
ANNA = Who("anna", NOW)

FLOW = """
flow: quick
languages: [en]
steps:
  hello:
    say: {en: "Your appointment is tomorrow."}
    hang_up: true
"""
SURVEY = """
survey: visits
languages: [en]
digits: {first: 1500ms, tries: 1}
questions:
  - {id: score, csat: {en: "How was it?"}}
  - {id: again, csat: {en: "And now?"}}
"""
CAMPAIGN = """
campaign: spring
title: Spring
flow: quick
contacts: {lists: [march]}
gateways: [{gateway: main, dial: sofia/gateway/main, caller_ids: ["+862112345678"]}]
per_second: 2
at_once: 20
calling: {zone: Asia/Shanghai, open: ["Mon-Sun 09:00-20:00"]}
consent: required
"""


def number(n: int) -> str:
    return f"+86138{n:08}"


class Field:
    """A project with a flow, and a database."""

    def __init__(self, folder: Path, database: str) -> None:
        self.site = Site(folder)
        self.folder = folder
        self.write(CAMPAIGN)
        self.site.write(FLOW)
        (folder / "surveys").mkdir()
        self.config: Config = load_config(self.site.config).replaced(database=database)
        self.engine: Engine = make_engine(database)
        self.database = database

    @property
    def path(self) -> Path:
        return self.folder / "campaigns" / "spring.yaml"

    def write(self, text: str) -> Path:
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(text)
        return self.path

    def people(self, count: int, list_: str = "march", first: int = 0, **more: Any) -> list[str]:
        """Gives their ids. A callable is asked for each n."""
        rows = []
        for n in range(first, first + count):
            row = {"contact_id": f"{list_}-{n:07}", "list": list_, "number": number(n), "name": f"P{n}"}
            told = {"zone": "Asia/Shanghai", "consent": "c1", "language": "", "facts": "{}", "imported_at": NOW}
            given = {k: v(n) if callable(v) else v for k, v in more.items()}
            if isinstance(given.get("facts"), dict):
                given["facts"] = json.dumps(given["facts"])
            rows.append({**row, **told, **given})
        with self.engine.begin() as connection:
            connection.execute(insert(schema.contact), rows)
        return [row["contact_id"] for row in rows]

    def rows(self, table: str, *rows: dict[str, Any]) -> None:
        with self.engine.begin() as connection:
            for row in rows:
                connection.execute(insert(schema.metadata.tables[table]), row)

    def attempt(self, contact: str, outcome: str | None, at: datetime = NOW, **more: Any) -> str:
        ident = str(more.pop("attempt_id", uuid.uuid4()))
        n = int(contact.rsplit("-", 1)[1])
        row = {
            **{"attempt_id": ident, "campaign": "spring", "contact_id": contact, "number": number(n), "number_of": 1},
            **{"version": 1, "gateway": "main", "caller_id": "+862112345678", "owner": "d1", "fence": 1},
            **{"leased_at": at, "sent_at": at, "outcome": outcome, "ended_at": at + timedelta(seconds=30)},
        }
        self.rows("dial_attempt", {**row, **more})
        return ident

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]
