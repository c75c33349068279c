"""Other compressors on the arrays of an npz file, each in a process of its own, as some of them crash.

    python peers.py FILE.npz < request.json

The request is {"limits": {NAME: absolute error, or 0 for lossless}, "codecs": [PATTERN of the peers to run; all if there is
none]}; NAMEs without a limit are left out of the lossy ones. Prints one JSON object: {"peers": [...], "missing": [{"name":
..., "why": ...}]}. Bytes are payloads alone, without containers, which favors the peers a little.

A peer gets the best of its layouts and types, which its row names. Layouts are the array as it is, leading axes merged into
3-D volumes or planes, slices or columns apart, the first axis or the columns last; types are integers for whole numbers (in
their own width, too) and floats; coders of integers get a lattice in its best phase, and differences along all axes (Lorenzo).
The first type is tried in all layouts, the others in the best two of these; costly settings only in the best two of all. Holes
(NaN, infinities, numbers above 1e15) are a zlib bit mask and filled, or left out; constant arrays count 16 bytes. Every result
is decoded and compared; what breaks the bound does not count.
"""
import fnmatch, importlib, itertools, json, multiprocessing, shutil, sys
import numpy as np
from compressors import (Unfit, blosc2, bzip3, fpzip, hdf5, jpegls, jpegxl, lorenzo, only, pcodec, shuffled, sperr, sz34, webp, xz,
                         zfp, zpaq, zstd)
from layouts import bounded_types, exact_types, fields, holes, images, lattice_types, streams


class Peer:
    """needs: modules (or a command, in brackets); variants: (name, maker of a run for a limit), the first one tried first."""
    def __init__(self, needs, lossy, types, layouts, *variants):
        self.needs, self.lossy, self.types, self.layouts, self.variants = needs, lossy, types, layouts, variants

    def lacks(self):
        for need in self.needs:
            if isinstance(need, list):
                if not shutil.which(need[0]):
                    return f"{need[0]} is not on PATH"
                continue
            try:
                importlib.import_module(need)
            except ImportError as error:
                return str(error)
        return None


def field(needs, make, axes, kinds="f", lossy=True):
    return Peer(needs, lossy, bounded_types if lossy else exact_types, fields, ("", lambda e: only(axes, make(e), kinds)))


def coder(needs, layouts, *variants):
    """A coder without loss, and the same behind a lattice."""
    return [Peer(needs, lossy, types, layouts, *[(name, lambda _, make=make: make()) for name, make in variants])
            for lossy, types in ((False, exact_types), (True, lattice_types))]


CODERS = {
    "pcodec -12": coder(["pcodec"], streams, ("", pcodec), ("Lorenzo", lambda: lorenzo(pcodec()))),
    "xz -9e": coder([], streams, ("", xz), ("bytes shuffled", lambda: shuffled(xz()))),
    "zstd -22": coder(["imagecodecs"], streams, ("", zstd), ("bytes shuffled", lambda: shuffled(zstd()))),
    "bzip3": coder(["bz3"], streams, ("", bzip3), ("bytes shuffled", lambda: shuffled(bzip3()))),
    "zpaq -m5": coder([["zpaq"]], streams, ("", zpaq)),
    "JPEG XL": coder(["imagecodecs"], images, ("effort 7", lambda: jpegxl(7)), ("effort 7, 3 planes before", lambda: jpegxl(7, 3)),
                     ("effort 9", lambda: jpegxl(9)), ("effort 9, 3 planes before", lambda: jpegxl(9, 3))),
    "JPEG-LS": coder(["imagecodecs"], images, ("", jpegls)),
}
ALL, HDF5 = (1, 2, 3, 4), ["h5py", "hdf5plugin"]
PEERS = {
    "SZ3": field(HDF5, lambda e: hdf5(lambda p: p.SZ3(absolute=e)), ALL, "fiu"),
    "SZ3 3.4 (with QoZ)": field(["pysz"], sz34, ALL, "fiu"),
    "SZ2": field(HDF5, lambda e: hdf5(lambda p: p.SZ(absolute=e)), (1, 2, 3)),
    "SPERR": field(["imagecodecs"], sperr, (2, 3)),
    "ZFP": field(["zfpy"], zfp, ALL),
    "fpzip lossless": field(["fpzip"], fpzip, ALL, lossy=False),
    "Blosc2 zstd-9 shuffle": field(["blosc2"], blosc2("SHUFFLE"), ALL, "fiu", lossy=False),
    "Blosc2 zstd-9 bitshuffle": field(["blosc2"], blosc2("BITSHUFFLE"), ALL, "fiu", lossy=False),
    **{name: both[0] for name, both in CODERS.items()},
    "WebP lossless": Peer(["imagecodecs"], False, exact_types, images, ("", lambda _: webp())),
    **{f"quantize + {name}": both[1] for name, both in CODERS.items()},
}
# Not on PyPI, or not to be run unattended: named, so that nobody thinks they were tried.
ELSEWHERE = {
    "BOA": "is not on PyPI and trains on a CUDA device only; see github.com/boa-collaboration/boa-constrictor",
    "QoZ, HPEZ": "are not on PyPI but for what SZ3 3.4 has taken in of QoZ; see github.com/szcompressor/QoZ",
}


class Search:
    """The smallest result of a peer on one array, and what was tried."""
    def __init__(self, peer, x, limit):
        self.peer, self.x, self.limit = peer, x, limit
        self.tried, self.layouts, self.best, self.broken, self.why = [], {}, None, 0.0, None

    def attempt(self, kind, layout, variant):
        (type_name, _, beside, restore, limit), (name, parts, join) = kind, layout
        try:
            done = [variant[1](limit)(part) for part in parts]
        except Unfit as unfit:
            self.why = self.why or str(unfit)
            return
        size = sum(n for n, *_ in done) + beside
        y = restore(join([back for *_, back in done]))
        worst = self.error(y)
        if worst > 1.0:
            self.broken = max(self.broken, worst)
            return
        self.layouts[name] = min(size, self.layouts.get(name, size))
        self.tried.append((size, kind, layout))
        if self.best is None or size < self.best["bytes"]:
            seconds = [sum(times) for times in list(zip(*done))[1:3]]
            how = ", ".join(filter(None, (name, type_name, variant[0])))
            self.best = {"bytes": size, "seconds": seconds, "worst": worst, "how": how, "nrmse": self.nrmse(y)}

    def error(self, y):
        """The largest error over the limit; infinite where there is any and none is allowed."""
        x = self.x
        if not self.peer.lossy:
            return 0.0 if np.array_equal(x, y, equal_nan=x.dtype.kind == "f") else float("inf")
        wide = np.longdouble if x.dtype.itemsize == 8 else np.float64
        with np.errstate(invalid="ignore"):
            off = np.where((x == y) | ((x != x) & (y != y)), 0, np.abs(y.astype(wide) - x.astype(wide)))
        worst = float(np.max(off, initial=0.0)) / self.limit
        return worst if worst == worst else float("inf")

    def nrmse(self, y):
        kept, _, _ = holes(self.x)
        a, b = self.x[kept].astype(float), y[kept].astype(float)
        return float(np.sqrt(np.mean((b - a) ** 2)) / max(np.ptp(a), 1e-300)) if a.size else 0.0

    def leaders(self):
        """The two smallest results of different layouts."""
        found = {}
        for size, kind, layout in sorted(self.tried, key=lambda t: t[0]):
            found.setdefault(layout[0], (kind, layout))
        return list(itertools.islice(found.values(), 2))

    def run(self):
        first, *others = self.peer.variants
        for kind in self.peer.types(self.x, self.limit):
            wanted = {layout[0] for _, layout in self.leaders()}
            layouts = list(self.peer.layouts(kind[1]))
            for layout in [l for l in layouts if l[0] in wanted] or layouts:
                self.attempt(kind, layout, first)
        for variant in others:
            for kind, layout in self.leaders():
                self.attempt(kind, layout, variant)
        if self.best is None:
            unfit = self.why or "takes no array like these"
            raise RuntimeError(f"breaks the bound ({self.broken:.3g} of it)" if self.broken else unfit)
        return self.best


def one_array(peer, key, x, limit):
    if x.dtype.kind not in "fiu" or x.size == 0:
        raise RuntimeError(f"does not take '{key}' ({x.dtype})")
    if peer.lossy and not limit:
        raise RuntimeError(f"has no lossless mode here, which '{key}' needs")
    kept, beside, filled = holes(x)
    if (kept.all() or peer.lossy) and np.all(filled == filled.flat[0]):
        size = 16 + beside
        return {"bytes": size, "seconds": (0.0, 0.0), "worst": 0.0, "how": "", "nrmse": None}, {"": size}
    search = Search(peer, x, limit)
    return search.run(), search.layouts


def work(name, path, limits, queue):
    peer = PEERS[name]
    total = {"name": name, "lossy": peer.lossy, "bytes": 0, "encode_seconds": 0.0, "decode_seconds": 0.0, "worst": 0.0, "how": [],
             "views": {}}
    squares = []
    try:
        with np.load(path) as z:
            for key in z.files:
                best, layouts = one_array(peer, key, z[key], limits.get(key, 0))
                total["bytes"] += int(best["bytes"])
                total["encode_seconds"] += best["seconds"][0]
                total["decode_seconds"] += best["seconds"][1]
                total["worst"] = max(total["worst"], best["worst"])
                total["how"] += [best["how"]] if best["how"] and best["how"] not in total["how"] else []
                squares += [best["nrmse"] ** 2] if best["nrmse"] is not None else []
                for layout, n in layouts.items():
                    total["views"][layout] = total["views"].get(layout, 0) + int(n)
        total["nrmse"] = float(np.sqrt(np.mean(squares))) if squares else 0.0
        queue.put(total)
    except Exception as error:  # any failure of a peer is told and is not ours
        queue.put({"name": name, "why": f"{error or type(error).__name__}"})


def in_a_process(name, limits):
    """What `work` finds, or why it found nothing."""
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    child = fork.Process(target=work, args=(name, sys.argv[1], limits, queue))
    child.start()
    found = None
    while found is None and (child.is_alive() or not queue.empty()):
        try:
            found = queue.get(timeout=0.2)
        except Exception:
            continue
    child.join()
    return found or {"name": name, "why": f"ended with exit code {child.exitcode}"}


def main():
    request = json.load(sys.stdin)
    limits, codecs = request["limits"], request.get("codecs") or ["*"]
    peers, missing = [], [{"name": name, "why": why} for name, why in ELSEWHERE.items()]
    for name, peer in PEERS.items():
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in codecs):
            continue
        lack = peer.lacks()
        found = {"name": name, "why": lack} if lack else in_a_process(name, limits)
        (missing if "why" in found else peers).append(found)
    print(json.dumps({"peers": peers, "missing": missing}))


if __name__ == "__main__":
    main()
