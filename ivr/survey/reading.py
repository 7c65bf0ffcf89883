"""Reading: a questionnaire's file to a tree of questions, every mistake named.

Law: as for ``lang.reader``. What one question says is read here; what only the whole tells is ``survey.satisfy``'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ivr.core import expr
from ivr.core.nodes import Prompt
from ivr.lang.asking import ItemOfList, Question, SayText, Section, SurveyFile
from ivr.lang.catalogue import Catalogue
from ivr.lang.problem import Problems, meant, nearest, quoted, undeclared
from ivr.lang.reader import Reader
from ivr.lang.source import Map, Node, Seq, Source, Text
from ivr.survey import questions as one
from ivr.survey.bank import Bank
from ivr.survey.banked import BANKED, read_version
from ivr.survey.head import read_head
from ivr.survey.kinds import kind_of
from ivr.survey.naming import Names
from ivr.survey.tree import Asking, Group, Heard, Item, Questionnaire


def read(
    source: Source,
    step: str,
    problems: Problems,
    catalogue: Catalogue,
    prompts: dict[str, Prompt],
    builtin: frozenset[str],
    bank: Bank,
) -> Questionnaire | None:
    """Reads a survey file for the step ``step``; None when it is no survey file at all."""
    before = problems.errors
    if not isinstance(source.root, Map) or source.root.get("survey") is None:
        return None
    reader = Reader(source, problems, catalogue, prompts)
    reader.owner = step
    file: SurveyFile = read_head(reader, source.root, "SurveyFile", "a survey file")
    run = _Reading(reader, file, step, bank, {*builtin, *(file.facts or ())})
    run.known |= {f"quota.{quota.quota}" for quota in file.quotas or ()}
    top = Group("", random=file.order == "random")
    head, reader.used = reader.used, []
    nodes = file.questions.items if isinstance(file.questions, Seq) else []
    if file.questions is not None and not nodes:
        reader.add("IVR010", file.questions, "`questions` is a list of questions", "`- {id: ..., scale: ...}`")
    run.later = run.ids(nodes)
    top.items = run.items(nodes, Names(), "", ())
    reader.used = head
    run.check_names(())
    whole = Questionnaire(file, reader, top, problems.errors == before)
    run.check_labels(whole)
    whole.sound = problems.errors == before
    return whole


class _Reading:
    """One run over the lists of one file."""

    def __init__(self, reader: Reader, file: SurveyFile, step: str, bank: Bank, known: set[str]) -> None:
        self.reader, self.file, self.step, self.bank, self.known = reader, file, step, bank, known
        self.later: set[str] = set()
        self.seen: dict[str, Node] = {}  # whole name of a question, a section, a round -> where it is
        self.told: set[Any] = set()  # places of which it is said that they are second ones
        self.texts = 0
        self.problems = reader.problems

    # -- what there is ------------------------------------------------------------------------------------

    def ids(self, nodes: Iterable[Node], rounds: tuple[str, ...] = ("",)) -> set[str]:
        """Every name that is asked for, those of loops by item."""
        found: set[str] = set()
        for node in nodes:
            if not isinstance(node, Map):
                continue
            ident, inner = node.get("id"), node.get("questions")
            if isinstance(ident, Text):
                found |= {f"{ident.value}{item}" for item in rounds}
            elif isinstance(inner, Seq):
                found |= self.ids(inner.items, tuple(f"_{item.name}" for item in self._over(node)) or rounds)
        return found

    def _over(self, node: Map) -> tuple[ItemOfList, ...]:
        """The items that a section's loop goes over; () without a loop, or with one that is wrong."""
        loop = node.get("loop")
        over = loop.get("over") if isinstance(loop, Map) else None
        return (self.file.lists or {}).get(over.value, ()) if isinstance(over, Text) else ()

    # -- lists --------------------------------------------------------------------------------------------

    def items(
        self, nodes: Iterable[Node], names: Names, section: str, under: tuple[Any, ...], item: str = ""
    ) -> list[Item]:
        found: list[Item] = []
        for node in nodes:
            if isinstance(node, Map) and node.get("section") is not None:
                found += self._section(node, section, names)
            elif isinstance(node, Map) and node.get("say") is not None and node.get("id") is None:
                found += self._text(node, names)
            else:
                asked = self._question(node, names, section, under, item)
                found += [asked] if asked else []
        return found

    def _text(self, node: Map, names: Names) -> list[Item]:
        self.texts += 1
        name = f"@say{self.texts}"
        self.reader.start(f"{self.step}.{name}")
        shape: SayText | None = self.reader.shape(node, "SayText", "a text between questions")
        self.check_names(names.names)
        if shape is None or not shape.say:
            return []
        shape = names.shape(shape, self.reader.prompts)
        return [Heard(name, shape.say, shape.when, node.start.line + 1)]

    def _section(self, node: Map, outer: str, names: Names) -> list[Item]:
        reader = self.reader
        reader.start(f"{self.step}.@section")
        shape: Section | None = reader.shape(node, "Section", "a section")
        if shape is None or shape.section is None:
            return []
        line = node.start.line + 1
        if outer:
            reader.add("IVR010", node, "a section inside a section", "put it beside the other one")
            return []
        self._once(node.get("section") or node, shape.section)
        nodes = shape.questions.items if isinstance(shape.questions, Seq) else []
        if not nodes and shape.questions is not None:
            reader.add("IVR010", shape.questions, "`questions` is a list of questions", "`- {id: ..., scale: ...}`")
        group = Group(shape.section, None, shape.order == "random", line, shape.title or "")
        if shape.loop is None:
            self.check_names(())
            group.when = shape.when
            under = (shape.when,) if shape.when is not None else ()
            group.items = self.items(nodes, names, shape.section, under)
        else:
            group.items = list(self._rounds(node, shape, nodes))
        return [group]

    def _rounds(self, node: Map, shape: Section, nodes: list[Node]) -> Iterable[Group]:
        reader, loop = self.reader, shape.loop
        assert loop is not None
        at = node.get("loop") or node
        items = (self.file.lists or {}).get(loop.over or "")
        if loop.over and items is None:
            hint = meant(loop.over, self.file.lists or ()) or "add it to `lists` at the top of the file"
            reader.add("IVR082", at, f"no list named {quoted(loop.over)}", hint, part=loop.over)
        elif items is not None and not items:
            reader.add("IVR082", at, f"the list {quoted(loop.over)} is empty", part=loop.over)
        self.check_names((loop.as_ or "",))
        problems = reader.problems
        for number, item in enumerate(items or (ItemOfList("", {}),)):
            names = Names({loop.as_: item.name}, {loop.as_: item.texts}, f"{shape.section}.{item.name}")
            self._once(node.get("section") or node, f"{shape.section}_{item.name}")
            if number:
                reader.problems = Problems()  # said of the first round already
            when = names.tree(shape.when)
            round_ = Group(f"{shape.section}_{item.name}", when, False, node.start.line + 1)
            under = (when,) if when is not None else ()
            round_.items = self.items(nodes, names, shape.section, under, item.name)
            yield round_
        reader.problems = problems

    # -- questions ----------------------------------------------------------------------------------------

    def _question(self, node: Node, names: Names, section: str, under: tuple[Any, ...], item: str) -> Asking | None:
        reader = self.reader
        ident = node.get("id") if isinstance(node, Map) else None
        base = ident.value if isinstance(ident, Text) else ""
        name = f"{base}_{item}" if item else base
        reader.start(f"{self.step}.{name}")
        shape: Question | None = reader.shape(node, "Question", f"question {quoted(base)}" if base else "a question")
        self.later.discard(name)
        # A confirmation speaks of the answer itself; the condition before the question cannot.
        self.check_names((*names.names, base))
        if shape is None or not isinstance(node, Map):
            return None
        if base in expr.names(shape.when) and base not in self.known and base not in names.names:
            message = f"{quoted(base)} is not answered before it is asked"
            reader.add("IVR074", node.get("when") or node, message, "use an earlier answer", part=base)
        if ident:
            self._once(ident, name)
        file, bank = reader.source.file, ""
        if shape.use is not None:
            used = self._of_bank(shape, node)
            if used is None:
                self._know(base, name, names, item)
                return None
            shape, bank = used
        elif node.get("use") is None:
            one.check_keys(reader, shape, node)
        kind = kind_of(shape)
        asked = Asking(shape, kind, file, node.start.line + 1, node, base, section, item, bank, under=under)
        if kind:
            one.check_answers(reader, asked)
            asked.missing = one.missing_keys(reader, asked, self.file)
            asked.labels = one.labels(asked)
        self._know(base, name, names, item)
        if item:
            asked.shape = replace(names.shape(shape, reader.prompts), id=name)
        return asked if kind else None

    def _once(self, word: Node, name: str) -> None:
        """Questions, sections and rounds of loops have names of their own. Told of every round: each has its names."""
        first = self.seen.setdefault(name, word)
        if first is not word and word.start not in self.told:
            self.told.add(word.start)
            message = f"{quoted(name)} is here a second time; the first is at line {first.start.line + 1}"
            self.problems.add("IVR008", self.reader.source, word, message)

    def _know(self, base: str, name: str, names: Names, item: str) -> None:
        """From here on the answer can be read."""
        self.known |= {name, f"{name}.missing"}
        self.reader.set_names.add(name)
        if item:
            names.renames(base, name)
            names.renames(f"{base}.missing", f"{name}.missing")
            self.reader.set_names.discard(base)

    def _of_bank(self, shape: Question, node: Map) -> tuple[Question, str] | None:
        """The question with the bank's wording, and which version that is."""
        reader, at = self.reader, node.get("use") or node
        own = [name for name in BANKED if getattr(shape, name) is not None]
        own = [name for name in own if name not in ("label", "digits", "refuse", "dont_know")]
        if own:
            message = f"the wording is the bank's: `use` and `{own[0]}` do not go together"
            reader.add("IVR080", node.get(own[0]) or node, message, "leave one of them out")
            return None
        wanted, _, number = str(shape.use).partition("@")
        entry = self.bank.entries.get(wanted)
        if entry is None:
            hint = meant(wanted, self.bank.entries) or f"add surveys/bank/{wanted}.yaml"
            reader.add("IVR080", at, f"the bank has no question {quoted(wanted)}", hint)
            return None
        reader.problems.found += entry.problems.found
        reader.problems.errors += entry.problems.errors
        version = int(number) if number else entry.newest
        wording = entry.versions.get(version)
        if wording is None:
            known = ", ".join(map(str, entry.versions)) or "none"
            reader.add("IVR080", at, f"{quoted(wanted)} has no version {version}", f"there are: {known}")
            return None
        silent = [lang for lang in reader.languages if lang not in entry.languages]
        if silent:
            hint = f"add {silent[0]} to {entry.file_source.file}"
            reader.add("IVR041", at, f"{quoted(wanted)} of the bank does not speak {silent[0]}", hint)
            return None
        banked = read_version(entry, wording, reader)
        if banked is None:
            return None
        taken = {name: getattr(banked, name) for name in BANKED if getattr(shape, name) is None}
        return replace(shape, **taken), f"{wanted}@{version}"

    # -- names --------------------------------------------------------------------------------------------

    def check_names(self, here: Iterable[str]) -> None:
        """Every name used so far is known by now; empties the reader's list. ``here``: names of this place only."""
        reader, known = self.reader, {*self.known, *here, *(f"{name}.missing" for name in here)}
        for word, name, where in reader.used:
            if name in known:
                continue
            place = f" in {where}" if where else ""
            if name in self.later:
                message = f"{quoted(name)} is asked later{place}"
                reader.add("IVR074", word, message, "move the question up", part=name)
                continue
            near = nearest(name, known)
            hint = (
                f'did you mean "{near}"?'
                if near
                else f"known here: {', '.join(sorted(n for n in known if not n.endswith('.missing')))}"
            )
            if "." in name:
                hint = undeclared(name, near, "questionnaire")
            reader.add("IVR052", word, f"no name {quoted(name)}{place}", hint, part="" if where else name)
        reader.used.clear()

    def check_labels(self, survey: Questionnaire) -> None:
        """`| label` speaks what has words."""
        labelled = {q.shape.id for q in survey.questions if q.labels} | {q.base for q in survey.questions if q.labels}
        labelled |= {str(_as(node)) for node in _loops(self.file.questions)}
        for word, name in self.reader.labelled:
            if name not in labelled and (name in self.known or name in self.seen):
                hint = "give its options `say`, its scale `labels`"
                self.reader.add("IVR085", word, f"{quoted(name)} has no words to speak", hint, part=name)


def _loops(node: Any) -> Iterable[Map]:
    for inner in node.items if isinstance(node, Seq) else ():
        loop = inner.get("loop") if isinstance(inner, Map) else None
        if isinstance(loop, Map):
            yield loop


def _as(loop: Map) -> str:
    word = loop.get("as")
    return word.value if isinstance(word, Text) else ""


def labels_of(survey: Questionnaire, names: Iterable[str]) -> Mapping[str, Prompt]:
    """The prompts that speak labels of these answers, by id."""
    from ivr.core.nodes import Piece

    wanted = set(names)
    return {
        f"label/{asked.shape.id}/{answer}": Prompt("", {lang: (Piece(text),) for lang, text in texts.items()})
        for asked in survey.questions
        if asked.shape.id in wanted
        for answer, texts in asked.labels.items()
    }
