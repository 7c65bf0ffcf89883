"""The synthesis worker: reads orders as JSON lines, writes one WAV file per order, answers as JSON lines.

Law: runs as a process of its own (`python -m ivr.media.synth_worker`) and never on a server. An order is
`{"text", "voice", "rate", "path"}`; the answer is `{"ok": true}` or `{"error": "..."}`.

pyttsx3 is the engine, used through its espeak driver, not its queue: `runAndWait()` returns before the file is
there, and queued sentences overwrite each other. Two things more were measured:

* espeak carries its noise and pitch wobble over from one sentence to the next, so the second sentence's bytes
  depend on the first. Each sentence is therefore spoken by a fork of this process that has never spoken: the same
  text gives the same bytes, and a crash costs one sentence. The fork is safe: this process has no threads.
* Debian's espeak-ng 1.51 reads Mandarin as English letters. espeakng-loader's 1.52 is loaded by path before
  pyttsx3 asks for `libespeak-ng.so.1`; the loader of shared libraries then gives pyttsx3 the one already there.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from typing import Any

import espeakng_loader

#: The shared library, loaded before pyttsx3 is imported. Kept: it must not be unloaded.
os.environ["ESPEAK_DATA_PATH"] = espeakng_loader.get_data_path()
LIBRARY = ctypes.CDLL(espeakng_loader.get_library_path(), mode=ctypes.RTLD_GLOBAL)

from pyttsx3.drivers import _espeak  # noqa: E402 (after the library)
from pyttsx3.engine import Engine  # noqa: E402

_UTF8 = 1


def speak(text: str, voice: str, rate: int, path: str) -> None:
    """Write ``text`` to ``path`` as WAV. Once per process: see the module's law.

    The text is plain: neither SSML nor `[[phonemes]]` is switched on.
    """
    engine = _engine(voice)
    driver = engine.proxy._driver
    driver.setProperty("rate", rate)
    LIBRARY.espeak_ng_SetRandSeed(ctypes.c_long(1))
    driver._text_to_say, driver._save_file = text, path
    driver._start_synthesis(text)
    _espeak.Synchronize()
    # What fails inside espeak's callback is printed and lost; a missing file is what shows it.
    if driver._speaking or not os.path.exists(path):
        raise RuntimeError("espeak did not finish the sentence")


def phonemes(text: str, voice: str) -> str:
    """What ``voice`` makes of ``text``, in espeak's phoneme letters: shows how a text is read without hearing it."""
    engine = _engine(voice)
    translate = LIBRARY.espeak_TextToPhonemes
    translate.restype = ctypes.c_char_p
    rest = ctypes.c_char_p(text.encode())
    found = []
    while rest.value is not None:
        found.append(translate(ctypes.byref(rest), _UTF8, 0).decode())
    del engine
    return " ".join(found)


def _engine(voice: str) -> Any:
    engine = Engine("espeak")
    engine.proxy._driver.setProperty("voice", voice)
    return engine


def _speak_in_fork(order: dict[str, Any]) -> dict[str, Any]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            speak(order["text"], order["voice"], order["rate"], order["path"])
            status = 0
        except (RuntimeError, ValueError, OSError) as error:
            os.write(writer, str(error).encode()[:1000])
        finally:
            os._exit(status)  # espeak asserts when it is taken down; leave it
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode(errors="replace")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0:
        return {"ok": True}
    return {"error": said or f"the synthesiser died (status {status})"}


def main() -> None:
    # pyttsx3 prints to standard output; that must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for line in sys.stdin:
        answers.write(json.dumps(_speak_in_fork(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
