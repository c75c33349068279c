"""A field that no worker holds, compressed by Dask: times, memory and bytes of one process and of two, and of two of which one is killed.

    python scripts/cluster.py FOLDER [--gb 4] [--level 1] [--runs one,two,killed]

The field is made as it is needed: waves with noise, float32. Needs the wheel baler-compressor, dask and distributed.
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


def block(block_id):
    rng = np.random.default_rng(block_id[0])
    t, y, x = np.ogrid[block_id[0] * ROWS : (block_id[0] + 1) * ROWS, : PLANE[0], : PLANE[1]]
    t, y, x = (axis.astype("f4") for axis in (t, y, x))
    waves = np.sin(0.013 * x + 0.05 * t) * np.cos(0.009 * y - 0.02 * t) + 0.3 * np.sin(0.05 * (x + y))
    waves += rng.standard_normal((ROWS, *PLANE), dtype="f4") * np.float32(0.003)
    return waves


def field(gb):
    n_blocks = round(gb * 1e9 / (ROWS * PLANE[0] * PLANE[1] * 4))
    chunks = ((ROWS,) * n_blocks, (PLANE[0],), (PLANE[1],))
    return da.map_blocks(lambda block_id=None: block(block_id), chunks=chunks, dtype="f4", meta=np.empty((0, 0, 0), "f4"))


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def kill(client, store):
    """Kills a worker twice while parts are made."""
    for n_parts in (4, 12):
        while len(list(store.glob("*.bale"))) < n_parts:
            time.sleep(0.2)
        os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--gb", type=float, default=4)
    parser.add_argument("--level", type=int, default=1)
    parser.add_argument("--runs", default="one,two,killed")
    args = parser.parse_args()
    data = field(args.gb)
    seconds, hashes = {}, {}
    for run in args.runs.split(","):
        store = args.folder / run
        shutil.rmtree(store, ignore_errors=True)
        n_workers = 1 if run == "one" else 2
        cluster = LocalCluster(n_workers=n_workers, threads_per_worker=1, dashboard_address=None, memory_limit="1GB")
        with cluster, Client(cluster) as client, dask.config.set({"optimization.fuse.active": True}):
            if run == "killed":
                threading.Thread(target=kill, args=(client, store), daemon=True).start()
            start = time.perf_counter()
            path = pathlib.Path(baler.dask.compress(data, rel=1e-3, level=args.level, out=store))
            seconds[run] = time.perf_counter() - start
            memory = max(client.run(peak).values())
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while piece := file.read(1 << 22):
                digest.update(piece)
        hashes[run] = digest.hexdigest()
        size = path.stat().st_size
        print(f"{run}: {data.nbytes} -> {size} bytes in {seconds[run]:.0f} s, {memory / 1e6:.0f} MB at most a worker, {hashes[run][:16]}", flush=True)
    assert len(set(hashes.values())) == 1, "the bytes differ"
    if {"one", "two"} <= set(seconds):
        print(f"two processes: {seconds['one'] / seconds['two']:.2f} times the speed of one")


if __name__ == "__main__":
    main()
