#!/usr/bin/env python3
"""Speed and latency of live streams: python scripts/live.py BALER [TABLE.npz ...]

Makes records like a trigger's (16 fields, float32, int16 and uint8; 40 bytes), trains a model on other records of the kind, and
sends them through `baler compress - --model M.balm --records` and `baler decompress -`: as fast as they go, and as a slow
producer does. TABLE.npz (Baler's `data` and `names`) is cut in halves: one to train on, one to send. Needs numpy; one core is
used where `taskset` is there. Every record that comes back is compared with the one that was sent.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np

REL = 1e-3
CHUNK = 1 << 16


def trigger(n, seed):
    """Columns of n events, in the order of a record."""
    r = np.random.default_rng(seed)
    pt = (r.exponential(25, n) + 5).astype("f4")
    eta = r.normal(0, 1.6, n).clip(-4.7, 4.7).astype("f4")
    adc = r.normal(200, 12, (4, n)).astype("i2")
    adc[1] = (adc[0] * 0.6 + r.normal(0, 5, n)).astype("i2")
    columns = {"pt": pt, "eta": eta, "phi": r.uniform(-np.pi, np.pi, n).astype("f4")}
    columns |= {"energy": (pt * np.cosh(eta)).astype("f4"), "met": r.rayleigh(20, n).astype("f4")}
    columns |= {"t0": r.normal(0, 0.4, n).astype("f4")} | {f"adc{i}": adc[i] for i in range(4)}
    columns |= {"tdc": r.normal(0, 300, n).astype("i2"), "charge": np.where(r.random(n) < 0.5, -1, 1).astype("i2")}
    columns |= {"nhits": r.poisson(7, n).clip(0, 255).astype("u1"), "layer": r.integers(0, 12, n).astype("u1")}
    columns |= {"flags": (r.random(n) < 0.03).astype("u1") * 4, "quality": r.binomial(15, 0.8, n).astype("u1")}
    return columns


def records(columns):
    out = np.empty(len(next(iter(columns.values()))), dtype=[(k, v.dtype.newbyteorder("<")) for k, v in columns.items()])
    for name, values in columns.items():
        out[name] = values
    return out


def on_one_core(command):
    return (["taskset", "-c", "0"] if shutil.which("taskset") else []) + command


def send(process, data, record_bytes, bytes_a_second):
    """Writes at most so many bytes a second, in small pieces where that is slow."""
    piece = CHUNK if bytes_a_second is None else max(record_bytes, min(CHUNK, bytes_a_second // 1000))
    started = time.monotonic()
    for at in range(0, len(data), piece):
        if bytes_a_second is not None:
            time.sleep(max(0, started + at / bytes_a_second - time.monotonic()))
        process.stdin.write(data[at : at + piece])
        process.stdin.flush()
    process.stdin.close()


def measure(baler, folder, name, train, test):
    model, stream, told = (os.path.join(folder, f) for f in ("m.balm", "s.bals", "told"))
    np.savez(os.path.join(folder, "train.npz"), **train)
    command = [baler, "train", os.path.join(folder, "train.npz"), "--rel", str(REL), "-o", model, "-f", "-q"]
    subprocess.run(command, check=True)
    original = records(test)
    limits = {k: REL * (float(v.max()) - float(v.min())) for k, v in train.items()}
    for rate in (None, 1_000_000, 20_000):
        n = len(original) if rate is None else min(len(original), 3 * rate // original.itemsize)
        data = memoryview(original[:n].tobytes())
        command = on_one_core([baler, "compress", "-", "--model", model, "--records", "-o", stream, "-f", "--json", "-q"])
        before = os.times()
        with open(told, "wb") as out, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out) as process:
            send(process, data, original.itemsize, rate)
        assert process.returncode == 0
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        with open(told) as out:
            live = json.load(out)
        started = os.times()
        back = subprocess.run(on_one_core([baler, "decompress", stream, "-o", "-", "-q"]), check=True, capture_output=True)
        ended = os.times()
        cpu_back = ended.children_user + ended.children_system - started.children_user - started.children_system
        back = np.frombuffer(back.stdout, original.dtype)
        assert len(back) == n, "records are lost"
        for field in original.dtype.names:
            error = np.abs(back[field].astype("f8") - original[field][:n].astype("f8")).max()
            limit = limits[field] if original[field].dtype.kind == "f" else np.floor(limits[field])
            assert error <= limit, (field, error, limit)
        mb = len(data) / 1e6
        print(
            f"{name:12} {'as fast as it goes' if rate is None else f'{rate / 1e6:g} MB/s':18} {mb:7.1f} MB  "
            f"{live['input_bytes'] / live['stream_bytes']:5.2f} x  {live['records_per_s']:9.0f} records/s  {live['mb_per_s']:6.1f} MB/s  "
            f"{mb / max(cpu, 0.01):5.1f} MB per CPU second ({mb / max(cpu_back, 0.01):.0f} back)  latency p50 {live['latency_ms_p50']:.2f} ms, "
            f"p99 {live['latency_ms_p99']:.2f} ms, longest {live['latency_ms_max']:.2f} ms",
            flush=True,
        )


def main():
    baler = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        measure(baler, folder, "trigger", trigger(200_000, 1), trigger(4_000_000, 2))
        for path in sys.argv[2:]:
            table = np.load(path, allow_pickle=False)
            columns = dict(zip(map(str, table["names"]), table["data"].T))
            half = len(table["data"]) // 2
            train = {k: v[:half] for k, v in columns.items()}
            measure(baler, folder, os.path.basename(path)[:12], train, {k: v[half:] for k, v in columns.items()})


if __name__ == "__main__":
    main()
