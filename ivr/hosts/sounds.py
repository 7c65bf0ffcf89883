"""What a prompt is on a line: files for a switch, a duration, and the words a caller hears.

Law: the only place where items of the machine meet audio. ``BuiltSounds`` reads what `ivr prompts build` made;
``VirtualSounds`` needs no audio at all (the simulator, the tester): its paths name nothing on disk, its durations are
estimated from the text. Both say the same words for the same item, so a script hears the same on every line.
"""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ivr.core.effects import Clip, Item
from ivr.core.program import Program
from ivr.media.library import AudioLibrary, MissingAudio, describe, use_of, word_language
from ivr.media.speech import vocabulary, words

#: A spoken syllable: one Chinese character, or about three Latin letters.
_CJK_MS, _LATIN_MS, _LEAST_MS = 220, 65, 300
_MOST_PLAYS = 4096


@dataclass(frozen=True, slots=True)
class Sound:
    """One file as a caller meets it."""

    duration_ms: int
    said: str


class Sounds(Protocol):
    def files(self, items: Sequence[Item]) -> list[str]:
        """Paths as the switch is to be given them; raises MissingAudio when one is not there."""

    def find(self, path: str) -> Sound | None:
        """The sound behind a path given out by ``files``."""

    def play(self, items: tuple[Item, ...]) -> tuple[str, int]:
        """What ``playback`` is given, and how long it takes in ms. Raises MissingAudio: FreeSWITCH skips in silence."""

    def learn(self, program: Program) -> list[str]:
        """Know every sound that ``program`` can play before it is asked for. Gives what is missing, in words."""


def words_of(item: Item) -> str:
    """What a caller hears of one item; a catalogue prompt is introduced by its name."""
    if isinstance(item, Clip):
        return f"{item.prompt}: {item.text}" if item.prompt else item.text
    return " ".join(words(item.lang, item.as_, item.value))


def said(items: Sequence[Item]) -> str:
    return " ".join(words_of(i) for i in items)


def estimate_ms(text: str) -> int:
    """How long ``text`` takes to say, roughly."""
    return max(_LEAST_MS, sum(_CJK_MS if ch > "⺀" else _LATIN_MS for ch in text))


def _played(sounds: Sounds, items: tuple[Item, ...]) -> tuple[str, int]:
    files = sounds.files(items)
    known = [sound.duration_ms for path in files if (sound := sounds.find(path))]
    return (files[0] if len(files) == 1 else "file_string://" + "!".join(files)), sum(known)


class VirtualSounds:
    """Sounds that exist only as words; every prompt is there."""

    def __init__(self) -> None:
        self._known: dict[str, Sound] = {}
        self._paths: dict[Item, str] = {}

    def files(self, items: Sequence[Item]) -> list[str]:
        return [self._paths.get(i) or self._add(i) for i in items]

    def _add(self, item: Item) -> str:
        heard = words_of(item)
        path = f"/virtual/{hashlib.sha1(f'{item.lang} {heard}'.encode()).hexdigest()[:16]}.wav"
        self._known[path] = Sound(estimate_ms(item.text if isinstance(item, Clip) else heard), heard)
        self._paths[item] = path
        return path

    def find(self, path: str) -> Sound | None:
        return self._known.get(path)

    def play(self, items: tuple[Item, ...]) -> tuple[str, int]:
        return _played(self, items)

    def learn(self, program: Program) -> list[str]:
        return []

    def duration_ms(self, items: Sequence[Item]) -> int:
        return sum(sound.duration_ms for path in self.files(items) if (sound := self._known.get(path)))


class BuiltSounds:
    """The audio library on disk. ``switch_path`` gives a file's path as the switch sees it (another mount)."""

    def __init__(self, library: AudioLibrary, switch_path: Callable[[Path], str] = str) -> None:
        self._library = library
        self._switch_path = switch_path
        self._paths: dict[Item, list[str]] = {}
        self._known: dict[str, Sound] = {}
        # By the identity of a tuple, which is kept with it: a program gives the same one each time. To look the same
        # prompt up by its words was a tenth of what it costs to go on to the next step.
        self._plays: dict[int, tuple[tuple[Item, ...], str, int]] = {}

    def play(self, items: tuple[Item, ...]) -> tuple[str, int]:
        known = self._plays.get(id(items))
        if known is not None and known[0] is items:
            return known[1], known[2]
        argument, duration_ms = _played(self, items)
        if len(self._plays) >= _MOST_PLAYS:  # values that are spoken make a tuple of their own for each caller
            self._plays.clear()
        self._plays[id(items)] = (items, argument, duration_ms)
        return argument, duration_ms

    def files(self, items: Sequence[Item]) -> list[str]:
        found: list[str] = []
        for item in items:
            paths = self._paths.get(item)
            found.extend(paths if paths is not None else self._add(item))
        return found

    def _add(self, item: Item) -> list[str]:
        parts = [words_of(item)] if isinstance(item, Clip) else words(item.lang, item.as_, item.value)
        paths = []
        for path, heard in zip(self._library.files(item), parts, strict=True):
            seen = self._switch_path(path)
            if seen not in self._known:
                self._known[seen] = Sound(self._library.duration_ms(path), heard)
            paths.append(seen)
        # Prompts are few, spoken values are not: only the former are worth remembering.
        if isinstance(item, Clip):
            self._paths[item] = paths
        return paths

    def learn(self, program: Program) -> list[str]:
        """Looks on the disk, whatever is known: after `ivr prompts build` a changed recording is found by this."""
        self._plays.clear()
        missing: list[str] = []
        spoken: dict[str, set[str]] = {}
        for prompt in program.prompts.values():
            for lang, pieces in prompt.pieces.items():
                for part, piece in enumerate(pieces):
                    if piece.as_ == "label":
                        continue  # a prompt of its own
                    if piece.as_:
                        spoken.setdefault(lang, set()).add(piece.as_)
                        continue
                    clip = Clip(lang, piece.text, prompt.name, part, len(pieces))
                    if path := self._learned(clip, use_of(clip), words_of(clip)):
                        self._paths[clip] = [path]
                    else:
                        missing.append(describe(clip))
        for lang, formats in spoken.items():
            # A value that is not of its format is spelled: the digits are always among them.
            known = vocabulary(lang, sorted(formats | {"digits"}))
            absent = [w for w in known if not self._learned(Clip(word_language(lang), w), "word", w)]
            if absent:
                missing.append(f"{len(absent)} words of values ({lang})")
        return list(dict.fromkeys(missing))

    def _learned(self, clip: Clip, use: str, heard: str) -> str:
        """The sound's path on the switch; "" when there is no such file, or none that can be played."""
        try:
            path = self._library.look_up(clip, use)
            duration_ms = self._library.duration_ms(path) if path else 0
        except (MissingAudio, OSError, EOFError, wave.Error):
            return ""
        if path is None:
            return ""
        seen = self._switch_path(path)
        self._known[seen] = Sound(duration_ms, heard)
        return seen

    def find(self, path: str) -> Sound | None:
        return self._known.get(path)


__all__ = ["BuiltSounds", "MissingAudio", "Sound", "Sounds", "VirtualSounds", "estimate_ms", "said", "words_of"]
