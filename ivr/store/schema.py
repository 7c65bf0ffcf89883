"""Schema: the tables, as SQLAlchemy Core knows them.

Law: names, keys and types only; how a row gets in is ``store.write``, how a database gets here is ``migrations``
(a test holds the two equal). There are no foreign keys: rows that waited in a spool may arrive before their call's.
Times are UTC; SQLite keeps no zone, so it is attached on read.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, DateTime, Dialect, Float, Index, Integer, MetaData, String, Table, Text, text
from sqlalchemy.types import TypeDecorator

#: Longest text of a key column, in characters: PostgreSQL refuses an index entry of more than about 2,700 bytes.
KEY_LENGTH = 200
#: Longest other text, in characters. A program's JSON has no limit.
TEXT_LENGTH = 10_000


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in and out, in UTC whatever the session or the server thinks."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time without a zone: {value!r}; give an aware datetime")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)  # type: ignore[no-any-return]


metadata = MetaData()
#: Runs of a launch whose name begins so are no data: somebody tried the questionnaire.
REHEARSAL = "rehearsal:"
#: SQLite keeps the rows of one call together, in one tree instead of two.
CLUSTERED: dict[str, Any] = {"sqlite_with_rowid": False}
#: Answers outside of questionnaires are read by their call only.
_OF_SURVEYS = text("survey <> ''")
_OF_LAUNCHES = text("launch <> ''")
#: Who may be called, in the order of calling: a person who is not waiting is not in it.
_WAITING = text("state = 'waiting'")
_LEASED = text("state = 'leased'")
_OPEN = text("outcome IS NULL")
_PREFIX = text("is_prefix = 1")


def _key(name: str, kind: type[Integer] | None = None) -> Column[Any]:
    return Column(name, kind() if kind else String(KEY_LENGTH), primary_key=True, autoincrement=False)


call = Table(
    "call",
    metadata,
    _key("call_id"),  # the channel's uuid
    Column("flow", Text),
    Column("program_hash", Text),
    Column("caller", Text),
    Column("called", Text),
    Column("language", Text),
    Column("started_at", UtcDateTime),
    Column("answered_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("ended_by", Text),  # flow | caller | error | switch-lost | transferred
    Column("end_node", Text),
    Column("cause", Text),
    Column("status", Text),  # live | ended; filled in when the row names none
    Index("ix_call_started_at", "started_at"),
    Index("ix_call_flow", "flow", "started_at"),
    Index("ix_call_caller", "caller", "started_at"),
    **CLUSTERED,
)

program = Table(
    "program",
    metadata,
    _key("hash"),
    Column("flow", Text),
    Column("json", Text),
    Column("first_seen", UtcDateTime),
)

#: Where a live call is: written whenever it comes to another step, emptied when it ends. No secret is in it.
call_state = Table(
    "call_state",
    metadata,
    _key("call_id"),
    Column("program_hash", Text),
    Column("json", Text),  # core.state.CallState; "" when the call is over
    Column("at", UtcDateTime),
    **CLUSTERED,
)

attempt = Table(
    "attempt",
    metadata,
    _key("call_id"),
    _key("question"),
    _key("occurrence", Integer),
    _key("attempt", Integer),
    Column("node", Text),
    Column("outcome", Text),  # digits | noinput | nomatch | hangup
    Column("keys", Text),  # none when secret
    Column("key_count", Integer),
    Column("timer", Text),  # the timer that ended it: first | between | ""
    Column("survey", Text),
    Column("language", Text),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    **CLUSTERED,
)


def _given() -> list[Column[Any]]:
    return [
        Column("survey", Text),
        Column("value", Text),  # text as it is, anything else as JSON; none when secret
        Column("value_number", Float(53)),  # when the value is a number
        Column("keys", Text),  # none when secret
        Column("language", Text),
        Column("missing", Text),  # why there is no value: refused | dont_know; none when there is one
        Column("run", Integer),  # survey_run.occurrence that it belongs to
    ]


answer = Table(
    "answer",
    metadata,
    _key("call_id"),
    _key("question"),
    _key("occurrence", Integer),
    *_given(),
    Column("at", UtcDateTime),
    Index("ix_answer_survey", "survey", "question", sqlite_where=_OF_SURVEYS, postgresql_where=_OF_SURVEYS),
    **CLUSTERED,
)

#: What `answer` held before it changed. ``at`` is when that answer was given.
answer_history = Table(
    "answer_history",
    metadata,
    _key("call_id"),
    _key("question"),
    _key("occurrence", Integer),
    Column("at", UtcDateTime, primary_key=True),
    *_given(),
    **CLUSTERED,
)

survey_run = Table(
    "survey_run",
    metadata,
    _key("call_id"),
    _key("survey"),
    _key("occurrence", Integer),
    Column("status", Text),  # begun, partial, then an end: see store.write.RANKS; never back
    Column("last_question", Text),
    Column("answered", Integer),
    Column("asked", Integer),
    Column("begun_at", UtcDateTime),
    Column("at", UtcDateTime),
    Column("definition", Text),  # survey_definition.hash: what was asked
    Column("launch", Text),  # "" outside of a launch
    Column("seed", Integer),  # of the order of its questions, core.ordering
    Column("agent", Text),  # who was talked to before
    Column("queue", Text),
    Column("resumed_from", Text),  # call_id of the run that this one goes on with
    Index("ix_survey_run_survey", "survey", "status"),
    # SQLite does not see that launch = 'x' is within launch <> '': there the index has every run.
    Index("ix_survey_run_launch", "launch", "status", postgresql_where=_OF_LAUNCHES),
    **CLUSTERED,
)

#: A questionnaire as it was asked, once for each content: survey.definition.Definition as JSON.
survey_definition = Table(
    "survey_definition",
    metadata,
    _key("hash"),
    Column("survey", Text),
    Column("version", Text),
    Column("title", Text),
    Column("json", Text),
    Column("first_seen", UtcDateTime),
)

#: What `survey_definition.json` says of each question, as columns: written with it, by store.write.
survey_question = Table(
    "survey_question",
    metadata,
    _key("definition"),
    _key("question"),
    Column("position", Integer),  # 1, 2, ... in the questionnaire
    Column("survey", Text),
    Column("version", Text),
    Column("kind", Text),
    Column("measure", Text),  # csat | nps | ces | ""
    Column("label", Text),  # short, in the first language
    Column("text", Text),  # what is asked, in the first language
    Column("labels_json", Text),  # by language
    Column("texts_json", Text),
    Column("values_json", Text),  # [{value, key, label by language}]
    Column("low", Text),
    Column("high", Text),
    Column("direction", Text),  # up | down
    Column("top", Integer),
    Column("good_low", Float(53)),  # csat, ces: satisfied; nps: promoters
    Column("good_high", Float(53)),
    Column("bad_low", Float(53)),  # nps: detractors; else the rest
    Column("bad_high", Float(53)),
    Column("section", Text),
    Column("item", Text),
    Column("base", Text),
    Column("bank", Text),
    Column("asked_when", Text),
    Column("screen_out", Text),
    **CLUSTERED,
)

#: What `survey_definition.json` says of each quota.
survey_quota = Table(
    "survey_quota",
    metadata,
    _key("definition"),
    _key("quota"),
    Column("survey", Text),
    Column("target", Integer),
    Column("condition", Text),
    **CLUSTERED,
)

#: A questionnaire frozen under a content hash: its program, its sounds and its quotas never change.
launch = Table(
    "launch",
    metadata,
    _key("launch"),  # its name
    Column("survey", Text),
    Column("definition", Text),
    Column("program_hash", Text),
    Column("content_hash", Text),  # of definition, program and the bytes of every sound
    Column("sounds", Integer),  # files frozen with it
    Column("created_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
    Index("ix_launch_survey", "survey"),
)

#: One row for each completed run and quota that it counts for: the count is their number, so it cannot count twice.
quota_complete = Table(
    "quota_complete",
    metadata,
    _key("survey"),
    _key("launch"),  # "-" outside of a launch
    _key("quota"),
    _key("call_id"),
    _key("occurrence", Integer),
    Column("at", UtcDateTime),
    **CLUSTERED,
)

#: What somebody, or something, is to be told or to do; delivered by whoever takes it.
outbox = Table(
    "outbox",
    metadata,
    _key("call_id"),
    _key("survey"),
    _key("occurrence", Integer),
    _key("alert"),
    Column("kind", Text),  # notify | call_back
    Column("json", Text),  # what is known: answers, agent, queue
    Column("at", UtcDateTime),
    Column("done_at", UtcDateTime),
    **CLUSTERED,
)

#: That a person was removed, without saying who: a keyed hash, and what was removed.
erasure = Table(
    "erasure",
    metadata,
    _key("erasure"),
    Column("at", UtcDateTime),
    Column("caller_hash", Text),
    Column("json", Text),  # rows removed, by table
)

#: The zone whose days the views count in: one row.
report_zone = Table(
    "report_zone",
    metadata,
    _key("one", Integer),  # 1
    Column("zone", Text),  # Europe/Berlin
)

#: The same zone for SQLite, which knows none: from when on, local time is so many seconds before or after UTC.
zone_offset = Table(
    "zone_offset",
    metadata,
    Column("from_utc", UtcDateTime, primary_key=True),
    Column("seconds", Integer),
    **CLUSTERED,
)

#: What the views and their columns mean, for those who read them: store.views.
v_help = Table(
    "v_help",
    metadata,
    _key("view_name"),
    _key("column_name"),  # "-": the view itself
    Column("position", Integer),
    Column("text", Text),
)

#: The views there are, and what they were made of: one that is right is left alone.
report_view = Table(
    "report_view",
    metadata,
    _key("view_name"),
    Column("survey", Text),  # of a wide view; "" of the others
    Column("made_of", Text),  # hash of its SQL
    Column("position", Integer),
)

# -- campaigns (docs/adr/0011) -------------------------------------------------------------------------------------

contact = Table(
    "contact",
    metadata,
    _key("contact_id"),  # made of list and number: importing again finds it
    Column("list", String(KEY_LENGTH)),
    Column("number", String(KEY_LENGTH)),  # E.164
    Column("name", Text),
    Column("language", Text),
    Column("zone", Text),  # IANA; "" where it is not surely known
    Column("consent", Text),  # reference to the consent; "" without
    Column("facts", Text),  # JSON: the other columns, by name
    Column("imported_at", UtcDateTime),
    Index("ix_contact_list", "list", "number", unique=True),
    Index("ix_contact_number", "number"),
)

#: Numbers and prefixes that are not called. ``scope``: a campaign, or "-" for all of them.
dnc = Table(
    "dnc",
    metadata,
    _key("scope"),
    _key("number"),  # E.164, or the beginning of it
    Column("is_prefix", Integer),
    Column("reason", Text),  # opt_out | import | list | ...
    Column("source", Text),  # call_id, file, who
    Column("at", UtcDateTime),
    # Which lengths of prefixes there are is asked in each lease.
    Index("ix_dnc_prefix", "number", sqlite_where=_PREFIX, postgresql_where=_PREFIX),
    **CLUSTERED,
)

campaign = Table(
    "campaign",
    metadata,
    _key("campaign"),
    Column("title", Text),
    Column("state", Text),  # draft | checked | scheduled | running | paused | draining | done | archived
    Column("version", Integer),
    Column("priority", Integer),
    Column("created_at", UtcDateTime),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
)

campaign_version = Table(
    "campaign_version",
    metadata,
    _key("campaign"),
    _key("version", Integer),
    Column("json", Text),  # campaign.model.Campaign
    Column("launch", Text),  # the frozen flow that it calls with
    Column("content_hash", Text),
    Column("by", Text),
    Column("at", UtcDateTime),
)

#: A person of a campaign, and whether it is somebody's turn to call.
campaign_contact = Table(
    "campaign_contact",
    metadata,
    _key("campaign"),
    _key("contact_id"),
    Column("number", String(KEY_LENGTH)),
    Column("zone", Text),
    Column("state", Text),  # waiting | leased | done
    Column("next_at", UtcDateTime),  # waiting: not before
    Column("priority", Integer),
    Column("attempts", Integer),
    Column("outcome", Text),  # of the last attempt; of the whole when done
    Column("owner", Text),  # leased: by which dialler
    Column("lease_until", UtcDateTime),
    Column("fence", Integer),  # grows with each lease
    Column("attempt_id", Text),  # leased: the attempt that is going on
    Column("wished_at", UtcDateTime),  # the next call was asked for, at this time
    Index("ix_campaign_contact_next", "campaign", "state", "next_at"),
    Index("ix_campaign_contact_number", "number"),
    Index(
        "ix_campaign_contact_due",
        *("campaign", "priority", "next_at"),
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    ),
    Index("ix_campaign_contact_lease", "lease_until", sqlite_where=_LEASED, postgresql_where=_LEASED),
    **CLUSTERED,
)

#: Every time somebody was, or was to be, called. ``attempt_id`` is the channel's uuid, and the call's ``call_id``.
dial_attempt = Table(
    "dial_attempt",
    metadata,
    _key("attempt_id"),
    Column("campaign", String(KEY_LENGTH)),
    Column("contact_id", String(KEY_LENGTH)),
    Column("number", String(KEY_LENGTH)),
    Column("number_of", Integer),  # the first attempt at this person is 1
    Column("version", Integer),
    Column("gateway", Text),
    Column("caller_id", Text),
    Column("owner", Text),
    Column("fence", Integer),
    Column("consent", Text),
    Column("leased_at", UtcDateTime),
    Column("sent_at", UtcDateTime),  # just before originate is sent; none: it never was (of before 2026-12)
    Column("answered_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("outcome", Text),  # campaign.outcomes; none while it goes on
    Column("cause", Text),  # the switch's own word
    Column("sip_code", Integer),
    Column("billed_ms", Integer),
    Index("ix_dial_attempt_campaign", "campaign", "leased_at"),
    Index("ix_dial_attempt_number", "number", "leased_at"),
    # No number is ever in two attempts at once, whatever the campaigns: the database itself says so.
    Index("ux_dial_attempt_open", "number", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
    **CLUSTERED,
)

campaign_audit = Table(
    "campaign_audit",
    metadata,
    _key("campaign"),
    _key("number", Integer),  # 1, 2, 3 ...
    Column("at", UtcDateTime),
    Column("by", Text),
    Column("what", Text),
    Column("json", Text),
)

#: The diallers that mean to call: they share the limits of the campaigns. A row that does not change is of a dead one.
dialler = Table(
    "dialler",
    metadata,
    _key("owner"),  # as in campaign_contact
    Column("campaign", String(KEY_LENGTH)),  # the only one it calls for; "": all
    Column("beat", Integer),  # grows while it lives
    Column("at", UtcDateTime),
)
