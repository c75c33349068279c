#!/usr/bin/env python3
"""The measures of `baler report --json` against NumPy, SciPy and scikit-image, on real data.

    python3 scripts/check_metrics.py BINARY DATA_FOLDER [--store]

Each dataset is rounded here (no compressor takes part), reported, and measured again. With SciPy and scikit-image the
numbers are computed; without them those of scripts/metrics_reference.json are taken, which --store writes. Everything
must agree to 1e-9, relative. Says so, and checks nothing, where the data are not there. Needs NumPy.
"""
import argparse, json, os, subprocess, sys, tempfile
import numpy as np

try:
    import scipy.optimize, scipy.special, scipy.stats
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity
except ImportError:
    scipy = None

REFERENCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics_reference.json")
TOLERANCE = 1e-9
# Dataset, rounding (to steps of the range, or of each value's octave: mantissa bits kept), and two variables that are
# taken for the components of a vector field.
CASES = [
    ("cfd_baler_animation", ("step", 2e-3), None),
    ("hep_cms_muons_2012", ("bits", 9), None),
    ("wx_ukmo_colpex", ("step", 2e-4), ("data", "pressure")),
]


def rounded(x, how):
    kind, amount = how
    if x.dtype.kind not in "f":
        return x
    if kind == "step":
        step = amount * np.ptp(x)
        return (np.round(x / step) * step).astype(x.dtype) if step > 0 else x
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.round(np.ldexp(mantissa, amount)), exponent - amount).astype(x.dtype)


def variables(arrays):
    if "names" in arrays and arrays["data"].ndim == 2:
        return {str(n): arrays["data"][:, i] for i, n in enumerate(arrays["names"])}
    return {k: v for k, v in arrays.items() if v.dtype.kind not in "US"}


def bins_of(x):
    """The histogram's range as baler chooses it, but for whole numbers."""
    low, high, near_low, near_high = x.min(), x.max(), *np.quantile(x, [0.001, 0.999])
    core = max(near_high - near_low, np.finfo(float).tiny)
    low, high = near_low if near_low - low > 2 * core else low, near_high if high - near_high > 2 * core else high
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def chi_square(x, y):
    low, high = bins_of(x)
    table = []
    for v in (x, y):
        table.append(np.r_[np.histogram(v, 200, (low, high))[0], (v < low).sum(), (v > high).sum()])
    table = np.array(table)
    found = scipy.stats.chi2_contingency(table[:, table.sum(0) > 0], correction=False)
    return {"chi2": found.statistic, "ndf": found.dof}


def of_variable(x, y, is_table):
    x, y = x.astype(float), y.astype(float)
    e, nonzero = y - x, x != 0
    response, span = e[nonzero] / x[nonzero], np.ptp(x)
    rmse = np.sqrt(np.mean(e**2))
    out = {"n": x.size, "range": span, "max_abs_error": np.abs(e).max(), "max_rel_error": np.abs(response).max(),
           "bias": e.mean(), "rmse": rmse, "nrmse": rmse / span,
           "pearson": scipy.stats.pearsonr(x.ravel(), y.ravel()).statistic if span and np.ptp(y) else None,
           "response": {"mean": response.mean(), "rms": np.sqrt(np.mean(response**2))},
           "residual": {"mean": e.mean(), "rms": rmse, "min": e.min(), "max": e.max()},
           "zeros_kept": int(((x == 0) & (y == 0)).sum()), "zeros_changed": int(((x == 0) & (y != 0)).sum()),
           "wasserstein": scipy.stats.wasserstein_distance(x.ravel(), y.ravel())}
    out["kolmogorov_smirnov"] = scipy.stats.ks_2samp(x.ravel(), y.ravel(), method="asymp").statistic
    out["kolmogorov_chance"] = scipy.special.kolmogorov(out["kolmogorov_smirnov"] * np.sqrt(x.size / 2))
    if e.any():
        out["psnr"] = peak_signal_noise_ratio(x, y, data_range=span)
    if not np.array_equal(x, np.round(x)):
        out |= chi_square(x.ravel(), y.ravel())
    if not is_table:
        out["field"] = of_field(x, y, span)
    return out


def of_field(x, y, span):
    height, width = x.shape[-2:]
    x, y = x.reshape(-1, height, width), y.reshape(-1, height, width)
    e = y - x
    similar = [structural_similarity(a, b, data_range=span) for a, b in zip(x, y)]
    slope = lambda v: np.hypot(*np.gradient(v, axis=(1, 2)))
    d = e - e.mean()
    stride = -(-len(x) // 32)
    rings = np.rint(np.hypot(np.minimum(np.arange(height), height - np.arange(height))[:, None],
                             np.minimum(np.arange(width), width - np.arange(width))[None, :])).astype(int)
    power = lambda v: [np.mean([(np.abs(np.fft.fft2(s)) ** 2)[rings == k].sum() for s in v[::stride]])
                       for k in range(min(height, width) // 2 + 1)]
    worst = x[np.argmax(np.sqrt((e**2).mean((1, 2))))]
    return {"ssim": np.mean(similar), "ssim_min": min(similar),
            "gradient_nrmse": np.sqrt(np.mean((slope(y) - slope(x)) ** 2) / np.mean(slope(x) ** 2)),
            "error_autocorrelation": [(d[:, :, :-k] * d[:, :, k:]).sum() / (d**2).sum() for k in range(1, 21)],
            "power_before": power(x), "power_after": power(y), "power_error": power(e),
            "background_sigma_before": 1.4826 * scipy.stats.median_abs_deviation(worst, axis=None)}


def of_vector(x, y, components):
    def turn_and_growth(side):
        u, v = (side[name].astype(float) for name in components)
        (du_dy, du_dx), (dv_dy, dv_dx) = (np.gradient(part, axis=(-2, -1)) for part in (u, v))
        return dv_dx - du_dy, du_dx + dv_dy
    out = {}
    for name, a, b in zip(("vorticity", "divergence"), turn_and_growth(x), turn_and_growth(y)):
        relative = {"relative_rmse": np.sqrt(np.mean((b - a) ** 2) / np.mean(a**2))}
        out[f"{name}(wind_u, wind_v)"] = of_variable(a, b, False) | relative
    return out


def masses(columns, pairs):
    def vector(rows):
        pt, eta, phi, m = (columns[k][rows].astype(float) for k in ("Muon_pt", "Muon_eta", "Muon_phi", "Muon_mass"))
        p = np.array([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
        return np.sqrt((pt * np.cosh(eta)) ** 2 + m**2), p
    (e1, p1), (e2, p2) = vector(pairs), vector(pairs + 1)
    return np.sqrt(np.maximum((e1 + e2) ** 2 - ((p1 + p2) ** 2).sum(0), 0))


def fit(values, low, high):
    counts, edges = np.histogram(values, 64, (low, high))
    x, middle = (edges[1:] + edges[:-1]) / 2, (low + high) / 2
    curve = lambda x, h, m, w, l, s: h * np.exp(-0.5 * ((x - m) / w) ** 2) + l + s * (x - middle)
    def jacobian(x, h, m, w, l, s):
        t = (x - m) / w
        bell = np.exp(-0.5 * t * t)
        return np.stack([bell, h * bell * t / w, h * bell * t * t / w, np.ones_like(x), x - middle], 1)
    p, c = scipy.optimize.curve_fit(curve, x, counts, p0=[counts.max(), x[counts.argmax()], (high - low) / 15, 1, 0],
                                    sigma=np.sqrt(np.maximum(counts, 1)), absolute_sigma=True, jac=jacobian,
                                    xtol=1e-15, ftol=1e-15, gtol=1e-15)
    weight = 1 / np.maximum(counts, 1)
    for _ in range(20):  # SciPy stops where chi square is flat, at half the digits
        j = jacobian(x, *p)
        normal = j.T * weight @ j
        p = p + np.linalg.solve(normal, j.T * weight @ (counts - curve(x, *p)))
    c = np.linalg.inv(normal)
    return p[1], abs(p[2]), np.sqrt(c[1, 1]), np.sqrt(c[2, 2])


def of_pairs(x, y):
    pt, q = x["Muon_pt"], x["Muon_charge"]
    starts = np.r_[True, pt[1:] > pt[:-1]][:-1]
    pairs = np.flatnonzero(starts & (pt[1:] <= pt[:-1]) & (q[:-1] * q[1:] < 0))
    before, after = masses(x, pairs), masses(y, pairs)
    out = {"n": len(pairs), "bias": (after - before).mean(), "rmse": np.sqrt(np.mean((after - before) ** 2)), "peaks": {}}
    for name, low, high in (("J/psi", 2.8, 3.4), ("Z", 75.0, 107.0)):
        (m1, w1, sm, sw), (m2, w2, _, _) = fit(before, low, high), fit(after, low, high)
        out["peaks"][name] = {"mean_before": m1, "mean_after": m2, "mean_uncertainty": sm, "width_before": w1,
                              "width_after": w2, "width_uncertainty": sw}
    return out


def expected(x, y, is_table, components):
    out = {"variables": {name: of_variable(x[name], y[name], is_table) for name in x}}
    if is_table:
        names = [n for n in x if np.ptp(x[n])]
        with np.errstate(invalid="ignore"):  # of columns that rounding makes constant
            r = [np.corrcoef([s[n].astype(float) for n in names]) for s in (x, y)]
        out["correlation"] = {"before": r[0].ravel().tolist(), "max_abs": np.nanmax(np.abs(r[1] - r[0]))}
        out["pairs"] = of_pairs(x, y)
    if components:
        out["made"] = of_vector(x, y, components)
    return out


def plain(value):
    """Without NumPy's types, for JSON."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value.item() if hasattr(value, "item") else value


def differences(found, wanted, where, scale=None):
    """(place, found, expected) of everything that is more than the tolerance apart."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            # A mean of both signs has the digits of what it is the mean of.
            yield from differences(found[key], value, f"{where}.{key}", wanted["rmse"] if key == "bias" else None)
    elif isinstance(wanted, list):
        # A spectrum or a list of lags is judged by its largest entry: what cancels has no digits of its own.
        largest = max(abs(v) for v in wanted)
        for k, (a, b) in enumerate(zip(found, wanted, strict=True)):
            yield from differences(a, b, f"{where}[{k}]", largest)
    elif wanted is None or found is None:
        if found is not wanted:
            yield where, found, wanted
    elif not abs(found - wanted) <= TOLERANCE * max(abs(wanted), scale or 0):
        yield where, found, wanted


def reported(binary, before, after, components):
    words = [f"--derive=wind_{axis}={name}" for axis, name in zip("uv", components or ())]
    done = subprocess.run([binary, "report", after, "--against", before, *words, "--json", "-q"], capture_output=True,
                          text=True)
    if done.returncode:
        sys.exit(done.stderr)
    found = json.loads(done.stdout)
    out = {"variables": {v["name"]: v for v in found["variables"]}, "correlation": found["correlation"],
           "made": {field["name"]: field for field in found["made"]}}
    for pair in found["pairs"]:
        peaks = {p["name"]: p for p in pair["peaks"]}
        out["pairs"] = pair["mass"] | {"peaks": peaks}
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("data")
    parser.add_argument("--store", action="store_true")
    args = parser.parse_args()
    if not os.path.isdir(args.data):
        print(f"nothing checked: {args.data} is not there")
        return
    if scipy is None and args.store:
        sys.exit("--store needs SciPy and scikit-image")
    stored = {} if args.store else json.load(open(REFERENCE)) if os.path.exists(REFERENCE) else {}
    print("against", "SciPy and scikit-image" if scipy else "the stored numbers")
    wrong = []
    for name, how, components in CASES:
        path = os.path.join(args.data, f"{name}.npz")
        if not os.path.isfile(path):
            print(f"{name}: not checked, {path} is not there")
            continue
        with np.load(path) as z:
            x = {k: z[k] for k in z.files}
        is_table = "names" in x and x["data"].ndim == 2
        with tempfile.TemporaryDirectory() as folder:
            if is_table:
                y = x | {"data": np.stack([rounded(c, how) for c in x["data"].T], 1)}
            else:
                y = {k: rounded(v, how) for k, v in x.items()}
            paths = [os.path.join(folder, f"{side}.npz") for side in ("before", "after")]
            for path, arrays in zip(paths, (x, y)):
                np.savez(path, **arrays)
            found = reported(args.binary, *paths, components)
        if scipy:
            wanted = plain(expected(variables(x), variables(y), is_table, components))
            stored[name] = wanted if args.store else stored.get(name)
        else:
            wanted = stored[name]
        here = list(differences(found, wanted, name))
        wrong += here
        print(f"{name}: {'agrees' if not here else f'{len(here)} differ'}")
    for where, a, b in wrong:
        print(f"  {where}: {a!r}, expected {b!r}, relative {abs(a - b) / abs(b) if a and b else float('inf'):.2e}")
    if args.store:
        with open(REFERENCE, "w") as f:
            json.dump(stored, f, indent=1)
    sys.exit(bool(wrong))


main()
