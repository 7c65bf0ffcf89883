"""Extras: libraries that only some formats need.

Law: imports them when they are asked for, and says what to type where they are missing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class MissingLibrary(RuntimeError):
    """A library of the extra ``analysis`` is not installed; the message says what to type."""


def needed(module: str, what: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise MissingLibrary(
            f"{what} needs {name}, which is not installed. Type: pip install 'callweave[analysis]'"
        ) from None
