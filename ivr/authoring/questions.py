"""Questions: one row of a form that asks something, to one question of a questionnaire.

Law: makes plain maps for ``yamltext``; what a phone does otherwise than the form is reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from ivr.authoring import constraints, labels, ranges, tongues
from ivr.authoring.choices import Choice, Options, Texts, keyed, recited, written
from ivr.authoring.conditions import Asked, Unfit
from ivr.authoring.form import Form
from ivr.authoring.form_types import TYPES, Typed
from ivr.authoring.sheets import Row
from ivr.authoring.xpath import Expr
from ivr.authoring.yamltext import NOTE, PLACE

Item = dict[str, Any]
_YES: Final = {"yes": {"yes", "是", "是的", "对", "有"}, "no": {"no", "否", "不是", "不", "没有"}}


class Questions:
    """Makes the questions of one form; ``text`` says what becomes of free text: voice or drop."""

    def __init__(self, form: Form, text: str) -> None:
        self.form, self.report, self.text = form, form.report, text
        self.loop = ""  # the repeat that is being read
        self._makers: dict[str, Callable[[Row, Typed, Item], str]] = {
            "integer": self._integer,
            "decimal": self._decimal,
            "range": self._range,
            "text": self._text,
            "select_one": self._select_one,
            "select_multiple": self._several,
            "rank": self._several,
            "date": self._date,
            "acknowledge": self._acknowledge,
            "audio": self._voice,
        }

    def make(self, row: Row, typed: Typed) -> list[Item]:
        """The questions of a row, none when it cannot be asked; an error is in the report then, or why."""
        name = self.form.name(row)
        if typed.type == "note" or row.get("read_only").lower() in ("yes", "true", "1", "true()"):
            return self._note(row, name)
        told = self.form.label(row)
        if name:
            self.form.known.setdefault(name, Asked(name, ""))
        if not name or told is None:
            return []
        item: Item = {PLACE: row.place("type"), NOTE: [], "id": name}
        texts = self.form.prompt(row, "label", told, self.loop)
        hints = self.form.prompt(row, "hint", self.form.texts(row, "hint"), self.loop)
        self.prompt = {
            lang: labels.joined([texts[lang], _new(hints.get(lang, ""), texts[lang])], lang) for lang in texts
        }
        kind = self._makers[typed.type](row, typed, item)
        if not kind:
            self.form.known[name] = Asked(name, "")
            return []
        self.report.taken += 1
        item["label"] = {lang: labels.spoken(text, lambda _: "...") for lang, text in told.items()}
        self._remarks(row)
        if not item[NOTE]:
            del item[NOTE]
        return [_ordered(item, kind), *self._other(row, typed, name)]

    def _note(self, row: Row, name: str) -> list[Item]:
        if name:
            self.form.known[name] = Asked(name, "")
        told = self.form.label(row)
        if told is None:
            return []
        return [{PLACE: row.place("type"), "say": self.form.prompt(row, "label", told, self.loop)}]

    def _remarks(self, row: Row) -> None:
        name = row.get("name")
        if row.get("default"):
            self.report.changed(row.place("default"), "a default: nothing is filled in beforehand on the phone", name)
        if re.search(r"randomi[sz]e\s*=\s*true", row.get("parameters"), re.IGNORECASE):
            message = "randomize: the choices are read in the form's order, since their keys are spoken with them"
            self.report.changed(row.place("parameters"), message, name)

    def _say(self, form: str, *values: Any) -> Texts:
        """The question, and what a phone has to add."""
        return {
            lang: labels.joined([text, getattr(tongues.phrases(lang), form).format(*values)], lang)
            for lang, text in self.prompt.items()
        }

    def _know(self, item: Item, kind: str, options: Options | None = None) -> str:
        missing = {choice.name: kind for kind, (_, choice) in options.missing.items()} if options else {}
        values = options.values if options else ()
        self.form.known[item["id"]] = Asked(item["id"], kind, values, missing, loop=self.loop)
        return kind

    def _valid(self, row: Row, item: Item, rest: Expr | None) -> None:
        """What of the constraint no other key says."""
        if rest is None:
            return
        name = item["id"]
        try:
            item["valid"] = self.form.conditions.convert(rest, self.form.known[name], self.loop)
        except Unfit as error:
            self.form.unfit(row, "constraint", error, "not checked")
            item[NOTE].append(f"Not checked: {row.get('constraint')}")
            return
        message = self.form.prompt(row, "constraint_message", self.form.texts(row, "constraint_message"), self.loop)
        if message and set(message) == set(self.form.languages) and all(message.values()):
            item["invalid"] = message
        elif message:
            self.report.lost(row.place("constraint_message"), "it is not there in every language; not said", name)

    def _constraint(self, row: Row) -> Expr | None:
        return self.form.expression(row, "constraint", "not checked")

    # Numbers.

    def _integer(self, row: Row, typed: Typed, item: Item) -> str:
        item["number"] = self._say("number")
        self._know(item, "number")
        self._limits(row, item, Decimal(1))
        return "number"

    def _decimal(self, row: Row, typed: Typed, item: Item) -> str:
        item["amount"] = self._say("amount")
        self._know(item, "amount")
        self._limits(row, item, Decimal("0.01"))
        return "amount"

    def _limits(self, row: Row, item: Item, step: Decimal) -> None:
        tree = self._constraint(row)
        item["range"], said = ranges.limits(self.report, row, tree, step)
        if tree is not None and not said:
            self._valid(row, item, tree)

    def _range(self, row: Row, typed: Typed, item: Item) -> str:
        found = ranges.of_parameters(self.report, row)
        if found is None:
            return ""
        kind, low, high = found
        item[kind] = self._say("scale", low, high) if kind == "scale" else self._say(kind)
        item["range"] = f"{low}..{high}"
        self._know(item, kind)
        self._valid(row, item, self._constraint(row))
        return kind

    # Texts, recordings, dates.

    def _text(self, row: Row, typed: Typed, item: Item) -> str:
        numbers = "numbers" in row.get("appearance").lower().split()
        keys = constraints.Keys()
        tree = None
        if row.get("constraint"):
            tree = self._constraint(row)
            read = constraints.keys(tree) if tree is not None else None
            digits = read is not None and bool(read.pattern)
            numbers, keys = numbers or digits, read or constraints.Keys()
        if not numbers:
            if self.text == "drop":
                self.report.lost(row.place("type"), "free text cannot be keyed in; left out", item["id"])
                return ""
            self.report.changed(
                row.place("type"), "free text cannot be keyed in; the caller speaks, recorded", item["id"]
            )
            return self._voice(row, typed, item)
        item["code"] = self._say("code")
        digits_map: Item = {}
        if keys.length:
            low, high = keys.length
            digits_map["length"] = low if low == high else f"{low}..{high}"
        if keys.pattern:
            digits_map["pattern"] = keys.pattern
        if digits_map:
            item["digits"] = digits_map
        self._know(item, "code")
        if tree is not None and not digits_map:
            self._valid(row, item, tree)
        return "code"

    def _voice(self, row: Row, typed: Typed, item: Item) -> str:
        item["voice"] = self._say("voice")
        return self._know(item, "voice")

    def _date(self, row: Row, typed: Typed, item: Item) -> str:
        item["date"] = self._say("date")
        self._know(item, "date")
        tree = self._constraint(row)
        if tree is not None:
            low, high, rest = constraints.days(tree)
            if low and high and low <= high:
                item["range"] = f"{low}..{high}"
                self._valid(row, item, constraints.joined(rest))
            else:
                self._valid(row, item, tree)
        return "date"

    # Choices.

    def _options(self, row: Row, typed: Typed, one_key: bool) -> Options | None:
        name = row.get("name")
        if not typed.list_name:
            self.report.error(row.place("type"), f"{typed.type} names no list of choices", name)
            return None
        if typed.list_name not in self.form.choices.rows:
            self.report.error(row.place("type"), f"there is no list {typed.list_name!r} on the sheet choices", name)
            return None
        choices = self.form.choices.get(typed.list_name)
        if choices is None:
            return None
        if typed.or_other and all(choice.name != "other" for choice in choices):
            told = {lang: tongues.phrases(lang).other for lang in self.form.languages}
            choices = [*choices, Choice("other", told, row.place("type"))]
        options = keyed(choices, one_key)
        if isinstance(options, str):
            self.report.lost(row.place("type"), f"{options}; left out", name)
            return None
        if row.get("choice_filter"):
            if len(options.keys) > 10:
                message = "choice_filter: a phone cannot choose among so many choices; left out"
                self.report.lost(row.place("choice_filter"), message, name)
                return None
            self.report.changed(row.place("choice_filter"), "choice_filter: all the choices are offered", name)
        if len(options.keys) > 9 and not one_key:
            self.report.note(row.place("type"), f"{len(options.keys)} choices: keys of two digits", name)
        for kind, (key, choice) in options.missing.items():
            what = "I do not know" if kind == "dont_know" else "I would rather not say"
            self.report.note(row.place("type"), f"choice {choice.name!r} is taken as {what!r}: key {key}", name)
        return options

    def _select_one(self, row: Row, typed: Typed, item: Item) -> str:
        options = self._options(row, typed, False)
        if options is None:
            return ""
        told = {lang: labels.joined([text, *recited(options, lang)], lang) for lang, text in self.prompt.items()}
        kind = "yes_no" if _is_yes_no(options) else "choice"
        item[kind] = told
        item["options"] = written(options)
        self._missing(item, options)
        self._know(item, kind, options)
        self._valid(row, item, self._constraint(row))
        return kind

    def _missing(self, item: Item, options: Options) -> None:
        for kind, (key, _) in options.missing.items():
            item["refuse" if kind == "refused" else "dont_know"] = key

    def _several(self, row: Row, typed: Typed, item: Item) -> str:
        options = self._options(row, typed, True)
        if options is None:
            return ""
        kind = TYPES[typed.type].becomes
        item[kind] = {
            lang: labels.joined([text, *recited(options, lang), getattr(tongues.phrases(lang), kind)], lang)
            for lang, text in self.prompt.items()
        }
        item["options"] = written(options)
        self._missing(item, options)
        self._know(item, kind, options)
        tree = self._constraint(row)
        if tree is None:
            return kind
        if kind == "ranking":
            self._valid(row, item, tree)
            return kind
        found = constraints.chosen(tree)
        count = len(options.keys)
        low, high = max(found.low, 1), min(found.high or count, count)
        if low > high:
            self.report.error(row.place("constraint"), f"{low}..{high} of {count} choices can be nobody's", item["id"])
        elif (low, high) != (1, count):
            item["choose"] = f"{low}..{high}"
        alone = [name for name in found.alone if name in options.values]
        if alone:
            item["alone"] = alone
        self._valid(row, item, constraints.joined(found.rest))
        return kind

    def _acknowledge(self, row: Row, typed: Typed, item: Item) -> str:
        item["choice"] = self._say("acknowledge")
        options = Options({"1": Choice("OK", dict.fromkeys(self.form.languages, "OK"), row.place("type"))})
        item["options"] = written(options)
        self._know(item, "choice", options)
        return "choice"

    def _other(self, row: Row, typed: Typed, name: str) -> list[Item]:
        """`or_other`: what the other thing is."""
        if not typed.or_other:
            return []
        asked, ident = self.form.known[name], f"{name}_other"
        self.form.known[ident] = Asked(ident, "")
        if self.text == "drop":
            self.report.lost(row.place("type"), "or_other: what it is cannot be keyed in; not asked", name)
            return []
        if ident in self.form.places:
            self.report.error(row.place("name"), f"or_other asks {ident!r}, which stands at {self.form.places[ident]}")
            return []
        self.form.places[ident] = row.place("name")
        self.report.changed(row.place("type"), "or_other: the caller speaks, recorded", name)
        texts = {
            lang: labels.joined([words.other_text, words.voice], lang)
            for lang in self.form.languages
            for words in (tongues.phrases(lang),)
        }
        when = f"'other' in {name}" if asked.kind in ("multiple", "ranking") else f"{name} == 'other'"
        self.form.known[ident] = Asked(ident, "voice", loop=self.loop)
        return [{PLACE: row.place("type"), "id": ident, "voice": texts, "when": when}]


def _new(hint: str, text: str) -> str:
    """A form without labels has its hints as labels: said once."""
    return "" if hint == text else hint


def _is_yes_no(options: Options) -> bool:
    if options.values != ("yes", "no"):
        return False
    return all(
        label.lower().strip(" .") in _YES[choice.name]
        for choice in options.keys.values()
        for lang, label in choice.labels.items()
        if lang.partition("-")[0] in ("en", "zh")
    )


def _ordered(item: Item, kind: str) -> Item:
    order = [PLACE, NOTE, "id", kind, "label", "options", "range", "choose", "alone", "digits", "valid", "invalid"]
    return {key: item[key] for key in dict.fromkeys([*order, *item]) if key in item}
