"""Datasets of HDF5 that are made of a seed, written with baler's filter, read again, and compared with what went in by a test
that knows nothing of baler: dtypes, byte orders, ranks, chunks, fill values, NaN, bounds, levels.

Usage: generated.py [datasets, 2000] [first seed, 0]
"""

import sys
from fractions import Fraction

import h5py
import numpy as np

import baler.hdf5

DTYPES = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]


def field(rng, shape, dtype):
    """Values of a kind that is drawn: waves, walks, noise, few values, whole numbers, all the same, any bits."""
    n = int(np.prod(shape))
    size = 10.0 ** rng.uniform(-3, 3)
    kind = rng.integers(7)
    if kind == 6:
        return rng.integers(0, 256, n * dtype.itemsize, np.uint8).view(dtype).reshape(shape)
    values = [
        lambda: np.sin(np.arange(n) * rng.uniform(0.001, 1)) + 0.01 * rng.normal(size=n),
        lambda: np.cumsum(rng.normal(size=n)) / 10,
        lambda: rng.normal(size=n),
        lambda: rng.integers(0, 4, n) / 2,
        lambda: np.round(rng.normal(size=n) * 50),
        lambda: np.full(n, rng.normal()),
    ][kind]()
    if dtype.kind != "f":
        info = np.iinfo(dtype)
        top = min(float(info.max), 2.0**62)
        return np.clip(values * min(size, 100), max(info.min, -top), top).astype(dtype).reshape(shape)
    with np.errstate(over="ignore"):
        values = (values * size).astype(dtype)
    return np.where(np.isinf(values), dtype.type(1), values).astype(dtype).reshape(shape)


def drawn(rng):
    """A dataset: values, how it is stored, and what is promised (a kind and a number)."""
    dtype = np.dtype(rng.choice(["<", ">"]) + rng.choice(DTYPES))
    rank = int(rng.integers(1, 6))
    most = int(20_000 ** (1 / rank))
    shape = tuple(int(extent) for extent in rng.integers(1, most + 1, rank))
    chunks = tuple(int(rng.integers(1, extent + 1)) if rng.random() < 0.6 else extent for extent in shape)
    while np.prod([-(-extent // chunk) for extent, chunk in zip(shape, chunks)]) > 60:
        chunks = tuple(min(extent, 2 * chunk) for extent, chunk in zip(shape, chunks))
    data = field(rng, shape, dtype)
    flat = data.reshape(-1)
    some = rng.random(flat.size) < rng.choice([0.0, 0.0, 0.02, 0.5])
    fill = None
    if rng.random() < 0.5:
        fills = [np.nan, -9999.0, 1e20, 0.0, 1.5, -0.0] if dtype.kind == "f" else [0, 1, 99, np.iinfo(dtype).max]
        with np.errstate(over="ignore"):
            fill = np.array(fills[rng.integers(len(fills))]).astype(dtype)[()]
        flat[some] = fill
    elif dtype.kind == "f":
        flat[some] = rng.choice([np.nan, np.inf, -np.inf, -0.0], some.sum())
    kind = rng.choice(["abs", "abs", "abs", "pw_rel", "lossless"])
    bound = float(10.0 ** rng.uniform(-5, 0 if kind == "pw_rel" else 2))
    options = {"chunks": chunks, "fillvalue": fill}
    if rng.random() < 0.3:
        options["fletcher32"] = True
    return data, options, kind, bound


def holds(x, y, kind, bound, fill):
    """Exactly: bits for what is no ordinary value, else the difference against the bound, in fractions where it is close."""
    same = np.frombuffer(x.tobytes(), np.uint8).reshape(-1, x.itemsize) == np.frombuffer(y.tobytes(), np.uint8).reshape(-1, x.itemsize)
    differ = np.flatnonzero(~same.all(1))
    if kind == "lossless" or differ.size == 0:
        return differ.size == 0
    x, y = x.reshape(-1)[differ], y.reshape(-1)[differ]
    if x.dtype.kind == "f" and not (np.isfinite(x) & np.isfinite(y)).all():
        return False
    if fill is not None and (x == fill).any():
        # -0.0 and 0.0 are equal, and the fill value is one of them.
        if not (fill == 0 and (np.signbit(x[x == fill]) != np.signbit(fill)).all()):
            return False
    number = Fraction if x.dtype.kind == "f" else int
    exact = [(number(a), number(b)) for a, b in zip(x.tolist(), y.tolist())]
    limit = Fraction(bound)
    return all(abs(b - a) <= (limit * abs(a) if kind == "pw_rel" else limit) for a, b in exact)


def main():
    n, first = (int(word) for word in (sys.argv[1:] + ["2000", "0"][len(sys.argv) - 1 :])[:2])
    raw = stored = 0
    for seed in range(first, first + n):
        rng = np.random.default_rng(seed)
        data, options, kind, bound = drawn(rng)
        promise = {"lossless": True} if kind == "lossless" else {kind: bound}
        level = int(rng.choice([1, 2, 3, 3, 3, 4, 6]))
        asked = baler.hdf5.Baler(**promise, level=level)
        with h5py.File.in_memory() as file:
            if rng.random() < 0.5:
                dataset = file.create_dataset("x", data=data, **options, **asked)
            else:
                dataset = file.create_dataset("x", shape=data.shape, dtype=data.dtype, **options, **asked)
                baler.hdf5.write(dataset, data, threads=2)
            file.flush()
            image = file.id.get_file_image()
        with h5py.File.in_memory(image) as file:
            dataset = file["x"]
            found, beside = dataset[...], baler.hdf5.read(dataset, threads=2)
            about = f"seed {seed}: {data.dtype.str} {data.shape} {options} {asked}"
            if found.dtype != data.dtype or not holds(data, found, kind, bound, options["fillvalue"]):
                sys.exit(f"{about}: a value is outside")
            if found.tobytes() != beside.tobytes():
                sys.exit(f"{about}: read beside HDF5 it is another")
            stored += dataset.id.get_storage_size()
            raw += data.nbytes
    print(f"{n} datasets from seed {first}: every value as promised; {raw} bytes became {stored}")


main()
