"""What docs/python.md shows, runs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "python.md"


@pytest.mark.filterwarnings("ignore::baler.BalerWarning")
def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) > 5
    names: dict[str, Any] = {}
    for block in blocks:
        wanted = re.findall(r"^import (\w+)", block, re.MULTILINE)
        if all(importlib.util.find_spec(name) for name in wanted):
            exec(compile(block, str(PAGE), "exec"), names)
