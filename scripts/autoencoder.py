"""The autoencoder method against the original Baler on its own two cases.

    python scripts/autoencoder.py BINARY DATA_FOLDER

CFD animation with 25 latents a frame, at ratio 100, and with other architectures; the jet table at ratio 20, with the RMS residual of each column
against the original's at its nominal ratio 6 (measured with PyTorch 2.15, its float64 `AE` with four latents, 5 297 715
bytes in all). Everything is counted: archives with their models. Needs numpy.
"""
import json, os, resource, subprocess, sys, tempfile
import numpy as np

ORIGINAL_RMS = {
    "pt_": 5.312, "eta_": 0.2613, "phi_": 0.05415, "mass_": 0.9731, "mJetArea": 0.03538, "mChargedHadronEnergy": 9.085,
    "mNeutralHadronEnergy": 11.1, "mPhotonEnergy": 9.705, "mElectronEnergy": 0.6594, "mMuonEnergy": 0.4196,
    "mHFHadronEnergy": 29.67, "mHFEMEnergy": 14.96, "mChargedHadronMultiplicity": 0.7981,
    "mNeutralHadronMultiplicity": 1.066, "mPhotonMultiplicity": 1.311, "mElectronMultiplicity": 0.04171,
    "mMuonMultiplicity": 0.02324, "mHFHadronMultiplicity": 0.6255, "mHFEMMultiplicity": 0.6854, "mChargedEmEnergy": 0.6701,
    "mChargedMuEnergy": 0.4157, "mNeutralEmEnergy": 17.9, "mChargedMultiplicity": 0.7811, "mNeutralMultiplicity": 1.289,
}


def round_trip(binary, path, *options):
    """(report, original arrays, decompressed arrays, CPU seconds of compress)"""
    with tempfile.TemporaryDirectory() as folder:
        archive, back = os.path.join(folder, "x.bale"), os.path.join(folder, "x.npz")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([binary, "compress", path, "-o", archive, "--method", "autoencoder", *options, "--json", "-q"],
                              capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([binary, "decompress", archive, "-o", back, "-q"], check=True)
        with np.load(path) as a, np.load(back) as b:
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            return json.loads(done.stdout), {k: a[k] for k in a.files}, {k: b[k] for k in b.files}, cpu


def field(binary, path):
    print("| case | archive | model | payload | PSNR of `data` | CPU s |\n|---|---|---|---|---|---|")
    architectures = [["--latent", "25", "--arch", arch, "--epochs", "500"]
                     for arch in ("bypass:16", "conv2d:8,16", "dense:200,100,50")]
    for options in (["--latent", "25"], ["--ratio", "100"], *architectures):
        report, x, y, cpu = round_trip(binary, path, *options)
        rms = np.sqrt(np.mean((x["data"] - y["data"]) ** 2))
        psnr = 20 * np.log10(np.ptp(x["data"]) / rms)
        print(f"| CFD animation {' '.join(options)} | {report['archive_bytes']} | {report['model_bytes']} | "
              f"{report['payload_bytes']} | {psnr:.1f} dB | {cpu:.1f} |", flush=True)


def table(binary, path):
    report, x, y, cpu = round_trip(binary, path, "--ratio", "20")
    print(f"| jets --ratio 20 | {report['archive_bytes']} | {report['model_bytes']} | {report['payload_bytes']} | - | {cpu:.1f} |")
    print("\n| column | RMS residual | original, ratio 6 | ratio |\n|---|---|---|---|")
    worst = 0.0
    for i, name in enumerate(x["names"]):
        short = str(name).split(".")[-1]
        rms = np.sqrt(np.mean((x["data"][:, i] - y["data"][:, i]) ** 2))
        worst = max(worst, rms / ORIGINAL_RMS[short])
        print(f"| {short} | {rms:.4g} | {ORIGINAL_RMS[short]:.4g} | {rms / ORIGINAL_RMS[short]:.3f} |")
    print(f"\nlargest ratio: {worst:.3f}")


def main():
    binary, data = sys.argv[1:3]
    for name, case in (("cfd_baler_animation", field), ("hep_pfjets_sim_A", table)):
        path = os.path.join(data, f"{name}.npz")
        if os.path.isfile(path):
            case(binary, path)
        else:
            print(f"not measured: {path} is not there")


main()
