"""What several tests need."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def command() -> str:
    """The command `baler` that came with the package."""
    beside = Path(sys.executable).with_name("baler")
    found = str(beside) if beside.exists() else shutil.which("baler")
    assert found, "expected the command baler beside this Python, found none"
    return found
