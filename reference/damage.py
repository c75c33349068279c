"""Check that decode.py refuses golden files with one bit flipped or the end cut off: python damage.py FOLDER"""

import pathlib
import sys

import blake3
from decode import decode_archive
from fields import FormatError


def refuses(data, model):
    try:
        decode_archive(data, model)
    except FormatError:
        return True
    return False


def damaged(data):
    """(place, bytes with a bit flipped or the end cut off) at some places."""
    for at in range(0, len(data), max(len(data) // 20, 1)):
        yield at, data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        yield at, data[:at]


folder = pathlib.Path(sys.argv[1])
models = [path.read_bytes() for path in sorted(folder.glob("*.balm"))]
for path in sorted(folder.glob("*.bale")):
    data = path.read_bytes()
    named = [model for model in models if blake3.blake3(model).digest() in data]
    model = named[0] if named else None
    for at, bad in damaged(data):
        if not refuses(bad, model):
            sys.exit(f"FAILED: {path.name}: damage at byte {at} is not noticed")
    for at, bad in damaged(model or b""):
        if not refuses(data, bad):
            sys.exit(f"FAILED: {path.name}: damage at byte {at} of its model is not noticed")
