"""Small data for the checks of exported hardware: tables of correlated columns, integers of an ADC, and frames of 8 x 8.

Usage: make_data.py FOLDER. Only the standard library is used.
"""

import random
import struct
import sys
from pathlib import Path


def table(path, n_rows, n_columns, integers, rng):
    """Columns that follow from three hidden numbers, and a little noise."""
    mix = [[rng.gauss(0, 1) for _ in range(n_columns)] for _ in range(3)]
    lines = [",".join(f"c{column}" for column in range(n_columns))]
    for _ in range(n_rows):
        hidden = [rng.gauss(0, 1) for _ in range(3)]
        row = [sum(h * m[c] for h, m in zip(hidden, mix)) + rng.gauss(0, 0.05) for c in range(n_columns)]
        if integers:
            row = [min(max(round(2048 + 300 * x), 0), 4095) for x in row]
            lines.append(",".join(map(str, row)))
        else:
            lines.append(",".join(f"{x:.6f}" for x in row))
    path.write_text("\n".join(lines) + "\n")


def frames(path, n_frames, side, rng):
    """uint8 frames as an npy file."""
    shapes = [[rng.gauss(0, 1) for _ in range(side * side)] for _ in range(3)]
    values = bytearray()
    for _ in range(n_frames):
        hidden = [rng.gauss(0, 1) for _ in range(3)]
        for at in range(side * side):
            x = 100 + 30 * sum(h * shape[at] for h, shape in zip(hidden, shapes))
            values.append(min(max(round(x), 0), 255))
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({n_frames}, {side}, {side}), }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + values)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    table(folder / "tiny.csv", 2000, 16, False, rng)
    table(folder / "large.csv", 2000, 24, False, rng)
    table(folder / "adc.csv", 2000, 8, True, rng)
    frames(folder / "frames.npy", 1200, 8, rng)


if __name__ == "__main__":
    main()
