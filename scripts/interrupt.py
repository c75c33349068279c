"""Kills compressions at random moments and fills disks: what a user finds afterwards.

    python scripts/interrupt.py BINARY INPUT [--kills 50] [--options "--rel 1e-3 --fast"]

Each round kills `baler compress INPUT` (kill -9) at a random moment of its run; nothing may stand under the output's name,
and every third round goes on with --resume until the archive is whole: its bytes must be those of a run that nobody
disturbed. With rights to mount one, a file system that is too small is tried too. Prints what was seen; exit code 1 if
anything was wrong. Needs nothing but Python.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("input")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--options", default="--rel 1e-3 --fast")
    arguments = parser.parse_args()
    rng = random.Random(1)
    binary, source = os.path.abspath(arguments.binary), os.path.abspath(arguments.input)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        run = lambda name, *more: subprocess.Popen(
            [binary, "compress", source, "-o", str(folder / name), "-q", *arguments.options.split(), *more],
            stderr=subprocess.PIPE,
        )
        start = time.monotonic()
        if run("whole.bale").wait() != 0:
            sys.exit("the undisturbed run failed")
        seconds = time.monotonic() - start
        whole = (folder / "whole.bale").read_bytes()
        wrong, n_killed, n_resumed = [], 0, 0
        resume = False
        while n_killed < arguments.kills:
            child = run("x.bale", *(["--resume"] if resume else []))
            time.sleep(rng.uniform(0, seconds))
            child.kill()
            if child.wait() == 0:  # it was quicker
                if (folder / "x.bale").read_bytes() != whole:
                    wrong.append(f"other bytes after {n_killed} kills")
                n_resumed += resume
                (folder / "x.bale").unlink()
                resume = False
                continue
            n_killed += 1
            if (folder / "x.bale").exists():
                wrong.append(f"an output after kill {n_killed}")
            resume = rng.random() < 0.67
        if run("x.bale", "--resume").wait() != 0 or (folder / "x.bale").read_bytes() != whole:
            wrong.append("the last run did not end with the same bytes")
        print(f"{n_killed} kills within {seconds:.1f} s; {n_resumed + 1} runs went on to the same {len(whole)} bytes")
        wrong += full_disk(run, folder, whole)
    print("\n".join(wrong) or "nothing was wrong")
    sys.exit(bool(wrong))


def full_disk(run, folder, whole):
    """A file system with room for half of the archive."""
    small = folder / "small"
    small.mkdir()
    size = f"size={max(len(whole) // 2, 65536)}"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", small], capture_output=True).returncode != 0:
        print("no rights to mount a small file system: a full disk was not tried")
        return []
    try:
        child = run("small/x.bale")
        told = child.communicate()[1].decode()
        wrong = []
        if child.returncode != 2 or len(told.strip().splitlines()) != 1:
            wrong.append(f"a full disk ended with {child.returncode}: {told}")
        if (small / "x.bale").exists():
            wrong.append("a full disk left an output")
        subprocess.run(["mount", "-o", f"remount,size={4 * len(whole) + 65536}", small], check=True)
        if run("small/x.bale", "--resume").wait() != 0 or (small / "x.bale").read_bytes() != whole:
            wrong.append("with more room, --resume did not end with the same bytes")
        print(f"full disk: {told.strip()}")
        return wrong
    finally:
        subprocess.run(["umount", small], check=False)


if __name__ == "__main__":
    main()
