"""Print the hash of the arrays of an npz as crates/baler/tests/assets/README.md defines it: python values_hash.py FILE.npz"""

import io
import sys
import zipfile

import blake3
import numpy as np

hasher = blake3.blake3()
with zipfile.ZipFile(sys.argv[1]) as file:
    for member in file.namelist():
        array = np.load(io.BytesIO(file.read(member)))
        extents = ",".join(map(str, array.shape))
        for text in (member.removesuffix(".npy"), array.dtype.name, extents):
            hasher.update(text.encode() + b"\0")
        hasher.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
print(hasher.hexdigest())
