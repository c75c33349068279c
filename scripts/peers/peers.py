"""Other compressors on the arrays of an npz file, each in a process of its own, as some of them crash.

    python peers.py FILE.npz < request.json

The request is {"limits": {NAME: absolute error, or 0 for lossless}, "codecs": [PATTERN of the peers to run; all if there is
none]}; NAMEs without a limit are left out of the lossy ones. Prints one JSON object: {"peers": [...], "missing": [{"name": ..., "why": ...}]}. Bytes are payloads alone: chunks
of HDF5 without the container, which favors the peers a little. What the bar gives them is given here: whole-number
floats as int32, holes (NaN, infinities, repeated fill values) as a zstd-like bit mask and filled, constant arrays at
16 bytes; fields in their own shape, with leading axes merged, and with the first axis moved last, the smallest counted.
"""
import fnmatch, importlib, io, json, multiprocessing, sys, time, zlib
import numpy as np


class Unfit(Exception):
    """This peer does not take such an array."""


def hdf5(options):
    """(bytes, encode seconds, decode seconds, array back) through an HDF5 filter."""
    def run(x):
        import h5py, hdf5plugin
        memory = io.BytesIO()
        start = time.perf_counter()
        with h5py.File(memory, "w") as f:
            data = f.create_dataset("x", data=x, chunks=x.shape, **options(hdf5plugin))
            f.flush()
            size = data.id.get_storage_size()
        middle = time.perf_counter()
        with h5py.File(memory, "r") as f:
            back = f["x"][...]
        return size, middle - start, time.perf_counter() - middle, back
    return run


def timed(encode, decode):
    def run(x):
        start = time.perf_counter()
        packed = encode(x)
        middle = time.perf_counter()
        back = decode(packed, x)
        return len(packed), middle - start, time.perf_counter() - middle, back
    return run


def only(axes, run, kinds="f"):
    def checked(x):
        if x.ndim not in axes or x.dtype.kind not in kinds:
            raise Unfit
        return run(x)
    return checked


def zfp(limit):
    import zfpy
    return timed(lambda x: zfpy.compress_numpy(x, tolerance=limit), lambda b, _: zfpy.decompress_numpy(b))


def sz34(limit):
    """SZ3 3.4, which has taken in QoZ (szcompressor/SZ3, pull request 83), by its own package: the smallest of its
    three predictors."""
    import pysz
    def one(algorithm):
        def encode(x):
            config = pysz.szConfig()
            config.errorBoundMode, config.absErrorBound, config.cmprAlgo = pysz.szErrorBoundMode.ABS, limit, algorithm
            return pysz.sz.compress(np.ascontiguousarray(x), config)[0]
        return timed(encode, lambda packed, x: pysz.sz.decompress(packed, x.dtype, x.shape)[0])
    algorithms = [one(getattr(pysz.szAlgorithm, name)) for name in ("INTERP_LORENZO", "INTERP", "LORENZO_REG")]
    return lambda x: min((run(x) for run in algorithms), key=lambda found: found[0])


def fpzip_lossless(_):
    import fpzip
    def decode(packed, x):
        return fpzip.decompress(packed, order="C").reshape(x.shape)
    return timed(lambda x: fpzip.compress(x, precision=0, order="C"), decode)


def blosc2(filters):
    def make(_):
        import blosc2 as b2
        codec = {"codec": b2.Codec.ZSTD, "clevel": 9, "filters": [getattr(b2.Filter, filters)]}
        def encode(x):
            return b2.compress2(np.ascontiguousarray(x).ravel(), typesize=x.dtype.itemsize, **codec)
        def decode(packed, x):
            return np.frombuffer(b2.decompress2(packed), x.dtype).reshape(x.shape)
        return timed(encode, decode)
    return make


# name: (module, lossy, maker of a runner for an absolute limit)
PEERS = {
    "SZ3": ("hdf5plugin", True, lambda e: only((1, 2, 3, 4), hdf5(lambda p: p.SZ3(absolute=e)), "fi")),
    "SZ3 3.4 (with QoZ)": ("pysz", True, lambda e: only((1, 2, 3, 4), sz34(e), "fi")),
    "SZ2": ("hdf5plugin", True, lambda e: only((1, 2, 3), hdf5(lambda p: p.SZ(absolute=e)))),
    "SPERR": ("hdf5plugin", True, lambda e: only((2, 3), hdf5(lambda p: p.Sperr(absolute=e)))),
    "ZFP": ("zfpy", True, lambda e: only((1, 2, 3, 4), zfp(e))),
    "fpzip lossless": ("fpzip", False, lambda e: only((1, 2, 3, 4), fpzip_lossless(e))),
    "Blosc2 zstd-9 shuffle": ("blosc2", False, blosc2("SHUFFLE")),
    "Blosc2 zstd-9 bitshuffle": ("blosc2", False, blosc2("BITSHUFFLE")),
}
# Not on PyPI, or not to be run unattended: named, so that nobody thinks they were tried.
ELSEWHERE = {
    "BOA": "is not on PyPI and trains on a CUDA device only; see github.com/boa-collaboration/boa-constrictor",
    "QoZ, HPEZ": "are not on PyPI but for what SZ3 3.4 has taken in of QoZ; see github.com/szcompressor/QoZ",
}


def prepared(x, limit, lossy):
    """(array for the peer, bytes beside it, back from it)."""
    if not lossy:
        return x, 0, lambda y: y
    kept = np.isfinite(x) & (np.abs(x) < 1e15) if x.dtype.kind == "f" else np.ones(x.shape, bool)
    beside, filled = 0, x
    if not kept.all():
        beside = len(zlib.compress(np.packbits(kept).tobytes(), 9))
        filled = np.where(kept, x, x[kept].flat[0] if kept.any() else 0).astype(x.dtype)
    whole = x.dtype.kind in "iu" or np.array_equal(filled, np.round(filled))
    small = np.abs(filled).max(initial=0) < 2**31
    sent = filled.astype(np.int32) if whole and small else filled
    return sent, beside, lambda y: np.where(kept, y.reshape(x.shape), x)


def views(x):
    """The array in the shapes that peers may prefer: (name, array, back)."""
    yield "", x, lambda y: y
    if x.ndim == 2:
        yield "1-D", x.ravel(), lambda y: y.reshape(x.shape)
    if x.ndim >= 3:
        moved = np.ascontiguousarray(np.moveaxis(x, 0, -1))
        yield "first axis last", moved, lambda y: np.moveaxis(y.reshape(moved.shape), -1, 0)
        if x.ndim >= 4:
            yield "3-D", x.reshape((-1,) + x.shape[-2:]), lambda y: y.reshape(x.shape)
        yield "2-D", x.reshape(-1, x.shape[-1]), lambda y: y.reshape(x.shape)


def best_of(maker, x, limit, lossy):
    """The smallest result over views; a limit that is broken makes a result unfit."""
    sent, beside, restore = prepared(x, limit, lossy)
    if np.all(sent == sent.flat[0]):
        return 16 + beside, 0.0, 0.0, 0.0, "", None, {"": 16 + beside}
    choices = [sent] + ([sent.astype(np.float32), sent.astype(np.float64)] if sent.dtype.kind == "i" and lossy else [])
    found, broken, sizes = None, 0.0, {}
    for choice in choices:
        for name, view, back in views(choice):
            try:
                size, encode, decode, y = maker(limit)(view)
            except Unfit:
                continue
            y = restore(back(y))
            if lossy:
                e = np.abs(y.astype(np.longdouble) - x.astype(np.longdouble))
                worst = float(np.nanmax(np.where(x == y, 0, e), initial=0.0)) / limit
            else:
                worst = 0.0 if np.array_equal(x, y, equal_nan=x.dtype.kind == "f") else float("inf")
            if worst > 1.0 or not np.isfinite(worst):
                broken = max(broken, worst)
                continue
            sizes[name] = min(size + beside, sizes.get(name, size + beside))
            if found is None or size + beside < found[0]:
                regular = np.isfinite(x) & (np.abs(x) < 1e15) if x.dtype.kind == "f" else np.ones(x.shape, bool)
                a, b = x[regular].astype(float), y[regular].astype(float)
                found = size + beside, encode, decode, worst, name, float(np.mean((b - a) ** 2) / max(np.ptp(a), 1e-300) ** 2)
    if found is None:
        raise RuntimeError(f"breaks the bound ({broken:.3g} of it)" if broken else "takes no array like these")
    return *found, sizes


def work(name, path, limits, queue):
    _, lossy, maker = PEERS[name]
    total = {"name": name, "lossy": lossy, "bytes": 0, "encode_seconds": 0.0, "decode_seconds": 0.0, "worst": 0.0, "how": [],
             "views": {}}
    squares = []
    try:
        with np.load(path) as z:
            for key in z.files:
                x = z[key]
                if x.dtype.kind not in "fiu" or x.size == 0:
                    raise RuntimeError(f"does not take '{key}' ({x.dtype})")
                exact = not lossy or not limits.get(key)
                if exact and lossy:
                    raise RuntimeError(f"has no lossless mode here, which '{key}' needs")
                size, encode, decode, worst, how, square, sizes = best_of(maker, x, limits.get(key, 0), lossy)
                total["bytes"] += int(size)
                squares += [square] if square is not None else []
                for view, n in sizes.items():
                    total["views"][view] = total["views"].get(view, 0) + int(n)
                total["encode_seconds"] += encode
                total["decode_seconds"] += decode
                total["worst"] = max(total["worst"], worst)
                total["how"] += [how] if how and how not in total["how"] else []
        total["nrmse"] = float(np.sqrt(np.mean(squares))) if squares else 0.0
        queue.put(total)
    except Exception as error:  # any failure of a peer is told and is not ours
        queue.put({"name": name, "why": f"{error or type(error).__name__}"})


def main():
    request = json.load(sys.stdin)
    limits, codecs = request["limits"], request.get("codecs") or ["*"]
    peers, missing = [], [{"name": name, "why": why} for name, why in ELSEWHERE.items()]
    for name, (module, _, _) in PEERS.items():
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in codecs):
            continue
        try:
            importlib.import_module(module)
        except ImportError as error:
            missing.append({"name": name, "why": f"{error}"})
            continue
        queue = multiprocessing.get_context("fork").Queue()
        child = multiprocessing.get_context("fork").Process(target=work, args=(name, sys.argv[1], limits, queue))
        child.start()
        found = None
        while found is None and (child.is_alive() or not queue.empty()):
            try:
                found = queue.get(timeout=0.2)
            except Exception:
                continue
        child.join()
        if found is None:
            missing.append({"name": name, "why": f"ended with exit code {child.exitcode}"})
        elif "why" in found:
            missing.append(found)
        else:
            peers.append(found)
    print(json.dumps({"peers": peers, "missing": missing}))


main()
