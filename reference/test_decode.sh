#!/usr/bin/env bash
# Decodes every golden file with the independent decoder and compares the values with the hashes in golden.txt and merged.txt, and the
# records of the live streams with those in NAME.txt.
#
#     reference/test_decode.sh [PYTHON]
#
# PYTHON (default: python) needs the packages that decode.py names.
set -euo pipefail
cd "$(dirname "$0")/.."
python="${1:-python}"
assets=crates/baler/tests/assets
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

# NAME HASH: whether the archive decodes to values with this hash.
check_archive() {
    local model decoded=no found values="$scratch/$1.npz"
    # Archives that name no model take any; the others take the one model with the right hash.
    for model in "$assets"/*.balm; do
        if "$python" reference/decode.py "$assets/$1.bale" "$values" --model "$model" 2>"$scratch/$1.error"; then
            decoded=yes
            break
        fi
    done
    if [[ $decoded == no ]]; then
        cat "$scratch/$1.error" >&2
        echo "FAILED: the reference decoder does not decode $1.bale" >&2
        return 1
    fi
    found="$("$python" reference/values_hash.py "$values")"
    if [[ $found != "$2" ]]; then
        echo "FAILED: $1.bale: expected values with hash $2, found $found" >&2
        return 1
    fi
}
export python assets scratch
export -f check_archive

# One archive on each core.
n_cores="$("$python" -c 'import os; print(os.cpu_count() or 1)')"
while read -r name expected _; do
    echo "$name $expected"
done < <(cat "$assets/golden.txt" "$assets/merged.txt") >"$scratch/archives"
xargs -P "$n_cores" -n 2 bash -c 'check_archive "$@"' check <"$scratch/archives"

n_files="$(wc -l <"$scratch/archives")"
n_archives="$(find "$assets" -name '*.bale' | wc -l)"
if [[ $n_files -eq 0 || $n_files -ne $n_archives ]]; then
    echo "FAILED: expected $n_archives golden files in golden.txt and merged.txt, found $n_files" >&2
    exit 1
fi

n_streams=0
for stream in "$assets"/*.bals; do
    "$python" reference/live.py "$stream" "$scratch/records"
    read -r _ expected _ <"${stream%.bals}.txt"
    found="$("$python" -c 'import blake3, sys; print(blake3.blake3(open(sys.argv[1], "rb").read()).hexdigest())' \
        "$scratch/records")"
    if [[ $found != "$expected" ]]; then
        echo "FAILED: $stream: expected records with hash $expected, found $found" >&2
        exit 1
    fi
    n_streams=$((n_streams + 1))
done

n_arrays=0
while read -r name expected _ model; do
    found="$("$python" reference/arrays.py "$assets/arrays/$name.array" ${model:+--model "$assets/$model"})"
    if [[ $found != "$expected" ]]; then
        echo "FAILED: $name.array: expected values with hash $expected, found $found" >&2
        exit 1
    fi
    n_arrays=$((n_arrays + 1))
done <"$assets/arrays.txt"
if [[ $n_arrays -eq 0 || $n_arrays -ne $(find "$assets/arrays" -name '*.array' | wc -l) ]]; then
    echo "FAILED: expected every golden array in arrays.txt, found $n_arrays" >&2
    exit 1
fi

"$python" reference/hidden.py "$assets/hidden.txt"

# A damaged file must not pass.
"$python" reference/damage.py "$assets"
echo "the reference decoder agrees on $n_files golden files, $n_arrays arrays and $n_streams live stream"
