"""The log: one line each, forged by nobody, harmless to the call."""

from __future__ import annotations

import io
import json
import sys

import pytest

from ivr.ops.logs import Log, open_log
from ivr.store.masking import mask


def written(*, numbers="masked", **fields) -> dict:
    stream = io.StringIO()
    open_log("debug", numbers, stream)("tried", **fields)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().isprintable() or stream.getvalue()[:-1].isprintable()
    return json.loads(stream.getvalue())


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+8613800138000", "+**********000"),
        ("4000", "*000"),
        ("110", "***"),
        ("", ""),
        ("138 0013 8000", "*** **** *000"),
        ("anonymous", "anonymous"),
    ],
)
def test_row_122_mask(number, shown):
    assert mask(number) == shown


MASKED = [
    ({"caller": "+8613800138000"}, "+**********000"),
    ({"caller_number": "1000"}, "*000"),
    ({"called": 95588}, "**588"),
    ({"keys": "4512"}, "*512"),
    ({"detail": "INVITE from +86 13800138000 refused"}, "INVITE from +** ********000 refused"),
    ({"detail": "13800138000"}, "********000"),
    ({"detail": "took 1234567.5 ms"}, "took 1234567.5 ms"),
    ({"detail": "2026-11-22T20:05:01.123456Z"}, "2026-11-22T20:05:01.123456Z"),
    ({"call": "58190000-1111-2222-3333-444412345678"}, "58190000-1111-2222-3333-444412345678"),
    ({"detail": "job 58190000-1111-2222-3333-444412345678"}, "job 58190000-1111-2222-3333-444412345678"),
    ({"port": 8084}, 8084),
    ({"facts": {"caller.number": "1380013"}}, {"caller.number": "****013"}),
    ({"tried": ["13800138000"]}, ["********000"]),
]


@pytest.mark.parametrize(("fields", "shown"), MASKED)
def test_row_122_phone_numbers_are_masked(fields, shown):
    [name] = fields
    assert written(**fields)[name] == shown
    assert written(numbers="full", **fields)[name] == next(iter(fields.values()))


FORGED = ['x\n{"event":"paid"}', "\x1b[2J\x1b[31mred", "\r\x00\x7f\x9b31m", "\u2028\u202efdp.exe", "\ud800", "中文 ok"]


@pytest.mark.parametrize("text", FORGED)
def test_text_from_outside_makes_no_line_and_moves_no_cursor(text):
    assert written(name=text)["name"] == text


def test_what_is_no_json_is_still_one_line():
    class Odd:
        def __repr__(self):
            raise RuntimeError

    loop: list = []
    loop.append(loop)
    line = written(
        a=Odd(), b=b"\xff\x00", c={(1, 2): {3}}, d=loop, e=ValueError("no"), f=float("nan"), g="x" * 9000, event_="e"
    )
    assert line["a"] == "<Odd>"
    assert line["b"] == "\\xff\x00"
    assert line["c"] == {"(1, 2)": [3]}
    assert line["e"] == "ValueError: no"
    assert len(line["g"]) == 2001
    assert line["f"] == "nan"


def test_order_time_and_reserved_names():
    line = written(level="warning", call="u-1", time="mine", msg="m")
    assert list(line) == ["time", "level", "event", "call", "time_", "msg"]
    assert line["time"].endswith("Z")
    assert (line["level"], line["event"]) == ("warning", "tried")


def test_level_bind_and_exceptions():
    stream = io.StringIO()
    log = open_log("warning", stream=stream).bind(worker=1)
    log("quiet")
    try:
        raise KeyError("x\ny")
    except KeyError as error:
        log("loud", level="error", exc_info=error)
    [line] = [json.loads(x) for x in stream.getvalue().splitlines()]
    assert (line["event"], line["worker"]) == ("loud", 1)
    assert "KeyError" in line["exception"]


@pytest.mark.parametrize(
    ("event", "level"), [("call_started", "info"), ("peer_refused", "warning"), ("call_crashed", "error")]
)
def test_how_loud_an_event_is(event, level):
    stream = io.StringIO()
    open_log(stream=stream)(event)
    assert json.loads(stream.getvalue())["level"] == level


def test_a_long_traceback_keeps_its_end():
    stream = io.StringIO()
    open_log(stream=stream)("call_crashed", exc_info=ValueError("x" * 9000 + "the end"))
    assert json.loads(stream.getvalue())["exception"].endswith("the end")


def test_a_stream_that_goes_away_and_comes_back():
    class Full(io.StringIO):
        full = True

        def write(self, text):
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    stream = Full()
    log = open_log(stream=stream)
    log("a")
    log("b")
    stream.full = False
    log("c")
    log("d")
    c, d = (json.loads(x) for x in stream.getvalue().splitlines())
    assert c["log_lines_dropped"] == 2
    assert "log_lines_dropped" not in d


def _closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stderr", [None, _closed(), io.TextIOWrapper(io.BytesIO(), encoding="ascii")])
def test_stderr_closed_missing_or_ascii(monkeypatch, stderr):
    monkeypatch.setattr(sys, "stderr", stderr)
    log: Log = open_log()
    log("still here", name="中文")
