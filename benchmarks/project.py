"""A project of Callweave with the benchmark's call: settings, flow and prompts, in a folder of its own.

Law: writes files. The prompts are silence of the length that the switch plays, so nothing has to be synthesised.
"""

from __future__ import annotations

import wave
from pathlib import Path

from benchmarks.scenario import ANSWERS, BETWEEN_MS, FIRST_MS, PROMPT_MS, QUESTIONS
from ivr.core.effects import Clip
from ivr.media.library import AudioLibrary

SETTINGS = """\
database: sqlite:///calls.db
listen: 127.0.0.1:{port}
max_calls: 5000
flows: {{folder: flows, default: collect, paths: {{collect: collect}}}}
log: {{level: warning}}
"""


def write(root: Path, port: str = "{port}") -> Path:
    """Everything but the port is filled in; gives the path of the settings."""
    steps = []
    for number, (question, keys) in enumerate(zip(QUESTIONS, ANSWERS, strict=True)):
        after = [*QUESTIONS, "done"][number + 1]
        ask = f"ask: {question}\n    into: answer_{number + 1}\n    digits: {{length: {len(keys)}}}"
        steps.append(f"  {question}:\n    {ask}\n    next: {after}\n")
    digits = f"{{first: {FIRST_MS // 1000}s, between: {BETWEEN_MS // 1000}s, tries: 2, give_up: done}}"
    flow = (
        f"flow: collect\nlanguages: [en]\nstart: {QUESTIONS[0]}\ndigits: {digits}\nerror: done\n"
        f"steps:\n{''.join(steps)}  done:\n    hang_up: true\n"
    )
    texts = {question: f"This is {question.replace('_', ' ')}, please answer with keys." for question in QUESTIONS}
    for name in ("flows", "prompts"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "flows" / "collect.yaml").write_text(flow)
    (root / "prompts" / "en.yaml").write_text("".join(f'{name}: "{text}"\n' for name, text in texts.items()))
    library = AudioLibrary(root / "build" / "prompts", root / "prompts" / "recordings", 8000)
    for name, text in texts.items():
        path = library.target(Clip("en", text, name), "prompt")
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
            sound.writeframes(b"\0\0" * (PROMPT_MS * 8))
    settings = root / "callweave.yaml"
    settings.write_text(SETTINGS.format(port=port))
    return settings
