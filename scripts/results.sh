#!/usr/bin/env bash
# Every table and figure of docs/results.md whose section names no command of its own, made anew:
#   scripts/results.sh DATA_FOLDER [BAR_CSV]
# Builds the release binary, needs Python with the packages named below, and takes about two hours of CPU time. Pictures go to
# docs/pictures, tables to standard output. Says so, and measures nothing, where data are not there: the whole folder or
# single datasets. Chromium makes the pictures of whole reports, where it is there.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-../shared/data/open}
bar=${2:-}
if [[ ! -d $data ]]; then
    echo "nothing measured: $data is not there"
    exit 0
fi
data=$(cd "$data" && pwd)
cargo build --release -p baler-cli
binary=${CARGO_TARGET_DIR:-target}/release/baler
peers=.peers/bin/python
if [[ ! -x $peers ]]; then
    python3 -m venv .peers
    .peers/bin/pip install --quiet -r scripts/peers/requirements.txt pcodec==1.1.0 scipy==1.17.1 scikit-image==0.26.0
fi
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
failed=()
# A step that fails is told again at the end; the others go on.
step() { echo; echo "## $*"; "$@" || failed+=("$*"); }
python() { "$peers" "$@"; }
has() { [[ -f $data/$1.npz ]] || { echo "not measured: $data/$1.npz is not there"; return 1; }; }

step python scripts/check_open_data.py "$binary" "$data"
step python scripts/bars.py "$binary" "$data" ${bar:+--bar "$bar"}
step python scripts/bars.py "$binary" "$data" ${bar:+--bar "$bar"} --only 'hep_*' --bounds pw-rel:1e-2,pw-rel:1e-3
step python scripts/bars.py "$binary" "$data" ${bar:+--bar "$bar"} --bounds rel:1e-3 --method classical --recipes
step python scripts/reuse.py "$binary" "$data"
step python scripts/autoencoder.py "$binary" "$data"
step python scripts/check_metrics.py "$binary" "$data"
step python scripts/peaks.py "$binary" "$data"
step python scripts/more_events.py "$binary" "$data"
step python scripts/counts.py --baler "$binary"
[[ -z $bar ]] || step python scripts/check_peers.py "$binary" "$data" "$bar" "$peers"
step python scripts/live.py "$binary" $(ls "$data"/hep_pfjets_sim_A.npz 2>/dev/null || true)
if has wx_isabel_windmag_A; then
    python -c 'import numpy, sys; numpy.save(sys.argv[2], numpy.load(sys.argv[1])["data"])' \
        "$data/wx_isabel_windmag_A.npz" "$folder/isabel.npy"
    step python scripts/interrupt.py "$binary" "$folder/isabel.npy"
fi

mkdir -p docs/pictures
if has cfd_baler_animation; then
    step "$binary" compare "$data/cfd_baler_animation.npz:data" --rel 1e-3 --peers "$peers" --quiet \
        --plot docs/pictures/rate_distortion_cfd.svg --force
    echo; echo "## CFD animation at 5 % of its range"
    "$binary" compress "$data/cfd_baler_animation.npz:data" -o "$folder/five.bale" --rel 5e-2 --quiet
    "$binary" report "$folder/five.bale" --against "$data/cfd_baler_animation.npz:data" --json --quiet |
        python -c 'import json, sys; v = json.load(sys.stdin)["variables"][0]; print(v["psnr"], "dB", v["max_abs_error"] / v["range"], "of the range")'
    wc -c < "$folder/five.bale"
fi
! has hep_cms_miniaod_jets || step "$binary" compare "$data/hep_cms_miniaod_jets.npz" --rel 1e-3 --peers "$peers" --quiet
# The options of a dataset's archive and of its report, which sections of the page are in the picture, and its height.
case_of() {
    bounds=(--rel 1e-3) told=() shown='section' height=2610
    case $1 in
        hep_pfjets_sim_A) told=(--unit '*.pt_=GeV' --unit '*.mass_=GeV' --unit '*Energy=GeV') shown='#s2, #s3' height=1700 ;;
        xrd_ptycho_siemens) bounds=(--rel 1e-2) shown='#s3, #s4' height=2130 ;;
        hep_cms_muons_2012)
            bounds+=(--bound 'Muon_pt=pw-rel:1e-3' --bound 'Muon_eta,Muon_phi=abs:1e-4')
            told=(--unit 'Muon_pt=GeV') shown='#s3' height=1400 ;;
    esac
}
for name in cfd_baler_animation hep_pfjets_sim_A xrd_ptycho_siemens hep_cms_muons_2012; do
    has $name || continue
    case_of $name
    echo; echo "## report of $name"
    "$binary" compress "$data/$name.npz" -o "$folder/$name.bale" "${bounds[@]}" --quiet
    time "$binary" report "$folder/$name.bale" --against "$data/$name.npz" -o "$folder/$name.html" "${told[@]}" --quiet
    wc -c < "$folder/$name.html"
    sed "s|</head>|<style>section, footer { display: none } $shown { display: block }</style></head>|" \
        "$folder/$name.html" > "$folder/shown.html"
    for browser in chromium chromium-browser google-chrome; do
        command -v $browser > "$folder/browser" || continue
        "$browser" --headless --no-sandbox --disable-gpu --enable-logging=stderr --hide-scrollbars \
            --window-size=1120,$height --screenshot="docs/pictures/report_$name.png" \
            "file://$folder/shown.html" 2> "$folder/said" || true
        grep CONSOLE "$folder/said" || echo "nothing on the console"
        # 128 colors are enough, and a third of the bytes.
        python -c 'import sys; from PIL import Image; Image.open(sys.argv[1]).convert("RGB").quantize(128).save(sys.argv[1], optimize=True)' \
            "docs/pictures/report_$name.png"
        break
    done
done
for words in "${failed[@]}"; do
    echo "FAILED: $words"
done
[[ ${#failed[@]} == 0 ]]
