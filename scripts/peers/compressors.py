"""What the peers are: runs of codecs on one array, which give (bytes, encode seconds, decode seconds, array back). Those
without loss take numbers, bytes or images as `layouts.py` lays them out; a run that does not take an array raises Unfit.
Libraries are imported by the run that needs them. Nothing here knows of bounds but as the limit that a library is told.
"""
import ctypes, glob, io, lzma, os, subprocess, tempfile, time
import numpy as np
from layouts import narrow


class Unfit(Exception):
    """This peer does not take such an array."""


def timed(encode, decode):
    """A run of a codec on one array: (bytes, encode seconds, decode seconds, array back)."""
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


# Compressors of fields, under a bound or without one.

def hdf5(options):
    """Through an HDF5 filter, the array as one chunk."""
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


def sperr(limit):
    """By imagecodecs, a volume as one chunk: the HDF5 filter takes four times the bytes on the CFD animation. Where rounding
    breaks the bound, with a slightly smaller one. Axes of one element, at which the library aborts, are left out."""
    import imagecodecs
    def run(x):
        flat = np.squeeze(x)
        if flat.ndim not in (2, 3):
            raise Unfit
        for scale in (1.0, 1 - 1e-5, 1 - 1e-3):
            chunks = flat.shape if flat.ndim == 3 else None
            like = {"numthreads": 1, "header": False}
            found = timed(lambda x: imagecodecs.sperr_encode(flat, scale * limit, "pwe", chunks=chunks, **like),
                          lambda packed, x: imagecodecs.sperr_decode(packed, shape=flat.shape, dtype=x.dtype, **like).reshape(x.shape))(x)
            if np.abs(found[3].astype(np.longdouble) - x).max() <= limit:
                break
        return found
    return run


def zfp(limit):
    import zfpy
    return timed(lambda x: zfpy.compress_numpy(x, tolerance=limit), lambda b, _: zfpy.decompress_numpy(b))


def fpzip(_):
    import fpzip as module
    return timed(lambda x: module.compress(x, precision=0, order="C"),
                 lambda packed, x: module.decompress(packed, order="C").reshape(x.shape))


def blosc2(filters):
    def make(_):
        import blosc2 as b2
        codec = {"codec": b2.Codec.ZSTD, "clevel": 9, "filters": [getattr(b2.Filter, filters)]}
        return timed(lambda x: b2.compress2(x.ravel(), typesize=x.dtype.itemsize, **codec),
                     lambda packed, x: np.frombuffer(b2.decompress2(packed), x.dtype).reshape(x.shape))
    return make


# Coders of numbers and of bytes, without loss: what is lossy is the lattice before them.

def pcodec():
    from pcodec import ChunkConfig, standalone
    def encode(x):
        wide = x.astype(f"{x.dtype.kind}2") if x.dtype.itemsize == 1 else x
        return standalone.simple_compress(wide.ravel(), ChunkConfig(compression_level=12))
    return timed(encode, lambda packed, x: standalone.simple_decompress(packed).astype(x.dtype).reshape(x.shape))


def of_bytes(encode, decode):
    return timed(lambda x: encode(x.tobytes()), lambda packed, x: np.frombuffer(decode(packed), x.dtype).reshape(x.shape))


def xz():
    return of_bytes(lambda b: lzma.compress(b, lzma.FORMAT_ALONE, preset=9 | lzma.PRESET_EXTREME), lzma.decompress)


def bzip3():
    import bz3
    return of_bytes(lambda b: bz3.compress(b, max(len(b), 66560)), bz3.decompress)


def zstd():
    import imagecodecs
    return of_bytes(lambda b: imagecodecs.zstd_encode(b, 22), imagecodecs.zstd_decode)


def zpaq():
    def call(*words, folder):
        subprocess.run(["zpaq", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    def encode(b):
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/x", "wb") as f:
                f.write(b)
            call("add", "x.zpaq", "x", "-method", "5", folder=folder)
            with open(f"{folder}/x.zpaq", "rb") as f:
                return f.read()
    def decode(packed):
        with tempfile.TemporaryDirectory() as folder:
            with open(f"{folder}/x.zpaq", "wb") as f:
                f.write(packed)
            call("extract", "x.zpaq", folder=folder)
            with open(f"{folder}/x", "rb") as f:
                return f.read()
    return of_bytes(encode, decode)


def shuffled(run):
    """The first bytes of all numbers, then the second ones."""
    def of(x):
        if x.dtype.itemsize == 1:
            raise Unfit
        size, encode, decode, back = run(np.ascontiguousarray(x.reshape(-1, 1).view(np.uint8).T))
        return size, encode, decode, np.ascontiguousarray(back.T).view(x.dtype).reshape(x.shape)
    return of


def lorenzo(run):
    """Differences along every axis."""
    def of(x):
        if x.dtype.kind not in "iu":
            raise Unfit
        q = x.astype(np.int64)
        for axis in range(q.ndim):
            q = np.diff(q, axis=axis, prepend=0)
        size, encode, decode, back = run(narrow(q))
        back = back.astype(np.int64)
        for axis in range(back.ndim):
            back = np.cumsum(back, axis=axis)
        return size, encode, decode, back.astype(x.dtype)
    return of


# Coders of images. A plane is 2-D, planes together 3-D with the plane first, colors 4-D (1, height, width, 3).

def pixels(run):
    """Whole numbers as unsigned ones of 8 or 16 bits, from their least."""
    def of(x):
        if x.dtype.kind not in "iu":
            raise Unfit
        low = int(x.min())
        if int(x.max()) - low > 65535:
            raise Unfit("takes numbers of up to 16 bits")
        wide = x.astype(np.int64) - low
        size, encode, decode, back = run(np.ascontiguousarray(wide.astype(np.uint8 if wide.max() < 256 else np.uint16)))
        return size, encode, decode, (back.astype(np.int64) + low).reshape(x.shape).astype(x.dtype)
    return of


def jpegxl(effort, before=0):
    """Effort, and how many planes before may serve the trees of contexts. imagecodecs has no word for the second, so that
    the libjxl beside it is called."""
    import imagecodecs
    def encode(x):
        if x.ndim == 3 and len(x) > 1:
            return planes_by_libjxl(x, effort, before)
        if before:
            raise Unfit
        return imagecodecs.jpegxl_encode(np.squeeze(x, 0) if x.ndim > 2 else x, lossless=True, effort=effort, numthreads=1,
                                         usecontainer=False)
    return pixels(timed(encode, lambda packed, _: imagecodecs.jpegxl_decode(packed, numthreads=1)))


class PixelFormat(ctypes.Structure):
    _fields_ = [("n_channels", ctypes.c_uint32), ("data_type", ctypes.c_int), ("endianness", ctypes.c_int),
                ("align", ctypes.c_size_t)]


def planes_by_libjxl(x, effort, before):
    """One JPEG XL image of (plane, height, width): the first is gray, the others are extra channels."""
    import imagecodecs
    places = glob.glob(os.path.join(os.path.dirname(imagecodecs.__file__), "..", "imagecodecs.libs", "libjxl-*"))
    if not places or len(x) > 257:  # level 10 of the codestream has 256 extra channels
        raise Unfit
    imagecodecs.jpegxl_version()  # loads what libjxl needs
    jxl, pointer = ctypes.CDLL(places[0]), ctypes.c_void_p
    jxl.JxlEncoderCreate.restype = jxl.JxlEncoderFrameSettingsCreate.restype = pointer
    encoder = pointer(jxl.JxlEncoderCreate(None))
    def call(name, *words):
        if getattr(jxl, name)(*words):
            raise RuntimeError(f"{name} failed")
    try:
        # Structures of 32-bit fields, with room for those that newer versions add.
        info, color = (ctypes.c_uint32 * 64)(), (ctypes.c_uint32 * 64)()
        bits = 8 * x.dtype.itemsize
        jxl.JxlEncoderInitBasicInfo(info)
        info[1], info[2], info[3], info[9], info[13], info[14] = x.shape[2], x.shape[1], bits, 1, 1, len(x) - 1
        if len(x) > 5:
            call("JxlEncoderSetCodestreamLevel", encoder, 10)
        call("JxlEncoderSetBasicInfo", encoder, info)
        for k in range(len(x) - 1):
            extra = (ctypes.c_uint32 * 64)()
            jxl.JxlEncoderInitExtraChannelInfo(16, extra)  # JXL_CHANNEL_OPTIONAL
            extra[1] = bits
            call("JxlEncoderSetExtraChannelInfo", encoder, ctypes.c_size_t(k), extra)
        jxl.JxlColorEncodingSetToSRGB(color, 1)
        call("JxlEncoderSetColorEncoding", encoder, color)
        frame = pointer(jxl.JxlEncoderFrameSettingsCreate(encoder, None))
        call("JxlEncoderSetFrameLossless", frame, 1)
        for option, value in ((0, effort), (29, before)):  # EFFORT, MODULAR_NB_PREV_CHANNELS
            call("JxlEncoderFrameSettingsSetOption", frame, option, ctypes.c_int64(value))
        form, size = PixelFormat(1, 2 if bits == 8 else 3, 0, 0), ctypes.c_size_t(x[0].nbytes)
        call("JxlEncoderAddImageFrame", frame, ctypes.byref(form), x[0].ctypes.data_as(pointer), size)
        for k, plane in enumerate(x[1:]):
            at = plane.ctypes.data_as(pointer)
            call("JxlEncoderSetExtraChannelBuffer", frame, ctypes.byref(form), at, size, ctypes.c_uint32(k))
        jxl.JxlEncoderCloseInput(encoder)
        out = ctypes.create_string_buffer(2 * x.nbytes + 65536)
        at, left = pointer(ctypes.addressof(out)), ctypes.c_size_t(len(out))
        call("JxlEncoderProcessOutput", encoder, ctypes.byref(at), ctypes.byref(left))
        return out.raw[:len(out) - left.value]
    finally:
        jxl.JxlEncoderDestroy(encoder)


def jpegls():
    import imagecodecs
    def encode(x):
        if x.ndim == 3 or max(x.shape) > 65535:
            raise Unfit
        return imagecodecs.jpegls_encode(np.squeeze(x, 0) if x.ndim == 4 else x)
    return pixels(timed(encode, lambda packed, _: imagecodecs.jpegls_decode(packed)))


def webp():
    """8-bit RGB, and gray as three equal colors."""
    import imagecodecs
    def encode(x):
        if x.dtype != np.uint8 or x.ndim == 3 or max(x.shape) > 16383:
            raise Unfit
        x = np.squeeze(x, 0) if x.ndim == 4 else np.repeat(x[..., None], 3, axis=2)
        return imagecodecs.webp_encode(x, lossless=True, method=6)
    def decode(packed, x):
        back = imagecodecs.webp_decode(packed, hasalpha=False)
        return back if x.ndim == 4 else back[..., 0]
    return pixels(timed(encode, decode))
