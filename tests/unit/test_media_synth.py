"""The voice: Mandarin is Mandarin, the same text is the same bytes, and a dying worker costs nothing or one name."""

import re
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from ivr.media.audio import measure, sounding_ms
from ivr.media.synth import DEFAULT_VOICES, Synthesiser, SynthesisFailed, Voice, plain, voice_for, voices_from
from ivr.media.synth_worker import phonemes

ZH, EN = DEFAULT_VOICES["zh"], DEFAULT_VOICES["en"]


@pytest.fixture(scope="module")
def read():
    """How a voice reads a text, in espeak's letters; in a process of its own, for espeak stays in it for ever."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield lambda text, voice: pool.submit(phonemes, text, voice).result()


#: Text, the syllables' first sounds in espeak's letters, and their tones by pitch (55 first, 35 second, 214 third,
#: 51 fourth, 11 none).
MANDARIN = [
    ("普通话请按1。", "ph th X tS;h a j", "214 55 51 214 51 55"),  # pǔ tōng huà qǐng àn yī
    ("重庆银行行长", "ts.h tS;h j X X ts.", "35 51 35 35 35 214"),  # chóng qìng yín háng háng zhǎng: by context
    ("零一二三", "l j @ s", "35 55 51 55"),
    ("两百二十", "l p @ s.", "214 214 51 35"),
    ("感谢您的来电，再见。", "k S; n t l t ts tS;", "214 51 35 11 35 51 51 51"),
]


@pytest.mark.parametrize(("text", "starts", "tones"), MANDARIN)
def test_mandarin_is_read_as_mandarin(read, text, starts, tones):
    said = read(text, ZH.name)
    assert "(en)" not in said  # what espeak writes around anything that it reads as English letters
    assert re.findall(r"\d+", said) == tones.split()
    assert re.search(r".*\d.*?".join(re.escape(start) for start in starts.split()), said), said


def test_letters_in_mandarin_are_seen_by_this_test(read):
    assert "(en)" in read("A座", ZH.name)


def test_the_same_text_is_the_same_bytes(tmp_path):
    def say(order):
        with Synthesiser() as synthesiser:
            for n, (text, voice) in enumerate(order):
                synthesiser.say(text, voice, tmp_path / f"{n}.wav")
        return {text: (tmp_path / f"{n}.wav").read_bytes() for n, (text, _) in enumerate(order)}

    order = [("普通话请按1。", ZH), ("For English, press 2.", EN), ("三", ZH)]
    assert say(order) == say(order[::-1])


PLAIN = [
    "[[h@l'oU]] there",
    '<speak><break time="60s"/>there</speak>',
    "a\x01200Sb there",
    "a\0b there",
    "5 < 6 & 7 there",
]


@pytest.mark.parametrize("text", PLAIN)
def test_text_is_plain(tmp_path, text):
    with Synthesiser() as synthesiser:
        synthesiser.say(text, EN, tmp_path / "a.wav")
        synthesiser.say("there", EN, tmp_path / "b.wav")
    assert sounding_ms(tmp_path / "b.wav") < sounding_ms(tmp_path / "a.wav") < 20_000
    assert measure(tmp_path / "a.wav")["peak"] > 0.1


def test_plain():
    assert plain(" a\tb\x01\x00\n中\u200b文 ") == "a b 中 文"


def worker(tmp_path, behaviour):
    """A worker that does ``behaviour`` once, then answers well."""
    script = f"""
import json, os, sys, time
for line in sys.stdin:
    if not os.path.exists({str(tmp_path / "once")!r}):
        open({str(tmp_path / "once")!r}, "w").close()
        {behaviour}
    print(json.dumps({{"ok": True}}), flush=True)
"""
    return (sys.executable, "-c", script)


@pytest.mark.parametrize(
    "behaviour", ["os._exit(9)", "time.sleep(60)", """print(json.dumps({"error": "odd"}), flush=True); continue"""]
)
def test_a_sentence_is_tried_once_more(tmp_path, behaviour):
    with Synthesiser(timeout_s=1.0, worker=worker(tmp_path, behaviour)) as synthesiser:
        synthesiser.say("a", EN, tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("behaviour", "says"),
    [("sys.exit(9)", r"died \(status 9\)"), ("import time; time.sleep(60)", "no answer within 0.5 s")],
)
def test_then_it_is_named(tmp_path, behaviour, says):
    script = f"import sys; sys.stdin.readline(); {behaviour}"
    with (
        Synthesiser(timeout_s=0.5, worker=(sys.executable, "-c", script)) as synthesiser,
        pytest.raises(SynthesisFailed, match=f"voice cmn cannot say '你好': .*{says}"),
    ):
        synthesiser.say("你好", ZH, tmp_path / "a.wav")


def test_an_unknown_voice_is_named(tmp_path):
    with Synthesiser() as synthesiser, pytest.raises(SynthesisFailed, match="voice nosuch cannot say 'a'"):
        synthesiser.say("a", Voice("nosuch"), tmp_path / "a.wav")


def test_an_outside_program_speaks(tmp_path):
    script = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text(sys.stdin.read(), encoding='utf-8')"
    with Synthesiser() as synthesiser:
        synthesiser.say("你好", Voice(command=(sys.executable, "-c", script, "{path}")), tmp_path / "a.wav")
        assert (tmp_path / "a.wav").read_text(encoding="utf-8") == "你好"
        with pytest.raises(SynthesisFailed, match="no model"):
            synthesiser.say("a", Voice(command=(sys.executable, "-c", "raise SystemExit('no model')")), tmp_path / "b")
        with pytest.raises(SynthesisFailed, match="nosuchprogram cannot say"):
            synthesiser.say("a", Voice(command=("nosuchprogram",)), tmp_path / "b")


@pytest.mark.parametrize(("lang", "name"), [("zh", "cmn"), ("zh-CN", "cmn"), ("en_GB", "en-us"), ("fr", "fr")])
def test_voice_for(lang, name):
    assert voice_for(lang, {}).name == name


def test_voices_from_settings():
    voices = voices_from({"zh": {"rate": "200"}, "en": {"command": ["piper", "-m", "x.onnx"]}})
    assert voices["zh"] == Voice("cmn", 200)
    assert voice_for("en-GB", voices).command == ("piper", "-m", "x.onnx")


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({"speed": 1}, "voices.zh: `speed` is not known"),
        ("cmn", "voices.zh: `cmn` is not known"),
        ({"rate": "fast"}, "voices.zh.rate: fast"),
        ({"rate": 9}, "80 to 450"),
        ({"command": "piper -m x"}, "voices.zh.command: write a list"),
    ],
)
def test_voices_with_mistakes(own, says):
    with pytest.raises(ValueError, match=says):
        voices_from({"zh": own})
