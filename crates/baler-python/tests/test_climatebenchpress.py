"""The benchmark ClimateBenchPress runs Baler as it runs its own compressors; skipped where it is not installed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("climatebenchpress.compressor")

import xarray as xr
from climatebenchpress.compressor.scripts.compress import compress

import baler.climatebenchpress

BOUNDS = [{"t": {"abs_error": 0.05}, "q": {"rel_error": 1e-2}}, {"t": {"abs_error": 0.5}, "q": {"abs_error": 1e-5}}]


@pytest.mark.parametrize("chunked", [False, True])
def test_the_benchmark_runs(tmp_path: Path, chunked: bool) -> None:
    rng = np.random.default_rng(1)
    t, y, x = np.ogrid[:12, :60, :120]
    waves = np.sin(0.1 * x + 0.2 * t) * np.cos(0.08 * y)
    noise = rng.normal(0, 1, waves.shape)
    dims = ("time", "latitude", "longitude")
    fields = {
        "t": (dims, (280 + 20 * waves + 0.1 * noise).astype("f4")),
        "q": (dims, np.exp(2 * waves - 7 + 0.01 * noise).astype("f4")),
    }
    places = {
        "time": ("time", np.datetime64("2020-01-01", "ns") + np.arange(12) * np.timedelta64(1, "D"), {"axis": "T"}),
        "latitude": ("latitude", np.linspace(-90, 90, 60), {"axis": "Y"}),
        "longitude": ("longitude", np.linspace(0, 357, 120), {"axis": "X"}),
    }
    before = xr.Dataset(fields, places)
    before.to_zarr(tmp_path / "datasets" / "waves" / "standardized.zarr")
    (tmp_path / "datasets-error-bounds" / "waves").mkdir(parents=True)
    (tmp_path / "datasets-error-bounds" / "waves" / "error_bounds.json").write_text(json.dumps(BOUNDS))
    names = ["baler", "baler-best"]
    compress(tmp_path, include_compressor=names, data_loader_basepath=tmp_path, chunked=chunked, progress=False)
    folder = tmp_path / "compressed-datasets" / ("waves-chunked" if chunked else "waves")
    for bounds in BOUNDS:
        name = "_".join(f"{variable}-{kind}={value}" for variable in sorted(bounds) for kind, value in bounds[variable].items())
        n_bytes = {}
        for compressor in names:
            assert not (folder / name / compressor / "error.out").exists()
            measured = json.loads((folder / name / compressor / "measurements.json").read_text())
            n_bytes[compressor] = sum(measured[variable]["encoded_bytes"] for variable in bounds)
            after = xr.open_zarr(folder / name / compressor / "decompressed.zarr")
            for variable, bound in bounds.items():
                error = np.abs(after[variable].values.astype("f8") - before[variable])
                limit = bound.get("abs_error", 0) + bound.get("rel_error", 0) * np.abs(before[variable].astype("f8"))
                assert (error <= limit).all() and float(error.max()) > 0
        assert n_bytes["baler-best"] <= n_bytes["baler"] < before.t.nbytes / 5
