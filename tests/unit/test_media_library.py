"""The library: what is built once and found fast, whose voice wins, and names that never leave its folders."""

import os

import numpy as np
import pytest
import soundfile

from ivr.core.effects import Clip, Spoken
from ivr.core.program import Piece, Program, Prompt
from ivr.media import build as media
from ivr.media.library import AudioLibrary, MissingAudio, audible
from ivr.media.speech import vocabulary
from ivr.media.synth import Voice

ORDER = {
    "zh": (Piece("订单"), Piece(expr=["var", "n"], as_="digits"), Piece("。")),
    "en": (Piece("Order"), Piece(expr=["var", "n"], as_="digits"), Piece("is on its way.")),
}
BYE = {"zh": (Piece("再见。"),), "en": (Piece("Goodbye."),)}


def program(**prompts):
    found = {name: Prompt(name, pieces) for name, pieces in prompts.items()}
    return Program("t", "", ("zh", "en"), "s", {}, found)


@pytest.fixture
def library(tmp_path):
    return AudioLibrary(tmp_path / "build", tmp_path / "recordings", 8000)


def record(library, name, hz=440, peak=0.5, rate=44100, suffix=".wav"):
    path = library.recordings / (name + suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, peak * np.sin(2 * np.pi * hz * np.arange(rate) / rate), rate)
    return path


def test_build_then_find(library):
    wanted = media.entries(library, [program(order=ORDER, bye=BYE)])
    seen = []
    made = media.build(library, wanted, lambda done, total: seen.append((done, total)))
    assert (
        made
        == len({e.target for e in wanted})
        == 6 + len(vocabulary("zh", ["digits"])) + len(vocabulary("en", ["digits"]))
    )
    assert seen == [(n, made) for n in range(made + 1)]
    assert media.check(library, wanted) == []
    assert media.build(library, wanted) == 0
    items = [Clip("zh", "订单", "order", 0, 3), Spoken("zh", "digits", "120"), Clip("zh", "。", "order", 2, 3)]
    found = [library.files(item) for item in items]
    assert [len(files) for files in found] == [1, 3, 1]
    for path in (path for files in found for path in files):
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (8000, 1, "PCM_16")
        assert library.duration_ms(path) == round(info.duration * 1000)
    # Punctuation alone is a pause; a flow does not stop at it.
    assert library.duration_ms(found[2][0]) == media.PAUSE_MS
    assert library.files(Spoken("zh", "date", "?!")) == []


def test_two_libraries_build_the_same_bytes(tmp_path):
    made = []
    for name in ("a", "b"):
        library = AudioLibrary(tmp_path / name, tmp_path / "recordings", 16000)
        media.build(library, media.entries(library, [program(bye=BYE)]))
        made.append({p.relative_to(library.root): p.read_bytes() for p in library.root.rglob("*.*")})
    assert made[0] == made[1]
    assert len(made[0]) == 2


def test_lookups_touch_no_disk(library):
    media.build(library, media.entries(library, [program(bye=BYE)]))
    item = Clip("zh", "再见。", "bye")
    (path,) = library.files(item)
    path.unlink()
    assert library.files(item) == [path]
    library.refresh()
    with pytest.raises(MissingAudio, match=r"no sound for prompt bye \(zh\); type: ivr prompts build"):
        library.files(item)


def test_a_recording_wins(library):
    recordings = [record(library, "zh/bye"), record(library, "en/order.2", suffix=".flac", rate=48000)]
    wanted = media.entries(library, [program(bye=BYE, order=ORDER)])
    assert {e.recording for e in wanted if e.recording} == set(recordings)
    media.build(library, wanted)
    assert {e.source for e in wanted} == {"recording", "synthesised"}
    (path,) = library.files(Clip("zh", "再见。", "bye"))
    assert path.name.startswith("bye-0-")
    assert library.duration_ms(path) == pytest.approx(1000 + 40 + 180, abs=25)
    (path,) = library.files(Clip("en", "is on its way.", "order", 2, 3))
    assert path.name.startswith("order-2-")


def test_a_changed_recording_is_seen(library):
    record(library, "zh/bye", hz=440)
    library.recordings.joinpath("notes").mkdir()
    wanted = media.entries(library, [program(bye=BYE)])
    media.build(library, wanted)
    record(library, "zh/bye", hz=880)
    wanted = media.entries(library, [program(bye=BYE)])
    assert [f.message for f in media.check(library, wanted)] == [
        "prompt bye (zh): its recording is new or has changed; type: ivr prompts build"
    ]
    assert media.build(library, wanted) == 1
    assert len(media.prune(library, wanted)) == 1
    assert media.check(library, wanted) == []


def test_check(library):
    record(library, "zh/bye", peak=0.005)
    record(library, "en/bey")
    record(library, "fr/bye")
    record(library, "en/unused")
    (library.recordings / "en" / "bye.txt").write_text("not sound")
    wanted = media.entries(library, [program(bye=BYE, order=ORDER)])
    media.build(library, wanted)
    library.target(Clip("en", "Goodbye.", "bye"), "prompt").write_bytes(b"RIFF")
    found = [(f.severity, f.message) for f in media.check(library, wanted, ["unused"])]
    assert [severity for severity, _ in found] == ["error", "warning", "warning", "warning", "warning"]
    said = "\n".join(message for _, message in found)
    for part in (
        "prompt bye (en): ",
        "is damaged; remove it",
        "recording en/bey.wav: no prompt plays it",
        "recording fr/bye.wav: no prompt plays it",
        "recording en/bye.txt: not a sound file",
        "recording zh/bye.wav: too quiet",
    ):
        assert part in said


def test_check_counts_missing_words(library):
    wanted = media.entries(library, [program(order=ORDER)])
    said = [f.message for f in media.check(library, wanted)]
    assert f"{len(vocabulary('zh', ['digits']))} words of values (zh): not built; type: ivr prompts build" in said
    assert len(said) == 6


UNSAFE = [
    "../../etc/passwd",
    "/etc/passwd",
    "shout://x/y",
    "{a=b}x",
    "@@x",
    "phrase:x",
    "a!b",
    "a/b",
    "a.b",
    "a\0b",
    "é",
]


@pytest.mark.parametrize("name", UNSAFE)
def test_row_119_unsafe_names_are_refused(library, name):
    with pytest.raises(MissingAudio, match="not a prompt's name"):
        library.files(Clip("zh", "再见。", name))
    with pytest.raises(MissingAudio, match="not a language"):
        library.files(Clip(name if name != "é" else "..", "再见。", "bye"))


@pytest.mark.parametrize("text", ["../../etc/passwd", "\0", "a" * 100_000, "\ud800"])
def test_row_119_no_text_leaves_the_folder(library, text):
    target = library.target(Clip("zh", text), "prompt")
    assert target.parent == library.root / "8000" / "zh"
    with pytest.raises(MissingAudio):
        library.files(Clip("zh", text))


def test_row_119_a_link_out_of_the_recordings_is_no_recording(library, tmp_path):
    outside = record(library, "zh/bye")
    outside = outside.rename(tmp_path / "outside.wav")
    os.symlink(outside, library.recordings / "zh" / "bye.wav")
    assert library.recording(Clip("zh", "再见。", "bye")) is None


def test_another_voice_is_another_file(tmp_path):
    clip = Clip("zh", "再见。")
    voices = [{}, {"zh": Voice("cmn", 200)}, {"zh": Voice(command=("piper",))}]
    targets = {AudioLibrary(tmp_path, tmp_path, 8000, v).target(clip, "prompt") for v in voices}
    assert len(targets) == 3


def test_values_of_an_unknown_language_are_spoken_in_english(library):
    prompts = {"fr": (Piece(expr=1, as_="number"),)}
    wanted = media.entries(library, [program(n=prompts)])
    assert {e.clip.lang for e in wanted} == {"en"}
    with pytest.raises(MissingAudio, match=r"a value spoken as number \(fr\)"):
        library.files(Spoken("fr", "number", "5"))


@pytest.mark.parametrize(
    ("text", "says"), [("你好", True), ("1", True), ("#", True), (" ，。", False), ("", False), ("…", False)]
)
def test_audible(text, says):
    assert audible(text) == says


@pytest.mark.parametrize(
    ("text", "sounding_ms", "says"),
    [
        ("普通话请按1。", 1800, ""),
        ("普通话请按1。", 200, "only 200 ms"),
        ("I", 60, ""),
        ("Press 1.", 20_000, "20000 ms of sound"),
    ],
)
def test_implausible(text, sounding_ms, says):
    assert says in media.implausible(text, sounding_ms)
    assert bool(media.implausible(text, sounding_ms)) == bool(says)
