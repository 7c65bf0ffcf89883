"""Campaign views: attempts of campaigns and what they add up to, for analysts.

Law: pure text, as store.viewlist. Every attempt is one row, and in the sums counted once.
"""

from __future__ import annotations

from ivr.store.sqlwords import Words
from ivr.store.viewlist import Col, View

#: Outcomes that have a column of their own in v_campaign; ``going_on`` are those without one.
OUTCOMES = (
    *("answered", "machine", "no_answer", "busy", "rejected", "invalid", "congestion", "failed", "short"),
    *("opted_out", "unknown", "not_attempted"),
)
#: results.outbound.attempts.completed, in SQL: of an attempt ``a``.
_COMPLETE = """CASE
  WHEN a.outcome IN ('answered', 'opted_out') AND EXISTS (
    SELECT 1 FROM survey_run r WHERE r.call_id = a.attempt_id AND r.status = 'complete') THEN 1
  WHEN a.outcome = 'answered'
    AND NOT EXISTS (SELECT 1 FROM survey_run r WHERE r.call_id = a.attempt_id)
    AND EXISTS (SELECT 1 FROM call c WHERE c.call_id = a.attempt_id AND c.ended_by IN ('flow', 'transferred'))
    AND NOT EXISTS (
      SELECT 1 FROM campaign_version v JOIN launch l ON l.launch = v.launch
      WHERE v.campaign = a.campaign AND v.version = a.version AND l.survey <> '') THEN 1
  ELSE 0 END"""


def campaign_views(w: Words) -> tuple[View, ...]:
    """In the order in which they can be made."""
    return _attempts(w), _campaigns(w)


def _attempts(w: Words) -> View:
    at = "coalesce(a.sent_at, a.leased_at)"
    return View(
        "v_attempts_outbound",
        "One row for each time that a campaign called somebody, or was about to.",
        (
            Col("attempt_id", "text", "a.attempt_id", "the attempt, and the call_id of its call in the other views"),
            Col("campaign", "text", "a.campaign", "name of the campaign"),
            Col("version", "whole", "a.version", "version of the campaign's file that it followed"),
            Col("contact_id", "text", "a.contact_id", "the person"),
            Col("number_masked", "text", w.masked("a.number"), "number called, all but its end hidden"),
            Col("list", "text", "p.list", "list that the person is on; none when the contact was removed"),
            Col("zone", "text", "m.zone", "the person's time zone; empty when it is not known"),
            Col("number_of", "whole", "a.number_of", "1 for the first call to this person, 2 for the second ..."),
            Col("gateway", "text", "a.gateway", "gateway that it went over"),
            Col("outcome", "text", "a.outcome", "what happened (docs/campaigns.md); none while it goes on"),
            Col("cause", "text", "a.cause", "the switch's own word for its end"),
            Col("sip_code", "whole", "a.sip_code", "SIP status, where there was one"),
            Col("leased_at", "time", "a.leased_at", "when a dialler took it"),
            Col("sent_at", "time", "a.sent_at", "when the switch was told; none: it never was"),
            Col("answered_at", "time", "a.answered_at", "when somebody, or something, answered"),
            Col("ended_at", "time", "a.ended_at", "when it was over"),
            Col("ring_s", "number", w.seconds("a.sent_at", "a.answered_at"), "from sending to the answer"),
            Col("billed_s", "number", w.number("a.billed_ms") + " / 1000", "seconds that are paid for"),
            Col("complete", "whole", _COMPLETE, "1 when the questionnaire, or a flow without one, came to its end"),
            Col("day", "day", w.day(at), "local day"),
            Col("week", "day", w.week(at), "Monday of that week"),
            Col("hour", "whole", w.hour(at), "local hour, 0 to 23, of the reports' zone: not of the person's"),
        ),
        """FROM dial_attempt a
LEFT JOIN contact p ON p.contact_id = a.contact_id
LEFT JOIN campaign_contact m ON m.campaign = a.campaign AND m.contact_id = a.contact_id""",
    )


def _campaigns(w: Words) -> View:
    def told(name: str, of: str) -> str:
        return f"coalesce({of}.{name}, 0)"

    own = (
        ("campaign", "text", "name of the campaign"),
        ("title", "text", "what it is called"),
        ("state", "text", "draft, checked, scheduled, running, paused, draining, done, archived"),
        ("version", "whole", "version of its file that holds now; 0 before it was started"),
        ("priority", "whole", "1 first, 9 last"),
        ("created_at", "time", "when it was made"),
        ("started_at", "time", "when it was started"),
        ("ended_at", "time", "when it was done"),
    )
    people = {
        "people": "people in it",
        "waiting": "who wait for a call",
        "leased": "who are being called",
        "done": "who are called no more",
    }
    counted = ",\n  ".join(f"sum(CASE WHEN v.outcome = '{o}' THEN 1 ELSE 0 END) AS {o}" for o in OUTCOMES)
    states = ",\n  ".join(
        f"sum(CASE WHEN state = '{state}' THEN 1 ELSE 0 END) AS {state}" for state in ("waiting", "leased", "done")
    )
    return View(
        "v_campaign",
        "One row a campaign, with its people by how they stand, and its attempts by how they ended: attempts is their "
        "sum with those that go on.",
        (
            *(Col(name, kind, f"c.{name}", text) for name, kind, text in own),
            *(Col(name, "whole", told(name, "p"), text) for name, text in people.items()),
            Col("attempts", "whole", told("attempts", "t"), "attempts"),
            Col("going_on", "whole", told("going_on", "t"), "attempts that go on"),
            *(Col(o, "whole", told(o, "t"), f"attempts with this outcome: {o.replace('_', ' ')}") for o in OUTCOMES),
            Col(
                "complete", "whole", told("complete", "t"), "attempts that came to the end of the questionnaire or flow"
            ),
            Col("billed_s", "number", w.number(told("billed_s", "t")), "seconds that are paid for"),
        ),
        f"""FROM campaign c
LEFT JOIN (
  SELECT campaign, count(*) AS people,
  {states}
  FROM campaign_contact GROUP BY campaign
) p ON p.campaign = c.campaign
LEFT JOIN (
  SELECT v.campaign, count(*) AS attempts, sum(CASE WHEN v.outcome IS NULL THEN 1 ELSE 0 END) AS going_on,
  {counted},
  sum(v.complete) AS complete, sum(v.billed_s) AS billed_s
  FROM v_attempts_outbound v GROUP BY v.campaign
) t ON t.campaign = c.campaign""",
    )
