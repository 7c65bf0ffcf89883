"""What may stand in a setting: one function per kind of value, answering with what is wrong with it ("" nothing).

Law: pure text in, text out. These are the allow-lists between a settings file and FreeSWITCH's expansion, so the
dialplan asks them again about what came by flags.
"""

from __future__ import annotations

import ipaddress
import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
NUMBER = re.compile(r"\+?[0-9*#]{1,32}\*?|\*")
SOCKET_PATH = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
#: A flow's name, its file, or a launch (ivr.ops.launching).
FLOW = re.compile(r"launch:[A-Za-z0-9_-]{1,64}|[A-Za-z_][A-Za-z0-9_]*|([A-Za-z0-9_-]+/)*[A-Za-z0-9_-]+\.ya?ml")
DIAL_STRING = re.compile(r"[A-Za-z0-9_./:@+*#%=;~-]{1,200}")


def bad_word(value: str) -> str:
    return "" if WORD.fullmatch(value) else f'"{value}" is no name'


def bad_flow(value: str) -> str:
    return "" if FLOW.fullmatch(value) else f'"{value}" is no name of a flow'


def bad_country(value: str) -> str:
    return "" if re.fullmatch(r"[A-Z]{2}", value) else f'"{value}" is no country'


def bad_host(value: str) -> str:
    return "" if HOST.fullmatch(value) else "is no host name or address"


def bad_dial_string(value: str) -> str:
    """What is wrong with a dial string of `destinations` ("" nothing): one leg, no variables, nothing that expands."""
    if "${" in value or "{" in value or "[" in value:
        return "may not set or use switch variables"
    if "|" in value or "," in value:
        return "reaches one destination only"
    if value.lower().startswith("loopback/app="):
        return "runs an application instead of reaching somebody"
    return "" if DIAL_STRING.fullmatch(value) else "has a character that no destination needs"


def bad_database(value: str) -> str:
    if value.startswith(("sqlite:///", "postgresql://", "postgres://", "postgresql+psycopg://")):
        return "" if value != "sqlite:///" else "would be lost: it is in memory"
    return "is no database that Callweave knows"  # the value may hold a password: not quoted


def bad_address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        return f'"{value}" has no port from 0 to 65535'
    if host.startswith("[") and host.endswith("]"):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return f'"{host}" is no IPv6 address'
        return ""
    return "" if HOST.fullmatch(host) else f'"{host}" is no host name or address'


def bad_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f'"{value}" is no time zone of this machine'
    return ""


def bad_days(value: str) -> str:
    return "" if re.fullmatch(r"[1-9][0-9]{0,4}d", value) else f'"{value}" is no number of days'


def bad_worker(value: str) -> str:
    """What is wrong with a worker's host:port in a dialplan. FreeSWITCH splits at the last colon and knows no [::1]."""
    wrong = bad_address(value)
    return wrong or ("is IPv6, which `socket` cannot name" if value.startswith("[") else "")


def bad_switch_root(value: str) -> str:
    ok = re.fullmatch(r"/[A-Za-z0-9_./-]*", value) and ".." not in value
    return "" if ok else f'"{value}" is no absolute path of letters, digits and ._-'


def bad_switch_path(value: str) -> str:
    """What is wrong with a folder whose files are named in commands: characters that FreeSWITCH takes for its own."""
    found = re.search(r"""[\s"'`!,${}|\\\[\]^]|@@""", value)
    if found is None:
        return "" if value.isprintable() else "has a control character"
    return f"has {'a space' if found[0].isspace() else found[0]}, which FreeSWITCH reads as its own"


def bad_secret(value: str) -> str:
    return "" if re.fullmatch(r"[A-Za-z0-9_-]{16,128}", value) else "cannot be a shared secret"


def bad_password(value: str) -> str:
    # It becomes one line of the control socket: a newline would be a second command.
    return "" if value.isprintable() and value else "has a control character or is empty"


def bad_sound(value: str) -> str:
    """What is wrong with a sound that a dialplan plays: a plain path, or a tone."""
    if re.fullmatch(r"tone_stream://[%(),;=0-9a-z*+.-]{1,100}", value):
        return ""
    plain = re.fullmatch(r"[A-Za-z0-9_./-]{1,200}\.(wav|ul|al|g722|opus|mp3)", value)
    return "" if plain and ".." not in value else "is no sound file and no tone"
