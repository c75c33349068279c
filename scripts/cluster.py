"""Data that no worker holds, compressed by Dask: times, memory and bytes of one process and of two, and of two of which one is killed twice.

    python scripts/cluster.py FOLDER [--gb 4] [--files 40] [--level 1] [--runs one,two,killed]

Without --files the data are one field, which is made as it is needed: waves with noise, float32. With it they are so many NetCDF
files in FOLDER/files, each with two fields, their times and their places. Needs the wheel baler-compressor, dask and
distributed; for files also xarray and netCDF4.
"""

import argparse
import hashlib
import os
import pathlib
import resource
import shutil
import signal
import threading
import time

import dask
import dask.array as da
import numpy as np
import baler.dask
from distributed import Client, LocalCluster

ROWS, PLANE = 16, (1024, 1024)
REL = 1e-3
#: Numbers of finished parts at which a worker is killed.
KILLS = (4, 12)


def block(number):
    """Rows of the field: (ROWS, *PLANE)."""
    rng = np.random.default_rng(number)
    t, y, x = np.ogrid[number * ROWS : (number + 1) * ROWS, : PLANE[0], : PLANE[1]]
    t, y, x = (axis.astype("f4") for axis in (t, y, x))
    waves = np.sin(0.013 * x + 0.05 * t) * np.cos(0.009 * y - 0.02 * t) + 0.3 * np.sin(0.05 * (x + y))
    waves += rng.standard_normal((ROWS, *PLANE), dtype="f4") * np.float32(0.003)
    return waves


def field(gb):
    n_blocks = round(gb * 1e9 / (ROWS * PLANE[0] * PLANE[1] * 4))
    chunks = ((ROWS,) * n_blocks, (PLANE[0],), (PLANE[1],))
    return da.map_blocks(lambda block_id=None: block(block_id[0]), chunks=chunks, dtype="f4", meta=np.empty((0, 0, 0), "f4"))


def files(folder, n_files, gb):
    """NetCDF files with a temperature and a wind of as many planes each."""
    import xarray as xr

    folder.mkdir(parents=True, exist_ok=True)
    n_y, n_x = 256, 512
    n_rows = max(1, round(gb * 1e9 / n_files / (2 * 4 * n_y * n_x)))
    paths = []
    for number in range(n_files):
        rng = np.random.default_rng(number)
        t, y, x = np.ogrid[number * n_rows : (number + 1) * n_rows, :n_y, :n_x]
        waves = np.sin(0.02 * x + 0.05 * t) * np.cos(0.03 * y - 0.02 * t)
        fields = {
            "t2m": (("time", "lat", "lon"), (280 + 15 * waves + 0.05 * rng.standard_normal(waves.shape)).astype("f4")),
            "u10": (("time", "lat", "lon"), (8 * np.roll(waves, 40, 2) + 0.05 * rng.standard_normal(waves.shape)).astype("f4")),
        }
        places = {
            "time": np.datetime64("2020-01-01", "ns") + np.arange(number * n_rows, (number + 1) * n_rows) * np.timedelta64(1, "h"),
            "lat": np.linspace(-90, 90, n_y),
            "lon": np.linspace(0, 360, n_x, endpoint=False),
        }
        dataset = xr.Dataset(fields, places, {"title": "waves with noise"})
        dataset.time.encoding["units"] = "hours since 2020-01-01"
        paths.append(str(folder / f"{number:03}.nc"))
        dataset.to_netcdf(paths[-1], engine="netcdf4")
    return paths, n_rows


def used():
    """Memory that this process has taken at most, and its processor time: what other work on the machine does not change."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime


def kill(client, store, killed):
    """Kills a worker while parts are made, twice."""
    for n_parts in KILLS:
        while len(list(store.glob("*.bale"))) < n_parts:
            time.sleep(0.1)
        pid = next(iter(client.run(os.getpid).values()))
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)


def sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path, paths, n_rows):
    """Rows in the middle of the result are those of the data, within the bound for the range of all."""
    lazy = baler.dask.open(path)
    name = "t2m" if paths else "data"
    number = len(lazy[name]) // n_rows // 2
    if paths:
        import xarray as xr

        with xr.open_dataset(paths[number]) as dataset:
            rows = dataset.t2m.values
    else:
        rows = block(number)
    found = lazy[name][number * n_rows : (number + 1) * n_rows].compute()
    most = baler.inspect(path)["variables"][[v["name"] for v in baler.inspect(path)["variables"]].index(name)]
    error = float(np.abs(found.astype("f8") - rows).max())
    assert error <= most["max_error"], f"an error of {error}, where {most['max_error']} is the largest"
    return error


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--gb", type=float, default=4)
    parser.add_argument("--files", type=int, default=0)
    parser.add_argument("--level", type=int, default=1)
    parser.add_argument("--runs", default="one,two,killed")
    args = parser.parse_args()
    paths, n_rows = files(args.folder / "files", args.files, args.gb) if args.files else ([], ROWS)
    data = paths or field(args.gb)
    n_bytes = sum(os.path.getsize(path) for path in paths) or data.nbytes
    seconds, hashes = {}, {}
    for run in args.runs.split(","):
        store = args.folder / run
        shutil.rmtree(store, ignore_errors=True)
        n_workers = 1 if run == "one" else 2
        cluster = LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None, memory_limit="1GB")
        killed = []
        with cluster, Client(cluster) as client, dask.config.set({"optimization.fuse.active": True}):
            if run == "killed":
                threading.Thread(target=kill, args=(client, store, killed), daemon=True).start()
            start, load = time.perf_counter(), os.getloadavg()[0]
            path = pathlib.Path(baler.dask.compress(data, rel=REL, level=args.level, out=store))
            seconds[run] = time.perf_counter() - start
            of_workers = client.run(used).values()
            memory, cpu = max(memory for memory, _ in of_workers), sum(seconds for _, seconds in of_workers)
        assert len(killed) == (len(KILLS) if run == "killed" else 0), f"{len(killed)} workers were killed"
        assert memory < 1e9, f"a worker took {memory} bytes"
        hashes[run] = sha256(path)
        print(
            f"{run}: {n_bytes} -> {path.stat().st_size} bytes in {seconds[run]:.0f} s ({cpu:.0f} s of processors in the workers that"
            f" live), {memory / 1e6:.0f} MB at most a worker, load {load:.1f} before, {hashes[run][:16]}",
            flush=True,
        )
    assert len(set(hashes.values())) == 1, "the bytes differ"
    print(f"the same bytes; the largest error in the middle is {check(path, paths, n_rows):.3g}")
    if {"one", "two"} <= set(seconds):
        print(f"two processes: {seconds['one'] / seconds['two']:.2f} times the speed of one")


if __name__ == "__main__":
    main()
