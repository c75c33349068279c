"""What the pages of docs/ about Python show, runs."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[3] / "docs"

#: Libraries without which a page is skipped, and at least so many blocks.
PAGES = {
    "python.md": ([], 6),
    "hdf5.md": ([], 2),
    "zarr.md": (["zarr", "numcodecs", "xarray"], 4),
    "cluster.md": (["dask"], 1),
}


@pytest.mark.filterwarnings("ignore::baler.BalerWarning")
@pytest.mark.parametrize("name", PAGES)
def test_the_page_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed, n_blocks = PAGES[name]
    for library in needed:
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)
    assert len(blocks) >= n_blocks
    names: dict[str, Any] = {}
    for block in blocks:
        wanted = re.findall(r"^import (\w+)", block, re.MULTILINE)
        if all(importlib.util.find_spec(module) for module in wanted):
            exec(compile(block, name, "exec"), names)
