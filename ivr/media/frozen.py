"""Frozen sounds: what a program can play, copied with it, so that nobody changes it by building or recording anew.

Law: a folder with the files and ``launch.json``, which says which file is which sound. Once written it is only read.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from ivr.core.effects import Clip
from ivr.media.build import Entry
from ivr.media.library import AudioLibrary, MissingAudio, describe

MANIFEST: Final = "launch.json"


class Tampered(Exception):
    """The files are not those that were frozen; the message says which."""


def _key(clip: Clip, use: str) -> tuple[Any, ...]:
    return (clip.lang, clip.text, clip.prompt, clip.part, clip.parts, use)


def freeze(entries: Iterable[Entry], library: AudioLibrary, folder: Path) -> tuple[str, int]:
    """Copies every sound into ``folder``; gives the hash of all of them, and how many files there are.

    Raises MissingAudio for one that is not built, FileExistsError when the folder is there, OSError.
    """
    wanted = list(entries)
    for entry in wanted:
        if not entry.built:
            raise MissingAudio(entry.clip, f"no sound for {describe(entry.clip)}; type: ivr prompts build")
    making = folder.with_name(f".{folder.name}.{os.getpid()}")
    making.mkdir(parents=True)
    try:
        files: dict[str, str] = {}
        sounds: list[list[Any]] = []
        for entry in wanted:
            name = str(entry.target.relative_to(library.root))
            if name not in files:
                copy = making / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(entry.target, copy)
                files[name] = _digest(copy)
            sounds.append([*_key(entry.clip, entry.use), name])
        found = {"rate": library.rate, "files": files, "sounds": sorted(sounds, key=str)}
        text = json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True)
        (making / MANIFEST).write_text(text, encoding="utf-8")
        if folder.exists():
            left = "another `ivr launch open` is making it, or one was cut off"
            raise FileExistsError(f"{folder} is there already: {left}. If none is running, remove it and try again")
        making.rename(folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return _hash_of(text), len(files)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _hash_of(manifest: str) -> str:
    return hashlib.sha256(manifest.encode()).hexdigest()


def sounds_hash(folder: Path) -> str:
    """The hash that ``freeze`` gave, if every file still has the bytes it had then. Raises Tampered."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        files: dict[str, str] = json.loads(text)["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Tampered(f"{folder / MANIFEST} cannot be read: {error}") from error
    for name, digest in files.items():
        try:
            now = _digest(folder / name)
        except OSError as error:
            raise Tampered(f"{folder / name} cannot be read: {error.strerror}") from error
        if now != digest:
            raise Tampered(f"{folder / name} is not the file that was frozen")
    return _hash_of(text)


class FrozenLibrary(AudioLibrary):
    """Plays what was frozen, whatever voices and recordings there are now."""

    def __init__(self, folder: Path) -> None:
        """Raises Tampered for a folder without a manifest."""
        try:
            found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            self._names = {tuple(sound[:-1]): str(sound[-1]) for sound in found["sounds"]}
            rate = int(found["rate"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Tampered(f"{folder / MANIFEST} cannot be read: {error}") from error
        super().__init__(folder, folder / "recordings", rate)

    def target(self, clip: Clip, use: str) -> Path:
        name = self._names.get(_key(clip, use))
        if name is None:
            raise MissingAudio(clip, f"{describe(clip)} was not frozen with the launch in {self.root}")
        return self.root / name
