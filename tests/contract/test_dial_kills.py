"""Rows 89 and 90: diallers are killed at random moments, eight of them at work over TCP on PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.postgres
@pytest.mark.parametrize("seed", [1, 2])
def test_fault_90_killed_diallers_call_nobody_twice_and_lose_nothing(postgres_server, seed):
    """In a process of its own: it forks. By hand: python -m tests.contract.dial_kills --kills 1000"""
    argv = [sys.executable, "-m", "tests.contract.dial_kills", "--kills=15", f"--seed={seed}"]
    argv.append(f"--database={postgres_server}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["kills"] == 15
    assert found["rang"] > 50
    assert found["rang_twice"] == found["at_once"] == found["unwritten"] == found["lost"] == 0
    # How many were killed with a call on, whose end nobody then saw, is the machine's chance: on a quiet one none.
    assert sum(found["outcomes"].values()) == found["attempts"]
