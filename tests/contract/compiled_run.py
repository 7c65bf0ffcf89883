"""``python compiled_run.py PYTEST-ARGUMENTS``: the tests named, with the call path compiled (test_compiled.py)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ivr import compiled  # noqa: E402

os.environ.pop(compiled.SWITCH, None)
if why_not := compiled.use():
    sys.exit(why_not)

import pytest  # noqa: E402

sys.exit(pytest.main(sys.argv[1:]))
