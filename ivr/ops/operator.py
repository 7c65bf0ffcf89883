"""Operator: who types a command, for books that name who did what.

Law: asks the system; makes nothing up. A service that acts for itself gives a name of its own.
"""

from __future__ import annotations

import getpass
import os


def login_name() -> str:
    """The account that somebody logged in with, also behind sudo; "uid 1000" where the account has no name."""
    if os.environ.get("SUDO_USER") and os.geteuid() == 0:
        return os.environ["SUDO_USER"]
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
