"""Pseudonyms: a name for a caller that is the same in every export and leads back to no number without the key.

Law: the key stands in a file that its owner alone can read, never in the database and in no log. Who has the key can
try every number, so it is kept apart from the exports.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Final

#: Hexadecimal digits of a pseudonym: of a million callers two share one once in 37 million times.
DIGITS: Final = 16
_KEY_BYTES: Final = 32
_BETWEEN: Final = str.maketrans("", "", " \t-().\u00a0/")


class KeyFileError(Exception):
    """The key cannot be used; the message says which file, why, and what to do."""


def normal(number: str) -> str:
    """A number as one text however it is written: without what stands between digits, and without + or 00 before."""
    plain = number.translate(_BETWEEN)
    if plain.startswith("+"):
        return plain[1:]
    return plain[2:] if plain.startswith("00") and len(plain) > 4 else plain


def keyed_hash(key: bytes, number: str) -> str:
    """HMAC-SHA256 (hex) of the number."""
    return hmac.new(key, normal(number).encode(), hashlib.sha256).hexdigest()


def pseudonym(key: bytes, caller: str | None) -> str:
    """What stands for a caller in exports; "" when there is no number."""
    return keyed_hash(key, caller)[:DIGITS] if caller and normal(caller) else ""


def make_key(path: Path) -> bool:
    """A new key; False when there is one already, which stays. Raises KeyFileError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    except OSError as error:
        raise KeyFileError(f"{path}: no key can be made there ({error.strerror}); name another file") from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return True


def load_key(path: Path) -> bytes:
    """The key of this installation; made when there is none. Raises KeyFileError."""
    make_key(path)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read ({error.strerror}); check its owner and mode") from error
    except ValueError:
        raise KeyFileError(f"{path}: holds no key; a key is 64 hexadecimal digits. Restore it from a backup") from None
    if mode & 0o077:
        raise KeyFileError(f"{path}: others can read it; type: chmod 600 {path}")
    if len(key) < _KEY_BYTES:
        raise KeyFileError(f"{path}: the key is too short; it has 64 hexadecimal digits. Restore it from a backup")
    return key
