"""Layouts and types that a peer may prefer for an array, and the way back from each."""
import zlib
import numpy as np


def narrow(q):
    """Integers in the narrowest type that holds them."""
    low, high = int(q.min(initial=0)), int(q.max(initial=0))
    return q.astype(np.min_scalar_type(high) if low >= 0 else np.min_scalar_type(min(low, -high - 1)))


# Layouts: (name, parts that are coded apart, parts back to the array).

def whole(name, view, back):
    view = np.ascontiguousarray(view)
    return name, [view], lambda parts: back(parts[0].reshape(view.shape))


def apart(name, x, axis):
    return name, [np.ascontiguousarray(part) for part in np.moveaxis(x, axis, 0)], lambda parts: np.stack(parts, axis)


MAX_PARTS = 128


def fields(x):
    yield whole("", x, lambda y: y)
    if x.ndim == 2:
        yield whole("1-D", x.ravel(), lambda y: y.reshape(x.shape))
    if x.ndim >= 3:
        yield whole("first axis last", np.moveaxis(x, 0, -1), lambda y: np.moveaxis(y, -1, 0))
        if x.ndim >= 4:
            yield whole("3-D", x.reshape((-1,) + x.shape[-2:]), lambda y: y.reshape(x.shape))
        yield whole("2-D", x.reshape(-1, x.shape[-1]), lambda y: y.reshape(x.shape))
        if 1 < len(x) <= MAX_PARTS:
            yield apart("slices apart", x, 0)


def streams(x):
    yield whole("", x, lambda y: y)
    if x.ndim >= 2:
        yield whole("columns last" if x.ndim == 2 else "first axis last", np.moveaxis(x, 0, -1), lambda y: np.moveaxis(y, -1, 0))
        if 1 < x.shape[-1] <= MAX_PARTS:
            yield apart("columns apart", x, -1)
        if 1 < len(x) <= MAX_PARTS:
            yield apart("slices apart", x, 0)


def images(x):
    if x.ndim == 2:
        yield whole("plane", x, lambda y: y)
    if x.ndim == 3 and x.shape[2] == 3:
        yield whole("colors", x[None], lambda y: y[0])
    if x.ndim >= 3:
        yield from stack("", x.reshape((-1,) + x.shape[-2:]), lambda y: y.reshape(x.shape))
        yield whole("one tall plane", x.reshape(-1, x.shape[-1]), lambda y: y.reshape(x.shape))
        if x.shape[-1] <= 16:
            moved = np.moveaxis(x, -1, 0)
            back = lambda y: np.moveaxis(y.reshape(moved.shape), 0, -1)
            yield from stack(", last axis first", moved.reshape((len(moved), -1, x.shape[-2])), back)


def stack(words, planes, back):
    together = [np.ascontiguousarray(planes[k:k + 256]) for k in range(0, len(planes), 256)]
    yield f"planes together{words}", together, lambda parts: back(np.concatenate(parts))
    yield f"planes apart{words}", list(np.ascontiguousarray(planes)), lambda parts: back(np.stack(parts))


# Types: (name, array to code, bytes beside it, array back, limit for the peer).

def holes(x):
    """(which values are none, bytes that tell it, array with the last value before them)."""
    kept = np.isfinite(x) & (np.abs(x) < 1e15) if x.dtype.kind == "f" else np.ones(x.shape, bool)
    if kept.all():
        return kept, 0, x
    last = np.maximum.accumulate(np.where(kept.ravel(), np.arange(x.size), 0))
    last[last == 0] = kept.ravel().argmax()
    filled = x.ravel()[last].reshape(x.shape) if kept.any() else np.zeros_like(x)
    return kept, len(zlib.compress(np.packbits(kept).tobytes(), 9)), filled


def is_whole(x, below):
    return x.dtype.kind in "iu" or bool(np.all(np.abs(x) < below) and np.array_equal(x, np.round(x)))


def bounded_types(x, limit):
    kept, beside, filled = holes(x)
    back = lambda y: np.where(kept, y.reshape(x.shape), x)
    if not is_whole(filled, 2**53):
        yield "", filled, beside, back, limit
        return
    # Whole numbers: a bound of 2.7 is one of 2, and one below 1 leaves them as they are.
    steps = max(float(np.floor(limit)), 0.5)
    small = is_whole(filled, 2**31) and -2**31 <= int(filled.min()) and int(filled.max()) < 2**31
    names = ["int32" if small else "int64", *([str(x.dtype)] if x.dtype.kind in "iu" else []), "float32", "float64"]
    for name in dict.fromkeys(names):
        sent = filled.astype(name)
        if np.array_equal(sent.astype(x.dtype), filled):
            for e in dict.fromkeys((steps, limit) if sent.dtype.kind in "iu" else (limit,)):
                yield name, sent, beside, back, e


def exact_types(x, _):
    yield "", x, 0, lambda y: y, 0
    same = lambda y: y.reshape(x.shape).astype(x.dtype).tobytes() == x.tobytes()
    if x.dtype.kind == "f":
        with np.errstate(all="ignore"):
            if is_whole(x, 2**53) and same(x.astype(np.int64)):
                whole_x = narrow(x.astype(np.int64))
                yield str(whole_x.dtype), whole_x, 0, lambda y: y.astype(x.dtype), 0
            if x.dtype == np.float64 and same(x.astype(np.float32)):
                yield "float32", x.astype(np.float32), 0, lambda y: y.astype(x.dtype), 0
    elif narrow(x).dtype != x.dtype:
        yield str(narrow(x).dtype), narrow(x), 0, lambda y: y.astype(x.dtype), 0


def lattice_types(x, limit):
    """Numbers of steps. A bin of whole numbers holds as many as the bound allows (in floats, its center may lie between
    two); values that rounding puts outside the bound are holes, kept in full."""
    kept, _, filled = holes(x)
    integers = is_whole(filled, 2**53)
    if integers:
        n = int(2 * limit) + 1 if x.dtype.kind == "f" else 2 * int(limit) + 1
        step, center, phases = n, (n - 1) / 2, sorted({k * n // min(n, 4) for k in range(min(n, 4))})
    else:
        step, center, phases = 2 * limit, 0.0, [0.0, limit, float(np.median(filled)) % (2 * limit)]
    for phase in phases:
        wide = filled.astype(np.int64 if integers else np.float64) - phase
        q = wide // step if integers else np.rint(wide / step).astype(np.int64)
        def back(q, phase=phase):
            return (q.astype(np.int64) * step + phase + center).astype(x.dtype)
        good = kept & (np.abs(back(q).astype(np.longdouble) - filled) <= limit)
        beside = 0 if good.all() else len(zlib.compress(np.packbits(good).tobytes(), 9))
        beside += 0 if kept.all() else len(zlib.compress(x[~kept].tobytes(), 9))
        beside += x.dtype.itemsize * int(np.count_nonzero(kept & ~good))
        name, least = f"phase {phase:.3g}" if phase else "", q.min()
        def filled_back(y, back=back, good=good, least=least):
            return np.where(good, back(y.reshape(x.shape).astype(np.int64) + least), x)
        yield name, narrow(q - least), beside, filled_back, limit
        if not kept.all():
            def spread(y, back=back, good=good, least=least):
                out = x.copy()
                out[kept] = back(y.astype(np.int64) + least)
                return np.where(good, out, x)
            yield ", ".join(filter(None, (name, "holes left out"))), narrow(q[kept] - least), beside, spread, limit
