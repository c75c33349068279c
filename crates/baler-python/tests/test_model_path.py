"""A model that files only name is looked up in the folders of BALER_MODEL_PATH, whatever reads them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import baler


def _elsewhere(code: str, models: Path | None) -> subprocess.CompletedProcess[str]:
    """Python code in a process of its own, which only has the folder of models."""
    env = {name: value for name, value in os.environ.items() if name != "BALER_MODEL_PATH"}
    if models is not None:
        env["BALER_MODEL_PATH"] = str(models)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)


@pytest.mark.parametrize("door", ["archive", "hdf5", "zarr", "numcodecs"])
def test_a_model_that_is_only_named_is_looked_up(door: str, tmp_path: Path) -> None:
    waves = (np.sin(np.arange(40)[:, None, None] * 0.2 + np.arange(64) * 0.1) * np.cos(np.arange(64)[:, None] * 0.07)).astype("f4")
    waves += np.random.default_rng(2).normal(0, 0.01, waves.shape).astype("f4")
    model = baler.train(waves[:20], abs=0.01, method="predictive")
    path = str(tmp_path / "x")
    if door == "archive":
        baler.save(path, {"data": waves}, abs=0.01, model=model, model_ref=True, method="predictive")
        read = f"import baler; x = baler.open({path!r})['data'][:]"
    elif door == "hdf5":
        h5py = pytest.importorskip("h5py")
        from baler.hdf5 import Baler as Filter

        with h5py.File(path, "w") as file:
            file.create_dataset("x", data=waves, chunks=(20, 64, 64), **Filter(abs=0.01, level=6, model=model))
            file.create_dataset("y", data=waves, chunks=(20, 64, 64), **Filter(abs=0.01, level=6))
            assert np.abs(file["x"][:] - waves).max() <= 0.01
            assert file["x"].id.get_storage_size() < file["y"].id.get_storage_size()
        read = f"import baler.hdf5, h5py; x = h5py.File({path!r})['x'][:]"
    else:
        zarr = pytest.importorskip("zarr", minversion="3")
        if door == "zarr":
            from baler.zarr import BalerCodec

            options: dict[str, Any] = {"serializer": BalerCodec(abs=0.01, level=6, model=model, model_ref=True), "compressors": None}
        else:
            from baler.numcodecs import Baler

            codec = Baler(abs=0.01, level=6, model=model, model_ref=True)
            options = {"zarr_format": 2, "filters": None, "compressors": codec}
        zarr.create_array(path, data=waves, chunks=(20, 64, 64), **options)
        about = (Path(path) / ("zarr.json" if door == "zarr" else ".zarray")).read_text()
        assert model.hash in about and len(about) < 2000
        read = f"import zarr; x = zarr.open_array({path!r})[:]"
    code = read + "\nimport sys; sys.stdout.buffer.write(x.tobytes().hex().encode())"
    for models, says in [(None, "BALER_MODEL_PATH, which is not set"), (tmp_path / "empty", f"which is {tmp_path}")]:
        failed = _elsewhere(code, models)
        assert failed.returncode and model.hash[:16] in failed.stderr and says in failed.stderr, failed.stderr
    (tmp_path / "models").mkdir()
    model.save(tmp_path / "models" / "waves.balm")
    ran = _elsewhere(code, tmp_path / "models")
    assert not ran.returncode, ran.stderr
    assert np.abs(np.frombuffer(bytes.fromhex(ran.stdout), "f4") - waves.reshape(-1)).max() <= 0.01


def test_a_store_that_names_a_model_is_written_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zarr", minversion="3")
    from baler.zarr import BalerCodec

    waves = np.sin(np.arange(40 * 64 * 64) * 0.01).astype("f4").reshape(40, 64, 64)
    model = baler.train(waves, abs=0.01, method="predictive")
    again = BalerCodec.from_dict(BalerCodec(abs=0.01, model=model, model_ref=True).to_dict())
    assert again.to_dict()["configuration"]["model_hash"] == model.hash
    with pytest.raises(baler.ConfigError, match=model.hash):
        again.coding.encode(waves)
    monkeypatch.setenv("BALER_MODEL_PATH", str(tmp_path))
    model.save(tmp_path / "a.balm")
    assert again.coding.encode(waves) == BalerCodec(abs=0.01, model=model).coding.encode(waves)
    assert baler.Model.named(model.hash) == model
    with pytest.raises(baler.ConfigError, match="64 hexadecimal digits"):
        baler.Model.named("abc")
    with pytest.raises(baler.ConfigError, match="give it with model="):
        BalerCodec(abs=0.01, model_ref=True)
