"""What happened, one JSON object per line, to stderr.

Law: a log never takes part in a call. Nothing that is logged, and no state of the stream, makes it raise; what cannot
be written is dropped and counted in the next line that can. Text from outside cannot make a line, move a terminal's
cursor or, unless the settings say so, show a whole phone number.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog

from ivr.store.masking import mask

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
MAX_TEXT = 2000
_DEPTH = 4
#: How loud an event is when its caller does not say: by the last word of its name, else info.
LOUD = {
    **dict.fromkeys(("crashed", "alarm"), "error"),
    **dict.fromkeys(("refused", "shed", "missing", "lost", "failure", "failed", "overdue"), "warning"),
}
#: Fields that hold a number of a person, whatever its length; `keys` is what a caller pressed.
_NUMBERS = re.compile(r"(^|[._])(caller|called|number|ani|dnis|destination|phone|keys)([._]|$)")
#: Fields whose long digits are ours: identifiers and times.
_OURS = frozenset({"event", "time", "level", "call", "call_id", "uuid", "job", "program", "file", "path", "database"})
#: A phone number inside other text. Not a piece of a UUID, a hash, a decimal or a time.
_INSIDE = re.compile(r"(?<![0-9A-Za-z.:-])\+?[0-9][0-9 ()]{5,17}[0-9](?![0-9A-Za-z.:-])")
#: JSON escapes what is below space. These are left: DEL, C1, line separators, writing direction, half characters.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def _plain(value: Any, depth: int = _DEPTH) -> Any:
    """``value`` as JSON can hold it; texts cut to MAX_TEXT."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT] + "…"
    if depth and isinstance(value, Mapping):
        return {str(k): _plain(v, depth - 1) for k, v in value.items()}
    if depth and isinstance(value, list | tuple | set | frozenset):
        return [_plain(v, depth - 1) for v in value]
    return f"<{type(value).__name__}>" if not isinstance(value, BaseException) else _plain(_error(value))


def _error(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _masked(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {k: _masked(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_masked(v, name) for v in value]
    if name in _OURS or isinstance(value, bool) or value is None:
        return value
    if _NUMBERS.search(name.lower()):
        return mask(str(value))
    return _INSIDE.sub(lambda found: mask(found[0]), value) if isinstance(value, str) else value


class _Lines:
    """structlog's output: whole lines to a stream that may go away."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.dropped = 0

    def msg(self, line: str) -> None:
        stream = self._stream if self._stream is not None else sys.stderr
        if self.dropped:
            line = f'{line[:-1]},"log_lines_dropped":{self.dropped}}}'
        try:
            stream.write(line + "\n")
            stream.flush()
        except (OSError, ValueError, AttributeError):  # disk full, closed, no stderr at all: the calls go on
            self.dropped += 1
        else:
            self.dropped = 0

    debug = info = warning = error = exception = msg


class Log:
    """``log("call_started", call=uuid, flow="hotline")``; ``level`` is debug | info | warning | error, "": see LOUD."""

    def __init__(self, logger: Any, least: int) -> None:
        self._logger, self._least = logger, least

    def __call__(self, event: str, /, level: str = "", **fields: Any) -> None:
        level = level or LOUD.get(event.rpartition("_")[2], "info")
        if LEVELS.get(level, LEVELS["error"]) >= self._least:
            self._logger.log(event, level, fields)

    def bind(self, **fields: Any) -> Log:
        """The same log, with ``fields`` in every line."""
        return Log(_Bound(self._logger, fields), self._least)


class _Bound:
    def __init__(self, inner: Any, fields: Mapping[str, Any]) -> None:
        self._inner, self._fields = inner, fields

    def log(self, event: str, level: str, fields: Mapping[str, Any]) -> None:
        self._inner.log(event, level, {**self._fields, **fields})


class _Structlog:
    def __init__(self, stream: TextIO | None, numbers: str) -> None:
        self._logger = structlog.wrap_logger(
            _Lines(stream),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
                structlog.processors.format_exc_info,
                _first_fields,
                _clean(numbers),
                _line,
            ],
            wrapper_class=structlog.BoundLogger,
        )

    def log(self, event: str, level: str, fields: Mapping[str, Any]) -> None:
        reserved = {f"{k}_" if k in ("event", "time", "level") else k: v for k, v in fields.items()}
        self._logger.msg(event, **{"level": level, **reserved})


def _first_fields(_logger: Any, _method: str, fields: Any) -> Any:
    head = {name: fields.pop(name) for name in ("time", "level", "event")}
    return {**head, **fields}


def _clean(numbers: str) -> Any:
    def clean(_logger: Any, _method: str, fields: Any) -> Any:
        trace = fields.get("exception")
        if isinstance(trace, str) and len(trace) > MAX_TEXT:  # its end says what went wrong
            fields["exception"] = "…" + trace[1 - MAX_TEXT :]
        plain = {str(k): _plain(v) for k, v in fields.items()}
        return plain if numbers == "full" else {k: _masked(v, k) for k, v in plain.items()}

    return clean


def _line(_logger: Any, _method: str, fields: Any) -> str:
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def open_log(level: str = "info", numbers: str = "masked", stream: TextIO | None = None) -> Log:
    """A log to ``stream`` (default: whatever ``sys.stderr`` is when a line is written)."""
    return Log(_Structlog(stream, numbers), LEVELS[level])
