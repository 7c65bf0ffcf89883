"""SQL words: what SQLite and PostgreSQL say differently, in small functions that mean the same.

Law: pure text. The views are written once, in words of both databases, and ask here for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Set by store.views.set_zone.
_ZONE = "(SELECT zone FROM report_zone)"


def quoted(name: str) -> str:
    """A column or view name, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("\0", "").replace("'", "''") + "'"


@dataclass(frozen=True)
class Words:
    """``postgres``: which of the two."""

    postgres: bool

    def day(self, time: str) -> str:
        """The local day of a time in UTC: PostgreSQL's date, SQLite's text 2026-11-22."""
        if self.postgres:
            return f"({time} AT TIME ZONE {_ZONE})::date"
        return f"date({time}, {self._offset(time)})"

    def week(self, time: str) -> str:
        """The Monday of that day's week."""
        if self.postgres:
            return f"date_trunc('week', {time} AT TIME ZONE {_ZONE})::date"
        # To the next Sunday, or today when it is one, and six days back.
        return f"date({time}, {self._offset(time)}, 'weekday 0', '-6 days')"

    def hour(self, time: str) -> str:
        if self.postgres:
            return f"extract(hour FROM {time} AT TIME ZONE {_ZONE})::integer"
        return f"CAST(strftime('%H', {time}, {self._offset(time)}) AS integer)"

    def _offset(self, time: str) -> str:
        found = f"SELECT seconds FROM zone_offset WHERE from_utc <= {time} ORDER BY from_utc DESC LIMIT 1"
        return f"({found}) || ' seconds'"

    def milliseconds(self, time: str) -> str:
        """Since 1970, rest cut off: the same whole number from a text and from a timestamp."""
        if self.postgres:
            return f"floor(extract(epoch FROM {time}) * 1000)::bigint"
        return f"(CAST(strftime('%s', {time}) AS integer) * 1000 + CAST(substr({time}, 21, 3) AS integer))"

    def seconds(self, begin: str, end: str) -> str:
        """How long, in seconds with milliseconds."""
        return self.number(f"({self.milliseconds(end)} - {self.milliseconds(begin)})") + " / 1000"

    def number(self, value: str) -> str:
        """As a floating-point number."""
        return f"CAST({value} AS double precision)" if self.postgres else f"CAST({value} AS real)"

    def masked(self, number: str) -> str:
        """A caller's number with all digits but those among its last three characters hidden (store.masking)."""
        if self.postgres:
            hidden = f"translate({number}, '0123456789', '**********')"
            digits = f"length({number}) - length(translate({number}, '0123456789', ''))"
            head = f"translate(left({number}, -3), '0123456789', '**********')"
            return f"CASE WHEN {digits} > 3 THEN {head} || right({number}, 3) ELSE {hidden} END"
        digits = f"length({number}) - length({_replaced(number, '')})"
        head = _replaced(f"substr({number}, 1, length({number}) - 3)", "*")
        return f"CASE WHEN {digits} > 3 THEN {head} || substr({number}, -3) ELSE {_replaced(number, '*')} END"

    def holds(self, text: str, part: str) -> str:
        """1 when the text has the part in it, as it is written: LIKE would not mind capitals on SQLite."""
        find = "strpos" if self.postgres else "instr"
        return f"CASE WHEN {find}({text}, {part}) > 0 THEN 1 ELSE 0 END"

    def by_key(self, column: str) -> str:
        """The column, of which no index is to be used: SQLite then reads in the order of the key, and sorts nothing."""
        return column if self.postgres else f"+{column}"

    def item(self, text: str, index: int) -> str:
        """The item of a JSON list, from 0, as text; none of what is no list."""
        found = f"({text}::json ->> {index})" if self.postgres else f"CAST(json_extract({text}, '$[{index}]') AS text)"
        whole = f"{text} LIKE '[%]'" if self.postgres else f"json_valid({text}) AND {text} LIKE '[%]'"
        return f"CASE WHEN {whole} THEN {found} END"


def _replaced(text: str, by: str) -> str:
    for digit in "0123456789":
        text = f"replace({text}, '{digit}', '{by}')"
    return text
