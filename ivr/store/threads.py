"""Native threads and what they wake each other with, whatever a process did to its threading module.

Law: knows nothing of rows, databases or gevent: the original primitives are handed in (see ``recorder``).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class Lock(Protocol):
    """What ``_thread.allocate_lock()`` gives."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool: ...
    def release(self) -> None: ...
    def __enter__(self) -> bool: ...
    def __exit__(self, *args: Any) -> None: ...


def _start_thread(run: Callable[[], None]) -> None:
    threading.Thread(target=run, name="callweave-recorder", daemon=True).start()


@dataclass(frozen=True)
class Threads:
    """``pause`` lets other threads run, and in a patched process other greenlets."""

    start: Callable[[Callable[[], None]], Any] = _start_thread
    lock: Callable[[], Lock] = threading.Lock
    pause: Callable[[float], Any] = time.sleep


class Bell:
    """Wakes one waiting thread; rings that nobody heard are one ring."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        lock.acquire()

    def ring(self) -> None:
        with contextlib.suppress(RuntimeError):  # it rings already
            self._lock.release()

    def wait(self, timeout_s: float) -> bool:
        return self._lock.acquire(True, timeout_s)
