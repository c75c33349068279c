"""Files that NumPy wrote, with random dtypes (records, records in records, arrays in records, strings, dates, complex
numbers, long doubles) and shapes, go through `baler compress --lossless` and back: an npy must be the same bytes, an npz
must have the same members. Then csv files that pandas wrote in several dialects must be the same bytes. One line a case that
fails; exit code 1 if one does.

    python scripts/formats/check_numpy.py target/release/baler [N]
"""

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

BALER = str(Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/baler").resolve())
N = int(sys.argv[2]) if len(sys.argv) > 2 else 30
RNG = np.random.default_rng(13)
PLAIN = ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16", "g", "G", "S1", "S7", "U1", "U5",
         "V3", "M8[ns]", "M8[D]", "M8[25s]", "m8[ms]", "M8[Y]"]


def plain():
    return np.dtype(RNG.choice(["<", ">"]) + RNG.choice(PLAIN)) if RNG.random() < 0.9 else np.dtype(RNG.choice(PLAIN))


def dtype(depth=0):
    if depth == 3 or RNG.random() < (0.5 if depth == 0 else 0.75):
        return plain()
    names = RNG.choice(["x", "y", "z", "pt", "a b", "it's", "µ", "η", "a.b", "q\"q"], size=RNG.integers(1, 6), replace=False)
    fields = []
    for name in names:
        shape = tuple(RNG.integers(1, 4, size=RNG.integers(1, 3)).tolist()) if RNG.random() < 0.25 else None
        fields.append((str(name), dtype(depth + 1), shape) if shape else (str(name), dtype(depth + 1)))
    return np.dtype(fields, align=bool(RNG.random() < 0.3))


def array():
    shape = tuple(RNG.choice([0, 1, 2, 3, 5, 40], size=RNG.integers(0, 4), p=[0.05, 0.1, 0.25, 0.25, 0.25, 0.1]).tolist())
    kind = dtype()
    n_bytes = int(np.prod(shape)) * kind.itemsize
    buffer = RNG.integers(0, 256, size=n_bytes, dtype="u1")
    if RNG.random() < 0.5:
        buffer = (buffer % 3).astype("u1")
    values = np.frombuffer(buffer.tobytes(), kind).reshape(shape) if n_bytes else np.zeros(shape, kind)
    if kind.kind == "U":  # bytes at random are no characters
        values = np.array(["", "a", "é", "xyz", "𝄞"])[RNG.integers(0, 5, size=shape)].astype(kind)
    return np.asfortranarray(values) if RNG.random() < 0.3 else values


def there_and_back(path):
    archive, back = path.with_name("x.bale"), path.with_name("back" + path.suffix)
    for args in (
        ["compress", path, "--lossless", "--method", "classical", "-o", archive, "-f", "-q"],
        ["decompress", archive, "-o", back, "-f", "-q"],
    ):
        done = subprocess.run([BALER, *map(str, args)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr.strip().splitlines()[-1]
    return back


def npy(folder):
    values = array()
    path = folder / "a.npy"
    np.save(path, values)
    assert there_and_back(path).read_bytes() == path.read_bytes(), f"{values.dtype} {values.shape}: other bytes"


def npz(folder):
    arrays = {name: array() for name in ["a", "b/c", "d e", "data"][: RNG.integers(1, 5)]}
    path = folder / "a.npz"
    np.savez(path, **arrays)
    members = [
        {name: z.read(name) for name in z.namelist()} for z in map(zipfile.ZipFile, (path, there_and_back(path)))
    ]
    shown = {name: (str(a.dtype), a.shape) for name, a in arrays.items()}
    assert list(members[0].items()) == list(members[1].items()), f"{shown}: other members"


def csv(folder):
    import pandas

    n = int(RNG.integers(0, 50))
    columns = {
        "i": RNG.integers(-50, 50, n),
        "x": RNG.normal(size=n),
        "gap": np.where(RNG.random(n) < 0.2, np.nan, RNG.integers(0, 9, n)),
        "word": RNG.choice(["red", "dark, blue", 'q"q', "", "two\nlines", "é"], n),
        "when": pandas.date_range("2024-01-01", periods=n, freq="h"),
        "flag": RNG.random(n) < 0.5,
        "wide": RNG.normal(size=n) * 10.0 ** RNG.integers(-30, 30, n),
    }
    frame = pandas.DataFrame(columns)[list(RNG.permutation(list(columns))[: RNG.integers(2, 8)])]
    dialect = dict(
        sep=str(RNG.choice([",", ";", "\t", "|"])),
        index=bool(RNG.random() < 0.5),
        quoting=int(RNG.integers(0, 3)),
        na_rep=str(RNG.choice(["", "NA", "nan"])),
        lineterminator=str(RNG.choice(["\n", "\r\n"])),
        float_format=[None, "%.3f", "%.6e", "%g"][RNG.integers(0, 4)],
    )
    text = io.StringIO(newline="")
    frame.to_csv(text, **dialect)
    path = folder / "a.csv"
    path.write_bytes(text.getvalue().encode())
    assert there_and_back(path).read_bytes() == path.read_bytes(), f"{dialect}: other bytes"


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for i in range(N):
            for check in (npy, npz, csv):
                try:
                    check(Path(folder))
                except AssertionError as error:
                    failed += 1
                    print(f"{check.__name__} {i}: {error}", flush=True)
    print(f"{3 * N - failed} of {3 * N} files of NumPy and pandas came back as they were")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
