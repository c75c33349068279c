"""What docs/python.md and docs/hdf5.md show, runs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("name, n_blocks", [("python.md", 6), ("hdf5.md", 2)])
@pytest.mark.filterwarnings("ignore::baler.BalerWarning")
def test_the_page_runs(
    name: str, n_blocks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)
    assert len(blocks) >= n_blocks
    names: dict[str, Any] = {}
    for block in blocks:
        wanted = re.findall(r"^import (\w+)", block, re.MULTILINE)
        if all(importlib.util.find_spec(name) for name in wanted):
            exec(compile(block, name, "exec"), names)
