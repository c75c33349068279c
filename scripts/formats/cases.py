"""What the checks of formats have in common: make columns, run baler, compare values, count cases."""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np


def column(rng, dtype, n):
    """Values of a dtype, both signs where it has them; whole ones below a million."""
    if dtype == "bool":
        return rng.random(n) < 0.3
    if dtype.startswith("float"):
        return np.exp(rng.normal(size=n)).astype(dtype)
    high = min(np.iinfo(dtype).max, 1_000_000)
    return rng.integers(max(np.iinfo(dtype).min, -high), high, n).astype(dtype)


class Checks:
    """Runs cases in a temporary folder; prints a line for each, and ends with exit code 1 if one failed."""

    def __init__(self, baler):
        self.baler = str(pathlib.Path(baler).resolve())
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="baler-formats-"))
        self.n_passed = self.n_failed = self.n_compressed = 0

    def run(self, *words):
        done = subprocess.run([self.baler, *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"baler {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stderr

    def method(self):
        """Formats are checked here, not methods: one file in eight with the slow default."""
        self.n_compressed += 1
        return [] if self.n_compressed % 8 == 1 else ["--method", "classical"]

    def round_trip(self, source, suffix, *bound, inner=""):
        """The file that comes back, and what was said on the way."""
        archive, back = self.folder / "a.bale", self.folder / f"back{suffix}"
        said = self.run("compress", f"{source}{inner}", "-o", archive, "-f", "-q", *self.method(), *bound)
        said += self.run("decompress", archive, "-o", back, "-f", "-q")
        # What a bound does to the values, and what is exact all the same, is no matter of the format.
        of_values = ("heavy tails: ", "kept exactly")
        lines = [line for line in said.splitlines(True) if not any(words in line for words in of_values)]
        return back, "".join(lines)

    def case(self, name, check):
        try:
            check()
        except Exception as error:
            self.n_failed += 1
            print(f"FAILED  {name}: {type(error).__name__}: {str(error)[:1200]}")
        else:
            self.n_passed += 1
            print(f"passed  {name}")

    def end(self):
        print(f"{self.n_passed} passed, {self.n_failed} failed")
        sys.exit(1 if self.n_failed else 0)


def same(found, expected, name):
    """Same dtype, shape and bits."""
    found, expected = np.asarray(found), np.asarray(expected)
    found, expected = (x.astype(x.dtype.newbyteorder("="), copy=False) for x in (found, expected))
    assert found.dtype == expected.dtype, f"{name}: {found.dtype} instead of {expected.dtype}"
    assert found.shape == expected.shape, f"{name}: shape {found.shape} instead of {expected.shape}"
    assert np.ascontiguousarray(found).tobytes() == np.ascontiguousarray(expected).tobytes(), f"{name}: other values"


def within(found, expected, rel, name):
    """Same dtype and shape, and within `rel` of the range; whole numbers may not move where that is below 1."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype.kind == expected.dtype.kind and found.shape == expected.shape, f"{name}: {found.dtype} {found.shape}"
    if expected.size == 0:
        return
    finite = np.isfinite(expected) if expected.dtype.kind == "f" else np.ones(expected.shape, bool)
    wide = expected[finite].astype(np.longdouble)
    limit = rel * (wide.max() - wide.min()) if wide.size else 0
    worst = np.max(np.abs(found[finite].astype(np.longdouble) - wide), initial=0)
    assert worst <= limit, f"{name}: {worst} is more than {limit}"
    if expected.dtype.kind == "f":
        same(found[~finite], expected[~finite], name)
