"""Sounds: what a program can play is found before any call asks for it, and what is missing is named."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from ivr.core.effects import Clip, Spoken
from ivr.core.program import Program
from ivr.hosts.sounds import BuiltSounds
from ivr.lang.check import check_file
from ivr.media.build import Entry, entries
from ivr.media.library import AudioLibrary, MissingAudio
from ivr.media.speech import vocabulary

FLOW = """
flow: told
languages: [en]
start: ask
steps:
  ask:
    ask: {en: "Your number, please."}
    into: n
    digits: {length: 2, give_up: tell}
    next: tell
  tell:
    say: {en: "You said {{ n | number }}."}
    hang_up: true
"""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    (tmp_path / "told.yaml").write_text(FLOW)
    result = check_file(tmp_path / "told.yaml")
    assert result.program is not None, result.problems
    return result.program


@pytest.fixture
def library(tmp_path: Path) -> AudioLibrary:
    return AudioLibrary(tmp_path / "build", tmp_path / "recordings", 8000)


def speak(entry: Entry, ms: int = 100) -> None:
    entry.target.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(entry.target), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(16 * ms))


def test_what_is_learnt_needs_no_disk(program: Program, library: AudioLibrary) -> None:
    wanted = entries(library, [program])
    for entry in wanted:
        speak(entry)
    sounds = BuiltSounds(library)
    assert sounds.learn(program) == []
    for path in {entry.target for entry in wanted}:
        path.unlink()
    for item in [e.clip for e in wanted if e.use != "word"] + [Spoken("en", "number", str(n)) for n in range(1000)]:
        for name in sounds.files([item]):
            sound = sounds.find(name)
            assert sound is not None
            assert sound.duration_ms == 100


def test_what_is_missing_is_named(program: Program, library: AudioLibrary) -> None:
    count = len(vocabulary("en", ["digits", "number"]))
    sounds = BuiltSounds(library)
    told = sounds.learn(program)
    assert '"Your number, please." (en)' in told
    assert told[-1] == f"{count} words of values (en)"
    wanted = entries(library, [program])
    for entry in wanted[:-1]:
        speak(entry)
    assert sounds.learn(program) == ["1 words of values (en)"]
    speak(wanted[-1])
    [question] = [entry for entry in wanted if entry.clip.text.startswith("Your number")]
    question.target.write_bytes(b"RIFF")
    sounds = BuiltSounds(AudioLibrary(library.root, library.recordings, 8000))
    assert sounds.learn(program) == ['"Your number, please." (en)'], "what is damaged cannot be played"
    speak(question)
    assert sounds.learn(program) == []


def test_a_recording_made_later_is_learnt(library: AudioLibrary, tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "en.yaml").write_text("bye: Goodbye.\n")
    (tmp_path / "bye.yaml").write_text("flow: bye\nlanguages: [en]\nsteps:\n  bye: {say: bye, hang_up: true}\n")
    program = check_file(tmp_path / "bye.yaml").program
    assert program is not None
    [before] = entries(library, [program])
    speak(before)
    sounds = BuiltSounds(library)
    assert sounds.learn(program) == []
    goodbye = (Clip("en", "Goodbye.", "bye"),)
    assert sounds.play(goodbye) == sounds.play(goodbye) == (str(before.target), 100)
    recording = library.recordings / "en" / "bye.wav"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(before.target.read_bytes())
    assert sounds.learn(program) == ["prompt bye (en)"], "its recording is not built"
    [after] = entries(library, [program])
    speak(after, 250)
    assert sounds.learn(program) == []
    assert sounds.files(goodbye) == [str(after.target)]
    assert sounds.play(goodbye) == (str(after.target), 250), "what was played before is not remembered"
    assert sounds.play(goodbye * 2) == (f"file_string://{after.target}!{after.target}", 500)


def test_without_learning_a_missing_sound_is_said_when_it_is_asked_for(library: AudioLibrary) -> None:
    with pytest.raises(MissingAudio, match="type: ivr prompts build"):
        BuiltSounds(library).files([Clip("en", "Hello.")])
