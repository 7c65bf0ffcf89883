"""Naming: names inside a loop's round become the names that the whole call knows.

Law: pure. A name of the round is another name, or a plain value; conditions and spoken values follow it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from ivr.core.nodes import Piece, Prompt
from ivr.lang.asking import Confirm
from ivr.survey.kinds import KINDS

#: Fields of a question that hold prompts, and those that hold lists of them.
_PROMPTS = (*KINDS, "invalid", "say")
_LISTS = ("silence", "wrong")
_CONDITIONS = ("when", "valid", "screen_out")


class Names:
    """``names``: name -> the tree that stands for it. ``words``: name -> the text that its label is, by language."""

    def __init__(
        self,
        names: Mapping[str, Any] | None = None,
        words: Mapping[str, Mapping[str, str]] | None = None,
        tag: str = "",
    ) -> None:
        self.names = dict(names or {})
        self.words = dict(words or {})
        self.tag = tag  # of the round: a prompt of the catalogue gets a name of its own in it

    def renames(self, name: str, to: str) -> None:
        self.names[name] = ["name", to]

    def tree(self, tree: Any) -> Any:
        if not self.names or not isinstance(tree, list | tuple) or not tree:
            return tree
        if tree[0] == "name":
            return self.names.get(tree[1], tree)
        return [tree[0], *(self.tree(one) for one in tree[1:])]

    def shape(self, shape: Any, prompts: dict[str, Prompt]) -> Any:
        """The same question, or text, with the names of the whole call."""
        if not self.names:
            return shape
        changed: dict[str, Any] = {}
        for f in fields(shape):
            value = getattr(shape, f.name)
            if value is None:
                continue
            if f.name in _CONDITIONS:
                changed[f.name] = self.tree(value)
            elif f.name in _PROMPTS:
                changed[f.name] = self.prompts(value, prompts)
            elif f.name in _LISTS:
                changed[f.name] = tuple(self.prompts(one, prompts) for one in value)
            elif isinstance(value, Confirm):
                changed[f.name] = replace(value, say=self.prompts(value.say, prompts))
        return replace(shape, **changed)

    def prompts(self, idents: Iterable[str], prompts: dict[str, Prompt]) -> tuple[str, ...]:
        return tuple(self._prompt(ident, prompts) for ident in idents)

    def _prompt(self, ident: str, prompts: dict[str, Prompt]) -> str:
        prompt = prompts.get(ident)
        if prompt is None or not any(self._touches(p) for pieces in prompt.pieces.values() for p in pieces):
            return ident
        spoken = {lang: tuple(self._piece(p, lang) for p in pieces) for lang, pieces in prompt.pieces.items()}
        # What is said of an item is no recording of the text with a hole in it.
        made = f"{ident}@{self.tag}" if prompt.name else ident
        prompts[made] = Prompt("", spoken)
        return made

    def _touches(self, piece: Piece) -> bool:
        return bool(piece.as_) and self.tree(piece.expr) != piece.expr

    def _piece(self, piece: Piece, lang: str) -> Piece:
        if piece.as_ == "label" and piece.expr[1] in self.words:
            texts = self.words[piece.expr[1]]
            return Piece(texts.get(lang) or next(iter(texts.values()), ""))
        return replace(piece, expr=self.tree(piece.expr)) if piece.as_ else piece
