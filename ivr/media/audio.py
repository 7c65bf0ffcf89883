"""Audio: any sound file becomes what a telephone plays: mono PCM_16 WAV, 8000 or 16000 Hz, trimmed, at one loudness.

Law: knows samples, nothing of prompts. Deterministic: the same input gives the same bytes. For building only.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

Samples = npt.NDArray[np.float64]

PEAK = 10 ** (-3 / 20)  # -3 dBFS: room for the far codec
LOUDNESS = 10 ** (-20 / 20)  # RMS of the sounding parts, -20 dBFS
_FRAME_MS = 10
_FLOOR = 10 ** (-42 / 20)  # under the peak by so much is silence
_QUIET = 10 ** (-40 / 20)


class BadAudio(Exception):
    """A file that cannot be a prompt; the message says why."""


def convert(source: Path, target: Path, rate: int, *, head_ms: int = 30, tail_ms: int = 150) -> None:
    """Write ``source`` to ``target`` as mono PCM_16 at ``rate``, with so much silence left at its ends.

    Appears whole or not at all: written under another name and renamed. Raises BadAudio.
    """
    samples, own_rate = read(source)
    ready = level(trim(resample(samples, own_rate, rate), rate, head_ms, tail_ms))
    _write(target, ready, rate)


def write_silence(target: Path, rate: int, length_ms: int) -> None:
    """A pause as a file."""
    _write(target, np.zeros(rate * length_ms // 1000), rate)


def sounding_ms(path: Path) -> int:
    """How long ``path`` sounds, without the silence at its ends. Raises BadAudio."""
    samples, rate = read(path)
    return round(len(trim(samples, rate, 0, 0)) * 1000 / rate)


def read(path: Path) -> tuple[Samples, int]:
    """One channel, the mean of those there are, and its rate."""
    try:
        samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise BadAudio(f"{path.name} is not a sound file that can be read: {error}") from error
    if not len(samples) or not np.abs(samples).max() > 1e-4:
        raise BadAudio(f"{path.name} is silent")
    mono: Samples = samples.mean(axis=1)
    return mono, int(rate)


def resample(samples: Samples, own_rate: int, rate: int) -> Samples:
    """Band-limited: nothing above half the new rate comes back as a whistle."""
    if own_rate == rate:
        return samples
    resampled: Samples = soxr.resample(samples, own_rate, rate, quality="VHQ")
    return resampled


def trim(samples: Samples, rate: int, head_ms: int, tail_ms: int) -> Samples:
    """Exactly so much silence before and after what sounds; the ends fade so that joined clips do not click."""
    sounding = np.flatnonzero(_frames(samples, rate) > _FLOOR * np.abs(samples).max())
    if not len(sounding):
        return samples
    frame = rate * _FRAME_MS // 1000
    start, end = int(sounding[0]) * frame, min((int(sounding[-1]) + 1) * frame, len(samples))
    head, tail = rate * head_ms // 1000, rate * tail_ms // 1000
    kept_head, kept_tail = min(head, start), min(tail, len(samples) - end)
    body = samples[start - kept_head : end + kept_tail].copy()
    fade = min(rate * 5 // 1000, len(body) // 2)
    ramp = np.linspace(0.0, 1.0, fade)
    body[:fade] *= ramp
    body[len(body) - fade :] *= ramp[::-1]
    return np.concatenate([np.zeros(head - kept_head), body, np.zeros(tail - kept_tail)])


def level(samples: Samples) -> Samples:
    """One loudness for every clip, as far as the peak allows."""
    peak = float(np.abs(samples).max())
    if peak <= 0.0:
        return samples
    sounding = samples[np.abs(samples) > _FLOOR * peak]
    loudness = float(np.sqrt(np.mean(sounding**2)))
    return samples * min(PEAK / peak, LOUDNESS / loudness)


def faults(path: Path) -> list[str]:
    """What is wrong with a recording before conversion repairs or amplifies it: silent, clipped, too quiet."""
    try:
        samples, rate = read(path)
    except BadAudio as error:
        return [str(error)]
    found = []
    if rate < 8000:
        found.append(f"recorded at {rate} Hz; a telephone needs 8000 or more")
    peak = float(np.abs(samples).max())
    full = np.abs(samples) >= 0.999
    # Three samples in a row at full scale: a flat top, not one loud moment.
    if len(full) > 2 and bool(np.any(full[:-2] & full[1:-1] & full[2:])):
        found.append("clipped: record it again with less gain")
    if peak < _QUIET * 10 ** (12 / 20):
        found.append(f"too quiet: its peak is {20 * np.log10(peak):.0f} dBFS; record it again, nearer")
    return found


def measure(path: Path) -> dict[str, Any]:
    """duration_ms, peak and rms of a file, full scale 1.0."""
    samples, rate = read(path)
    return {
        "rate": rate,
        "duration_ms": round(len(samples) * 1000 / rate),
        "peak": float(np.abs(samples).max()),
        "rms": float(np.sqrt(np.mean(samples**2))),
    }


def _write(target: Path, samples: Samples, rate: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        soundfile.write(part, np.round(samples * 32767).astype("<i2"), rate, subtype="PCM_16", format="WAV")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _frames(samples: Samples, rate: int) -> Samples:
    """The highest sample of each frame."""
    frame = rate * _FRAME_MS // 1000
    padded = np.pad(np.abs(samples), (0, -len(samples) % frame))
    highest: Samples = padded.reshape(-1, frame).max(axis=1)
    return highest
