"""Reader: nodes to the shapes of ``lang.model``, reporting every mistake and going on.

Law: one pass over one file. It reads by the model's rows only; what needs the whole file (does that step exist? is
that name ever set?) it notes down for ``lang.names`` and ``lang.checks``.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from typing import Any

from ivr.core.program import Piece, Prompt
from ivr.lang import expr, template
from ivr.lang.catalogue import Catalogue
from ivr.lang.expr import NAME, Fault, usable_name
from ivr.lang.kinds import NAME_HINT
from ivr.lang.model import ROWS, SHAPES, VERBS, Step
from ivr.lang.parts import LANGUAGE
from ivr.lang.pattern import KEYPAD
from ivr.lang.problem import Problems, meant, nearest, quoted
from ivr.lang.rows import Row
from ivr.lang.source import Map, Mark, Node, Seq, Source, Text

RESERVED = ("repeat", "hang_up")
_REQUIRED = {shape: [r.key for r in rows.values() if r.required] for shape, rows in ROWS.items()}
_ALL_KEYS = {key: verb for verb, shape in VERBS.items() for key in ROWS[shape]}


class Reader:
    """Reads one file; its notes are filled while it does."""

    def __init__(self, source: Source, problems: Problems, catalogue: Catalogue, prompts: dict[str, Prompt]) -> None:
        self.source = source
        self.problems = problems
        self.catalogue = catalogue
        self.prompts = prompts  # by id; filled here
        self.languages: tuple[str, ...] = ()
        self.owner = ""  # the step being read: its in-place prompts are "<owner>/<n>"
        self.targets: list[tuple[Text, str]] = []
        self.destinations_used: list[Text] = []
        self.queues_used: list[Text] = []
        self.left_behind: set[str] = set()  # facts that verbs of the file leave behind them
        self.used: list[tuple[Text, str, str]] = []  # where, name, a place in words when it is in another file
        self.spoken: list[tuple[Text, str, str]] = []  # those of them that prompts read
        self.copied: list[tuple[Text, str, str]] = []  # those that a `set` reads: where, name, the name that is set
        self.assigned: list[Text] = []  # names that a `set` sets
        self.filled: list[tuple[Text, str, bool]] = []  # names that a caller fills: where, step, whether secretly
        self.set_names: set[str] = set()
        self.answers: set[str] = set()  # of the questionnaires that the flow asks
        self.labelled: list[tuple[Text, str]] = []  # names whose label is spoken
        self.misspelt: set[str] = set()  # keys that unknown ones were taken for: these are not missing as well
        self._count = 0

    # What the kinds call.

    def add(self, code: str, node: Node, message: str, hint: str = "", part: str = "") -> None:
        self.problems.add(code, self.source, node, message, hint, part=part)

    def fault(self, node: Node, fault: Fault) -> None:
        self.problems.add(fault.code, self.source, node, fault.message, fault.hint, part=fault.part)

    def word(self, node: Node, key: str, empty: bool = False) -> Text | None:
        """The scalar that ``key`` must be."""
        if not isinstance(node, Text):
            what = "a list" if isinstance(node, Seq) else "a map"
            self.add("IVR010", node, f"`{key}` is one value, not {what}")
            return None
        if not node.value and node.plain and not empty:
            self._no_value(node, key)
            return None
        return node

    def _no_value(self, node: Text, key: str) -> None:
        """libyaml marks a missing value where the next thing begins: point at the end of what is before."""
        lines, at = self.source.lines, min(node.start.line, len(self.source.lines) - 1)
        before = lines[at][: node.start.column].rstrip()
        while not before.strip() and at > 0:
            at -= 1
            before = lines[at].rstrip()
        comment = re.search(r":\s+(#)", lines[at])
        column = comment.start(1) if comment else max(len(before) - 1, 0)
        place = Text("", True, Mark(at, column), Mark(at, column + 1))
        hint = 'an unquoted # starts a comment: write "#"' if comment else ""
        self.add("IVR010", place, f"`{key}` has no value", hint)

    def pairs(self, node: Node, key: str, example: str) -> list[tuple[Text, Node]] | None:
        if isinstance(node, Map):
            return node.items
        self.add("IVR010", node, f"`{key}` is a map, as in {example}")
        return None

    def entries(self, node: Node, key: str, example: str) -> list[Node] | None:
        if isinstance(node, Seq):
            return node.items
        self.add("IVR010", node, f"`{key}` is a list, as in {example}")
        return None

    def variable(self, word: Text) -> str | None:
        """A name that gets a value here."""
        if not NAME.fullmatch(word.value):
            self.add("IVR016", word, f"{quoted(word.value)} is not a name that can be set", NAME_HINT)
            return None
        if not usable_name(word.value):
            self.add("IVR017", word, f"{quoted(word.value)} is a word of the language", "choose another name")
            return None
        self.set_names.add(word.value)
        return word.value

    def uses(self, word: Text, names: Iterable[str], where: str = "") -> None:
        self.used.extend((word, name, where) for name in names)

    def speaks(self, word: Text, names: Iterable[str], where: str = "") -> None:
        self.uses(word, names, where)
        self.spoken.extend((word, name, where) for name in names)

    def condition(self, word: Text) -> Any:
        """The tree; a condition with a mistake counts as one that is there."""
        parsed = expr.parse(word.value)
        if parsed.fault:
            self.fault(word, parsed.fault)
            return False
        self.uses(word, parsed.names)
        # A literal none would read as "no condition" in the Program.
        return False if parsed.tree is None else parsed.tree

    def prompt(self, node: Node, key: str, in_its_own_language: bool = False) -> str | None:
        """The id of one prompt: a catalogue name, or an in-place one that gets its id here.

        ``in_its_own_language``: with a text in one language only, it is heard in that one by everybody.
        """
        if isinstance(node, Text):
            word = self.word(node, key)
            return self._named(word) if word else None
        if isinstance(node, Seq):
            self.add("IVR010", node, "a list of prompts inside a list of prompts", "make it one list")
            return None
        self._count += 1
        ident = f"{self.owner}/{self._count}"
        found: dict[str, tuple[Piece, ...]] = {}
        strange = False
        for k, v in node.items:
            word = self.word(v, k.value, empty=True)
            if word is None:
                found[k.value] = ()
            elif k.value not in self.languages:
                strange |= not LANGUAGE.fullmatch(k.value)
                hint = meant(k.value, self.languages) or (
                    'a prompt is a name or {en: "text"}' if strange else f"there are: {', '.join(self.languages)}"
                )
                self.add("IVR042", k, f"{quoted(k.value)} is not among the file's languages", hint)
            else:
                found[k.value] = self._pieces(word)
        for language in () if in_its_own_language and len(found) == 1 else self.languages:
            if language not in found and not strange:
                self.add("IVR041", node, f"the prompt has no text for {language}", f"add `{language}:`")
        self.prompts[ident] = Prompt("", found)
        return ident

    def _pieces(self, word: Text) -> tuple[Piece, ...]:
        made = template.pieces(word.value)
        for fault in made.faults:
            self.fault(word, fault)
        if made.names:
            self.speaks(word, made.names)
        self.labelled.extend((word, name) for name in made.labels)
        return made.pieces

    def _named(self, word: Text) -> str | None:
        name = word.value
        texts = self.catalogue.get(name)
        if not texts:
            if not NAME.fullmatch(name):
                hint = f'write {{{self.languages[0] if self.languages else "en"}: "text"}}'
                self.add("IVR040", word, f"{quoted(name)} is not a prompt's name", hint)
            elif not self.catalogue.broken:
                hint = meant(name, self.catalogue.names())
                first = self.languages[0] if self.languages else "en"
                hint = hint or f"add it to {self.catalogue.folder}/{first}.yaml"
                self.add("IVR012", word, f"no prompt named {quoted(name)}", hint)
            return name
        pieces = dict(self.prompts[name].pieces) if name in self.prompts else {}
        for language in self.languages:
            if language not in texts:
                if not self.catalogue.broken:
                    hint = f"add it to {self.catalogue.folder}/{language}.yaml"
                    self.add("IVR041", word, f"prompt {quoted(name)} has no text for {language}", hint)
                continue
            made = template.pieces(texts[language])
            pieces[language] = made.pieces
            if made.names:
                self.speaks(word, made.names, f"the {language} text of prompt {quoted(name)}")
            self.labelled.extend((word, spoken) for spoken in made.labels)
        self.prompts[name] = Prompt(name, pieces)
        return name

    def prefixes(self, pairs: list[tuple[Text, Node]]) -> None:
        """Warns of keys that begin another."""
        texts = [k.value for k, _ in pairs if set(k.value) <= set(KEYPAD)]
        if all(len(t) == 1 for t in texts):
            return
        for key, _ in pairs:
            longer = [t for t in texts if t != key.value and t.startswith(key.value) and key.value]
            if longer:
                message = f"key {key.value} begins {longer[0]}: the caller waits for a possible next key"
                hint = "give them different first keys"
                self.problems.add("IVR031", self.source, key, message, hint, warning=True)

    def unknown_key(self, key: Text, known: Iterable[str], what: str) -> None:
        hint = meant(key.value, known)
        self.misspelt.add(nearest(key.value, known))
        verb = _ALL_KEYS.get(key.value)
        if not hint:
            hint = f"`{key.value}` belongs to `{verb}`" if verb else f"there are: {', '.join(known)}"
        self.add("IVR011", key, f"{what} has no key {quoted(key.value)}", hint)

    # Shapes and steps.

    def shape(self, node: Node, name: str, what: str, at: Node | None = None) -> Any:
        """A map read by the rows of the model's class ``name``; None when it is no map."""
        cls = SHAPES[name]
        rows = ROWS[cls]
        if not isinstance(node, Map):
            self.add("IVR010", node, f"{what} is a map of {', '.join(list(rows)[:4])}, ...")
            return None
        values: dict[str, Any] = {}
        for key, value in node.items:
            row = rows.get(key.value)
            if row is None:
                self.unknown_key(key, rows, what)
            else:
                values[row.key] = row.kind.read(self, value, row.key)
        for required in _REQUIRED[cls]:
            if required not in values and required not in self.misspelt:
                self.add("IVR013", at or node, f"{what} needs `{required}`", _doc(rows[required]))
        return cls(**{f"{name}_" if keyword.iskeyword(name) else name: value for name, value in values.items()})

    def start(self, owner: str) -> None:
        """What is read from here on belongs to ``owner``."""
        self.owner, self._count = owner, 0
        self.misspelt = set()

    def step(self, name: Text, node: Node) -> Step | None:
        """One step, or None when what it does cannot be told."""
        self.start(name.value)
        if not NAME.fullmatch(name.value):
            self.add("IVR016", name, f"{quoted(name.value)} is not a step name", NAME_HINT)
        elif name.value in RESERVED:
            self.add("IVR017", name, f"`{name.value}` means something of its own", "choose another name")
        if not isinstance(node, Map):
            hint = f"write {{goto: {node.value}}}" if isinstance(node, Text) and node.value else ""
            self.add("IVR010", node, f"step {quoted(name.value)} is a map with a verb", hint)
            return None
        keys = [k.value for k, _ in node.items]
        verbs = [k for k in keys if k in VERBS]
        # `say` and `hang_up` are verbs, and keys of other verbs.
        main = [v for v in verbs if all(o in ROWS[VERBS[v]] for o in verbs)]
        if len(main) == 1 or (len(main) > 1 and main[0] != "hang_up"):
            verb = main[0]
        elif verbs:
            second = next(k for k, _ in node.items if k.value == verbs[1])
            both = " and ".join(f"`{v}`" for v in verbs)
            message = f"step {quoted(name.value)} does two things: {both}"
            self.add("IVR021", second, message, "make it two steps")
            return None
        else:
            hints = [h for h in (meant(k, VERBS) for k in keys) if h]
            hint = hints[0] if hints else f"verbs are: {', '.join(VERBS)}"
            self.add("IVR020", name, f"step {quoted(name.value)} has no verb", hint)
            return None
        shape: Step | None = self.shape(node, VERBS[verb].__name__, f"`{verb}`", name)
        return shape


def _doc(row: Row) -> str:
    """How to add a missing key, with the beginning of its doc."""
    doc = re.split(r"[.:;] ", row.doc)[0].rstrip(".")
    return f"add `{row.key}:`, {doc[0].lower()}{doc[1:]}"
