"""What reaches the telephone: band-limited, cut to measure, one loudness, the same bytes every time."""

import numpy as np
import pytest
import soundfile

from ivr.media import audio


def tone(hz, rate, seconds=0.5, peak=0.5):
    return peak * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


@pytest.mark.parametrize("own_rate", [11025, 22050, 44100, 48000])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_tone_above_the_band_does_not_come_back(own_rate, rate):
    if own_rate <= rate * 1.2:
        pytest.skip("nothing above the band to begin with")
    kept = audio.resample(tone(1000, own_rate), own_rate, rate)
    gone = audio.resample(tone(rate * 0.56, own_rate), own_rate, rate)
    middle = slice(rate // 10, -rate // 10)
    assert np.abs(kept[middle]).max() == pytest.approx(0.5, abs=0.02)
    assert 20 * np.log10(np.abs(gone[middle]).max() / 0.5) < -70


@pytest.mark.parametrize("lead_ms", [0, 10, 400])
def test_ends_are_cut_to_measure(lead_ms):
    rate = 8000
    quiet = np.zeros(rate * lead_ms // 1000)
    cut = audio.trim(np.concatenate([quiet, tone(500, rate), quiet]), rate, 40, 180)
    assert len(cut) * 1000 / rate == pytest.approx(500 + 40 + 180, abs=25)
    assert cut[0] == cut[-1] == 0.0


@pytest.mark.parametrize("peak", [0.02, 0.3, 1.0])
def test_one_loudness(peak):
    made = audio.level(tone(500, 8000, peak=peak))
    assert np.abs(made).max() <= audio.PEAK + 1e-9
    assert np.sqrt(np.mean(made**2)) == pytest.approx(audio.LOUDNESS, rel=0.1)


def test_a_click_does_not_clip():
    samples = tone(500, 8000, peak=0.01)
    samples[2000] = 1.0
    assert np.abs(audio.level(samples)).max() <= audio.PEAK + 1e-9


@pytest.mark.parametrize(("suffix", "own_rate", "channels"), [("wav", 8000, 1), ("flac", 44100, 2), ("ogg", 48000, 2)])
@pytest.mark.parametrize("rate", [8000, 16000])
def test_convert(tmp_path, suffix, own_rate, channels, rate):
    source = tmp_path / f"in.{suffix}"
    soundfile.write(source, np.stack([tone(440, own_rate)] * channels, axis=1), own_rate)
    made = []
    for name in ("a.wav", "b.wav"):
        audio.convert(source, tmp_path / "out" / name, rate)
        made.append((tmp_path / "out" / name).read_bytes())
    info = soundfile.info(tmp_path / "out" / "a.wav")
    assert (info.samplerate, info.channels, info.subtype, info.format) == (rate, 1, "PCM_16", "WAV")
    assert made[0] == made[1]
    assert [p.name for p in sorted((tmp_path / "out").iterdir())] == ["a.wav", "b.wav"]


@pytest.mark.parametrize(("content", "says"), [(b"not a sound", "not a sound file"), (None, "silent")])
def test_what_is_no_prompt(tmp_path, content, says):
    source = tmp_path / "in.wav"
    if content is None:
        soundfile.write(source, np.zeros(8000), 8000)
    else:
        source.write_bytes(content)
    with pytest.raises(audio.BadAudio, match=says):
        audio.convert(source, tmp_path / "out.wav", 8000)
    assert not (tmp_path / "out.wav").exists()


FAULTS = [
    (tone(440, 16000), 16000, ""),
    (np.clip(tone(440, 16000, peak=3.0), -1, 1), 16000, "clipped"),
    (tone(440, 16000, peak=0.01), 16000, "too quiet: its peak is -40 dBFS"),
    (tone(440, 6000), 6000, "recorded at 6000 Hz"),
    (np.zeros(4000), 8000, "silent"),
]


@pytest.mark.parametrize(("samples", "rate", "says"), FAULTS)
def test_faults(tmp_path, samples, rate, says):
    soundfile.write(tmp_path / "in.wav", samples, rate)
    found = audio.faults(tmp_path / "in.wav")
    assert says in " ".join(found)
    assert bool(found) == bool(says)
