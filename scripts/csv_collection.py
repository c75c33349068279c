"""Compresses every csv of a folder without loss and within a relative bound, and says how many came back right.

    python3 scripts/csv_collection.py FOLDER [--baler target/release/baler] [--only lossless|rel]

Without loss a file must come back byte for byte. With `--rel 1e-3` it must have the same lines and cells, and each
number of a column of numbers must lie within the bound that its column's range gives. Needs no packages.
"""

import argparse
import csv
import io
import subprocess
import sys
import tempfile
from pathlib import Path

MISSING = {"", "na", "n/a", "nan", "null", "none", "-nan", "#n/a", "<na>", ".", "-", "?", "*"}
csv.field_size_limit(1 << 28)


def run(baler, *args):
    done = subprocess.run([baler, *map(str, args)], capture_output=True, text=True, errors="replace")
    return done.returncode, done.stdout + done.stderr


def numbers(cells):
    """The numbers of a column, None for a missing one; nothing if the column is no numbers."""
    values = []
    for cell in cells:
        text = cell.strip()
        try:
            values.append(None if text.lower() in MISSING else float(text))
        except ValueError:
            return None
    return values if any(v is not None for v in values) else None


def within(before, after, rel):
    """None if the rows of `after` are those of `before` within the bound, else what is wrong."""
    if len(before) != len(after):
        return f"{len(before)} rows became {len(after)}"
    for i, (a, b) in enumerate(zip(before, after)):
        if len(a) != len(b):
            return f"row {i} has {len(b)} cells instead of {len(a)}"
    for j in range(max(map(len, before), default=0)):
        column = [(a[j], b[j]) for a, b in zip(before[1:], after[1:]) if j < len(a)]
        old, new = numbers(a for a, _ in column), numbers(b for _, b in column)
        if old is None or new is None or [a == b for a, b in column].count(False) == 0:
            if any(a != b for a, b in column):
                return f"column {j} is text and changed"
            continue
        finite = [v for v in old if v is not None and abs(v) != float("inf")]
        bound = rel * (max(finite) - min(finite)) if finite else 0.0
        for i, (a, b) in enumerate(zip(old, new)):
            if (a is None) != (b is None):
                return f"column {j}, row {i}: a missing value changed"
            if a is not None and a != b and not abs(a - b) <= bound * (1 + 1e-12):
                return f"column {j}, row {i}: {a} became {b}, bound {bound}"
    return None


def round_trip(baler, path, folder, bound):
    """The file that comes back, and what is wrong, if it does not."""
    archive, back = folder / "x.bale", folder / ("back" + path.suffix)
    code, told = run(baler, "compress", path, *bound, "-o", archive, "-f", "--method", "classical")
    if code == 0:
        code, told = run(baler, "decompress", archive, "-o", back, "-f")
    return back, code and told.strip().splitlines()[-1]


def check_lossless(baler, path, folder):
    back, wrong = round_trip(baler, path, folder, ["--lossless"])
    if wrong or path.read_bytes() != back.read_bytes():
        return f"lossless: {wrong or 'other bytes'}"
    return None


def check_rel(baler, path, folder):
    back, wrong = round_trip(baler, path, folder, ["--rel", "1e-3"])
    if wrong:
        return f"rel: {wrong}"
    texts = [p.read_bytes().decode("latin-1") for p in (path, back)]
    rows = [[row for row in csv.reader(io.StringIO(text, newline="")) if not row or row[0][:1] != "#"] for text in texts]
    wrong = within(*rows, 1e-3)
    return wrong and f"rel: {wrong}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--baler", default="target/release/baler")
    parser.add_argument("--only", choices=["lossless", "rel"])
    args = parser.parse_args()
    files = sorted(p for p in args.folder.rglob("*") if p.suffix in (".csv", ".tsv"))
    wrong = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in files:
            checks = {"lossless": check_lossless, "rel": check_rel}
            wanted = [check for name, check in checks.items() if args.only in (None, name)]
            problem = next(filter(None, (check(args.baler, path, Path(folder)) for check in wanted)), None)
            if problem:
                wrong[path.name] = problem
                print(f"{path.name}: {problem}", flush=True)
    print(f"{len(files)} files, {len(files) - len(wrong)} came back right, {len(wrong)} did not")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
