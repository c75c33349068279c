#!/usr/bin/env bash
# The filter of HDF5 in programs without Python: h5dump and h5repack (of another version of HDF5 than h5py's) read what h5py
# wrote, and the other way round; netCDF4 finds the plugin by HDF5_PLUGIN_PATH; generated datasets keep their bounds.
# Usage: scripts/hdf5/check.sh, after scripts/python/check.sh, whose environment it takes.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-$PWD/target}
python=${BALER_PYTHON:-$target/python-all/bin/python}
[[ -x $python ]] || { echo "expected the environment of scripts/python/check.sh in $target/python-all; run that first" >&2; exit 1; }
out=$target/hdf5
rm -rf "$out" && mkdir -p "$out"
plugins=$("$python" -c 'import baler.hdf5; print(baler.hdf5.plugin_path())')

"$python" scripts/hdf5/generated.py "${1:-100}"
"$python" scripts/hdf5/hosts.py write "$out"
HDF5_PLUGIN_PATH=$plugins "$python" scripts/hdf5/hosts.py netcdf4 "$out"

if ! command -v h5repack > /dev/null && [[ $(id -u) == 0 ]] && command -v apt-get > /dev/null; then
    { apt-get -qq update && apt-get -qq install -y --no-install-recommends hdf5-tools; } > /dev/null 2>&1 || true
fi
if ! command -v h5repack > /dev/null; then
    echo 'h5dump and h5repack (hdf5-tools) are not there and cannot be installed: not tried'
    exit
fi
export HDF5_PLUGIN_PATH=$plugins
h5dump -p -d /x "$out/written.h5" > "$out/dump.txt"
grep -q 'FILTER_ID 47111' "$out/dump.txt"
# What was written, without the filter; and back into it, with the words as a user would give them: 1 version, 1 absolute,
# 3 the level, and 0.01 in two.
h5repack -f NONE "$out/written.h5" "$out/plain.h5"
h5repack -f x:UD=47111,0,5,1,1,3,1202590843,1065646817 "$out/source.h5" "$out/repacked.h5"
"$python" scripts/hdf5/hosts.py compare "$out"
# Without the plugin, and for a damaged chunk, it is an error that says why, and no crash.
refused() { # FILE TEXT: h5dump exits with 1 and says the text
    local status=0
    h5dump --enable-error-stack -d /x "$out/$1" > "$out/refused.txt" 2>&1 || status=$?
    [[ $status == 1 ]] && grep -aq "$2" "$out/refused.txt" && return
    echo "expected h5dump to refuse $1 with '$2', found the status $status and $out/refused.txt" >&2
    exit 1
}
refused damaged.h5 'baler: '
HDF5_PLUGIN_PATH=/nowhere refused written.h5 'filter'
echo "h5dump and h5repack $(h5dump --version | grep -o '[0-9.]*$'): as promised, both ways"
