#!/usr/bin/env bash
# What a user of Windows would do, in Wine:   scripts/release/check_windows.sh BALER.exe [BALER]
#
# With the command of this system as a second argument its files are compared with those of Windows, byte for byte.
set -euo pipefail
cd "$(dirname "$0")/../.."
wine=$PWD/scripts/release/wine.sh
exe=$(realpath "$1")
own=${2:+$(realpath "$2")}
export WINEPREFIX=${WINEPREFIX:-$PWD/target/wine}
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
cd "$room"
# The root of this system is a drive of Wine's.
drive="Z:${room//\//\\}"

on_windows() { "$wine" "$exe" "$@" 2> said || { cat said >&2 && return 1; }; }
# Ends with that code, and says those words.
refused() {
    local words=$1 code=0
    shift
    "$wine" "$exe" "$@" 2> said || code=$?
    [[ $code == 2 ]] && grep -qF "$words" said || { echo "expected 2 and '$words' of: $*, found $code" >&2 && cat said >&2 && exit 1; }
}

on_windows demo > /dev/null
on_windows demo sub/dir -q > /dev/null
cmp baler-demo/cfd.bale sub/dir/cfd.bale
mkdir out

# Drives, backslashes, and arrays of files.
on_windows compress "$drive\\baler-demo\\cfd.npz:data" -o 'out\c.bale' --rel 1e-3
refused 'use -f' compress 'baler-demo\cfd.npz:data' -o 'out\c.bale' --rel 1e-3
on_windows compress 'baler-demo/cfd.npz:data' -o 'out\c.bale' --rel 1e-3 -f
refused "found 'none'" compress "$drive\\baler-demo\\cfd.npz:none" -o 'out\d.bale' --rel 1e-3
on_windows decompress 'out\c.bale' -o 'out\c.h5'
on_windows compress "$drive\\out\\c.h5:/data" --rel 1e-3
[[ -f out/c_data.bale ]]

# No shell makes files of `*`.
cp baler-demo/jets.bale out
on_windows decompress 'out\*.BALE' -d 'back\deep'
on_windows verify 'out\*.bale' --against "$drive\\back\\deep" > /dev/null

# One archive is written by one process; nothing is left beside it.
on_windows compress 'baler-demo\jets.npz' -o 'out\once.bale' --rel 1e-3 -9 &
for _ in {1..100}; do [[ -f out/once.bale.part.id ]] || sleep 0.05; done
refused 'is being written by another process' compress 'baler-demo\jets.npz' -o 'out\once.bale' --rel 1e-3
wait $!
[[ $(ls out) == $'c.bale\nc.h5\nc_data.bale\njets.bale\nonce.bale' ]] || { ls -a out && exit 1; }

# Folders as outputs, and pipes of bytes.
on_windows decompress 'out\c.bale' -o 'back\c.zarr'
on_windows compress 'back\c.zarr' -o 'out\z.bale' --rel 1e-3
on_windows verify - < out/z.bale > /dev/null

if [[ -n $own ]]; then
    mkdir own && cd own
    "$own" demo -q > /dev/null
    for file in baler-demo/*; do cmp "$file" "../$file"; done
    echo 'the files of a demo are the same bytes here and on Windows'
fi
echo "$(basename "$exe") works in Wine"
