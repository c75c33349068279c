"""Check that the decoders refuse golden files with one bit flipped or the end cut off: python damage.py FOLDER"""

import pathlib
import sys

import blake3
from decode import decode_archive
from fields import FormatError, Reader, check
from live import decode_stream


def decode_whole_stream(data, model):
    check(decode_stream(data, model)[1], "the stream was cut")


def refuses(decode, data, model):
    try:
        decode(data, model)
    except FormatError:
        return True
    return False


def damaged(data):
    """(place, bytes with a bit flipped or the end cut off) at some places."""
    for at in range(0, len(data), max(len(data) // 20, 1)):
        yield at, flipped(data, at)
        yield at, data[:at]


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]


def damaged_records(data):
    """(place, stream whose longest frame is damaged but fits its checksum): the hash of its records is to tell."""
    r = Reader(data)
    r.raw(7)
    r.frame()
    frames = []
    while r.at < len(data):
        start, content = r.at, r.frame()
        frames.append((len(content), start, r.at, content))
    length, start, end, content = max(frames)
    prefix = data[start : end - length - 8]
    for at in range(0, length, max(length // 20, 1)):
        bad = flipped(content, at)
        yield start + at, data[:start] + prefix + bad + blake3.blake3(bad).digest()[:8] + data[end:]


folder = pathlib.Path(sys.argv[1])
models = [path.read_bytes() for path in sorted(folder.glob("*.balm"))]
for path in sorted(folder.glob("*.bale")):
    data = path.read_bytes()
    named = [model for model in models if blake3.blake3(model).digest() in data]
    model = named[0] if named else None
    for at, bad in damaged(data):
        if not refuses(decode_archive, bad, model):
            sys.exit(f"FAILED: {path.name}: damage at byte {at} is not noticed")
    for at, bad in damaged(model or b""):
        if not refuses(decode_archive, data, bad):
            sys.exit(f"FAILED: {path.name}: damage at byte {at} of its model is not noticed")
for path in sorted(folder.glob("*.bals")):
    data = path.read_bytes()
    for at, bad in [*damaged(data), *damaged_records(data)]:
        if not refuses(decode_whole_stream, bad, None):
            sys.exit(f"FAILED: {path.name}: damage at byte {at} is not noticed")
