"""Satisfy: whether anybody can ever be asked a question, or counted for a quota.

Law: pure, bounded. Names are given the values of ``survey.domains`` one after another. Where that would take more than
``MOST`` trials, or where values cannot tell, nothing is claimed: what is reported here can really not happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ivr.core import expr
from ivr.core.nodes import Expr
from ivr.survey.domains import Use, conditions_of, domain, missing_of, uses
from ivr.survey.tree import Asking, Group

MOST: Final = 20_000
#: Of all questions of a file together: a check takes seconds.
MOST_OF_ALL: Final = 150_000
#: Each name has two values at least: with more names than this there are more than ``MOST`` cases.
MOST_NAMES: Final = MOST.bit_length()


class Unknown(Exception):
    """Too many trials."""


class Logic:
    """The questions of one questionnaire. ``top`` tells which of them come in random order."""

    def __init__(self, top: Group) -> None:
        self.questions = {asked.shape.id: asked for asked in top.questions()}
        self.beside: dict[str, set[str]] = {}  # question -> those that may come before it or after it
        self.left = MOST_OF_ALL
        for group in (top, *top.groups()):
            if group.random:
                ids = {asked.shape.id for asked in group.questions()}
                for name in ids:
                    self.beside[name] = self.beside.get(name, set()) | ids - {name}

    def askable(self, asked: Asking) -> bool:
        """Whether some caller is asked this question."""
        conditions = conditions_of(asked)
        return not conditions or self.possible(conditions)

    def possible(self, conditions: Iterable[Expr], *, screened: bool = False) -> bool:
        """Whether some caller's answers and data meet all of ``conditions``, as the skip logic lets them be given.

        ``screened``: callers who were screened out count too.
        """
        conditions = list(conditions)
        involved = self._involved(conditions)
        if len(involved) > MOST_NAMES:
            return True
        rules = [(name, tree) for name in involved for tree in self._rules(name, screened)]
        found = uses([*conditions, *(tree for _, tree in rules)])
        domains: dict[str, list[Any]] = {}
        for name in involved:
            declined = self._declined(name)
            values = missing_of(declined) if declined else domain(found.get(name, Use()), self.questions.get(name))
            if values is not None:
                domains[name] = values
        if any(not expr.names(tree) <= domains.keys() for tree in conditions):
            return True
        # What is known of others is left out: then more can happen, not less.
        rules = [(name, tree) for name, tree in rules if {name, *expr.names(tree)} <= domains.keys()]
        try:
            return self._search(domains, [("", tree) for tree in conditions] + rules)
        except Unknown:
            return True

    def _search(self, domains: Mapping[str, list[Any]], rules: list[tuple[str, Expr]]) -> bool:
        """Whether there are values that meet every rule: (the name whose answer it is for, or "", condition)."""
        names = list(domains)
        place = {name: number for number, name in enumerate(names)}
        due: list[list[tuple[str, Expr]]] = [[] for _ in names]
        for name, tree in rules:
            read = {*expr.names(tree), *([name] if name else [])}
            if read:
                due[max(place[one] for one in read)].append((name, tree))
            elif not expr.evaluate(tree, {}):
                return False
        known: dict[str, Any] = {}
        trials = 0

        def try_from(depth: int) -> bool:
            nonlocal trials
            if depth == len(names):
                return True
            for value in domains[names[depth]]:
                trials += 1
                self.left -= 1
                if trials > MOST or self.left < 0:
                    raise Unknown
                known[names[depth]] = value
                good = all((name and known[name] is None) or expr.evaluate(tree, known) for name, tree in due[depth])
                if good and try_from(depth + 1):
                    return True
            known[names[depth]] = None
            return False

        return try_from(0)

    def _rules(self, name: str, screened: bool) -> list[Expr]:
        """What holds of whoever has answered a question and goes on.

        In random order a condition was asked when others were not answered yet: it says nothing of them.
        """
        declined = self._declined(name)
        asked = declined or self.questions.get(name)
        if asked is None:
            return []
        trees = list(conditions_of(asked))
        if declined:
            trees.append(["not", ["call", "answered", ["name", asked.shape.id]]])
        elif asked.shape.valid is not None:
            trees.append(asked.shape.valid)
        if asked.shape.screen_out is not None and not screened and not declined:
            trees.append(["not", asked.shape.screen_out])
        beside = self.beside.get(asked.shape.id, set())
        return [t for t in trees if not any(read.removesuffix(".missing") in beside for read in expr.names(t))]

    def _declined(self, name: str) -> Asking | None:
        """The question whose `.missing` this is."""
        return self.questions.get(name.removesuffix(".missing")) if name.endswith(".missing") else None

    def _involved(self, conditions: Iterable[Expr]) -> list[str]:
        """Every name that the conditions read, and those that decide whether what they read is asked at all.

        Not all of them where there are too many to try.
        """
        found: dict[str, None] = {}
        todo = [name for condition in conditions for name in sorted(expr.names(condition))]
        while todo:
            name = todo.pop(0)
            if name in found:
                continue
            found[name] = None
            if len(found) > MOST_NAMES:
                break
            todo += [inner for tree in self._rules(name, screened=False) for inner in sorted(expr.names(tree))]
        return list(found)
