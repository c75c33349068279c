#!/usr/bin/env python3
"""Sizes of smooth fields at levels, beside SZ3: python scripts/smooth.py BALER [LEVEL ...]

The fields are generated (seeds in this file): random ones whose power falls with the wave number, and the velocity of a vortex street. Each is
compressed at `--rel` 1e-2, 1e-3 and 1e-4 at levels 1, 2, 3, 6 and 7, or those that are named, and by SZ3 within the same absolute bound, in one chunk.
Prints a table in Markdown, in bytes. Needs numpy, h5py and hdf5plugin."""

import io
import os
import subprocess
import sys
import tempfile

import h5py
import hdf5plugin
import numpy as np


def random_field(rng, shape, power):
    """Float32 with unit variance whose power falls with the wave number to the given power."""
    wave_numbers = np.meshgrid(*[np.fft.fftfreq(n) for n in shape], indexing="ij")
    size = np.sqrt(sum(k * k for k in wave_numbers))
    size[(0,) * len(shape)] = 1
    field = np.fft.ifftn(np.fft.fftn(rng.standard_normal(shape)) * size ** (-power / 2)).real
    return (field / field.std()).astype("f4")


def vortex_street():
    """Both components of the velocity, (40, 96, 192) in float32: two rows of vortices that a mean flow carries along."""
    times, y, x = np.arange(40) * 0.05, np.linspace(-1, 1, 96), np.linspace(0, 4, 192)
    y, x = np.meshgrid(y, x, indexing="ij")
    u, v = np.empty((2, times.size, *x.shape), "f4")
    for i, t in enumerate(times):
        u[i], v[i] = 1 - 0.6 * np.exp(-((y / 0.4) ** 2)), 0
        for k in range(-4, 14):
            for row, turn in ((0.2, -1), (-0.2, 1)):
                dx, dy = x - (0.5 * k + 0.25 * (turn > 0) + 0.8 * t), y - row
                squared = dx**2 + dy**2
                speed = turn * 0.025 * (1 - np.exp(-squared / 0.01)) / (squared + 1e-9)
                u[i] -= speed * dy
                v[i] += speed * dx
    return u, v


def fields():
    rng = np.random.default_rng(5)
    yield "random, 96 x 96 x 96, k^-5", random_field(rng, (96, 96, 96), 5.0)
    yield "random, 1024 x 1024, k^-4", random_field(rng, (1024, 1024), 4.0)
    yield "random, 64 x 128 x 128, k^-3.67", random_field(rng, (64, 128, 128), 3.67)
    u, v = vortex_street()
    yield "vortex street, along", u
    yield "vortex street, across", v


def ours(baler, path, rel, level):
    archive = path + ".bale"
    subprocess.run([baler, "compress", path, "-o", archive, "--rel", rel, f"-{level}", "-q", "--force"], check=True)
    return os.path.getsize(archive)


def sz3(field, rel):
    file = io.BytesIO()
    with h5py.File(file, "w") as f:
        bound = float(rel) * float(np.ptp(field))
        made = f.create_dataset("x", data=field, chunks=field.shape, **hdf5plugin.SZ3(absolute=bound))
        return made.id.get_storage_size()


def main():
    baler, levels = sys.argv[1], sys.argv[2:] or ["1", "2", "3", "6", "7"]
    print("| field | `--rel` | " + " | ".join(f"level {level}" for level in levels) + " | SZ3 |")
    print("|---" * (len(levels) + 3) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for name, field in fields():
            path = os.path.join(folder, "x.npy")
            np.save(path, field)
            for rel in ("1e-2", "1e-3", "1e-4"):
                sizes = [ours(baler, path, rel, level) for level in levels] + [sz3(field, rel)]
                print(f"| {name} | {rel} | " + " | ".join(f"{size:,}".replace(",", " ") for size in sizes) + " |", flush=True)


if __name__ == "__main__":
    main()
