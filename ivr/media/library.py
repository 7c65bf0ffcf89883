"""The library: which WAV files are played for an item of the machine.

Law: looks up, never makes (`ivr.media.build` does). On the call path: after an item's first use no disk is
touched, so a file built, replaced or removed later is seen only by `look_up()` or after `refresh()`. No numpy here.

A built file's name is the hash of all its sound depends on (voice, rate, text; for a recording its bytes): a changed
text is another file, and a file that is there is right. Nothing that a caller typed is ever part of a path.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
import wave
from collections.abc import Mapping
from pathlib import Path

from ivr.core.effects import Clip, Item, Spoken
from ivr.media.speech import spoken_language, words
from ivr.media.synth import Voice, voice_for

#: Raise when the sound of the same text changes: other trimming, another loudness. All files are then built anew.
REVISION = 1

#: Formats a recording may have; the first that is there is taken.
SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aiff")

#: How a clip is cut, by its use: silence before and after, in milliseconds.
CUTS = {"prompt": (40, 180), "piece": (30, 90), "word": (15, 60)}

_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")
_LANG = re.compile(r"[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*")


class MissingAudio(Exception):
    """There is no sound for an item. ``item`` is the item; the message names it and what to type."""

    def __init__(self, item: Item, why: str) -> None:
        super().__init__(why)
        self.item = item


class AudioLibrary:
    """``root`` holds the built files, ``recordings`` a person's: `<recordings>/<lang>/<name>.wav`. ``rate`` in Hz."""

    def __init__(self, root: Path, recordings: Path, rate: int, voices: Mapping[str, Voice] | None = None) -> None:
        self.root, self.recordings, self.rate = root, recordings, rate
        self.voices: Mapping[str, Voice] = voices or {}
        self._found: dict[tuple[Clip, str], Path] = {}
        self._durations: dict[Path, int] = {}

    def files(self, item: Item) -> list[Path]:
        """The WAV files of ``item``, in order: one for a Clip, one a word for a Spoken. Raises MissingAudio."""
        if isinstance(item, Clip):
            return [self._existing(item, item, use_of(item))]
        return [self._existing(clip, item, "word") for clip in word_clips(item)]

    def duration_ms(self, path: Path) -> int:
        """How long a built file plays; from its header, read once."""
        known = self._durations.get(path)
        if known is None:
            known = self._durations[path] = duration_ms(path)
        return known

    def refresh(self) -> None:
        """Forget what was looked up: after a build, or when recordings changed."""
        self._found.clear()
        self._durations.clear()

    def recording(self, clip: Clip) -> Path | None:
        """The recording that wins over the synthesised ``clip``, if a person made one."""
        if not clip.prompt or not _NAME.fullmatch(clip.prompt) or not _LANG.fullmatch(clip.lang):
            return None
        name = f"{clip.prompt}.{clip.part}" if clip.parts > 1 else clip.prompt
        for suffix in SUFFIXES:
            path = self.recordings / clip.lang / (name + suffix)
            # A link out of the recordings' folder is no recording.
            if path.is_file() and path.resolve().is_relative_to(self.recordings.resolve()):
                return path
        return None

    def target(self, clip: Clip, use: str) -> Path:
        """The built file of ``clip``, whether it is there or not. Raises MissingAudio for an unsafe name."""
        if not _LANG.fullmatch(clip.lang):
            raise MissingAudio(clip, f"{clip.lang!r} is not a language; write one like zh or en")
        if clip.prompt and not _NAME.fullmatch(clip.prompt):
            why = "is not a prompt's name; use letters, digits, _ and -"
            raise MissingAudio(clip, f"{clip.prompt!r} {why}")
        recorded = self.recording(clip)
        if recorded is None:
            sound = ["text", voice_for(clip.lang, self.voices).key, clip.text]
            stem = ""
        else:
            sound = ["recording", hashlib.sha256(recorded.read_bytes()).hexdigest()]
            stem = f"{clip.prompt}-{clip.part}-"
        text = json.dumps([REVISION, CUTS[use], *sound], ensure_ascii=False)
        key = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:20]
        return self.root / str(self.rate) / clip.lang / f"{stem}{key}.wav"

    def look_up(self, clip: Clip, use: str) -> Path | None:
        """The file of ``clip`` as the disk has it now, remembered from here on; None when it is not built."""
        found = self.target(clip, use)
        if not found.is_file():
            return None
        self._found[clip, use] = found
        return found

    def _existing(self, clip: Clip, item: Item, use: str) -> Path:
        found = self._found.get((clip, use)) or self.look_up(clip, use)
        if found is None:
            raise MissingAudio(item, f"no sound for {describe(item)}; type: ivr prompts build")
        return found


def use_of(clip: Clip) -> str:
    """`prompt`, or `piece` for one that is joined to others."""
    return "piece" if clip.parts > 1 else "prompt"


def word_clips(item: Spoken) -> list[Clip]:
    """The clips of a value's words."""
    lang = word_language(item.lang)
    return [Clip(lang, word) for word in words(item.lang, item.as_, item.value)]


def word_language(lang: str) -> str:
    """The language whose voice says the words of values: ``lang`` itself when its words are known, else `en`."""
    base = re.split("[-_]", lang.lower(), maxsplit=1)[0]
    return lang if spoken_language(lang) == base else spoken_language(lang)


def describe(item: Item) -> str:
    """An item in a message: its prompt's name or text, and its language. A caller's value is not repeated."""
    if isinstance(item, Spoken):
        return f"a value spoken as {item.as_} ({item.lang})"
    part = f", piece {item.part}" if item.parts > 1 else ""
    text = item.text if len(item.text) <= 60 else item.text[:59] + "…"
    return f"prompt {item.prompt} ({item.lang}{part})" if item.prompt else f'"{text}" ({item.lang}{part})'


def audible(text: str) -> bool:
    """Whether there is anything to say: a piece of only punctuation is a short pause."""
    return any(unicodedata.category(c)[0] in "LNS" or c in "#*%&@" for c in text)


def duration_ms(path: Path) -> int:
    """How long a WAV file plays, from its header."""
    with wave.open(str(path), "rb") as file:
        return round(file.getnframes() * 1000 / file.getframerate())
