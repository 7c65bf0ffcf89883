"""Building the library: every sound that these Programs can play, made once.

Law: knows Programs and files. Never on a call. A second run finds everything there and synthesises nothing.
"""

from __future__ import annotations

import tempfile
import threading
import wave
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from ivr.core.effects import Clip
from ivr.core.program import Program
from ivr.media.library import CUTS, SUFFIXES, AudioLibrary, audible, describe, duration_ms, use_of, word_language
from ivr.media.speech import vocabulary
from ivr.media.synth import Synthesiser, SynthesisFailed, voice_for

WORKERS = 2
PAUSE_MS = 200
#: What the entries of values' words are called.
WORDS = "(words of values)"


@dataclass(frozen=True, slots=True)
class Entry:
    """One sound. ``prompt`` is what a person calls it: the catalogue's name, `<flow>/<step>/<n>`, or WORDS."""

    prompt: str
    clip: Clip
    use: str  # prompt | piece | word
    target: Path
    recording: Path | None

    @property
    def built(self) -> bool:
        return self.target.is_file()

    @property
    def source(self) -> str:
        return "missing" if not self.built else "recording" if self.recording else "synthesised"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something `check` found. ``severity``: error (a caller would meet it) | warning."""

    severity: str
    message: str


def entries(library: AudioLibrary, programs: Iterable[Program]) -> list[Entry]:
    """Every sound of the programs' prompts, in all their languages, and of the words their values need.

    Two prompts with one text are two entries with one target.
    """
    found: dict[tuple[str, Clip, str], Entry] = {}
    spoken: dict[str, set[str]] = {}

    def add(prompt: str, clip: Clip, use: str) -> None:
        if (prompt, clip, use) not in found:
            found[prompt, clip, use] = Entry(prompt, clip, use, library.target(clip, use), library.recording(clip))

    for program in programs:
        for prompt_id, prompt in program.prompts.items():
            name = prompt.name or f"{program.flow}/{prompt_id}"
            for lang, pieces in prompt.pieces.items():
                for part, piece in enumerate(pieces):
                    if piece.as_ == "label":
                        continue  # a prompt of its own
                    if piece.as_:
                        spoken.setdefault(lang, set()).add(piece.as_)
                        continue
                    clip = Clip(lang, piece.text, prompt.name, part, len(pieces))
                    add(name, clip, use_of(clip))
    for lang, formats in spoken.items():
        for word in vocabulary(lang, sorted(formats)):
            add(WORDS, Clip(word_language(lang), word), "word")
    return list(found.values())


def by_file(wanted: Iterable[Entry]) -> dict[Path, Entry]:
    """What is counted when sounds are: each file once, however many prompts are heard from it."""
    return {entry.target: entry for entry in wanted}


def build(
    library: AudioLibrary,
    wanted: Sequence[Entry],
    progress: Callable[[int, int], None] = lambda done, total: None,
    workers: int = WORKERS,
) -> int:
    """Makes what is not there yet; the number made. ``progress(done, total)`` counts what had to be made.

    Raises SynthesisFailed or audio.BadAudio, naming the prompt; what was made by then stays.
    """
    missing = list(by_file(entry for entry in wanted if not entry.built).values())
    if not missing:
        return 0
    own = threading.local()
    started: list[Synthesiser] = []
    lock = threading.Lock()
    done = 0

    def make(entry: Entry) -> None:
        nonlocal done
        if not hasattr(own, "synthesiser"):
            own.synthesiser = Synthesiser()
            with lock:
                started.append(own.synthesiser)
        _make(library, entry, own.synthesiser, Path(folder))
        with lock:
            done += 1
            progress(done, len(missing))

    progress(0, len(missing))
    with tempfile.TemporaryDirectory(prefix="callweave-") as folder, ThreadPoolExecutor(workers) as pool:
        try:
            jobs = [pool.submit(make, entry) for entry in missing]
            wait(jobs, return_when=FIRST_EXCEPTION)
            for job in jobs:
                if job.done() and not job.cancelled():
                    job.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            for synthesiser in started:
                synthesiser.close()
    library.refresh()
    return done


def _make(library: AudioLibrary, entry: Entry, synthesiser: Synthesiser, folder: Path) -> None:
    from ivr.media import audio  # numpy, only when something is made

    head_ms, tail_ms = CUTS[entry.use]
    if entry.recording is not None:
        audio.convert(entry.recording, entry.target, library.rate, head_ms=head_ms, tail_ms=tail_ms)
        return
    if not audible(entry.clip.text):
        audio.write_silence(entry.target, library.rate, PAUSE_MS)
        return
    raw = folder / f"{threading.get_ident()}.wav"
    raw.unlink(missing_ok=True)
    try:
        synthesiser.say(entry.clip.text, voice_for(entry.clip.lang, library.voices), raw)
        why = implausible(entry.clip.text, audio.sounding_ms(raw))
    except audio.BadAudio as error:
        why = str(error)
    if why:
        raise SynthesisFailed(f"{describe(entry.clip)}: {why}")
    audio.convert(raw, entry.target, library.rate, head_ms=head_ms, tail_ms=tail_ms)


def implausible(text: str, sounding_ms: int) -> str:
    """Why so long a sound cannot be ``text``, or "". Wide bounds: they catch cut and endless files, not fast voices."""
    wide = sum(c > "⺀" and c.isalnum() for c in text)
    narrow = sum(c <= "⺀" and c.isalnum() for c in text)
    least, most = max(40, wide * 70 + narrow * 18), 4000 + wide * 900 + narrow * 1500
    if sounding_ms < least:
        return f"the voice made only {sounding_ms} ms of sound, {least} ms is the least for this text"
    if sounding_ms > most:
        return f"the voice made {sounding_ms} ms of sound, {most} ms is the most for this text"
    return ""


def prune(library: AudioLibrary, wanted: Iterable[Entry]) -> list[Path]:
    """Removes the built files of this rate that nothing wants; only files this library names, nothing else."""
    keep = by_file(wanted)
    removed = []
    for path in sorted((library.root / str(library.rate)).glob("*/*.wav")):
        if path not in keep:
            path.unlink()
            removed.append(path)
    library.refresh()
    return removed


def check(library: AudioLibrary, wanted: Sequence[Entry], names: Iterable[str] = ()) -> list[Finding]:
    """What is missing or damaged, recordings that nothing plays, and recordings that sound wrong.

    ``names`` are catalogue names that need not be in use.
    """
    from ivr.media import audio

    found: list[Finding] = []
    missing_words: dict[str, int] = {}
    for entry in by_file(wanted).values():
        if entry.prompt == WORDS and not entry.built:
            missing_words[entry.clip.lang] = missing_words.get(entry.clip.lang, 0) + 1
        elif fault := _fault(entry):
            found.append(Finding("error", f"{describe(entry.clip)}: {fault}"))
    for lang, count in missing_words.items():
        found.append(Finding("error", f"{count} words of values ({lang}): not built; type: ivr prompts build"))
    played = {entry.recording for entry in wanted if entry.recording}
    stems = set(names)
    for path in sorted(library.recordings.glob("*/*")):
        shown = path.relative_to(library.recordings)
        if path.suffix.lower() not in SUFFIXES:
            if path.is_file() and not path.name.startswith("."):
                known = " ".join(SUFFIXES)
                found.append(Finding("warning", f"recording {shown}: not a sound file known here ({known})"))
            continue
        if path not in played and path.name.split(".")[0] not in stems:
            found.append(Finding("warning", f"recording {shown}: no prompt plays it; is its name or language wrong?"))
        elif path in played:
            found += [Finding("warning", f"recording {shown}: {fault}") for fault in audio.faults(path)]
    return found


def _fault(entry: Entry) -> str:
    if not entry.built:
        why = "its recording is new or has changed" if entry.recording else "not built"
        return f"{why}; type: ivr prompts build"
    try:
        length_ms = duration_ms(entry.target)
    except (EOFError, OSError, wave.Error):
        length_ms = 0
    return "" if length_ms >= 20 else f"{entry.target} is damaged; remove it and type: ivr prompts build"
