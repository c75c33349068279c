"""What a bound in standard deviations of counting noise does to frames with dots: bytes, background, depth and width of the dots.

    python scripts/counts.py [--baler target/release/baler] [--k 0.5 1 2] [--abs 7 10] [--means 0.3 2 5 10 30 1000]

Frames of 2048 x 2048 uint16 counts from a fixed seed: Poisson noise around a smooth background of 80 to 120, and 64 Gaussian dots, half of
them 60 counts high, half 300, 2 to 4 pixels wide; and such frames with absolute bounds instead. A Markdown table: the share of the input's bytes, the
spread of the background off the dots over that of the original, the largest change of the mean of five ranges of the true level, depth and width of
dots (least squares) over those of the original, the mean of each half and the worst single one; and their contrast to noise. A second table has
frames of 512 x 512 without dots around other means: the mean that comes back over that of the original, and the noise that is left. Needs NumPy.
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy as np

EXTENT, REACH = 2048, 14
RANGES = [(80, 90), (90, 100), (100, 110), (110, 121), (130, 420)]


def scene():
    """The mean of each pixel without dots and with them, counts, and the dots: row, column, height, width."""
    random = np.random.default_rng(7)
    y, x = np.mgrid[0:EXTENT, 0:EXTENT]
    background = 100 * (1 + 0.2 * np.sin(x / 300) * np.cos(y / 400))
    mean, dots = background.copy(), []
    for i in range(64):
        row, column = random.integers(40, EXTENT - 40, 2)
        height, width = (60, 300)[i % 2], random.uniform(2.0, 4.0)
        mean += np.where(np.maximum(abs(y - row), abs(x - column)) <= 24, 1, 0) * height * np.exp(
            -((y - row) ** 2 + (x - column) ** 2) / (2 * width * width)
        )
        dots.append((row, column, height, width))
    return background, mean, random.poisson(mean).astype(np.uint16), dots


def flat(mean):
    """The mean of each pixel, which varies by a tenth, and counts."""
    means = np.tile(mean * (1 + 0.1 * np.sin(np.arange(512) / 80)), (512, 1))
    return means, np.random.default_rng(3).poisson(means).astype(np.uint16)


def fitted(frame, background, row, column):
    """Height and width of the Gaussian that fits a dot best."""
    box = np.s_[row - REACH : row + REACH + 1, column - REACH : column + REACH + 1]
    above = frame[box] - background[box]
    y, x = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
    best = None
    for width in np.arange(1.5, 5.5, 0.01):
        shape = np.exp(-(y**2 + x**2) / (2 * width * width))
        height = (shape * above).sum() / (shape**2).sum()
        rest = ((above - height * shape) ** 2).sum()
        best = min(best or (np.inf,), (rest, height, width))
    return best[1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--baler", default="target/release/baler")
    parser.add_argument("--k", default=["0.5", "1", "2"], nargs="*")
    parser.add_argument("--abs", default=["7", "10"], nargs="*")
    parser.add_argument("--means", default=[0.3, 2, 5, 10, 30, 1000], nargs="*", type=float)
    args = parser.parse_args()
    background, mean, counts, dots = scene()
    off = np.ones(counts.shape, bool)
    for row, column, *_ in dots:
        off[row - 24 : row + 25, column - 24 : column + 25] = False
    before = counts.astype(float)
    noise = (before - mean)[off].std()
    of_dots = np.array([fitted(before, background, *dot[:2]) for dot in dots])
    print("| bound | bytes | of the input | background | means | depth: 60, 300, worst | width: 60, 300, worst | contrast to noise |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        frame, archive, back = (pathlib.Path(folder) / name for name in ("frame.npy", "frame.bale", "back.npy"))

        def coded(values, option):
            np.save(frame, values)
            for command in (["compress", frame, "-o", archive, option], ["decompress", archive, "-o", back]):
                subprocess.run([args.baler, *command, "--force", "-q"], check=True)
            return np.load(back).astype(float)

        for option in [f"--bound=data=noise:{k}" for k in args.k] + [f"--abs={e}" for e in args.abs]:
            after = coded(counts, option)
            left = (after - mean)[off].std() / noise
            means = [abs(after[at].mean() / before[at].mean() - 1) for at in ((mean >= a) & (mean < b) for a, b in RANGES)]
            ratios = np.array([fitted(after, background, *dot[:2]) for dot in dots]) / of_dots
            worst = [column[abs(column - 1).argmax()] for column in ratios.T]
            halves = [f"{ratios[0::2, i].mean():.3f}, {ratios[1::2, i].mean():.3f}, {worst[i]:.3f}" for i in (0, 1)]
            contrast = ratios[:, 0].mean() / left
            n_bytes = archive.stat().st_size
            row = [option.removeprefix("--bound=data=").removeprefix("--").replace("=", " "), f"{n_bytes:,}".replace(",", " ")]
            row += [f"{100 * n_bytes / counts.nbytes:.1f} %", f"{left:.3f}", f"{100 * max(means):.2f} %", *halves, f"{contrast:.2f}"]
            print("| " + " | ".join(row) + " |", flush=True)
        print("\n| mean | " + " | ".join(f"noise:{k}: of the mean, noise left" for k in args.k) + " |")
        print("|---" * (1 + len(args.k)) + "|")
        for mean in args.means:
            means, values = flat(mean)
            cells = []
            for k in args.k:
                after = coded(values, f"--bound=data=noise:{k}")
                cells.append(f"{after.mean() / values.mean():.4f}, {(after - means).std() / (values - means).std():.2f}")
            print(f"| {mean:g} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
