"""The notebooks of docs/notebooks run from the wheel alone, from the first cell to the last."""

from __future__ import annotations

from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[3] / "docs" / "notebooks"

#: Libraries without which a notebook is skipped.
NEEDED = {
    "fields": ["matplotlib", "xarray"],
    "frames": ["matplotlib", "pandas"],
    "particles": ["matplotlib", "pandas"],
}


def test_every_notebook_is_listed() -> None:
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == sorted(NEEDED)


@pytest.mark.parametrize("name", NEEDED)
def test_the_notebook_runs(name: str, tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    for library in ["ipykernel", *NEEDED[name]]:
        pytest.importorskip(library)
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "notebooks are kept without outputs"
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in shown), "no figure was drawn"
    assert any("baler auto" in str(output) or "bytes" in str(output) for output in shown)
