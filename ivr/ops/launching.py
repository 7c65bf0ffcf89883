"""Launching: a checked questionnaire, its sounds and its quotas become one thing with one hash.

Law: reads the project, writes the launch's folder and then its rows; a launch that could not be written whole is not
there. Nothing frozen is ever written again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine

from ivr.core.program import Program
from ivr.lang.check import check_file
from ivr.media.build import entries
from ivr.media.frozen import FrozenLibrary, Tampered, freeze, sounds_hash
from ivr.ops.config import Config
from ivr.ops.values import bad_word
from ivr.store import launches
from ivr.store.launches import Frozen, Launch
from ivr.store.views import refresh_survey
from ivr.survey.definition import content_hash


class LaunchError(Exception):
    """In words, with what to do."""


@dataclass(frozen=True)
class Launched:
    launch: Launch
    program: Program
    library: FrozenLibrary


def folder_of(config: Config, name: str) -> Path:
    return config.root / "launches" / name


def open_launch(
    config: Config,
    engine: Engine,
    name: str,
    path: Path,
    now: datetime,
    *,
    must_ask: bool = True,
    prepare: Callable[[Program], Program] = lambda program: program,
) -> Launch:
    """Freezes the flow or questionnaire in ``path``, as ``prepare`` makes it. ``must_ask``: a flow without a
    questionnaire is refused.

    Raises LaunchError, MissingAudio, OSError, the database's.
    """
    if wrong := bad_word(name):
        raise LaunchError(f"{wrong}; a launch's name is letters, digits, _ and -")
    if launches.exists(engine, name):
        raise LaunchError(f"there is a launch {name} already; names are for ever: choose another one")
    result = check_file(path, config.project())
    if result.program is None:
        errors = "\n".join(str(p) for p in result.problems if p.severity == "error")
        raise LaunchError(f"{path} has mistakes, and nothing was launched:\n{errors or 'it is no flow'}")
    program = prepare(replace(result.program, launch=name, where={}))
    if must_ask and not program.surveys:
        raise LaunchError(f"{path} asks no questionnaire; a launch is of one that does")
    survey = next(iter(program.surveys), "")
    library = config.prompts.library()
    folder = folder_of(config, name)
    sounds, files = freeze(entries(library, [program]), library, folder)
    definitions = {plan.hash: dict(plan.definition) for plan in program.surveys.values()}
    made = Launch(
        name=name,
        survey=survey,
        definition=program.surveys[survey].hash if survey else "",
        program_hash=program.hash,
        content_hash=content_hash([sorted(definitions), program.hash, sounds]),
        sounds=files,
        created_at=now,
    )
    try:
        launches.create(engine, made, Frozen(program.flow, program.to_json(), definitions))
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, launches.LaunchExists):
            raise LaunchError(f"there is a launch {name} already; choose another name") from error
        raise
    for asked in program.surveys:
        refresh_survey(engine, asked)  # analysts find it at once: a column for each of its questions
    return made


def load_launch(config: Config, engine: Engine, name: str) -> Launched:
    """The launch as it was frozen, every byte of it compared. Raises LaunchError."""
    found = launches.read(engine, name)
    if not found:
        raise LaunchError(f"there is no launch {name}; ivr launch list shows them")
    launch = found[0]
    folder = folder_of(config, name)
    try:
        program = Program.from_json(launches.program_of(engine, launch))
        hashes = sorted(plan.hash for plan in program.surveys.values())
        whole = content_hash([hashes, program.hash, sounds_hash(folder)])
        library = FrozenLibrary(folder)
    except Tampered as error:
        raise LaunchError(
            f"launch {name}: {error}. Bring the folder back from a copy; it is never built again"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise LaunchError(f"launch {name}: its program in the database cannot be read: {error!r}") from error
    if whole != launch.content_hash:
        raise LaunchError(
            f"launch {name} is not what was frozen: its hash is {whole[:12]}, was {launch.content_hash[:12]}"
        )
    return Launched(launch, program, library)
