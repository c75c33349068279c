#!/usr/bin/env bash
# Every table and figure of docs/results.md, made anew:
#   scripts/results.sh DATA_FOLDER [BAR_CSV]
# Builds the release binary, needs Python with the packages named below, and takes about an hour. Pictures go to
# docs/pictures, tables to standard output. Says so, and measures nothing, where the data are not there.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-../shared/data/open}
bar=${2:-}
if [[ ! -d $data ]]; then
    echo "nothing measured: $data is not there"
    exit 0
fi
cargo build --release -p baler-cli
binary=${CARGO_TARGET_DIR:-target}/release/baler
peers=.peers/bin/python
if [[ ! -x $peers ]]; then
    python3 -m venv .peers
    .peers/bin/pip install --quiet -r scripts/peers/requirements.txt pcodec==1.1.0 scipy==1.17.1 scikit-image==0.26.0
fi
python() { echo; echo "## $*"; .peers/bin/python "$@"; }

python scripts/check_open_data.py "$binary" "$data"
python scripts/bars.py "$binary" "$data" --bounds 1e-3 ${bar:+--bar "$bar"}
python scripts/bars.py "$binary" "$data" --bounds 1e-3 --method classical ${bar:+--bar "$bar"}
python scripts/autoencoder.py "$binary" "$data"
python scripts/check_metrics.py "$binary" "$data"
python scripts/peaks.py "$binary" "$data"
if [[ -n $bar ]]; then
    python scripts/check_peers.py "$binary" "$data" "$bar" "$peers"
fi

mkdir -p docs/pictures
for case in cfd_baler_animation:data hep_cms_miniaod_jets; do
    echo; echo "## compare $case --rel 1e-3"
    file=$data/${case%%:*}.npz
    [[ $case == *:* ]] && file+=:${case#*:}
    plot=()
    [[ $case == cfd* ]] && plot=(--plot docs/pictures/rate_distortion_cfd.svg --force)
    "$binary" compare "$file" --rel 1e-3 --peers "$peers" --quiet "${plot[@]}"
done
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
for name in cfd_baler_animation hep_pfjets_sim_A xrd_ptycho_siemens; do
    echo; echo "## report $name"
    "$binary" compress "$data/$name.npz" -o "$folder/$name.bale" --rel 1e-3 --quiet
    time "$binary" report "$folder/$name.bale" --against "$data/$name.npz" -o "$folder/$name.html" --quiet
    wc -c < "$folder/$name.html"
done
