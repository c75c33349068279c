"""Check that decode.py refuses golden files with one bit flipped or the end cut off: python damage.py FOLDER"""

import pathlib
import sys

from decode import FormatError, decode_archive


def refuses(data):
    try:
        decode_archive(data)
    except FormatError:
        return True
    return False


for path in sorted(pathlib.Path(sys.argv[1]).glob("*.bale")):
    data = path.read_bytes()
    for at in range(0, len(data), max(len(data) // 20, 1)):
        flipped = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        if not refuses(flipped) or not refuses(data[:at]):
            sys.exit(f"FAILED: {path.name}: damage at byte {at} is not noticed")
