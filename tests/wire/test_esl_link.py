"""Conversations: what a link says happened, row by row, and against recordings."""

from __future__ import annotations

import pytest
from wiretools import (
    TRANSCRIPTS,
    UUID,
    api_reply,
    channel,
    complete,
    event,
    kinds,
    notice,
    plain,
    reply,
    steps,
    up,
)

from ivr.esl import commands
from ivr.esl.conversation import MAX_PENDING
from ivr.esl.inbound import InboundLink
from ivr.esl.inbound import State as ControlState
from ivr.esl.link import (
    TRANSITIONS,
    ApiReply,
    AuthWanted,
    Connected,
    Disconnected,
    Dtmf,
    ExecuteDone,
    Failed,
    HungUp,
    JobDone,
    Lingering,
    LinkError,
    LinkEvent,
    Lost,
    OtherEvent,
    OutboundLink,
    Ready,
    Refused,
    Reply,
    State,
)


def test_handshake_is_one_write_with_the_filter_before_the_events() -> None:
    link = OutboundLink()
    assert link.connect() == b"connect\n\n"
    (connected,) = link.receive_data(channel())
    assert isinstance(connected, Connected)
    assert (connected.uuid, connected.channel.get("Caller-Caller-ID-Number")) == (UUID, "1001")
    assert link.handshake(linger_s=7, events=["DTMF", "CHANNEL_HANGUP"]) == (
        f"linger 7\n\nfilter Unique-ID {UUID}\n\nevent json DTMF CHANNEL_HANGUP\n\napi sched_del {UUID}\n\n".encode()
    )
    answers = reply("+OK will linger 7 seconds") + reply("+OK filter added.") + reply("-ERR no keywords supplied")
    assert link.receive_data(answers + api_reply("+OK Deleted: 1\n")) == [
        Reply("linger", "+OK will linger 7 seconds", True),
        Reply("filter", "+OK filter added.", True),
        Reply("events", "-ERR no keywords supplied", False),
        ApiReply("guard", "+OK Deleted: 1\n", True),
    ]


def test_a_refused_field_leaves_nothing_waiting() -> None:
    link = up()
    with pytest.raises(commands.CommandError):
        link.handshake(events=["DTMF\n"])
    with pytest.raises(commands.CommandError):
        link.execute("playback", "a\nb", event_uuid="u-1")
    assert (link.pending_tags, link.running) == ((), "")
    assert link.execute("playback", "a", event_uuid="u-1")


def test_an_answer_that_was_asked_for_is_news_however_short() -> None:
    """`+OK` to what was sent may lie in the kernel; the two bytes of a count may not."""
    link = up()
    link.api("uuid_setvar", f"{UUID} a 1", tag="set")
    assert link.quiet_bytes > 0
    link.receive_data(api_reply("+OK\n"))
    assert link.ask("callcenter_config", "queue count agents q@x", tag="queue") == (
        b"api callcenter_config queue count agents q@x\n\n"
    )
    assert link.quiet_bytes == 0
    assert link.receive_data(api_reply("1\n")) == [ApiReply("queue", "1\n", True)]


def test_execute_is_accepted_then_done() -> None:
    link = up()
    assert link.execute("playback", "/x.wav", event_uuid="u-1") == commands.execute(
        "playback", "/x.wav", event_uuid="u-1"
    )
    assert link.receive_data(reply()) == [Reply("u-1", "+OK", True)]
    assert link.running == "u-1"
    (done,) = link.receive_data(complete("u-1", response="FILE NOT FOUND"))
    assert isinstance(done, ExecuteDone)
    assert (done.event_uuid, done.app, done.response) == ("u-1", "playback", "FILE NOT FOUND")
    assert link.running == ""


def test_an_execute_that_is_refused_has_failed() -> None:
    link = up()
    link.execute("playback", event_uuid="u-1")
    assert link.receive_data(reply("-ERR invalid session id [x]")) == [
        Reply("u-1", "-ERR invalid session id [x]", False),
        Failed("u-1", "refused", "-ERR invalid session id [x]"),
    ]
    assert link.execute("playback", event_uuid="u-2")


ENDS: list[tuple[str, bytes | None, list[str], State]] = [
    ("CHANNEL_HANGUP", event("CHANNEL_HANGUP", Hangup_Cause="USER_BUSY"), ["HungUp"], State.DOWN),
    ("CHANNEL_HANGUP_COMPLETE", event("CHANNEL_HANGUP_COMPLETE"), ["HungUp"], State.DOWN),
    ("linger notice", notice("linger"), ["Lingering"], State.DOWN),
    ("cut linger notice", notice("linger", "n" * 400) + event("CHANNEL_HANGUP"), ["Lingering", "HungUp"], State.DOWN),
    ("disconnect notice", notice("disconnect"), ["Disconnected"], State.CLOSED),
    ("end of stream", None, ["Lost"], State.CLOSED),
    ("no protocol", b"Content-Length: -1\n\n", ["Lost"], State.CLOSED),
    ("control socket", b"Content-Type: auth/request\n\n", ["Lost"], State.CLOSED),
]


@pytest.mark.parametrize(("what", "data", "told", "state"), ENDS, ids=[row[0] for row in ENDS])
def test_rows_08_42_whatever_ends_the_call_fails_all_that_waits_once(
    what: str, data: bytes | None, told: list[str], state: State
) -> None:
    link = up()
    link.api("status", tag="a")
    link.execute("playback", event_uuid="u-1")  # accepted: waits for its completion
    link.receive_data(api_reply("+OK") + reply())
    link.api("status", tag="b")  # waits for its reply
    events = link.receive_eof() if data is None else link.receive_data(data)
    failed = [each for each in events if isinstance(each, Failed)]
    assert [kind for kind in kinds(events) if kind != "Failed"] == told
    assert {each.tag for each in failed} == {"u-1", "b"}
    assert len(failed) == 2
    assert isinstance(events[0], HungUp | Lingering | Disconnected | Lost)
    assert (link.state, link.running, link.pending_tags) == (state, "", ())
    more = link.receive_data(api_reply("late") + complete("u-1") + reply()[:5]) + link.receive_eof()
    assert not any(isinstance(each, Failed | Reply | ApiReply | ExecuteDone) for each in more)
    assert link.receive_eof() == []
    assert link.receive_data(b"x") == []


def test_row_32_an_end_without_notice_is_lost() -> None:
    assert up().receive_eof() == [Lost("eof", "")]
    link = up()
    assert link.receive_data(event("DTMF")[:-3]) == []
    (lost,) = link.receive_eof()
    assert isinstance(lost, Lost)
    assert "of a cut frame" in lost.detail


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (channel(control="Control: single-channel\n"), "no-control", "async full"),
        (channel(control=""), "no-control", "async full"),
        (channel(unique_id=""), "no-channel", ""),
        (channel(unique_id="Unique-ID: a%0Ab\n"), "no-channel", ""),
        (reply("-ERR command not found"), "no-channel", "-ERR command not found"),
        (api_reply("+OK"), "no-channel", "+OK"),
    ],
)
def test_row_26_a_socket_without_control_is_refused(data: bytes, reason: str, words: str) -> None:
    link = OutboundLink()
    link.connect()
    (refused,) = link.receive_data(data)
    assert isinstance(refused, Refused)
    assert refused.reason == reason
    assert words in refused.detail
    assert link.execute("playback", event_uuid="u-1") == b""
    assert link.handshake() == b""
    assert link.hangup() == commands.hangup()
    assert link.exit() == b"exit\n\n"
    assert link.receive_data(reply() + reply("+OK bye")) == [
        Reply("hangup", "+OK", True),
        Reply("exit", "+OK bye", True),
    ]


def test_row_28_events_of_other_calls_are_dropped() -> None:
    link = up()
    link.execute("playback", event_uuid="u-1")
    foreign = event("DTMF", "other", DTMF_Digit="5") + complete("u-1", uuid="other") + event("CHANNEL_HANGUP", "other")
    nobody = b'Content-Length: 26\nContent-Type: text/event-json\n\n{"Event-Name":"HEARTBEAT"}'
    assert link.receive_data(reply() + foreign + nobody) == [Reply("u-1", "+OK", True)]
    assert link.foreign_events == 4
    job = event("BACKGROUND_JOB", "other", Job_Owner_UUID=UUID)
    assert kinds(link.receive_data(job)) == ["OtherEvent"]
    assert (link.running, link.state) == ("u-1", State.UP)


def test_row_29_commands_in_flight_are_few() -> None:
    link = up()
    link.execute("playback", event_uuid="u-1")
    with pytest.raises(LinkError, match="while playback"):
        link.execute("playback", event_uuid="u-2")
    for n in range(MAX_PENDING - 1):
        link.api("status", tag=str(n))
    with pytest.raises(LinkError, match="wait for their replies"):
        link.api("status", tag="x")


def test_row_35_old_and_repeated_completions_are_no_completions() -> None:
    link = up()
    link.execute("playback", event_uuid="u-1")
    link.receive_data(reply())
    first = link.receive_data(complete("u-1") + complete("u-1"))
    assert kinds(first) == ["ExecuteDone", "OtherEvent"]
    link.execute("playback", event_uuid="u-2")
    assert kinds(link.receive_data(reply() + complete("u-1") + complete("u-3"))) == [
        "Reply",
        "OtherEvent",
        "OtherEvent",
    ]
    assert link.running == "u-2"
    with pytest.raises(LinkError, match="used before"):
        link.receive_data(complete("u-2")) and link.execute("playback", event_uuid="u-2")
    link = up()
    key = event("DTMF", DTMF_Digit="5", Event_Sequence="7")
    assert kinds(link.receive_data(key + key + event("DTMF", DTMF_Digit="5", Event_Sequence="8"))) == ["Dtmf", "Dtmf"]


def test_row_40_a_completion_needs_the_id_and_the_name() -> None:
    link = up()
    link.execute("playback", event_uuid="u-1")
    link.receive_data(reply())
    assert kinds(link.receive_data(complete("u-1", app="set") + complete("other"))) == ["OtherEvent", "OtherEvent"]
    assert kinds(link.receive_data(complete("u-1"))) == ["ExecuteDone"]


@pytest.mark.parametrize("end", [event("CHANNEL_HANGUP"), notice("linger"), notice("disconnect")])
def test_row_43_after_the_call_nothing_is_sent(end: bytes) -> None:
    link = up()
    link.receive_data(end)
    for data in (
        link.execute("playback", event_uuid="u-1"),
        link.api("status", tag="a"),
        link.send(commands.linger(3), "l"),
        link.stop_playback(),
        link.kill(),
        link.hangup(),
        link.handshake(),
    ):
        assert data == b""
    assert (link.running, link.pending_tags) == ("", ())
    assert link.exit() == (b"" if link.closed else b"exit\n\n")


def test_before_the_call_a_command_is_a_bug() -> None:
    link = OutboundLink()
    for send in (link.handshake, link.kill, link.exit, lambda: link.execute("playback", event_uuid="u")):
        with pytest.raises(LinkError, match="before Connected"):
            send()
    link.connect()
    with pytest.raises(LinkError, match="connecting"):
        link.connect()


def test_rows_45_63_an_execute_that_never_completes_can_be_given_up() -> None:
    link = up()
    link.execute("playback", event_uuid="u-1")
    link.receive_data(reply())
    link.abandon("another")
    assert link.running == "u-1"
    link.abandon("u-1")
    assert link.execute("playback", event_uuid="u-2")
    assert kinds(link.receive_data(reply() + complete("u-1") + complete("u-2"))) == [
        "Reply",
        "OtherEvent",
        "ExecuteDone",
    ]


def test_row_57_keys_are_sixteen() -> None:
    link = up()
    told = link.receive_data(
        b"".join(event("DTMF", DTMF_Digit=key) for key in "0123456789ABCD*#wWfFeEx²") + event("DTMF")
    )
    assert "".join(each.digit for each in told if isinstance(each, Dtmf)) == "0123456789ABCD*#"
    assert len(told) == 16
    assert kinds(link.receive_data(plain("DTMF", DTMF_Digit="%23"))) == ["Dtmf"]


def test_row_58_a_key_says_where_it_came_from() -> None:
    (key,) = up().receive_data(event("DTMF", DTMF_Digit="5", DTMF_Duration="2000", DTMF_Source="RTP"))
    assert isinstance(key, Dtmf)
    assert (key.digit, key.duration_samples, key.source) == ("5", 2000, "RTP")
    (key,) = up().receive_data(event("DTMF", DTMF_Digit="5", DTMF_Duration="-1"))
    assert isinstance(key, Dtmf)
    assert key.duration_samples == 0


def test_row_20_replies_are_matched_in_order_and_a_stray_one_is_the_end() -> None:
    link = up()
    link.api("status", tag="a")
    link.execute("playback", event_uuid="u-1")
    link.api("status", tag="b")
    told = link.receive_data(reply("-ERR command not found") + api_reply("eaten") + api_reply("-ERR no reply\n"))
    assert told == [
        ApiReply("a", "-ERR command not found", False),
        Reply("u-1", "eaten", False),
        Failed("u-1", "refused", "eaten"),
        ApiReply("b", "-ERR no reply\n", False),
    ]
    assert link.receive_data(reply()) == [Lost("protocol", "a reply that no command waits for")]


def test_hung_up_is_told_once_in_either_order() -> None:
    link = up()
    told = link.receive_data(
        notice("linger")
        + event("CHANNEL_HANGUP", Hangup_Cause="USER_BUSY")
        + event("CHANNEL_HANGUP_COMPLETE", Hangup_Cause="USER_BUSY")
        + notice("disconnect")
    )
    assert kinds(told) == ["Lingering", "HungUp", "OtherEvent", "Disconnected"]
    assert told[0] == Lingering(3)
    assert isinstance(told[1], HungUp)
    assert told[1].cause == "USER_BUSY"


def test_the_table_of_transitions_is_whole() -> None:
    assert {state for state, _ in TRANSITIONS} | set(TRANSITIONS.values()) == set(State)
    assert all((state, "end") in TRANSITIONS for state in State if state is not State.CLOSED)
    assert not any(state is State.CLOSED for state, _ in TRANSITIONS)


def replay(name: str) -> tuple[OutboundLink, list[LinkEvent]]:
    """Say on a link what the recorded application said, and hear what it heard."""
    link, told = OutboundLink(), []
    for n, step in enumerate(steps(name)):
        if step.direction == "rx":
            told += link.receive_data(step.data)
        elif step.direction == "eof":
            told += link.receive_eof()
        elif step.data.startswith(b"connect"):
            link.connect()
        elif b"call-command: execute\n" in step.data:
            fields = dict(line.split(": ", 1) for line in step.data.decode().split("\n") if ": " in line)
            if link.running:  # the recordings of two executes at once: what we never do
                link.abandon(link.running)
            link.execute(fields["execute-app-name"], event_uuid=fields["Event-UUID"])
        elif step.data.startswith(b"api "):
            link.api("x", tag=str(n))
        else:
            link.send(step.data, str(n))
    return link, told


OUTBOUND = [path.stem for path in TRANSCRIPTS if "control" not in path.stem]
# How a recording ends where it does not end in a hang-up and a goodbye.
ENDINGS = {
    "application-closes-mid-call": "Lost",
    "application-dies-first-socket": "Lost",
    "bgapi-and-json": "",  # the recording stops in the call
    "chinese-arg-with-body": "",
    "myevents": "Refused",  # row 26 in the wild: its dialplan said ``async`` without ``full``
    "unknown-application": "Lost",  # the recorded application spoke after the hang-up, which a link does not
}


@pytest.mark.parametrize("name", OUTBOUND)
def test_a_recorded_call_is_understood(name: str) -> None:
    link, told = replay(name)
    ending = ENDINGS.get(name, "Disconnected")
    ends = [kind for kind in kinds(told) if kind in ("Disconnected", "Lost", "Refused")]
    assert ends[:1] == ([ending] if ending else [])
    assert isinstance(told[0], Refused if ending == "Refused" else Connected)
    assert link.foreign_events == 0
    if ending == "Disconnected":
        assert kinds(told).count("HungUp") == 1
        assert not {"ExecuteDone", "Reply"} & set(kinds(told)[kinds(told).index("HungUp") :])


CALLS = {
    "playback-complete": ["answer:_none_", "playback:FILE PLAYED"],
    "playback-missing-file": ["answer:_none_", "playback:FILE NOT FOUND"],
    "json-caller-hangs-up-in-playback": ["HungUp NORMAL_CLEARING", "Failed u-1 hangup"],
    "json-uuid-kill-in-playback": ["answer:_none_", "HungUp NORMAL_CLEARING", "Failed u-1 hangup"],
    "unknown-application": ["answer:_none_", "HungUp DESTINATION_OUT_OF_ORDER", "Failed u-1 hangup"],
}


@pytest.mark.parametrize(("name", "wanted"), CALLS.items())
def test_rows_42_44_how_recorded_executes_end(name: str, wanted: list[str]) -> None:
    said = []
    for each in replay(name)[1]:
        if isinstance(each, ExecuteDone):
            said.append(f"{each.app}:{each.response}")
        elif isinstance(each, HungUp):
            said.append(f"HungUp {each.cause}")
        elif isinstance(each, Failed):
            said.append(f"Failed {each.tag} {each.reason}")
    assert said[: len(wanted)] == wanted


def test_recorded_digits() -> None:
    told = replay("json-guard-cancelled-then-digits-by-events")[1]
    digits = [each for each in told if isinstance(each, Dtmf)]
    assert digits
    assert all(each.source for each in digits)


# The control socket

GREETING = b"Content-Type: auth/request\n\n"


def ready() -> InboundLink:
    link = InboundLink()
    assert link.receive_data(GREETING) == [AuthWanted()]
    assert link.auth("pw") == b"auth pw\n\n"
    assert link.receive_data(reply("+OK accepted")) == [Ready()]
    return link


def test_row_36_a_wrong_password_is_told_as_such() -> None:
    link, told = InboundLink(), []
    for step in steps("control-wrong-password"):
        if step.direction == "rx":
            told += link.receive_data(step.data)
        elif step.direction == "eof":
            told += link.receive_eof()
        else:
            link.auth("wrong")
    assert kinds(told) == ["AuthWanted", "Lost"]
    assert isinstance(told[1], Lost)
    assert told[1].reason == "wrong-password"
    assert link.auth("x") == b""
    assert link.api("status", tag="a") == b""


def test_row_36_so_is_an_address_that_is_not_let_in() -> None:
    rude = b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n"
    assert InboundLink().receive_data(rude) == [Lost("rude-rejection", "Access Denied, go away.")]


def test_jobs_are_found_by_their_id() -> None:
    link = ready()
    assert link.bgapi("status", job_uuid="j-1").endswith(b"Job-UUID: j-1\n\n")
    link.bgapi("status", job_uuid="j-2")
    link.bgapi("status", job_uuid="j-3")
    link.receive_data(reply("+OK Job-UUID: j-1") + reply("-ERR x") + reply())
    done = event("BACKGROUND_JOB", Job_UUID="j-1", _body="").replace(b'"-body"', b'"_body"')
    told = link.receive_data(done + done + event("HEARTBEAT"))
    assert kinds(told) == ["JobDone", "OtherEvent", "OtherEvent"]
    assert isinstance(told[1], OtherEvent)
    with pytest.raises(LinkError, match="j-3 is running"):
        link.bgapi("status", job_uuid="j-3")
    assert link.receive_eof() == [Lost("eof", ""), Failed("j-3", "lost", "eof")]
    assert link.bgapi("status", job_uuid="j-4") == b""


def test_before_ready_a_command_is_a_bug() -> None:
    link = InboundLink()
    with pytest.raises(LinkError):
        link.auth("x")
    with pytest.raises(LinkError):
        link.api("status", tag="a")
    assert ready().state is ControlState.READY


def test_a_recorded_campaign() -> None:
    link, told = InboundLink(), []
    for n, step in enumerate(steps("control-auth-and-originate")):
        if step.direction == "rx":
            told += link.receive_data(step.data)
        elif step.direction == "eof":
            told += link.receive_eof()
        elif step.data.startswith(b"auth"):
            link.auth("x")
        elif step.data.startswith(b"bgapi"):
            link.bgapi("x", job_uuid=step.data.split(b"Job-UUID: ")[1].split(b"\n")[0].decode())
        elif step.data.startswith(b"api"):
            link.api("x", tag=str(n))
        elif step.data.startswith(b"exit"):
            link.exit()
        else:
            link.events(["DTMF"])
    jobs = {each.job_uuid: (each.ok, each.body.split(" ")[0].strip()) for each in told if isinstance(each, JobDone)}
    assert jobs["job-answered"] == (True, "+OK")
    assert {job for job, (ok, _) in jobs.items() if not ok} == {"job-noanswer", "job-busy", "job-refused"}
    assert told[-1] == Disconnected()
    assert not any(isinstance(each, Lost | Failed) for each in told)
