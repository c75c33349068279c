#!/usr/bin/env bash
# The Python package as a user gets it: builds the wheel, installs it into a fresh environment, and runs its tests there, first with
# NumPy alone and then with every library that it works with; then types, and whether the wheel keeps to the stable interface.
# Usage: scripts/python/check.sh; everything is made in target/. Needs cargo and Python 3.11 or newer.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-$PWD/target}
tests=crates/baler-python/tests
pip() { "$1/bin/python" -m pip install --quiet --disable-pip-version-check "${@:2}"; }

tools=$target/python-tools
[[ -x $tools/bin/maturin ]] || { python3 -m venv "$tools" && pip "$tools" maturin==1.16.0 abi3audit==0.0.26; }
rm -rf "$target/wheels"
"$tools/bin/python" scripts/python/build_backend.py
PATH="$tools/bin:$PATH" maturin build --release --quiet --out "$target/wheels"
wheel=$(ls "$target"/wheels/baler_compressor-*.whl)
echo "wheel: $(basename "$wheel"), $(stat -c %s "$wheel") bytes"

alone=$target/python-alone
python3 -m venv --clear "$alone"
pip "$alone" pytest "$wheel"
echo "with NumPy alone: $("$alone/bin/python" -m pytest -p no:cacheprovider "$tests" | tail -n 1)"

# Everything else is kept between runs, for it is large.
all=$target/python-all
wanted=scripts/python/requirements.txt
if ! cmp --silent "$wanted" "$all/installed.txt"; then
    python3 -m venv --clear "$all"
    pip "$all" --only-binary :all: -r "$wanted"
    cp "$wanted" "$all/installed.txt"
fi
pip "$all" --force-reinstall --no-deps "$wheel"
"$all/bin/python" -m pytest -p no:cacheprovider "$tests" || exit 1
"$all/bin/python" -m mypy --strict "$tests"
"$all/bin/python" -m mypy.stubtest baler._baler
"$tools/bin/abi3audit" --strict "$wheel"
