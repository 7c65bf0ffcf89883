"""Groups: the nesting of a form's groups and repeats, to the sections of a questionnaire, which do not nest.

Law: a section belongs to the innermost repeat around its questions, else to the outermost group. What the groups
between ask for goes into the conditions, so that the same callers are asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from ivr.authoring import constraints, labels
from ivr.authoring.conditions import Broken, Unfit, parse
from ivr.authoring.form import Form
from ivr.authoring.form_types import read_type
from ivr.authoring.sheets import Row
from ivr.authoring.xpath import Call, Expr, Number, Ref
from ivr.authoring.yamltext import NOTE, PLACE
from ivr.lang import expr
from ivr.lang.expr import NAME, usable_name

MOST_ROUNDS: Final = 20
NEVER: Final = "false"  # a condition that never holds
Item = dict[str, Any]


@dataclass
class Frame:
    """An open group or repeat."""

    row: Row
    repeat: bool
    name: str
    when: str = ""
    notes: list[str] = field(default_factory=list)
    over: str = ""  # the list that the repeat goes over
    lost: str = ""  # why nothing in it can be asked
    lost_at: str = ""
    left_out: int = 0  # questions, when nothing can be asked


class Groups:
    def __init__(self, form: Form) -> None:
        self.form, self.report = form, form.report
        self.items: list[Item] = []  # of the questionnaire
        self.lists: dict[str, dict[str, dict[str, str]]] = {}
        self.open: list[Frame] = []
        self._sections: dict[str, int] = {}  # names given so far
        self._owner: Frame | None = None  # whose section the last item is

    @property
    def lost(self) -> bool:
        return any(frame.lost for frame in self.open)

    def leave_out(self) -> None:
        """One question stands where nobody can be asked."""
        next(frame for frame in self.open if frame.lost).left_out += 1

    @property
    def loop(self) -> str:
        return next((frame.name for frame in reversed(self.open) if frame.repeat and not frame.lost), "")

    def begin(self, row: Row, repeat: bool) -> None:
        what = "repeat" if repeat else "group"
        if self.lost:
            self.open.append(Frame(row, repeat, ""))
            return
        frame = Frame(row, repeat, self.form.name(row, what) or f"{what}{row.number}")
        frame.when, note = self.when(row, "the questions in it are asked of everybody")
        frame.notes = [note] if note else []
        if frame.when == NEVER:
            frame.lost, frame.lost_at = "relevant is always false: nobody is asked", row.place("relevant")
        elif repeat:
            self._repeat(row, frame)
        self.open.append(frame)

    def end(self, row: Row, repeat: bool) -> None:
        what = "repeat" if repeat else "group"
        if not self.open:
            self.report.error(row.place("type"), f"end_{what} without a begin_{what}")
        elif self.open[-1].repeat != repeat:
            opened = self.open[-1].row
            other = "group" if repeat else "repeat"
            message = f"end_{what} closes the {other} that begins at {opened.place('type')}"
            self.report.error(row.place("type"), message)
            self._close()
        else:
            self._close()

    def _close(self) -> None:
        frame = self.open.pop()
        if frame.lost:
            self.report.lost(frame.lost_at, f"{frame.lost}; its {frame.left_out} questions are left out", frame.name)

    def finish(self) -> None:
        for frame in self.open:
            what = "repeat" if frame.repeat else "group"
            self.report.error(frame.row.place("type"), f"the {what} is not closed", frame.name)

    def when(self, row: Row, else_: str) -> tuple[str, str]:
        """The condition of a row's `relevant`, or a note for the file when it has none of ours."""
        tree = self.form.expression(row, "relevant", else_)
        text = row.get("relevant")
        if tree is None:
            return "", f"Asked if: {text}" if text else ""
        try:
            made = self.form.conditions.convert(tree, loop=self.loop)
            return {"0": NEVER, "1": "", "true": ""}.get(made, made), ""
        except Unfit as error:
            self.form.unfit(row, "relevant", error, else_)
            return "", f"Asked if: {text}"

    def add(self, items: list[Item], when: str, note: str) -> None:
        """The questions of one row, where they belong. ``when`` is the row's own condition."""
        if not items:
            return
        owner = next((f for f in reversed(self.open) if f.repeat), self.open[0] if self.open else None)
        inner = [f.when for f in self.open[self.open.index(owner) + 1 :]] if owner else []
        for item in items:
            self._ask_when(item, [*inner, when, item.pop("when", "")], item.get(PLACE, ""))
        if note:
            items[0].setdefault(NOTE, []).append(note)
            items[0] = {PLACE: "", NOTE: [], **items[0]}
        if owner is None:
            self._owner = None
            self.items.extend(items)
            return
        if self._owner is not owner:
            self.items.append(self._section(owner))
            self._owner = owner
        self.items[-1]["questions"].extend(items)

    def _section(self, owner: Frame) -> Item:
        count = self._sections[owner.name] = self._sections.get(owner.name, 0) + 1
        section: Item = {PLACE: owner.row.place("type"), NOTE: list(owner.notes)}
        section["section"] = owner.name if count == 1 else f"{owner.name}_{count}"
        titles = self.form.texts(owner.row, "label")
        title = labels.spoken(next(iter(titles.values()), ""), lambda _: "...")
        if title:
            section["title"] = title
        self._ask_when(section, [f.when for f in self.open[: self.open.index(owner) + 1]], section[PLACE])
        questions: list[Item] = []
        if owner.over:
            section["loop"] = {"over": owner.over, "as": f"{owner.name}_item"}
            if titles and set(titles) == set(self.form.languages):
                spoken = {
                    lang: f"{text.rstrip('.:。：')}: {{{{ {owner.name}_item | label }}}}."
                    for lang, text in self.form.prompt(owner.row, "label", titles, "").items()
                }
                questions.append({PLACE: owner.row.place("type"), "say": spoken})
        return {**section, "questions": questions}

    def _ask_when(self, item: Item, conditions: list[str], place: str) -> None:
        """The conditions of all the groups around, and its own, as the item's one condition."""
        whole = together(conditions)
        fault = expr.parse(whole).fault if whole else None
        if fault:
            name = item.get("id") or item.get("section") or ""
            message = f"the conditions of its groups are together too long: {fault.message}; asked of everybody"
            self.report.lost(place, message, name)
            item.setdefault(NOTE, []).append(f"Asked if: {whole}")
        elif whole:
            item["when"] = whole

    # Repeats.

    def _repeat(self, row: Row, frame: Frame) -> None:
        frame.lost_at = row.place("type")
        if self.loop:
            frame.lost = "a repeat inside a repeat"
            return
        count, name = row.get("repeat_count"), frame.name
        if not count:
            frame.lost = "a repeat without a count: a phone cannot ask on until the caller stops"
            return
        try:
            tree = parse(count)
            items, condition = self._rounds(tree, f"{name}_item")
        except Unfit as error:
            if isinstance(error, Broken):
                self.form.unfit(row, "repeat_count", error, "")
            frame.lost, frame.lost_at = f"repeat_count {count!r}: {error}", row.place("repeat_count")
            return
        if not self.form.names_exist(row, "repeat_count", tree):
            return
        frame.over = f"{name}_items"
        frame.when = together([frame.when, condition])
        self.lists[frame.over] = items

    def _rounds(self, tree: Expr, item: str) -> tuple[dict[str, dict[str, str]], str]:
        """The list that a repeat goes over, and the condition under which each item of it is asked."""
        if isinstance(tree, Number):
            rounds = constraints.number(tree) or Decimal(0)
            if rounds != int(rounds) or not 1 <= rounds <= MOST_ROUNDS:
                raise Unfit(f"a phone goes round 1 to {MOST_ROUNDS} times")
            return self._numbered(int(rounds)), ""
        if isinstance(tree, Call) and tree.name == "count-selected" and len(tree.args) == 1:
            return self._chosen(tree.args[0], item)
        if isinstance(tree, Ref) and (asked := self.form.known.get(tree.name)) and asked.kind in ("number", "scale"):
            rounds = self._highest(tree.name)
            if rounds > 8:
                raise Unfit(f"{tree.name} has no highest number up to 8 in its constraint")
            parts = [f"{item} == 'n{n}' and {tree.name} >= {n}" for n in range(1, int(rounds) + 1)]
            return self._numbered(int(rounds)), " or ".join(f"({part})" for part in parts)
        raise Unfit("it is neither a number, nor a question's number, nor count-selected() of a question")

    def _highest(self, name: str) -> Decimal:
        row = next(row for row in self.form.survey.rows if row.get("name") == name)
        try:
            found = constraints.span(parse(row.get("constraint")), Decimal(1)) if row.get("constraint") else None
        except Unfit:
            found = None
        return found.high if found and found.high is not None and found.high >= 1 else Decimal(10**6)

    def _numbered(self, rounds: int) -> dict[str, dict[str, str]]:
        return {f"n{n}": {lang: str(n) for lang in self.form.languages} for n in range(1, rounds + 1)}

    def _chosen(self, node: Expr, item: str) -> tuple[dict[str, dict[str, str]], str]:
        asked = self.form.known.get(node.name) if isinstance(node, Ref) else None
        if asked is None or asked.kind not in ("multiple", "ranking"):
            raise Unfit("count-selected() of something that a phone does not ask before")
        bad = [value for value in asked.values if not NAME.fullmatch(value) or not usable_name(value)]
        if bad:
            raise Unfit(f"the choice {bad[0]!r} of {asked.name} is no name, and questions are named after it")
        row = next(row for row in self.form.survey.rows if row.get("name") == asked.name)
        choices = self.form.choices.get(read_type(row.get("type")).list_name) or []
        return {c.name: dict(c.labels) for c in choices if c.name in asked.values}, f"{item} in {asked.name}"


def together(conditions: list[str]) -> str:
    """Conditions that must all hold, as one."""
    parts = list(dict.fromkeys(part for part in conditions if part))
    if len(parts) < 2:
        return "".join(parts)
    return " and ".join(f"({part})" if " or " in part or " if " in part else part for part in parts)
